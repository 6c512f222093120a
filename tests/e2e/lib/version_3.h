/* The forms of sklc's state before its version 4, written down anew: nothing here follows changes
 * of the runtime. */
#ifndef SKLC_VERSION_3_H
#define SKLC_VERSION_3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FLOW_CLASSES = 4,
	LABEL_BYTES = 64,
	LABELS_MAX = 64, /* of this program */
	SOCKETS_MAX = 64,
	SLOTS = 65536,
	BLOCKS = 4096,
	BLOCK_SLOTS = 15,
	CGROUP_DEPTH_MAX = 14,
};

enum { SOCKETS, SPARE_MARKS, LABELS, TIMES, NAMESPACE_MAPS };

struct slots {
	uint32_t words[FLOW_CLASSES];
};

struct since {
	uint64_t cookie, boot_time;
};

struct about {
	uint32_t generation, previous, trial_program, reserved;
	uint64_t trial_deadline, applied;
};

struct declared_key {
	uint8_t address[16];
	uint16_t port;
	uint8_t family, protocol;
	uint32_t index;
};

struct declared_range {
	uint32_t word;
	uint16_t first, count;
};

struct declared {
	uint32_t number, has_uid, uid, reserved;
	uint64_t cgroup;
	struct declared_range ipv4, ipv6;
};

struct cgroup_key {
	uint64_t parent;
	char name[120];
};

/* A record of the section sklc.sockets of an object of version 2. */
struct socket_record {
	uint32_t label, protocol, family, port;
	uint8_t address[16];
	uint32_t uid, cgroup, file, line, any_address;
};

/* An object, and what it says of labels and declarations. */
struct rules {
	void *bytes;
	size_t size;
	char *strings;
	char labels[LABELS_MAX][LABEL_BYTES];
	struct socket_record sockets[SOCKETS_MAX];
	uint32_t label_count, socket_count, counter_count;
};

struct trial {
	int program, choices;
	uint64_t deadline;
};

/* Each ends the process after a message if it fails. */

void rules_read(const char *path, struct rules *rules);

/* How many declarations name a cgroup. */
uint32_t cgroups_in(const struct rules *rules);

/* The entry of a declaration in the map of declarations; enters its folders into the map CGROUPS.
 * SLOTS are those of each label. Users must be numbers. */
void declaration_of(const struct rules *rules, uint32_t number, const struct slots *slots,
		    int cgroups, struct declared_key *key, struct declared *value);

/* OLD is -1 if there were no rules before. */
void version_3_trial(int old, int tried, uint32_t seconds, struct trial *trial);

#endif
