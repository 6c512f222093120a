/* Outcomes as the leaves of a diagram: what rules do on the way, and how it ends. */
#include "diagram.h"

#include <string.h>

static size_t attempts_of(const struct action *actions, size_t count)
{
	size_t attempts = 0;
	size_t i;

	for (i = 0; i < count; i++)
		attempts += actions[i].kind == ACTION_ATTEMPT;
	return attempts;
}

static bool actions_too_many(const struct action *actions, size_t count)
{
	size_t attempts = attempts_of(actions, count);

	return attempts > ATTEMPTS_MAX || count - attempts > COUNTS_MAX;
}

bool outcome_is_too_long(const struct diagram_outcome *outcome)
{
	return actions_too_many(outcome->actions, outcome->action_count);
}

static bool outcome_is_closed(const void *leaves, diagram_ref leaf)
{
	return builder_outcome(leaves, leaf)->end != END_NEXT;
}

static diagram_ref outcome_of(void *leaves, const struct rule *rule, const struct verdict *verdict,
			      const struct action *actions, size_t count, enum end end)
{
	(void)rule;
	(void)verdict;
	return builder_outcome_of(leaves, actions, count, end);
}

enum end end_replaced(enum end end, enum end next, enum end returned)
{
	if (end == END_NEXT)
		return next;
	if (end == END_RETURN)
		return returned;
	return end == END_MATCH ? END_NEXT : end;
}

static diagram_ref outcome_replace_ends(void *leaves, diagram_ref leaf, enum end next,
					enum end returned)
{
	const struct diagram_outcome *outcome = builder_outcome(leaves, leaf);

	return builder_outcome_of(leaves, outcome->actions, outcome->action_count,
				  end_replaced(outcome->end, next, returned));
}

/* The actions of A, then those of B but for labels that A attempted already. */
static diagram_ref outcome_then(void *leaves, diagram_ref a, diagram_ref b)
{
	struct builder *builder = leaves;
	const struct diagram_outcome *first = builder_outcome(builder, a);
	const struct diagram_outcome *second = builder_outcome(builder, b);
	struct action actions[2 * (ACTIONS_MAX + 1)];
	size_t count = first->action_count;
	size_t i, j;

	memcpy(actions, first->actions, count * sizeof(*actions));
	for (i = 0; i < second->action_count; i++) {
		struct action action = second->actions[i];

		for (j = 0; j < first->action_count; j++)
			if (action.kind == ACTION_ATTEMPT && actions[j].kind == ACTION_ATTEMPT &&
			    actions[j].index == action.index)
				break;
		if (j == first->action_count)
			actions[count++] = action;
		if (actions_too_many(actions, count))
			return builder_outcome_of(builder, actions, count, END_DROP);
	}
	return builder_outcome_of(builder, actions, count, second->end);
}

const struct leaf_operations outcome_operations = {outcome_is_closed, outcome_of, outcome_then,
						   outcome_replace_ends};
