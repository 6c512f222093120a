/* Actions in order, as sklc.conf(5) has them: counters count, and the first label that has a socket gets the packet. */
#include "expected.h"

#include "compiler/base/arena.h"

#include <stdio.h>
#include <string.h>

struct counted counted_new(struct arena *arena, const struct policy *policy)
{
	return (struct counted){
		.rules = arena_alloc(arena, policy->counter_count + 1, sizeof(uint64_t))};
}

void counted_reset(struct counted *counted, const struct policy *policy)
{
	memset(counted->rules, 0, policy->counter_count * sizeof(uint64_t));
	memset(counted->hits, 0, sizeof(counted->hits));
	memset(counted->misses, 0, sizeof(counted->misses));
}

int expected_choice(const struct outcome *outcome, const struct packet *packet, const bool *filled,
		    struct counted *counted)
{
	uint32_t flow_class = 2u * (packet->family == FAMILY_IPV6) +
			      (packet->protocol == PROTOCOL_UDP);
	size_t i;

	for (i = 0; i < outcome->action_count; i++) {
		const struct action *action = &outcome->actions[i];
		uint32_t slot = action->index * ABI_FLOW_CLASSES + flow_class;

		if (action->kind == ACTION_COUNT) {
			counted->rules[action->index]++;
		} else if (filled[slot]) {
			counted->hits[slot]++;
			return (int)slot;
		} else {
			counted->misses[slot]++;
		}
	}
	return outcome->end == END_PASS ? CHOSE_PASS : CHOSE_DROP;
}

static bool same_outcome(const struct outcome *a, const struct diagram_outcome *b)
{
	size_t i;

	if (a->action_count != b->action_count ||
	    b->end != (a->end == END_PASS ? OUTCOME_PASS : OUTCOME_DROP))
		return false;
	for (i = 0; i < a->action_count; i++)
		if (!action_equal(&a->actions[i], &b->actions[i]))
			return false;
	return true;
}

/* Rules that compile have an outcome for each packet that is not too long. */
bool decided_alike(const struct policy *policy, const struct decision *decision,
		   const struct packet *packet, struct outcome *outcome)
{
	struct action actions[DECIDED_ACTIONS_MAX];
	struct diagram_outcome decided = decision_eval(decision, packet, actions);
	const struct rule *deciding;

	return policy_eval(policy, packet, outcome, &deciding) && same_outcome(outcome, &decided);
}

bool same_counters(const struct program *program, const struct layout_object *layout,
		   const struct counted *counted, char text[COUNTER_TEXT])
{
	uint64_t hits, misses;
	uint32_t i;

	for (i = 0; i < layout->counter_count; i++)
		if (program_rule_counter(program, i) != counted->rules[i]) {
			snprintf(text, COUNTER_TEXT, "counter %u is not %lu", i,
				 (unsigned long)counted->rules[i]);
			return false;
		}
	for (i = 0; i < layout->label_count * ABI_FLOW_CLASSES; i++) {
		if (!program_label_counter(program, i, &hits, &misses)) {
			snprintf(text, COUNTER_TEXT, "slot %u has no counters", i);
			return false;
		}
		if (hits != counted->hits[i] || misses != counted->misses[i]) {
			snprintf(text, COUNTER_TEXT, "slot %u counts %lu, %lu, not %lu, %lu", i,
				 (unsigned long)hits, (unsigned long)misses,
				 (unsigned long)counted->hits[i],
				 (unsigned long)counted->misses[i]);
			return false;
		}
	}
	return true;
}
