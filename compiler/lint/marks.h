/* Leaves of a diagram that say what happens, and for each rule met on the way what would happen
 * without it. Both parts follow "first a, then b" alone, so that all rules are asked about in
 * one diagram. */
#ifndef SKLC_POLICY_LINT_MARKS_H
#define SKLC_POLICY_LINT_MARKS_H

#include "compiler/diagram/diagram.h"
#include "lint.h"

/* Without the rule the outcome is another one, whatever comes before or after: which one is not
 * kept. */
#define REF_OTHER ((diagram_ref)0xffffffff)

struct mark {
	uint32_t number;
	diagram_ref without; /* an outcome, or REF_OTHER */
};

struct marked {
	diagram_ref outcome;
	const struct mark *marks; /* in the order of their numbers */
	uint32_t count;
};

struct leaves;

/* Makes the leaves of BUILDER marks of the rules that STATES asks for. */
struct leaves *leaves_new(struct arena *arena, struct builder *builder, const struct subset *subset,
			  const uint8_t *states);
const struct marked *leaves_at(const struct leaves *leaves, diagram_ref leaf);
size_t leaves_count(const struct leaves *leaves);

#endif
