/* Walks a decision with one packet. */
#include "decision.h"

static u128 variable_value(const struct environment *environment, const struct packet *packet,
			   uint32_t variable)
{
	uint32_t interface;

	if (variable < VARIABLE_INTERFACES)
		return packet->values[variable];
	interface = variable - VARIABLE_INTERFACES;
	if (!environment->interface_known[interface])
		return INTERFACE_UNKNOWN;
	return packet->interface == interface ? INTERFACE_EQUALS : INTERFACE_DIFFERS;
}

uint32_t decision_branch(const struct diagram_node *node, const struct environment *environment,
			 const struct packet *packet)
{
	return diagram_interval(node, variable_value(environment, packet, node->variable));
}

const struct diagram_outcome *decision_eval(const struct decision *decision,
					    const struct environment *environment,
					    const struct packet *packet)
{
	diagram_ref ref = decision->roots[packet->family][packet->protocol];

	while (!ref_is_terminal(ref)) {
		const struct diagram_node *node = &decision->nodes[ref];

		ref = node->children[decision_branch(node, environment, packet)];
	}
	return &decision->outcomes[ref_index(ref)];
}
