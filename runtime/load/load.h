/* Loading an object into the kernel. */
#ifndef SKLC_LOAD_H
#define SKLC_LOAD_H

#include "runtime/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netns;
struct object;

/* The words of the object that are known only when it is loaded, on this host. */
struct host {
	struct abi_label_slots *slots; /* slot words of each label */
	uint32_t *interfaces;          /* index of each interface in the namespace */
};

int host_new(const struct object *object, struct host *host);
void host_free(struct host *host);

/* Sets the slots that other loaders use: 4 * label + flow class. */
void host_default_slots(const struct object *object, struct host *host);

/* Looks up the interfaces in the namespace. A missing one is a warning (-Winterface), or with
 * STRICT an error if the rules require it. -errno after a message. */
int host_find_interfaces(const struct object *object, const struct netns *netns, bool strict,
			 struct host *host);

/* The maps that all programs of a namespace share. */
struct shared_maps {
	int sockets;
	int spare_marks; /* -1: a program that needs this map gets one of its own */
};

/* Makes a socket map with all slots, spare ones too, and the map of their marks; -errno without a
 * message. */
int sockets_create(void);
int spare_marks_create(void);

/* A loaded program and its maps; descriptors. */
struct loaded {
	int program;
	int rule_counters, label_counters; /* -1: none */
	int machine;  /* the words of the host; frozen if the object's format is 2 */
	int tables;   /* -1: none */
	bool guarded; /* see struct load_options */
};

struct load_options {
	bool verbose;
	/* Without CAP_PERFMON, where the verifier takes the program so. It then forbids pointers to
	 * leak, and guards against speculative execution, by instructions that the program is slower
	 * for and by walking more. */
	bool guarded;
	/* The loading process is killed after so many seconds; 0: LOAD_SECONDS_MAX. */
	unsigned int seconds;
};

/* A million instructions are verified in a second or two, and 512 MB of tables copied in as much;
 * machines may be slow. */
enum { LOAD_SECONDS_MAX = 120 };

#define LOADED_NONE ((struct loaded){-1, -1, -1, -1, -1, false})

/* Loads the object's program with the shared maps. If the verifier refuses the program, the message
 * has the verifier's reason. -errno after a message. */
int load_object(const struct object *object, const struct host *host,
		const struct shared_maps *shared, const struct load_options *options,
		struct loaded *loaded);
void loaded_close(struct loaded *loaded);

#endif
