/* Loads a compiled object into the kernel as any loader would, puts sockets into its slots, and
 * runs it on single packets. */
#ifndef SKLC_TEST_KERNEL_H
#define SKLC_TEST_KERNEL_H

#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"

struct bpf_object;

/* A socket for each label and flow class, by which a test sees what a program chose. The mark of a socket is one more
 * than the slot. */
struct sentinels {
	size_t label_count;
	int *sockets;      /* by the slot that the object gives by default */
	uint64_t *cookies; /* SO_COOKIE of each */
};

/* Moves the process to a new network namespace and opens the sockets there; false, with errno set,
 * if that fails. */
bool kernel_sentinels_open(struct sentinels *sentinels, size_t label_count);
void kernel_sentinels_close(struct sentinels *sentinels);

struct program {
	struct bpf_object *object;
	int fd, sockets, rule_counters, label_counters;
	/* By which a packet gets the class of its interface; negative, where rules do not ask for it. */
	int interfaces, near, machine;
	uint32_t slot_words,
		class_last; /* words of .bss before the class; the last class of a record */
	uint32_t verified_instructions;
};

/* Loads an object that was made of a compilation. False, with the reason on standard error, if the kernel
 * refuses. */
bool program_load(struct program *program, const struct object *object,
		  const struct compilation *c);
void program_close(struct program *program);

/* Puts sockets into the slots that are true in FILLED, and empties the others. */
bool program_fill(struct program *program, const struct sentinels *sentinels, const bool *filled,
		  size_t label_count);

/* Gives an interface of this host a class, in one of three WAYS, which programs do not tell apart. */
bool program_set_class(const struct program *program, uint32_t interface, uint32_t class,
		       uint32_t way);

/* Runs the program on a packet. Returns the slot whose socket was chosen, or one of these. */
enum { CHOSE_PASS = -1, CHOSE_DROP = -2, RUN_FAILED = -3 };
int program_run(const struct program *program, const struct sentinels *sentinels,
		const struct packet *packet);

/* Counters, summed over all CPUs. */
uint64_t program_rule_counter(const struct program *program, uint32_t counter);
bool program_label_counter(const struct program *program, uint32_t slot, uint64_t *hits,
			   uint64_t *misses);

#endif
