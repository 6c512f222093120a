/* What is applied to a namespace, gathered to be printed. */
#ifndef SKLC_STATUS_H
#define SKLC_STATUS_H

#include "runtime/health/health.h"
#include "runtime/kernel/owners.h"
#include "runtime/kernel/sockdiag.h"
#include "runtime/labels/labels.h"
#include "runtime/object/object.h"
#include "runtime/state/state.h"

/* One place of a label. */
struct flow_class_status {
	uint32_t word;    /* its slots */
	uint64_t cookie;  /* of the socket that serves it, or the first there; 0: none */
	bool needed;      /* rules give packets to it */
	uint32_t members; /* sockets in its slots */
	uint64_t since;   /* when it was put there, in seconds since 1970; 0: unknown */
};

struct status {
	struct state state;
	struct standing standing; /* with no link, nothing below is filled */
	struct about about;
	struct hook hook;
	bool hook_known;
	uint32_t position; /* of our program on the hook, from 1; 0: unknown */
	struct applied applied;
	struct counters counters;
	struct flow_class_status *flow_classes; /* label * ABI_FLOW_CLASSES + flow_class */
	struct known_sockets known;
	struct owner *owners; /* of the sockets behind labels */
	size_t owner_count;
	struct problems problems;
	bool followed; /* its listeners, as they come */
	bool complete; /* every needed place has a socket */
};

/* A namespace that has a folder, in short. */
struct brief_status {
	uint64_t cookie;
	uint32_t inode; /* 0: the namespace is gone, or the rules were detached from it */
	uint32_t generation;
	bool readable;
	char name[64]; /* of /run/netns; empty: it has none */
};

void status_print_text(const struct status *status, FILE *out);
void brief_print_text(const struct brief_status *all, size_t count, FILE *out);

/* -EIO, -ENOMEM after a message. */
int status_print_json(const struct status *status, FILE *out);
int brief_print_json(struct report *report, const struct brief_status *all, size_t count,
		     FILE *out);

/* Reads the status of the namespace of STATUS's state, which is open. -errno after a message. */
int status_read(struct status *status);
/* Frees all but the state. */
void status_clear(struct status *status);

/* Fills in what is beyond the maps: processes, times, problems. What cannot be known is left out. */
void status_look(struct status *status);

void brief_read(struct state *state, struct brief_status *brief);

/* The process that has a socket, or NULL. */
const struct owner *status_owner(const struct status *status, const struct known_socket *socket);

/* Name of a namespace, or NULL. */
const char *status_netns_name(const struct status *status, char *name, size_t size);

#endif
