/* Finds the rules of counters, which have the numbers of the order in which they stand in the files. */
#include "ast_to_policy.h"

/* Calls VISIT for each rule, in the order of the policy. */
static void each_rule(struct translation *t,
		      void (*visit)(struct translation *t, struct rule *rule))
{
	struct policy *policy = t->policy;
	size_t c, r;

	for (c = 0; c < policy->chain_count; c++)
		for (r = 0; r < policy->chains[c].count; r++)
			visit(t, &policy->chains[c].rules[r]);
}

/* Rules stand where they stay only when all of them are there. */
static void note_counter(struct translation *t, struct rule *rule)
{
	if (rule->counter != NO_INDEX)
		t->policy->counters[rule->counter] = rule;
}

void number_in_order(struct translation *t)
{
	t->policy->counters = arena_alloc(t->arena, t->policy->counter_count,
					  sizeof(*t->policy->counters));
	each_rule(t, note_counter);
}
