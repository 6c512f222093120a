/* Outcomes: which are equal, which are too long, and what the builder's operations do with them. */
#include "builder.h"

#include <string.h>

bool action_equal(const struct action *a, const struct action *b)
{
	return a->kind == b->kind && a->index == b->index && a->no_reuseport == b->no_reuseport;
}

bool outcome_equal(const struct diagram_outcome *a, const struct diagram_outcome *b)
{
	size_t i;

	if (a->action_count != b->action_count || a->end != b->end)
		return false;
	for (i = 0; i < a->action_count; i++)
		if (!action_equal(&a->actions[i], &b->actions[i]) ||
		    outcome_number(a, i) != outcome_number(b, i))
			return false;
	return outcome_number(a, i) == outcome_number(b, i);
}

uint32_t outcome_hash(const struct diagram_outcome *outcome)
{
	uint64_t hash = hash_mix(outcome->action_count, outcome->end);
	size_t i;

	for (i = 0; i < outcome->action_count; i++) {
		const struct action *action = &outcome->actions[i];

		hash = hash_mix(hash, (uint64_t)action->index << 2 | (uint64_t)action->kind << 1 |
					      action->no_reuseport);
	}
	for (i = 0; outcome->numbers && i <= outcome->action_count; i++)
		if (outcome->numbers[i]) /* no numbers are as all 0 */
			hash = hash_mix(hash, (uint64_t)i << 32 | outcome->numbers[i]);
	return (uint32_t)(hash >> 32);
}

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

static bool outcome_is_closed(const void *terminals, diagram_ref terminal)
{
	return builder_outcome(terminals, terminal)->end != OUTCOME_NEXT;
}

static diagram_ref outcome_make(void *terminals, const struct rule *rule,
				const struct verdict *verdict, struct diagram_outcome outcome)
{
	(void)rule;
	(void)verdict;
	return builder_add_outcome(terminals, outcome);
}

static diagram_ref outcome_replace_ends(void *terminals, diagram_ref terminal,
					enum outcome_end next, enum outcome_end returned)
{
	struct diagram_outcome outcome = *builder_outcome(terminals, terminal);

	if (outcome.end == OUTCOME_NEXT)
		outcome.end = next;
	else if (outcome.end == OUTCOME_RETURN)
		outcome.end = returned;
	else if (outcome.end == OUTCOME_MATCH)
		outcome.end = OUTCOME_NEXT;
	return builder_add_outcome(terminals, outcome);
}

/* The actions of A, then those of B, except attempts of labels that A attempted already. */
static diagram_ref outcome_then(void *terminals, diagram_ref a, diagram_ref b)
{
	struct builder *builder = terminals;
	const struct diagram_outcome *first = builder_outcome(builder, a);
	const struct diagram_outcome *second = builder_outcome(builder, b);
	struct action actions[2 * (ACTIONS_MAX + 1)];
	uint32_t numbers[2 * (ACTIONS_MAX + 1) + 1];
	struct diagram_outcome both = {actions, first->action_count, second->end,
				       first->numbers || second->numbers ? numbers : NULL};
	size_t i, j;

	for (i = 0; i < first->action_count; i++) {
		actions[i] = first->actions[i];
		numbers[i] = outcome_number(first, i);
	}
	for (i = 0; i < second->action_count; i++) {
		struct action action = second->actions[i];

		for (j = 0; j < first->action_count; j++)
			if (action.kind == ACTION_ATTEMPT && actions[j].kind == ACTION_ATTEMPT &&
			    actions[j].index == action.index)
				break;
		if (j < first->action_count)
			continue;
		numbers[both.action_count] = outcome_number(second, i);
		actions[both.action_count++] = action;
		if (actions_too_many(actions, both.action_count)) {
			both.end = OUTCOME_DROP;
			break;
		}
	}
	numbers[both.action_count] = outcome_number(second, second->action_count);
	return builder_add_outcome(builder, both);
}

const struct terminal_operations outcome_operations = {outcome_is_closed, outcome_make,
						       outcome_then, outcome_replace_ends};
