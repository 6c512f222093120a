/* The runtime's functions for the command. Each returns 0; or -errno, or a number of the first
 * enum below, after one message to the report that says what was tried, on what, and what to do. */
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
	bool guarded;           /* apply: load without CAP_PERFMON, where that fits */
	bool require_sockets;   /* apply: refuse while a label that rules name has no socket */
	bool override;          /* register: put it before the declared sockets */
	bool all;               /* status: print a line for each namespace that has rules */
	bool has_if_generation; /* apply, rollback: refuse unless if_generation is applied */
	uint32_t if_generation; /* 0: no rules are applied */
	const char *if_hash;    /* the first digits of its hash, too; NULL: any */
	bool has_generation;    /* list, rollback: whether a generation is named, and which; */
	uint32_t generation;    /* else list takes the one in force, and rollback the one before */
	uint32_t confirm_seconds; /* apply: go back unless confirmed within them; 0: no trial */
};

/* An object file in memory, made by the compiler or read from a file. */
struct object_image {
	const void *bytes;
	size_t size;
	const char *name; /* for messages */
};

/* No errno of Linux has these numbers. */
enum {
	/* check, apply: an `expect` line does not hold in the kernel; the rules are at fault. */
	RUNTIME_EXPECT_FAILED = -4096,
	/* apply: a required socket is missing. status, without a message: one that the rules need. */
	RUNTIME_SOCKET_MISSING = -4097,
	/* No rules are applied, or there is no such label, generation, trial, socket, process,
	 * descriptor or network namespace. status without rules: without a message. Not for what the
	 * system fails to tell. */
	RUNTIME_NOT_THERE = -4098,
	/* compare: an object is not what the rules in it compile to. apply, rollback: what is applied
	 * is not what if_generation and if_hash tell. register: the socket is not as declared. */
	RUNTIME_DIFFERENT = -4099,
	/* What the options call a network namespace can be the name of none. */
	RUNTIME_USAGE = -4100,
};

/* A capability of linux/capability.h in a set of them. */
#define RUNTIME_CAPABILITY(number) (UINT64_C(1) << (number))

/* Gives up for good all capabilities but those in the set KEPT, and those that opening the
 * namespace and the bpffs of the options needs. Fails if the command runs with more rights than its
 * caller (AT_SECURE in getauxval(3)): by the set-user-id or set-group-id bit, or by file
 * capabilities. If CAP_BPF is kept, sets the umask, so that pins are for this user alone. To be
 * called before any input is read. */
int runtime_limit_privileges(const struct runtime_options *options, uint64_t kept);

/* Loads the object, runs its `expect` lines in the kernel, and prints the size of the program.
 * Leaves nothing behind. */
int runtime_check(const struct object_image *image, const struct runtime_options *options,
		  FILE *out);

/* A file of rules as it was compiled. */
struct runtime_file {
	const char *name, *text;
	size_t length;
};

/* What an object says of how it was made. */
struct runtime_origin {
	bool is_of_this_format, is_of_this_version; /* of objects; of the compiler */
	const char *compiler, *backend, *tables;    /* NULL: it does not say */
	uint32_t instructions_max;                  /* 0: the default */
	uint64_t tables_max;                        /* 0: the default */
	bool tables_frozen;
	uint32_t parts;           /* an enum abi_parts */
	const char **definitions; /* NAME=VALUE */
	size_t definition_count;
	struct runtime_file *files; /* in the order in which they were read */
	size_t file_count;
	char *strings, *text; /* what the others point into */
};

int runtime_origin(struct report *report, const struct object_image *image,
		   struct runtime_origin *origin);
void runtime_origin_free(struct runtime_origin *origin);

/* Compares an object with one that was made again from its origin. RUNTIME_DIFFERENT after a message
 * that says where they differ. */
int runtime_compare(struct report *report, const struct object_image *image,
		    const struct object_image *again);

/* Loads the rules and puts them in force atomically. */
int runtime_apply(const struct object_image *image, const struct runtime_options *options,
		  FILE *out);

/* Goes back to the rules applied before these, or to those of another generation that is kept;
 * without a number, ends a trial. A second rollback undoes the first. */
int runtime_rollback(const struct runtime_options *options, FILE *out);

/* Keeps the rules that are on trial. */
int runtime_confirm(const struct runtime_options *options, FILE *out);

/* Restarts the counters from zero. */
int runtime_reset(const struct runtime_options *options, FILE *out);

/* The object that is applied, or that of options->generation, in memory that the caller frees;
 * RUNTIME_NOT_THERE after a message if there is none. */
int runtime_read_applied(const struct runtime_options *options, void **bytes, size_t *size);

/* Lists the generations that are kept. */
int runtime_history(const struct runtime_options *options, FILE *out);

/* Prints the files of the rules in an object, as they were written. */
int runtime_list(const struct object_image *image, const struct runtime_options *options,
		 FILE *out);

/* Takes the rules off, and removes their state; RUNTIME_NOT_THERE after a message if none are
 * applied. */
int runtime_detach(const struct runtime_options *options, FILE *out);

/* Prints what is applied. Returns 0 only if rules are applied and their labels have a socket in each
 * flow class that the rules redirect to them, or with options->all. */
int runtime_status(const struct runtime_options *options, FILE *out);

/* Puts the socket that the process PID has as descriptor FD behind a label. One that is not as the
 * rules declare is RUNTIME_DIFFERENT after a message, but for options->override. */
int runtime_register(const char *label, pid_t pid, int fd, const struct runtime_options *options,
		     FILE *out);

/* Lets no new connections go to a socket of the label until it dies, or to all that stand behind it.
 * SOCKET is a cookie or an address as status prints it; NULL: all. PROTOCOL is IPPROTO_TCP,
 * IPPROTO_UDP or 0 for both. */
int runtime_drain(const char *label, const char *socket, int protocol,
		  const struct runtime_options *options, FILE *out);

/* Gives connections again to a drained socket, or to all of the label. */
int runtime_undrain(const char *label, const char *socket, int protocol,
		    const struct runtime_options *options, FILE *out);

/* Looks for the declared sockets again, and puts those that it finds behind their labels. */
int runtime_sync(const struct runtime_options *options, FILE *out);

/* Takes a label's sockets out of its slots. PROTOCOL is IPPROTO_TCP, IPPROTO_UDP or 0 for both;
 * FAMILY AF_INET, AF_INET6 or AF_UNSPEC for both. */
int runtime_unregister(const char *label, int protocol, int family,
		       const struct runtime_options *options, FILE *out);

#endif
