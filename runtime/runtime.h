/* What the command asks of the runtime. Every function returns 0, or -errno after one message on
 * standard error that says what was tried, on what, and what to do. */
#ifndef SKLC_RUNTIME_H
#define SKLC_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct runtime_options {
	const char *netns; /* NAME, PATH or pid:N; NULL: the caller's own */
	const char *bpffs; /* where bpffs is mounted; NULL: /sys/fs/bpf */
	bool json, quiet, verbose;
	bool require_sockets; /* refuse to apply while a label that rules name is empty */
};

/* An object file in memory, made by the compiler or read from a file. */
struct object_image {
	const void *bytes;
	size_t size;
	const char *name; /* for messages */
};

/* Puts the object through this kernel's verifier and prints what it weighs; leaves nothing behind. */
int runtime_check(const struct object_image *image, const struct runtime_options *options, FILE *out);

/* Loads, attaches or replaces in one step, pins. */
int runtime_apply(const struct object_image *image, const struct runtime_options *options, FILE *out);

int runtime_detach(const struct runtime_options *options, FILE *out);

/* *COMPLETE: every place of a label that rules need has a socket. */
int runtime_status(const struct runtime_options *options, FILE *out, bool *complete);

int runtime_register(const char *label, pid_t pid, int fd, const struct runtime_options *options,
		     FILE *out);

/* PROTOCOL is IPPROTO_TCP, IPPROTO_UDP or 0 for both; FAMILY AF_INET, AF_INET6 or AF_UNSPEC for both. */
int runtime_unregister(const char *label, int protocol, int family,
		       const struct runtime_options *options, FILE *out);

#endif
