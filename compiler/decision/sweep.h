/* Builds the diagram of many clauses at once: for n ranges in one field, with about n log n
 * operations on diagrams. */
#ifndef SKLC_DECISION_SWEEP_H
#define SKLC_DECISION_SWEEP_H

#include "compiler/diagram/diagram.h"

/* A rule, or an element of a map: a condition on each field, NULL where any value meets it, and
 * BODY, the outcome where all conditions are met. */
struct clause {
	const struct range *ranges[VALUE_FIELD_COUNT];
	uint32_t counts[VALUE_FIELD_COUNT]; /* of ranges: sorted, disjoint, not adjacent */
	diagram_ref body;
};

/* The diagram of "the first clause whose conditions are met, then the next such clause, and so
 * on". */
diagram_ref sweep_clauses(struct arena *arena, struct builder *builder, enum family family,
			  const struct clause *clauses, size_t count);

/* "First the first diagram, then the second, and so on". They are joined in pairs, so that none is
 * copied more than log n times. */
diagram_ref join_diagrams(struct builder *builder, const diagram_ref *diagrams, size_t count);

#endif
