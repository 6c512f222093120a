/* The folder of a network namespace below bpffs: <bpffs>/sklc/<cookie>, verified, and locked by
 * whoever changes it. */
#ifndef SKLC_STATE_H
#define SKLC_STATE_H

#include "netns.h"
#include "runtime.h"

#include <limits.h>

enum state_use {
	STATE_READ,   /* as it is; never waits */
	STATE_CHANGE, /* locked, if it is there */
	STATE_CREATE, /* made if needed, and locked */
};

struct state {
	struct report *report; /* the options' */
	struct netns netns;
	enum state_use use;
	int bpffs;           /* descriptors */
	int root;            /* of <bpffs>/sklc; -1: there is none */
	int folder;          /* -1: there is none, so nothing is applied */
	char path[PATH_MAX]; /* of the folder, for messages */
};

/* The namespace of the options, and its folder. */
int state_open(const struct runtime_options *options, enum state_use use, struct state *state);

/* Takes folders that are empty away, where it had the right to change them. */
void state_close(struct state *state);

/* <bpffs>/sklc alone; *ROOT is -1 if there is none. */
int state_open_root(const struct runtime_options *options, int *root);

/* A folder below the root that belongs to another namespace, or to none any more: -EBUSY if its lock
 * is held. Without a message. */
int state_lock_other(int root, const char *name, int *folder);

/* Waits for a folder's lock, within bounds; PATH is for the message. */
int state_lock_folder(struct report *report, int folder, const char *path);

/* The cookies of all namespaces that have a folder; the caller frees. -errno after a message. */
int state_list(struct report *report, int root, uint64_t **cookies, size_t *count);

/* One of them, to be read; only STATE's folder is opened. -errno without a message. */
int state_open_listed(int root, uint64_t cookie, struct state *state);

/* A folder below another, as verified as the state's own; -errno without a message. */
int state_open_folder(int parent, const char *name);

#endif
