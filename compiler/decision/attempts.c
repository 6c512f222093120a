/* Finds the labels that a decision attempts, and the flow classes in which it does. */
#include "decision.h"

#include "compiler/base/arena.h"

static void add_attempts(const struct decision *decision, const struct decision_part *part,
			 unsigned flow_class, uint8_t *attempts)
{
	struct arena *scratch = arena_new();
	bool *nodes = arena_alloc(scratch, decision->node_count, sizeof(*nodes));
	bool *outcomes = arena_alloc(scratch, decision->outcome_count, sizeof(*outcomes));
	size_t i, j;

	diagram_mark_reached(
		decision->nodes,
		part->roots[flow_class_family(flow_class)][flow_class_protocol(flow_class)], nodes,
		outcomes);
	for (i = 0; i < decision->outcome_count; i++) {
		const struct diagram_outcome *outcome = &decision->outcomes[i];

		for (j = 0; outcomes[i] && j < outcome->action_count; j++)
			if (outcome->actions[j].kind == ACTION_ATTEMPT)
				attempts[outcome->actions[j].index] |= (uint8_t)(1u << flow_class);
	}
	arena_free(scratch);
}

const uint8_t *decision_attempts(struct arena *arena, const struct decision *decision)
{
	uint8_t *attempts = arena_alloc(arena, decision->policy->label_count, sizeof(*attempts));
	unsigned flow_class;
	size_t i;

	for (i = 0; i < decision->part_count; i++)
		for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++)
			add_attempts(decision, &decision->parts[i], flow_class, attempts);
	return attempts;
}
