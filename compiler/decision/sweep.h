/* Builds the diagram of a run of plain rules at once, in n log n. */
#ifndef SKLC_DECISION_SWEEP_H
#define SKLC_DECISION_SWEEP_H

#include "compiler/diagram/diagram.h"

/* A condition on each field, NULL where any value holds, and what happens where all hold: an outcome, or a
 * diagram over interfaces alone. */
struct item {
	const struct range *ranges[FIELD_COUNT];
	uint32_t counts[FIELD_COUNT]; /* of ranges: sorted, disjoint, not adjacent */
	diagram_ref body;
};

/* The diagram of "the first item whose conditions hold, then the next ...", fields in ORDER. */
diagram_ref sweep_items(struct arena *arena, struct builder *builder, enum family family,
			const enum field order[FIELD_COUNT], const struct item *items,
			size_t count);

#endif
