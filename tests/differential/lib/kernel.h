/* The emitted program in the kernel: loaded from the object as any loader would, with sockets in its slots, and
 * run on single packets. */
#ifndef SKLC_TEST_KERNEL_H
#define SKLC_TEST_KERNEL_H

#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"

struct bpf_object;

/* A socket for each place of each label, in a namespace of the process's own. */
struct sentinels {
	size_t label_count;
	int *sockets; /* by default slot */
	uint64_t *cookies;
};

/* Leaves the machine's namespace; false with errno set when that is not allowed. */
bool sentinels_open(struct sentinels *sentinels, size_t label_count);
void sentinels_close(struct sentinels *sentinels);

struct program {
	struct bpf_object *object;
	int fd, sockets, rule_counters, label_counters;
	uint32_t verified_instructions;
};

/* Loads it with each interface's word set (enum INTERFACE_...); false if the kernel refuses, with the reason
 * on standard error. */
struct layout_object;
bool program_load(struct program *program, const struct object *object,
		  const struct layout_object *layout, const uint8_t *interfaces);
void program_close(struct program *program);

/* Fills the slots whose bit in FILLED is true, and empties the others. */
bool program_fill(struct program *program, const struct sentinels *sentinels, const bool *filled,
		  size_t label_count);

/* Runs one packet: the slot whose socket was chosen, or one of these. */
enum { CHOSE_PASS = -1, CHOSE_DROP = -2, RUN_FAILED = -3 };
int program_run(const struct program *program, const struct sentinels *sentinels,
		const struct packet *packet);

/* Sums over all processors. */
uint64_t program_rule_counter(const struct program *program, uint32_t counter);
bool program_label_counter(const struct program *program, uint32_t slot, uint64_t *hits,
			   uint64_t *misses);

#endif
