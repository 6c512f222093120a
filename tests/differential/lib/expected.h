/* What the definition of the language says that a program must choose and count. */
#ifndef SKLC_EXPECTED_H
#define SKLC_EXPECTED_H

#include "generate.h"
#include "kernel.h"

#include "compiler/decision/decision.h"
#include "compiler/layout/layout.h"
#include "runtime/abi.h"

enum { SLOTS = GENERATE_LABELS * ABI_FLOW_CLASSES };

/* What has been counted so far. */
struct counted {
	uint64_t *rules; /* by counter */
	uint64_t hits[SLOTS], misses[SLOTS];
};

struct counted counted_new(struct arena *arena, const struct policy *policy);
void counted_reset(struct counted *counted, const struct policy *policy);

/* The slot that must be chosen where the slots in FILLED have sockets, or CHOSE_PASS or CHOSE_DROP. Adds to the
 * counts. */
int expected_choice(const struct outcome *outcome, const struct packet *packet, const bool *filled,
		    struct counted *counted);

/* Gives the outcome that a policy has for a packet by the definition. False if the decision's is another one. */
bool decided_alike(const struct policy *policy, const struct decision *decision,
		   const struct packet *packet, struct outcome *outcome);

/* Whether a program has counted as expected. If not, TEXT says which counter is the first that differs. */
enum { COUNTER_TEXT = 128 };
bool same_counters(const struct program *program, const struct layout_object *layout,
		   const struct counted *counted, char text[COUNTER_TEXT]);

#endif
