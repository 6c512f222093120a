/* A diagram does not know which rule an outcome comes from, since rules with the same outcome share it. So for each
 * child of a node in code, policy_eval, which knows the rule, decides a packet that reaches the child. */
#include "origins.h"

#include "compiler/base/arena.h"
#include "layout.h"

#include <string.h>

/* The limit for the children of nodes in code times the rules and map elements; beyond it, code has no origins. */
enum { EFFORT_MAX = 1 << 24 };

enum { WORD_BITS = 64 };

struct tracing {
	struct layout *layout;
	struct packet packet;
	bool *known; /* whether each interface exists on the host that PACKET arrives at */
	struct span *children, *nodes; /* the origins found so far, as in the layout */
	const uint32_t *first_children;
	bool *seen; /* of each node */
};

/* While tracing, the origin of code that several rules share. It becomes {0, 0} only at the end, since the policy's
 * end_span may be {0, 0}. */
static const struct span SEVERAL = {UINT32_MAX, UINT32_MAX};

static bool same_span(struct span a, struct span b)
{
	return a.first == b.first && a.end == b.end;
}

/* The origin of two parts of the code together. Where one part is the policy's end, it is the other's. */
static struct span common_origin(struct span a, struct span b, struct span end)
{
	if (same_span(a, b) || same_span(b, end))
		return a;
	return same_span(a, end) ? b : SEVERAL;
}

static struct span origin_of_packet(const struct tracing *tracing)
{
	const struct policy *policy = tracing->layout->policy;
	struct environment environment = {tracing->known};
	const struct rule *deciding;
	struct outcome outcome;

	policy_eval(policy, &environment, &tracing->packet, &outcome, &deciding);
	return deciding ? deciding->span : policy->end_span;
}

/* Changes the packet to be one in interval I of a node. */
static void set_value(struct tracing *tracing, const struct diagram_node *node, uint32_t i)
{
	enum operand operand = variable_operand(node->variable);
	u128 *values = tracing->packet.values;
	uint64_t value = (uint64_t)node->starts[i];
	uint32_t interface;

	if (operand == OPERAND_INTERFACE) {
		interface = variable_interface(node->variable);
		tracing->known[interface] = value != INTERFACE_UNKNOWN;
		if (value == INTERFACE_EQUALS)
			tracing->packet.interface = interface;
		else if (tracing->packet.interface == interface)
			tracing->packet.interface = NO_INDEX;
	} else {
		operand_set(operand, &values[operand_info(operand).field], value);
	}
}

/* Finds the origins of a node in code and of all code below it, and gives the node's. The packet is one that reaches
 * the node. */
static struct span trace(struct tracing *tracing, diagram_ref ref)
{
	const struct layout *layout = tracing->layout;
	const struct diagram_node *node;
	struct packet before = tracing->packet;
	struct span origin = layout->policy->end_span;
	uint32_t i;

	if (ref_is_terminal(ref))
		return origin_of_packet(tracing);
	if (layout->forms[ref] != FORM_CODE)
		return SEVERAL;
	if (tracing->seen[ref])
		return tracing->nodes[ref];
	tracing->seen[ref] = true;
	node = &layout->nodes[ref];
	for (i = 0; i < node->count; i++) {
		struct span child;

		set_value(tracing, node, i);
		child = trace(tracing, node->children[i]);
		tracing->children[tracing->first_children[ref] + i] = child;
		origin = common_origin(origin, child, layout->policy->end_span);
	}
	tracing->packet = before;
	tracing->nodes[ref] = origin;
	return origin;
}

static void clear_several(struct span *origins, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (same_span(origins[i], SEVERAL))
			origins[i] = (struct span){0, 0};
}

static size_t policy_size(const struct policy *policy)
{
	size_t size = 0;
	size_t i;

	for (i = 0; i < policy->chain_count; i++)
		size += policy->chains[i].count;
	for (i = 0; i < policy->map_count; i++)
		size += policy->maps[i].element_count;
	return size;
}

/* For each node, the index of its first child among the children of all nodes in code. */
static uint32_t *number_children(struct arena *arena, const struct layout *layout, uint32_t *count)
{
	uint32_t *first = arena_alloc(arena, layout->node_count + 1, sizeof(*first));
	size_t i;

	*count = 0;
	for (i = 0; i < layout->node_count; i++) {
		first[i] = *count;
		if (layout->forms[i] == FORM_CODE)
			*count += layout->nodes[i].count;
	}
	return first;
}

void layout_origins(struct arena *arena, struct layout *layout)
{
	struct tracing tracing = {.layout = layout};
	unsigned flow_class;
	uint32_t children;

	tracing.first_children = number_children(arena, layout, &children);
	tracing.children = arena_alloc(arena, children + 1, sizeof(*tracing.children));
	tracing.nodes = arena_alloc(arena, layout->node_count + 1, sizeof(*tracing.nodes));
	tracing.seen = arena_alloc(arena, layout->node_count + 1, sizeof(*tracing.seen));
	tracing.known = arena_alloc(arena, layout->policy->interface_count + 1, sizeof(bool));
	memset(tracing.known, true, layout->policy->interface_count);
	layout->first_children = tracing.first_children;
	layout->child_origins = tracing.children;
	layout->node_origins = tracing.nodes;
	if (children * policy_size(layout->policy) > EFFORT_MAX)
		return;
	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++) {
		tracing.packet = (struct packet){flow_class_family(flow_class),
						 flow_class_protocol(flow_class),
						 {0},
						 NO_INDEX};
		trace(&tracing, layout->roots[flow_class_family(flow_class)]
					     [flow_class_protocol(flow_class)]);
	}
	clear_several(tracing.children, children);
	clear_several(tracing.nodes, layout->node_count);
}
