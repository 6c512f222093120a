/* A diagram does not know which rule an outcome comes from, since rules with the same outcome share it, and shares
 * the nodes that lead there. So the packets of every path through the nodes in code are decided by policy_eval, which
 * knows the rule. Of an interval of a node, a packet is taken for each part that the rules and maps tell apart. A
 * decision of several parts has no origins: a path through the code of one of them does not say which rule decides. */
#include "origins.h"

#include "boundaries.h"
#include "compiler/base/arena.h"
#include "layout.h"

/* The limit for the packets times the rules and map elements. Code that more packets come to has no origins. */
enum { EFFORT_MAX = 1 << 24 };

/* The values of an operand that come to a node. */
struct values {
	uint64_t first, last;
};

struct tracing {
	struct layout *layout;
	struct packet packet;
	struct values values[OPERAND_COUNT];
	struct boundaries boundaries;
	struct span *children, *nodes, *splits; /* the origins found so far, as in the layout */
	const uint32_t *first_children;
	bool *has_child, *has_node; /* whether there is an origin yet */
	bool *given_up;             /* of each node */
	size_t packets_left;
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

/* Adds the origin of other packets to that of a part of the code. */
static void add_origin(const struct tracing *tracing, struct span *origin, bool *has_origin,
		       struct span other)
{
	*origin = *has_origin ? common_origin(*origin, other, tracing->layout->policy->end_span)
			      : other;
	*has_origin = true;
}

static struct span origin_of_packet(struct tracing *tracing)
{
	const struct policy *policy = tracing->layout->policy;
	const struct rule *deciding;
	struct outcome outcome;

	if (!tracing->packets_left)
		return SEVERAL;
	tracing->packets_left--;
	policy_eval(policy, &tracing->packet, &outcome, &deciding);
	return deciding ? deciding->span : policy->end_span;
}

/* Says that a node, and all code below it, comes from several rules. */
static void give_up(struct tracing *tracing, diagram_ref ref)
{
	const struct diagram_node *node;
	uint32_t i, first;

	if (ref_is_terminal(ref) || tracing->layout->forms[ref] != FORM_CODE ||
	    tracing->given_up[ref])
		return;
	tracing->given_up[ref] = true;
	node = &tracing->layout->nodes[ref];
	first = tracing->first_children[ref];
	tracing->nodes[ref] = SEVERAL;
	tracing->has_node[ref] = true;
	for (i = 0; i < node->count; i++) {
		tracing->children[first + i] = SEVERAL;
		tracing->has_child[first + i] = true;
		give_up(tracing, node->children[i]);
	}
}

static void trace(struct tracing *tracing, diagram_ref ref, struct span *origin, bool *has_origin);

/* Traces the packets that come to child I of a node, one for each part of the interval. Those of the last part are
 * left in the packet. */
static void trace_interval(struct tracing *tracing, const struct diagram_node *node, uint32_t i,
			   struct span *origin, bool *has_origin)
{
	enum operand operand = variable_operand(node->variable);
	struct values *values = &tracing->values[operand], before = *values;
	uint64_t next = (uint64_t)node->starts[i], last = before.last;

	if (i + 1 < node->count && (uint64_t)node->starts[i + 1] - 1 < last)
		last = (uint64_t)node->starts[i + 1] - 1;
	if (next < before.first)
		next = before.first;
	while (next <= last) {
		values->first = next;
		values->last = boundaries_last(&tracing->boundaries, operand, next, last);
		operand_set(operand, &tracing->packet.values[operand_info(operand).field], next);
		trace(tracing, node->children[i], origin, has_origin);
		if (values->last == last)
			break;
		next = values->last + 1;
	}
	*values = before;
}

/* Finds the origins of a node in code and of all code below it, for packets with the values that the path to the node
 * leaves; the packet is one of them. Adds theirs to ORIGIN. */
static void trace(struct tracing *tracing, diagram_ref ref, struct span *origin, bool *has_origin)
{
	const struct layout *layout = tracing->layout;
	const struct packet before = tracing->packet;
	const struct diagram_node *node;
	struct span here = SEVERAL;
	bool has_here = false;
	uint32_t i, at;

	if (ref_is_terminal(ref) || layout->forms[ref] != FORM_CODE || !tracing->packets_left) {
		give_up(tracing, ref);
		here = ref_is_terminal(ref) ? origin_of_packet(tracing) : SEVERAL;
		add_origin(tracing, origin, has_origin, here);
		return;
	}
	node = &layout->nodes[ref];
	for (i = 0; i < node->count; i++) {
		struct span child = SEVERAL;
		bool has_child = false;

		at = tracing->first_children[ref] + i;
		trace_interval(tracing, node, i, &child, &has_child);
		if (!has_child)
			continue;
		add_origin(tracing, &tracing->children[at], &tracing->has_child[at], child);
		add_origin(tracing, &here, &has_here, child);
	}
	tracing->packet = before;
	add_origin(tracing, &tracing->nodes[ref], &tracing->has_node[ref], here);
	add_origin(tracing, origin, has_origin, here);
}

/* Gives the origin of the children [first, end) of a node, and sets those of the comparisons that tell them apart. AT
 * is where the node's children are. */
static struct span set_splits(struct tracing *tracing, uint32_t at, uint32_t first, uint32_t end)
{
	uint32_t middle = layout_split(first, end);
	struct span lower, upper;

	if (end - first == 1)
		return tracing->has_child[at + first] ? tracing->children[at + first] : SEVERAL;
	lower = set_splits(tracing, at, first, middle);
	upper = set_splits(tracing, at, middle, end);
	return tracing->splits[at + middle] = common_origin(lower, upper,
							    tracing->layout->policy->end_span);
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
	for (i = 0; i < policy->key_set_count; i++)
		size += policy->key_sets[i].element_count;
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

static void trace_all(struct arena *scratch, struct tracing *tracing, size_t children)
{
	struct layout *layout = tracing->layout;
	unsigned flow_class;
	size_t i;

	tracing->boundaries = boundaries_of(scratch, layout);
	tracing->has_child = arena_alloc(scratch, children, sizeof(bool));
	tracing->has_node = arena_alloc(scratch, layout->node_count, sizeof(bool));
	tracing->given_up = arena_alloc(scratch, layout->node_count, sizeof(bool));
	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++) {
		enum family family = flow_class_family(flow_class);
		enum protocol protocol = flow_class_protocol(flow_class);
		struct span origin = SEVERAL;
		bool has_origin = false;
		enum operand operand;

		for (operand = 0; operand < OPERAND_COUNT; operand++)
			tracing->values[operand] = (struct values){0, operand_last(operand)};
		tracing->packet = (struct packet){family, protocol, {0}};
		tracing->packet.values[FIELD_IIFNAME] = class_other(layout->policy);
		trace(tracing, layout->roots[0][family][protocol], &origin, &has_origin);
	}
	for (i = 0; i < layout->node_count; i++)
		if (layout->forms[i] == FORM_CODE)
			set_splits(tracing, tracing->first_children[i], 0, layout->nodes[i].count);
	clear_several(tracing->splits, children);
	clear_several(tracing->children, children);
	clear_several(tracing->nodes, layout->node_count);
}

void layout_origins(struct arena *arena, struct layout *layout)
{
	struct tracing tracing = {.layout = layout};
	struct arena *scratch = arena_new();
	uint32_t children;

	tracing.first_children = number_children(arena, layout, &children);
	tracing.children = arena_alloc(arena, children + 1, sizeof(*tracing.children));
	tracing.nodes = arena_alloc(arena, layout->node_count + 1, sizeof(*tracing.nodes));
	layout->first_children = tracing.first_children;
	layout->child_origins = tracing.children;
	layout->split_origins = tracing.splits = arena_alloc(arena, children + 1,
							     sizeof(*tracing.splits));
	layout->node_origins = tracing.nodes;
	tracing.packets_left = EFFORT_MAX / (policy_size(layout->policy) + 1);
	if (children && children <= tracing.packets_left && layout->part_count == 1)
		trace_all(scratch, &tracing, children);
	arena_free(scratch);
}
