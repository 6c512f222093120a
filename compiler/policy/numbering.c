/* Finds the rules of counters, which have the numbers of the order in which they stand in the files. Numbers interfaces
 * in the order of the policy: first the top level, then each chain, then the devices of sockets. */
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

/* Numbers the interfaces that are first named by this rule. */
static void number_interfaces(struct translation *t, struct rule *rule)
{
	const struct match *match = &rule->match;
	uint32_t *number;
	size_t m, i;

	for (m = 0; m < match->interface_count; m++)
		for (i = 0; i < match->interfaces[m].count; i++) {
			number = &t->interface_numbers[match->interfaces[m].interfaces[i]];
			if (*number == NO_INDEX)
				*number = t->interfaces_numbered++;
		}
}

static void renumber_interfaces(struct translation *t, struct rule *rule)
{
	const struct match *match = &rule->match;
	uint32_t *interfaces;
	size_t m, i;

	for (m = 0; m < match->interface_count; m++) {
		interfaces = (uint32_t *)match->interfaces[m].interfaces;
		for (i = 0; i < match->interfaces[m].count; i++)
			interfaces[i] = t->interface_numbers[interfaces[i]];
	}
}

/* Numbers the devices of declared sockets that no rule names. */
static void number_devices(struct translation *t)
{
	size_t i;

	for (i = 0; i < t->policy->interface_count; i++)
		if (t->interface_numbers[i] == NO_INDEX)
			t->interface_numbers[i] = t->interfaces_numbered++;
}

static void reorder_interfaces(struct translation *t)
{
	struct policy *policy = t->policy;
	struct interface *ordered = arena_alloc(t->arena, policy->interface_count,
						sizeof(*ordered));
	size_t i;

	for (i = 0; i < policy->interface_count; i++)
		ordered[t->interface_numbers[i]] = policy->interfaces[i];
	policy->interfaces = ordered;
	for (i = 0; i < policy->expect_count; i++)
		if (policy->expects[i].packet.interface != NO_INDEX)
			policy->expects[i].packet.interface =
				t->interface_numbers[policy->expects[i].packet.interface];
}

void number_in_order(struct translation *t)
{
	size_t i, count = t->policy->interface_count;

	t->policy->counters = arena_alloc(t->arena, t->policy->counter_count,
					  sizeof(*t->policy->counters));
	each_rule(t, note_counter);
	t->interface_numbers = arena_alloc(t->arena, count, sizeof(*t->interface_numbers));
	for (i = 0; i < count; i++)
		t->interface_numbers[i] = NO_INDEX;
	each_rule(t, number_interfaces);
	each_rule(t, renumber_interfaces);
	number_devices(t);
	reorder_interfaces(t);
}
