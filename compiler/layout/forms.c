/* A node becomes compare code where code, together with all nodes below the node, costs a packet less time on average
 * than tables. Tables cannot lead back to code, so all nodes below a node in tables are in tables too. */
#include "forms.h"

#include "compiler/base/arena.h"
#include "cost.h"
#include "layout.h"

/* In a diagram with more nodes, the cost of each is estimated more roughly, which is faster. */
enum { FEW_NODES = 256 };

/* The mean cost of all nodes below a node, if its intervals are equally likely. IN_TABLES: the node is in tables, so
 * those below it are too. */
static uint64_t mean_below(const struct diagram_node *node, const struct form_costs *costs,
			   bool in_tables)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < node->count; i++) {
		const struct form_costs *child;

		if (ref_is_terminal(node->children[i]))
			continue;
		child = &costs[node->children[i]];
		sum += in_tables || !is_better_in_code(child) ? child->tables_ps : child->code_ps;
	}
	return sum / node->count;
}

static const struct form_costs *find_costs(struct arena *arena, const struct layout *layout)
{
	struct form_costs *costs = arena_alloc(arena, layout->node_count + 1, sizeof(*costs));
	size_t i;

	for (i = 0; i < layout->node_count; i++) {
		const struct diagram_node *node = &layout->nodes[i];

		costs[i].code_ps = node->count > CODE_MAX ? UINT64_MAX
							  : cost_code(node->count) +
								    mean_below(node, costs, false);
		costs[i].tables_ps = cost_table(node, layout->node_count > FEW_NODES) +
				     mean_below(node, costs, true);
	}
	return costs;
}

struct choice {
	const struct layout *layout;
	const struct form_costs *costs; /* NULL: every node is code while there is room */
	uint8_t *forms;
	diagram_ref *queue; /* the nodes in code, roots first */
	size_t queued;
	size_t intervals, intervals_max; /* in code */
};

/* Puts a node and all nodes below it in tables. */
static void mark_table(struct choice *choice, diagram_ref ref)
{
	const struct diagram_node *node;
	uint32_t i;

	if (ref_is_terminal(ref) || choice->forms[ref] == FORM_TABLE)
		return;
	node = &choice->layout->nodes[ref];
	if (choice->forms[ref] == FORM_CODE)
		choice->intervals -= node->count;
	choice->forms[ref] = FORM_TABLE;
	for (i = 0; i < node->count; i++)
		mark_table(choice, node->children[i]);
}

/* Decides whether a node is in code, unless that is decided already. */
static void choose_form(struct choice *choice, diagram_ref ref)
{
	uint32_t count;

	if (ref_is_terminal(ref) || choice->forms[ref] != FORM_UNUSED)
		return;
	count = choice->layout->nodes[ref].count;
	if (choice->intervals + count > choice->intervals_max ||
	    (choice->costs && !is_better_in_code(&choice->costs[ref]))) {
		mark_table(choice, ref);
		return;
	}
	choice->forms[ref] = FORM_CODE;
	choice->intervals += count;
	choice->queue[choice->queued++] = ref;
}

void layout_forms(struct arena *arena, struct layout *layout, enum table_kind tables)
{
	struct choice choice = {
		.layout = layout,
		.forms = arena_alloc(arena, layout->node_count + 1, sizeof(uint8_t)),
		.queue = arena_alloc(arena, layout->node_count + 1, sizeof(diagram_ref)),
	};
	unsigned flow_class;
	size_t next, part;
	uint32_t i;

	if (tables == TABLES_AUTO) {
		choice.costs = layout->form_costs = find_costs(arena, layout);
		choice.intervals_max = CODE_MAX;
	} else if (tables == TABLES_CODE) {
		choice.intervals_max = FORCED_CODE_MAX;
	}
	for (part = 0; part < layout->part_count; part++)
		for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++)
			choose_form(&choice, layout->roots[part][flow_class_family(flow_class)]
							  [flow_class_protocol(flow_class)]);
	for (next = 0; next < choice.queued; next++) {
		const struct diagram_node *node = &layout->nodes[choice.queue[next]];

		for (i = 0; i < node->count; i++)
			choose_form(&choice, node->children[i]);
	}
	layout->forms = choice.forms;
	layout->code_intervals = choice.intervals;
}
