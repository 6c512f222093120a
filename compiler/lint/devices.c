/* Warns of labels whose declared sockets are all bound to devices, while rules redirect packets
 * of other interfaces to them: connections are reset, datagrams answered by the device. Looks
 * only at what the diagram says of a packet that comes in by none of these devices, so it does
 * not matter which rule, or which before it, asks for the interface. */
#include "lint.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"

#include <string.h>

/* Sets DEVICES, by interface class, for the devices of the declaration; false if an endpoint has none. */
static bool mark_devices(const struct policy *policy, const struct socket_declaration *declared,
			 bool *devices)
{
	size_t i;

	for (i = 0; i < declared->endpoint_count; i++) {
		if (!declared->endpoints[i].device)
			return false;
		devices[interface_class(policy, declared->endpoints[i].device)] = true;
	}
	return declared->endpoint_count;
}

static bool attempts_label(const struct diagram_outcome *outcome, uint32_t label)
{
	size_t i;

	for (i = 0; i < outcome->action_count; i++)
		if (outcome->actions[i].kind == ACTION_ATTEMPT &&
		    outcome->actions[i].index == label)
			return true;
	return false;
}

/* What is asked of a diagram: whether it attempts the label for a packet of none of the devices. */
struct question {
	const struct decision *decision;
	uint32_t label;
	const bool *devices; /* by interface class */
	bool *reached;       /* by node */
	bool attempted;
};

static void reach(struct question *question, diagram_ref ref)
{
	if (!ref_is_terminal(ref))
		question->reached[ref_index(ref)] = true;
	else if (attempts_label(&question->decision->outcomes[ref_index(ref)], question->label))
		question->attempted = true;
}

/* Whether interval I of a node has the class of an interface that is none of the devices. */
static bool has_others(const struct question *question, const struct diagram_node *node, uint32_t i)
{
	u128 end = class_other(question->decision->policy) + 1u, at = node->starts[i];

	if (i + 1 < node->count && node->starts[i + 1] < end)
		end = node->starts[i + 1];
	while (at < end && (at == CLASS_NOT_KNOWN || question->devices[at]))
		at++;
	return at < end;
}

/* Goes on where the packet came in by none of the devices, if the node asks for the interface. */
static void reach_children(struct question *question, const struct diagram_node *node)
{
	uint32_t i;

	for (i = 0; i < node->count; i++)
		if (node->variable != FIELD_IIFNAME || has_others(question, node, i))
			reach(question, node->children[i]);
}

/* Children come before their parents. */
static bool is_attempted_elsewhere(struct lint *lint, uint32_t label, const bool *devices)
{
	const struct decision *decision = lint->decision;
	struct question question = {.decision = decision, .label = label, .devices = devices};
	unsigned flow_class;
	size_t i;

	question.reached = arena_alloc(lint->arena, decision->node_count + 1,
				       sizeof(*question.reached));
	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++)
		reach(&question, decision->parts[0].roots[flow_class_family(flow_class)]
							 [flow_class_protocol(flow_class)]);
	for (i = decision->node_count; i-- > 0;)
		if (question.reached[i])
			reach_children(&question, &decision->nodes[i]);
	return question.attempted;
}

void lint_devices(struct lint *lint)
{
	const struct policy *policy = lint->policy;
	size_t i;

	if (!diag_wants(lint->diag, WARNING_LABEL))
		return;
	for (i = 0; i < policy->socket_count; i++) {
		const struct socket_declaration *declared = &policy->sockets[i];
		bool *devices = arena_alloc(lint->arena, class_other(policy) + 1u,
					    sizeof(*devices));

		if (!mark_devices(policy, declared, devices))
			continue;
		if (!lint_spend(lint, lint->decision->interval_count))
			return;
		if (!is_attempted_elsewhere(lint, declared->label, devices))
			continue;
		diag_warning(lint->diag, WARNING_LABEL, declared->endpoints[0].device_span,
			     "the sockets of label '%s' are bound to devices, and rules redirect "
			     "packets of other interfaces to it: these are reset, or answered by "
			     "the wrong device",
			     policy->labels[declared->label].name);
		diag_note(lint->diag, declared->span,
			  "let the rules match the interface: 'iifname \"%s\"'",
			  declared->endpoints[0].device);
	}
}
