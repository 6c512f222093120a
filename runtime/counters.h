/* Counters of rules and labels, which go on from one apply to the next. Each generation counts from
 * zero, for each processor by itself; what came before it stands in a frozen map beside, its base.
 * Shown is base + live. A base is written whole or not at all, so a crash counts nothing twice. */
#ifndef SKLC_COUNTERS_H
#define SKLC_COUNTERS_H

#include "generation.h"

struct counters {
	uint64_t *rules;                /* by a rule's counter */
	struct abi_label_count *labels; /* label * ABI_PLACES + place */
};

/* What to show for a generation. OBJECT is its own. -errno after a message. */
int counters_read(const struct state *state, const struct generation *generation,
		  const struct object *object, struct counters *counters);
void counters_free(struct counters *counters);

/* Writes the base of a generation where it is missing, or lacks what a trial over it counted. */
int counters_fold(const struct state *state, uint32_t id);

/* Zero from now on: the base becomes the negative of what lives, in one step. */
int counters_reset(const struct state *state, uint32_t id);

#endif
