/* One rules file on trial: what the definition says of many packets, held against the decision and against the
 * programs of each variant. */
#ifndef SKLC_TRIAL_H
#define SKLC_TRIAL_H

#include "batch.h"
#include "digest.h"
#include "expected.h"
#include "packets.h"

/* What is asked of the rules: a packet, and which labels have sockets then. */
struct sample {
	struct packet packet;
	uint32_t filling; /* bits FILLING_BIT */
};

/* By the number in a label's name, so that a filling means the same when rules are left out. */
#define FILLING_BIT(label, flow_class) (1u << ((label)*ABI_FLOW_CLASSES + (flow_class)))
enum { FILLING_ALL = (1 << SLOTS) - 1 };

/* What can be wrong. */
#define FAILURES(X)                                                                                \
	X(NONE, "nothing is wrong")                                                                \
	X(COMPILER_REFUSES, "the compiler refuses the rules")                                      \
	X(KERNEL_REFUSES, "the kernel refuses the program")                                        \
	X(DIAGRAM, "the decision differs from the definition")                                     \
	X(CHOICE, "the program chooses wrongly")                                                   \
	X(COUNTER, "a counter is wrong")                                                           \
	X(RUN, "the kernel does not run the program")                                              \
	X(CRASH, "the compiler does not end by itself")

enum failure_kind {
#define FAILURE_ENUM(constant, words) FAILURE_##constant,
	FAILURES(FAILURE_ENUM)
#undef FAILURE_ENUM
};

const char *failure_words(enum failure_kind kind);

enum { FAILURE_TEXT = 256, INTERFACE_TEXT = 17, VARIANTS_MAX = 32 };

/* Plain memory: a process that may crash shares it with one that reports. */
struct failure {
	enum failure_kind kind;
	size_t variant;
	uint32_t sample;     /* of DIAGRAM and CHOICE */
	int expected, chose; /* labels by the number in their name, or CHOSE_PASS, CHOSE_DROP */
	bool seen_alone;     /* BPF_PROG_TEST_RUN of that packet alone shows the same */
	char text
		[FAILURE_TEXT]; /* the message of a refusal; else the packet, or the counters, in words */
};

/* What is shared by the trials of a process. */
struct lab {
	struct sentinels sentinels;
	struct batch batch;
	/* If not NULL, changes what was compiled: a fault that must be found. */
	void (*fault)(struct compilation *c);
};

bool lab_open(struct lab *lab);
void lab_close(struct lab *lab);

struct trial {
	const char *text; /* a bundle */
	struct compilation c;
	struct sample *samples;
	uint32_t count;
	int *expected;                     /* slots, for each sample */
	struct digest asked[VARIANTS_MAX]; /* programs, each of which differs from the others */
	uint32_t programs;                 /* that were asked */
	struct counted counted;
	struct failure *failure;
};

/* Compiles a text as far as the decision. Here and below, false if that fails, which FAILURE then says. */
bool trial_open(struct trial *trial, const char *text, struct failure *failure);
void trial_free(struct trial *trial);

/* Draws about COUNT different samples; fewer, where the definition takes long for each. */
void trial_draw(struct trial *trial, struct random *random, uint32_t count);

/* Takes samples, whose interfaces have these names; no name: its class is not known. */
void trial_take(struct trial *trial, const struct sample *samples,
		const char (*interfaces)[INTERFACE_TEXT], uint32_t count);

/* The name of an interface that has a sample's class. */
void trial_interface(const struct trial *trial, uint32_t sample, char name[INTERFACE_TEXT]);

/* Asks the definition and the decision for each sample. */
bool trial_define(struct trial *trial, struct lab *lab);

/* Compiles one variant and asks the program for each sample. Asks nothing where the variant may refuse the rules and
 * does, nor where an earlier variant made the same program. */
bool trial_variant(struct trial *trial, struct lab *lab, size_t variant);

#endif
