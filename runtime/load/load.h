/* Loading an object into the kernel. */
#ifndef SKLC_LOAD_H
#define SKLC_LOAD_H

#include "runtime/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_interfaces;
struct netns;
struct object;

/* Interfaces of a namespace and their classes, ascending by number (classes.c). */
struct interface_class {
	uint32_t number, class;
};
struct class_table {
	struct interface_class *all;
	size_t count;
};

/* The classes of all interfaces. -errno after a message. */
int class_table_of(const struct object *object, const struct host_interfaces *interfaces,
		   struct class_table *table);
void class_table_free(struct class_table *table);

/* The class of an interface; ABI_CLASS_NOT_KNOWN: it is not in the table. */
uint32_t class_table_find(const struct class_table *table, uint32_t number);

/* The maps by which a program knows interfaces; descriptors. */
struct class_maps {
	int interfaces, near, machine;
};

/* The interfaces that are of a class of their own to the program; -errno without a message. */
int class_table_read(const struct object *object, const struct class_maps *maps,
		     struct class_table *table);

/* Makes the program's maps what the table says, and says in the words of the host that they are
 * filled. -errno after a message. */
int class_table_write(const struct object *object, const struct class_table *table,
		      const struct class_maps *maps);

/* The words of the object that are known only when it is loaded, on this host. */
struct host {
	struct abi_label_slots *slots; /* slot words of each label */
	/* The number of each interface whose number the rules depend on: of devices of declared
	 * sockets; before version 4 of all. 0: of the other ones. */
	uint32_t *interfaces;
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
	int machine;    /* the words of the host; frozen if the object's format is 2 */
	int tables;     /* -1: none */
	int interfaces; /* the map of them; -1: none */
	int near;       /* the map of near ones; -1: none */
	bool guarded;   /* see struct load_options */
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

#define LOADED_NONE ((struct loaded){-1, -1, -1, -1, -1, -1, -1, false})

/* Loads the object's program with the shared maps. If the verifier refuses the program, the message
 * has the verifier's reason. -errno after a message. */
int load_object(const struct object *object, const struct host *host,
		const struct shared_maps *shared, const struct load_options *options,
		struct loaded *loaded);
void loaded_close(struct loaded *loaded);

#endif
