/* Walks a decision with one packet. */
#include "decision.h"

uint32_t decision_branch(const struct diagram_node *node, const struct packet *packet)
{
	return diagram_interval(node, packet->values[node->variable]);
}

const struct diagram_outcome *decision_eval(const struct decision *decision,
					    const struct packet *packet)
{
	diagram_ref ref = decision->roots[packet->family][packet->protocol];

	while (!ref_is_terminal(ref)) {
		const struct diagram_node *node = &decision->nodes[ref];

		ref = node->children[decision_branch(node, packet)];
	}
	return &decision->outcomes[ref_index(ref)];
}
