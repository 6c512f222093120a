/* Outcomes as the leaves of a diagram: what rules do on the way, and how it ends. */
#include "diagram.h"

#include <string.h>

static size_t attempts_of(const struct step *steps, size_t count)
{
	size_t attempts = 0;
	size_t i;

	for (i = 0; i < count; i++)
		attempts += steps[i].kind == STEP_ATTEMPT;
	return attempts;
}

static bool steps_too_many(const struct step *steps, size_t count)
{
	size_t attempts = attempts_of(steps, count);

	return attempts > ATTEMPTS_MAX || count - attempts > COUNTS_MAX;
}

bool outcome_is_too_long(const struct decision_outcome *outcome)
{
	return steps_too_many(outcome->steps, outcome->step_count);
}

static bool outcome_is_closed(const void *leaves, decision_ref leaf)
{
	return builder_outcome(leaves, leaf)->end != END_NEXT;
}

static decision_ref outcome_of(void *leaves, const struct rule *rule, const struct verdict *verdict,
			       const struct step *steps, size_t count, enum end end)
{
	(void)rule;
	(void)verdict;
	return builder_outcome_of(leaves, steps, count, end);
}

enum end end_replaced(enum end end, enum end next, enum end returned)
{
	if (end == END_NEXT)
		return next;
	if (end == END_RETURN)
		return returned;
	return end == END_MATCH ? END_NEXT : end;
}

static decision_ref outcome_replace_ends(void *leaves, decision_ref leaf, enum end next,
					 enum end returned)
{
	const struct decision_outcome *outcome = builder_outcome(leaves, leaf);

	return builder_outcome_of(leaves, outcome->steps, outcome->step_count,
				  end_replaced(outcome->end, next, returned));
}

/* The steps of A, then those of B but for labels that A attempted already. */
static decision_ref outcome_then(void *leaves, decision_ref a, decision_ref b)
{
	struct builder *builder = leaves;
	const struct decision_outcome *first = builder_outcome(builder, a);
	const struct decision_outcome *second = builder_outcome(builder, b);
	struct step steps[2 * (STEPS_MAX + 1)];
	size_t count = first->step_count;
	size_t i, j;

	memcpy(steps, first->steps, count * sizeof(*steps));
	for (i = 0; i < second->step_count; i++) {
		struct step step = second->steps[i];

		for (j = 0; j < first->step_count; j++)
			if (step.kind == STEP_ATTEMPT && steps[j].kind == STEP_ATTEMPT &&
			    steps[j].index == step.index)
				break;
		if (j == first->step_count)
			steps[count++] = step;
		if (steps_too_many(steps, count))
			return builder_outcome_of(builder, steps, count, END_DROP);
	}
	return builder_outcome_of(builder, steps, count, second->end);
}

const struct leaf_operations outcome_operations = {outcome_is_closed, outcome_of, outcome_then,
						   outcome_replace_ends};
