/* An object, put through the kernel's verifier. */
#ifndef SKLC_LOAD_H
#define SKLC_LOAD_H

#include "runtime/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netns;
struct object;

/* What only the host knows. */
struct host {
	struct abi_label_slots *slots; /* of each label */
	uint32_t *interfaces;          /* number of each */
};

int host_new(const struct object *object, struct host *host);
void host_free(struct host *host);

/* The slots that other loaders use: 4 * label + flow class. */
void host_default_slots(const struct object *object, struct host *host);

/* Asks the namespace for its interfaces. A missing one is a warning (-Winterface), and an error if the
 * rules need it and STRICT. */
int host_find_interfaces(const struct object *object, const struct netns *netns, bool strict,
			 struct host *host);

/* The maps that all programs of a namespace share. */
struct shared_maps {
	int sockets;
	int spare_marks; /* -1: the program has its own, if it needs any */
};

/* A socket map of the size that slots are given from, and the marks of all spare ones; -errno without a message. */
int sockets_create(void);
int spare_marks_create(void);

/* What is loaded; descriptors. */
struct loaded {
	int program;
	int rule_counters, label_counters; /* -1: none */
};

/* Loads with the maps that it shares. On refusal the verifier's log is in the message. */
int load_object(const struct object *object, const struct host *host,
		const struct shared_maps *shared, bool verbose, struct loaded *loaded);
void loaded_close(struct loaded *loaded);

#endif
