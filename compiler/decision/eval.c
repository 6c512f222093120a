/* Walks a decision with one packet. */
#include "decision.h"

uint32_t decision_branch(const struct diagram_node *node, const struct packet *packet)
{
	return diagram_interval(node, packet->values[node->variable]);
}

static const struct diagram_outcome *part_outcome(const struct decision *decision,
						  const struct decision_part *part,
						  const struct packet *packet)
{
	diagram_ref ref = part->roots[packet->family][packet->protocol];

	while (!ref_is_terminal(ref)) {
		const struct diagram_node *node = &decision->nodes[ref];

		ref = node->children[decision_branch(node, packet)];
	}
	return &decision->outcomes[ref_index(ref)];
}

/* A walk through the outcomes of all parts in the order of their numbers. */
struct merging {
	const struct diagram_outcome *outcomes[PARTS_MAX];
	size_t next[PARTS_MAX]; /* index of the next action; after the last one, the end is next */
	size_t count;
};

static bool is_at_open_end(const struct merging *merging, size_t part)
{
	return merging->next[part] == merging->outcomes[part]->action_count &&
	       merging->outcomes[part]->end == OUTCOME_NEXT;
}

/* The part whose next action or final end has the least number; COUNT if all that is left are open
 * ends. */
static size_t next_part(const struct merging *merging)
{
	size_t least = merging->count, i;

	for (i = 0; i < merging->count; i++)
		if (!is_at_open_end(merging, i) &&
		    (least == merging->count ||
		     outcome_number(merging->outcomes[i], merging->next[i]) <
			     outcome_number(merging->outcomes[least], merging->next[least])))
			least = i;
	return least;
}

static bool was_attempted(const struct diagram_outcome *outcome, const struct action *action)
{
	size_t i;

	for (i = 0; i < outcome->action_count; i++)
		if (action->kind == ACTION_ATTEMPT && outcome->actions[i].kind == ACTION_ATTEMPT &&
		    outcome->actions[i].index == action->index)
			return true;
	return false;
}

struct diagram_outcome decision_eval(const struct decision *decision, const struct packet *packet,
				     struct action actions[DECIDED_ACTIONS_MAX])
{
	struct diagram_outcome all = {actions, 0, OUTCOME_DROP, NULL};
	struct merging merging = {.count = decision->part_count};
	size_t part, i;

	for (i = 0; i < merging.count; i++)
		merging.outcomes[i] = part_outcome(decision, &decision->parts[i], packet);
	while (part = next_part(&merging), part < merging.count) {
		const struct diagram_outcome *outcome = merging.outcomes[part];
		const struct action *action = &outcome->actions[merging.next[part]];

		if (merging.next[part]++ == outcome->action_count) {
			all.end = outcome->end;
			return all;
		}
		if (!was_attempted(&all, action))
			actions[all.action_count++] = *action;
	}
	all.end = decision->policy->end == VERDICT_PASS ? OUTCOME_PASS : OUTCOME_DROP;
	return all;
}
