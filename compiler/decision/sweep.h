/* Builds the diagram of a run of plain rules at once, in n log n. */
#ifndef SKLC_DECISION_SWEEP_H
#define SKLC_DECISION_SWEEP_H

#include "compiler/diagram/diagram.h"

/* A condition on each field, NULL where any value meets it, and what happens where all of them are
 * met: an outcome, or a diagram that asks for interfaces only. */
struct clause {
	const struct range *ranges[FIELD_COUNT];
	uint32_t counts[FIELD_COUNT]; /* of ranges: sorted, disjoint, not adjacent */
	diagram_ref body;
};

/* The diagram of "the first clause whose conditions are met, then the next ...". */
diagram_ref sweep_clauses(struct arena *arena, struct builder *builder, enum family family,
			  const struct clause *clauses, size_t count);

#endif
