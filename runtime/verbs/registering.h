/* A socket that is registered by hand. */
#ifndef SKLC_REGISTERING_H
#define SKLC_REGISTERING_H

#include "label.h"

#include "runtime/load/load.h"
#include "runtime/sockets/sockets.h"

enum way {
	WAY_UNDECLARED, /* into the slots that all generations share */
	WAY_DECLARED,   /* as sync does */
	WAY_OVERRIDE,   /* before the declared sockets */
};

struct registering {
	struct opened_label label;
	pid_t pid;
	int fd; /* a duplicate */
	enum way way;
	uint64_t cookie;
	uint32_t flow_classes; /* bits: those that it serves */
	uint32_t needed;       /* bits: those that the rules redirect to the label */
	bool takes_blocks;     /* its program can be told of spare slots while it runs */
	struct declared_key endpoint;
	struct shared_maps shared;
	struct netns netns;        /* for the finder */
	struct finder *finder;     /* has seen the sockets at the same endpoint; NULL: none */
	struct sightings siblings; /* those at the endpoint, also others */
	uint64_t group;            /* of the siblings; 0: it has none */
	size_t members;            /* of the group that have a slot, with the socket itself */
	uint64_t before[ABI_FLOW_CLASSES]; /* the first sockets that stood there; 0: none */
};

size_t count_siblings(const struct registering *r);

/* Whether another socket at the endpoint is one of the siblings. */
bool is_sibling(const struct registering *r, const struct sighting *at);

/* Notes what the registration is and what it replaces (replaced.c), at once. 1: something was noted; 0:
 * nothing was to be; -errno after a message. */
int replace_noted(const struct registering *r);

/* Takes those that were put before the declared sockets earlier, and are so no longer, out of the slots of
 * rules that do not decide. 1: there were some; 0: none; -errno after a message. */
int take_out_ended(const struct registering *r);

/* Whether a socket is the one that is registered, or one of its siblings. */
bool is_of_group(const struct registering *r, uint64_t cookie);

/* The socket that was registered for a slot of the flow class that all generations share, where the new one is
 * put before it or replaces it; 0: there is none. */
uint64_t registered_behind(const struct registering *r, unsigned int flow_class);

/* Reports that the slots of the label cannot be read. */
int fail_to_look(const struct registering *r, int error);

/* Counts how many of the group have a slot (registered.c); where it serves more than one flow class, in
 * that with the fewest. -errno after a message. */
int registered_members(struct registering *r);

/* Warns if not all of the group have one. */
void registered_warn_of_room(const struct registering *r);

/* Says what was registered, and what that replaced. -errno after a message. */
int registered_print(const struct registering *r, FILE *out);

#endif
