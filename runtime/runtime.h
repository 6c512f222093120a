/* What the command asks of the runtime. Every function returns 0, or -errno after one message to the
 * report that says what was tried, on what, and what to do. */
#ifndef SKLC_RUNTIME_H
#define SKLC_RUNTIME_H

#include "runtime/base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct runtime_options {
	struct report *report; /* takes the messages */
	const char *netns;     /* NAME, PATH or pid:N; NULL: the caller's own */
	const char *bpffs;     /* where bpffs is mounted; NULL: /sys/fs/bpf */
	bool json, quiet, verbose;
	bool require_sockets; /* refuse to apply while a label that rules name is empty */
	bool all;             /* status: every namespace that has rules, in short */
	bool has_if_generation; /* apply, rollback: refuse if another generation is applied; 0: none */
	uint32_t if_generation;
	uint32_t confirm_seconds; /* apply: go back unless confirmed in time; 0: for good */
};

/* An object file in memory, made by the compiler or read from a file. */
struct object_image {
	const void *bytes;
	size_t size;
	const char *name; /* for messages */
};

/* What check and apply return when an `expect` line does not hold in the kernel: the rules are at
 * fault, not the system. No errno of Linux has this number. */
enum { RUNTIME_EXPECT_FAILED = -4096 };

/* What the command is used for, and so which capabilities it keeps. */
enum runtime_use {
	RUNTIME_USE_COMPILE, /* files alone */
	RUNTIME_USE_KERNEL,  /* anything below */
};

/* Gives up, for good, what this use does not need; refuses to run set-user-id or set-group-id. To be
 * called first of all, before any input is read. */
int runtime_limit_privileges(struct report *report, enum runtime_use use);

/* Puts the object through this kernel's verifier and prints what it weighs; leaves nothing behind. */
int runtime_check(const struct object_image *image, const struct runtime_options *options,
		  FILE *out);

/* Loads, attaches or replaces in one step, pins. */
int runtime_apply(const struct object_image *image, const struct runtime_options *options,
		  FILE *out);

/* Back to the rules applied before these; during a trial, ends it. A second one takes the first back. */
int runtime_rollback(const struct runtime_options *options, FILE *out);

/* Makes rules that are on trial stay. */
int runtime_confirm(const struct runtime_options *options, FILE *out);

/* Counters start again from zero. */
int runtime_reset(const struct runtime_options *options, FILE *out);

/* The object that is applied, in memory that the caller frees; -ENOENT after a message if none is. */
int runtime_read_applied(const struct runtime_options *options, void **bytes, size_t *size);

/* Prints the files of the rules that are applied, as they were written. */
int runtime_list(const struct runtime_options *options, FILE *out);

/* Takes the rules off, and removes their state; -ENOENT after a message if none are applied. */
int runtime_detach(const struct runtime_options *options, FILE *out);

/* *COMPLETE: rules are applied, and every place of a label that they need has a socket. */
int runtime_status(const struct runtime_options *options, FILE *out, bool *complete);

int runtime_register(const char *label, pid_t pid, int fd, const struct runtime_options *options,
		     FILE *out);

/* Looks for the declared sockets again, and puts what it finds behind the labels. */
int runtime_sync(const struct runtime_options *options, FILE *out);

/* PROTOCOL is IPPROTO_TCP, IPPROTO_UDP or 0 for both; FAMILY AF_INET, AF_INET6 or AF_UNSPEC for both. */
int runtime_unregister(const char *label, int protocol, int family,
		       const struct runtime_options *options, FILE *out);

#endif
