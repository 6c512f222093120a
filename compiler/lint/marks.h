/* Terminals for a diagram that say what happens and, for each rule that matches on the way, what would
 * happen without that rule. Both can be computed for "first a, then b" from those of a and b alone;
 * so one diagram answers for all rules. */
#ifndef SKLC_LINT_MARKS_H
#define SKLC_LINT_MARKS_H

#include "compiler/diagram/diagram.h"
#include "lint.h"

/* Stands for an outcome without a rule that differs from the one with the rule, whatever comes
 * before or after. */
#define REF_OTHER (REF_NONE - 1)

struct mark {
	uint32_t number;     /* of a rule */
	diagram_ref without; /* the outcome without this rule, or REF_OTHER */
};

/* A terminal. Its references are to outcomes. */
struct marked {
	diagram_ref outcome;
	const struct mark *marks; /* in ascending order of the numbers */
	uint32_t count;
};

struct terminals;

/* Replaces the terminals of BUILDER by marked ones. They have marks of the rules that are RULE_ASKED
 * in STATES. */
struct terminals *terminals_new(struct arena *arena, struct builder *builder,
				const struct subset *subset, const uint8_t *states);
const struct marked *terminals_at(const struct terminals *terminals, diagram_ref terminal);
size_t terminals_count(const struct terminals *terminals);

#endif
