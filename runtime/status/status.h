/* The status of a namespace: what is applied, which sockets its labels have, and what is wrong. */
#ifndef SKLC_STATUS_H
#define SKLC_STATUS_H

#include "described.h"

#include "runtime/kernel/sockdiag.h"
#include "runtime/labels/labels.h"
#include "runtime/object/object.h"
#include "runtime/problems/problems.h"
#include "runtime/state/state.h"

/* A label in one flow class. */
struct flow_class_status {
	uint32_t word;    /* slot word */
	bool needed;      /* rules redirect such packets to the label */
	uint32_t members; /* sockets in its slots */
	uint64_t since;   /* when the first got its slot, in seconds since 1970; 0: unknown */
};

struct status {
	struct state state;
	struct standing standing; /* without a link, of what is below only LOST is filled in */
	struct lost lost;
	struct record record;
	struct hook hook;
	bool hook_known;
	uint32_t position; /* of our program on the hook, from 1; 0: unknown */
	struct applied applied;
	struct host_numbers numbers; /* that the rules were applied with */
	struct counters counters;
	struct flow_class_status *flow_classes; /* label * ABI_FLOW_CLASSES + flow_class */
	struct known_sockets known;
	struct hands hands; /* what was done by hand */
	/* Of each flow class of each label the first socket that takes packets, else the first;
	 * then the socket of each hand. */
	struct described *sockets;
	struct problems problems;
	uint64_t now; /* nanoseconds since boot */
	enum following following;
	bool complete; /* every label has a working socket in each flow class that is needed */
};

/* The short status of a namespace that has a folder. */
struct brief_status {
	uint64_t cookie;
	uint32_t inode; /* 0: the namespace is gone, or the rules were detached from it */
	uint32_t generation;
	bool has_link;
	int error; /* -errno: why its link cannot be read; 0: it can, or there is none */
	char name[NAME_MAX + 1]; /* in /run/netns; empty: it has none */
};

void status_print_text(const struct status *status, FILE *out);
void brief_print_text(const struct brief_status *all, size_t count, FILE *out);

/* -EIO, -ENOMEM after a message. */
int status_print_json(const struct status *status, FILE *out);
int brief_print_json(struct report *report, const struct brief_status *all, size_t count,
		     FILE *out);

/* Opens the state of the options' namespace and reads its status. KEPT must live as long. -errno after a
 * message; then nothing is left to clear or to close. */
int status_read(const struct runtime_options *options, struct kept_report *kept,
		struct status *status);

/* Frees everything but the state. */
void status_clear(struct status *status);

/* Fills in processes, times and problems. Leaves out what it cannot find out; -ENOMEM after a
 * message. */
int status_look(struct status *status);

/* Reads the short status of a namespace that state_list found. Its error is after a message. */
void brief_read(struct report *report, int root, uint64_t cookie, struct brief_status *brief);

/* The first socket of a label's flow class. */
const struct described *status_socket(const struct status *status, uint32_t label,
				      uint32_t flow_class);

/* The socket of an entry of the status's hands. */
const struct described *status_hand_socket(const struct status *status,
					   const struct hand_entry *entry);

/* Whether the first socket of a label's flow class was put before the declared ones. */
bool status_is_override(const struct status *status, uint32_t label, uint32_t flow_class);

/* Whether an entry is of a drained socket that may still be there. */
bool status_is_drained(const struct status *status, const struct hand_entry *entry);

/* Whether the follower watches the listeners that the rules declare. */
bool status_is_followed(const struct status *status);

/* What was done by hand with sockets of a label. */
struct hands status_hands(const struct status *status, uint32_t label);

/* Name of the namespace, written to NAME; NULL if it has none. */
const char *status_netns_name(const struct status *status, char *name, size_t size);

#endif
