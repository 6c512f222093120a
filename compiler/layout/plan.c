/* Looks at the nodes of each key together: their number, their sizes, the window that they differ in, and for
 * ports the classes that they share. */
#include "plan.h"

#include "classes.h"
#include "compiler/base/arena.h"
#include "cost.h"
#include "table_format.h"

#include <stdlib.h>
#include <string.h>

/* Nodes of this part of the largest one's size and more have a root as it has. */
enum { ROOT_PART = 8 };

/* And where all nodes must have one, roots may weigh so many times what the trees do that they stand above. */
enum { STRIDES_WORTH = 4 };

/* Entries are to save this part of what a packet costs, since they weigh twice what references do. */
enum { RANGES_GAIN_PART = 16 };

/* A cross may be so many times larger than the trees that it stands for. */
enum { CROSS_WORTH = 4 };

/* More runs of ports than this are looked up by a table, not compared in code. */
enum { RUNS_IN_CODE = 9 };

/* Whether a table of equivalence classes has an entry for each of its values. */
static bool has_few_values(enum operand operand)
{
	return operand < OPERAND_INTERFACE && operand_bits(operand) == 16;
}

struct operand_plan *plan_of(struct plan *plan, const struct diagram_node *node)
{
	return &plan->operands[node->variable >> SEARCH_SHIFT][variable_operand(node->variable)];
}

/* An interface node takes one level, above those of the nodes below it. */
static uint32_t interface_level(const struct plan *plan, const struct diagram_node *node)
{
	uint32_t below = 0;
	uint32_t i;

	for (i = 0; i < node->count; i++)
		if (!ref_is_outcome(node->children[i]) &&
		    plan->interface_levels[node->children[i]] > below)
			below = plan->interface_levels[node->children[i]];
	return below + 1;
}

static void count_nodes(const struct layout *layout, struct plan *plan)
{
	uint32_t i;

	for (i = 0; i < layout->node_count; i++) {
		const struct diagram_node *node = &layout->nodes[i];
		struct operand_plan *operand = plan_of(plan, node);

		if (layout->forms[i] != FORM_TABLE)
			continue;
		operand->nodes++;
		operand->tree_bytes += cost_tree_bytes(node->count);
		if (!operand->largest || node->count > operand->largest->count)
			operand->largest = node;
		if (!operand->smallest || node->count < operand->smallest->count)
			operand->smallest = node;
		if (variable_operand(node->variable) == OPERAND_INTERFACE)
			plan->interface_levels[i] = interface_level(plan, node);
	}
}

static struct layout_step *new_step(struct arena *arena, enum step_kind kind, enum operand operand)
{
	struct layout_step *step = arena_alloc(arena, 1, sizeof(*step));

	*step = (struct layout_step){.kind = kind, .operand = operand};
	return step;
}

static void fill_class_bytes(unsigned char *bytes, const struct layout_classes *classes)
{
	uint32_t port, run = 0;

	for (port = 0; port < CLASS_TABLE; port++) {
		if (run + 1 < classes->run_count && classes->starts[run] == port)
			run++;
		bytes[port] = classes->of_run[run];
	}
}

bool node_has_stride(const struct operand_plan *plan, const struct diagram_node *node)
{
	return plan->root && node->count >= plan->stride_from;
}

struct parts parts_of(const struct layout_step *root, const struct diagram_node *node)
{
	return (struct parts){.root = root, .part = {node, 0, 1}};
}

bool parts_next(struct parts *parts)
{
	const struct layout_step *root = parts->root;
	const struct diagram_node *node = parts->part.node;
	u128 base = (u128)root->window.prefix << root->window.bits;
	u128 first = base + ((u128)parts->child << stride_shift(root));
	u128 next = first + ((u128)1 << stride_shift(root));
	struct part part = {node, parts->part.end - 1, 0};

	if (parts->child >> root->stride_bits)
		return false;
	while (part.first + 1 < node->count && node->starts[part.first + 1] <= first)
		part.first++;
	for (part.end = part.first + 1; part.end < node->count; part.end++)
		if (node->starts[part.end] >= next)
			break;
	parts->part = part;
	parts->child++;
	return true;
}

bool is_in_stride(const struct layout_step *root, struct part part)
{
	if (root->has_ranges)
		return fits_entry(part.node, part.first, part.end);
	return part.end - part.first == 1;
}

/* The smallest window that has all starts of the nodes of one variable that have FROM intervals at least but less
 * than END; and the last BEFORE words before the first of them. */
static struct layout_window window_of(const struct layout *layout, uint32_t variable, uint32_t from,
				      uint32_t end, unsigned before)
{
	uint64_t first = UINT64_MAX, last = 0, all = 0;
	uint32_t i, j;

	for (i = 0; i < layout->node_count; i++) {
		const struct diagram_node *node = &layout->nodes[i];

		if (layout->forms[i] != FORM_TABLE || node->variable != variable ||
		    node->count < from || node->count >= end)
			continue;
		if (node->starts[1] - before < first)
			first = (uint64_t)(node->starts[1] - before);
		if (node->starts[node->count - 1] > last)
			last = (uint64_t)node->starts[node->count - 1];
		for (j = 1; j < node->count; j++)
			all |= (uint64_t)node->starts[j];
	}
	return first > last ? (struct layout_window){0} : layout_window_of(first, last, all);
}

/* A lane has a bit more than what it compares; so a window as wide as a lane wants a root that takes one away. */
static bool fills_lanes(struct layout_window window)
{
	unsigned bits = window.bits - window.skip;

	return bits == 16 || bits == 32 || bits == 64;
}

/* The one step at which all nodes of a key begin; NULL if they begin at several. */
static struct layout_step *only_entry(const struct operand_plan *plan)
{
	if (plan->cross || plan->lpm)
		return plan->cross ? plan->cross : plan->lpm;
	return node_has_stride(plan, plan->smallest) ? plan->root : NULL;
}

/* Whether results of one key may say this as two bytes: an early row, or a node of the only key that they
 * lead to. */
static bool is_narrow_result(const struct layout *layout, struct plan *plan,
			     struct operand_plan *operand_plan, diagram_ref ref)
{
	struct operand_plan *next;

	if (ref_is_outcome(ref))
		return layout->rows_of[ref_index(ref)] < NARROW_BIT;
	next = plan_of(plan, &layout->nodes[ref]);
	if (operand_plan->narrow_next && operand_plan->narrow_next != next)
		return false;
	operand_plan->narrow_next = next;
	return next->nodes <= NARROW_BIT && only_entry(next);
}

/* Whether all results of a key's nodes can have two bytes. The keys that they lead to are planned. */
static bool are_results_narrow(const struct layout *layout, struct plan *plan,
			       struct operand_plan *operand_plan)
{
	uint32_t i, j;

	for (i = 0; i < layout->node_count; i++) {
		const struct diagram_node *node = &layout->nodes[i];

		if (layout->forms[i] != FORM_TABLE || plan_of(plan, node) != operand_plan)
			continue;
		for (j = 0; j < node->count; j++)
			if (!is_narrow_result(layout, plan, operand_plan, node->children[j]))
				return false;
	}
	return true;
}

static uint64_t chosen_ps(const struct operand_plan *plan)
{
	if (!plan->root)
		return plan->costs.tree_ps;
	return plan->root->has_ranges ? plan->costs.ranges_ps : plan->costs.stride_ps;
}

static bool wants_ranges(const struct search_costs *costs, enum table_kind tables)
{
	if (!costs->ranges_ps)
		return false;
	if (tables == TABLES_AUTO)
		return costs->ranges_ps + costs->ranges_ps / RANGES_GAIN_PART < costs->stride_ps;
	return tables == TABLES_RANGES;
}

static void plan_stride(struct arena *arena, const struct layout *layout, struct operand_plan *plan,
			uint32_t variable, enum table_kind tables)
{
	struct layout_step *root = new_step(arena, STEP_STRIDE, variable_operand(variable));
	struct layout_window all = window_of(layout, variable, 0, UINT32_MAX, 1);
	bool must = all.bits - all.skip == 64 || (tables == TABLES_SPLUS && fills_lanes(all));
	struct stride_widths widths;

	plan->stride_from = must ? 0 : plan->largest->count / ROOT_PART + 1;
	root->window = window_of(layout, variable, plan->stride_from, UINT32_MAX, 0);
	plan->window = window_of(layout, variable, 0, plan->stride_from, 1);
	plan->costs = cost_stride(root->window, plan->largest,
				  plan->tree_bytes / cost_tree_bytes(plan->largest->count),
				  plan->is_narrow, &widths);
	if (must)
		plan->costs.tree_ps = 0;
	plan->root = root;
	root->has_ranges = wants_ranges(&plan->costs, tables);
	root->stride_bits = root->has_ranges ? widths.ranges : widths.references;
	if (tables == TABLES_SPLUS)
		root->stride_bits = must;
	else if (tables == TABLES_AUTO && !must && plan->costs.tree_ps <= chosen_ps(plan))
		root->stride_bits = 0;
	/* Where even the smallest nodes must have one, it is not to weigh more than they do. */
	while (must && root->stride_bits > 1 &&
	       plan->nodes * (sizeof(uint32_t) << root->stride_bits) >
		       STRIDES_WORTH * plan->tree_bytes)
		root->stride_bits--;
	if (!root->stride_bits) {
		plan->root = NULL;
		plan->window = all;
	}
}

/* Makes the key's nodes rows over classes, where those are few enough; of several ways, if it costs less than
 * roots and trees. */
static void plan_cross(struct arena *arena, const struct layout *layout, struct plan *plan,
		       uint32_t variable, enum table_kind tables)
{
	struct operand_plan *operand_plan =
		&plan->operands[variable >> SEARCH_SHIFT][variable_operand(variable)];
	struct layout_step *cross = new_step(arena, STEP_CROSS, variable_operand(variable));
	struct search_costs *costs = &operand_plan->costs;
	size_t most = CROSS_WORTH * operand_plan->tree_bytes /
		      (operand_plan->nodes * sizeof(uint32_t));

	if (operand_plan->nodes == 1 ||
	    !classes_of(arena, layout, variable, most < CLASSES_MAX ? (uint32_t)most : CLASSES_MAX,
			&cross->classes))
		return;
	cross->class_table = cross->classes.run_count > RUNS_IN_CODE ? plan->class_tables
								     : NO_INDEX;
	costs->cross_ps = cost_cross((size_t)operand_plan->nodes * masked_room(cross_used(cross)) *
				     sizeof(uint16_t));
	if (tables == TABLES_AUTO && costs->cross_ps > chosen_ps(operand_plan))
		return;
	operand_plan->cross = cross;
	operand_plan->root = NULL;
	if (!has_class_table(cross))
		return;
	plan->class_tables++;
	operand_plan->class_bytes = arena_alloc(arena, CLASS_TABLE, 1);
	fill_class_bytes(operand_plan->class_bytes, &cross->classes);
}

/* The order in which a machine's keys are asked for; interfaces come last. */
static size_t operand_order(const struct layout_search *search,
			    enum operand operands[OPERANDS_PLANNED])
{
	enum operand operand, end;
	enum family family;
	size_t count = 0, i;

	for (i = 0; i < FIELD_COUNT; i++)
		for (family = 0; family < FAMILY_COUNT; family++) {
			end = operands_of(search->order[i], family, &operand);
			if (family && operand == operands[count - 1])
				continue;
			for (end += operand; operand < end; operand++) {
				operands[count++] = operand;
				if (!has_few_values(operand))
					operands[count++] = (enum operand)(operand + OPERAND_AGAIN);
			}
		}
	operands[count++] = OPERAND_INTERFACE;
	return count;
}

/* Chooses what the nodes of a key may use beside lines. */
static void choose_kind(struct arena *arena, const struct layout *layout, struct plan *plan,
			uint32_t variable, enum table_kind tables)
{
	enum operand operand = variable_operand(variable);
	struct operand_plan *operand_plan = &plan->operands[variable >> SEARCH_SHIFT][operand];

	if (!operand_plan->nodes)
		return;
	if (tables == TABLES_LPM) {
		operand_plan->lpm = new_step(arena, STEP_LPM, operand);
		return;
	}
	operand_plan->is_narrow = are_results_narrow(layout, plan, operand_plan);
	plan_stride(arena, layout, operand_plan, variable, tables);
	if (has_few_values(operand) && tables != TABLES_SPLUS)
		plan_cross(arena, layout, plan, variable, tables);
}

/* From the last key that a machine asks for to the first, each of which may lead to those after it alone. */
static void choose_kinds(struct arena *arena, const struct layout *layout, struct plan *plan,
			 enum table_kind tables)
{
	enum operand operands[OPERANDS_PLANNED];
	uint32_t search;
	size_t i;

	for (search = 0; search < layout->search_count; search++)
		for (i = operand_order(&layout->searches[search], operands) - 1; i-- > 0;)
			choose_kind(arena, layout, plan, search << SEARCH_SHIFT | operands[i],
				    tables);
}

/* What the levels of a tree have in common. */
static struct layout_step inner_step(const struct operand_plan *plan, enum operand operand,
				     bool is_below_stride)
{
	struct layout_step step = {
		.kind = STEP_INNER, .operand = operand, .is_below_stride = is_below_stride};

	if (operand == OPERAND_INTERFACE)
		return (struct layout_step){.kind = STEP_INTERFACE,
					    .operand = operand,
					    .element_bytes = sizeof(struct layout_interface)};
	step.is_narrow = plan->is_narrow;
	step.window = plan->window;
	if (is_below_stride)
		step.window = (struct layout_window){0, stride_shift(plan->root),
						     plan->root->window.skip};
	step.lane_bits = lane_bits_for(compared_bits(&step));
	step.element_bytes = NODE_BYTES;
	return step;
}

static uint32_t tree_levels(const struct layout_step *line, uint32_t intervals)
{
	uint32_t capacity = leaf_shape(line).keys + 1, levels = 1;

	for (; intervals > capacity; levels++) {
		intervals = (intervals + capacity - 1) / capacity;
		capacity = inner_keys(line) + 1;
	}
	return levels;
}

static void need_levels(struct tree_plan *tree, uint32_t levels)
{
	if (levels > tree->level_count)
		tree->level_count = levels;
}

/* The levels of lines that a node needs, below its root if it has one. */
static void count_node_levels(struct operand_plan *plan, const struct diagram_node *node,
			      enum operand operand)
{
	struct layout_step line = inner_step(plan, operand, node_has_stride(plan, node));
	struct parts parts;
	uint32_t largest = 1;

	if (!node_has_stride(plan, node)) {
		need_levels(&plan->whole, tree_levels(&line, node->count));
		return;
	}
	for (parts = parts_of(plan->root, node); parts_next(&parts);)
		if (!is_in_stride(plan->root, parts.part) &&
		    parts.part.end - parts.part.first > largest)
			largest = parts.part.end - parts.part.first;
	if (largest > 1)
		need_levels(&plan->below, tree_levels(&line, largest));
}

static void count_levels(const struct layout *layout, struct plan *plan)
{
	uint32_t i;

	for (i = 0; i < layout->node_count; i++) {
		const struct diagram_node *node = &layout->nodes[i];
		struct operand_plan *operand_plan = plan_of(plan, node);
		enum operand operand = variable_operand(node->variable);

		if (layout->forms[i] != FORM_TABLE || operand_plan->cross || operand_plan->lpm)
			continue;
		if (operand == OPERAND_INTERFACE)
			need_levels(&operand_plan->whole, plan->interface_levels[i]);
		else
			count_node_levels(operand_plan, node, operand);
	}
}

/* Puts a step, if there is one, at the end of a machine's. */
static void place_step(struct layout_search *search, struct layout_step **step, uint32_t *tag)
{
	struct layout_step *place = (struct layout_step *)&search->steps[search->step_count];

	if (!*step)
		return;
	*place = **step;
	place->tag = (*tag)--;
	*step = place;
	search->step_count++;
}

static void place_tree(struct arena *arena, struct layout_search *search, struct tree_plan *tree,
		       struct layout_step line, uint32_t *tag)
{
	uint32_t level = tree->level_count;
	struct layout_step *step;

	tree->levels = arena_alloc(arena, level, sizeof(*tree->levels));
	while (level-- > 0) {
		step = &line;
		if (level == 0 && line.kind == STEP_INNER)
			line.kind = STEP_LEAF;
		place_step(search, &step, tag);
		tree->levels[level] = step;
		line.costs = (struct search_costs){0};
	}
}

/* Puts the steps of one key at the end of a machine's. */
static void place_steps(struct arena *arena, struct layout_search *search,
			struct operand_plan *plan, enum operand operand, uint32_t *tag)
{
	struct layout_step whole;

	if (plan->root) {
		uint32_t children = (UINT32_C(1) << plan->root->stride_bits) +
				    (is_whole_word(plan->root) ? 0 : 2);

		plan->root->element_bytes = child_bytes(plan->root) * children;
		plan->root->costs = plan->costs;
	}
	if (plan->cross) {
		plan->cross->costs = plan->costs;
		plan->cross->is_narrow = plan->is_narrow;
		plan->cross->element_bytes = masked_room(cross_used(plan->cross)) *
					     result_bytes(plan->cross);
	}
	place_step(search, &plan->root, tag);
	if (plan->root)
		place_tree(arena, search, &plan->below, inner_step(plan, operand, true), tag);
	whole = inner_step(plan, operand, false);
	if (!plan->root)
		whole.costs = plan->costs;
	place_tree(arena, search, &plan->whole, whole, tag);
	place_step(search, &plan->cross, tag);
	place_step(search, &plan->lpm, tag);
}

/* Makes a machine's steps: tags fall from the first to the last, which is 1. False: too many. */
static bool make_steps(struct arena *arena, struct layout_search *search,
		       struct operand_plan *plans)
{
	enum operand operands[OPERANDS_PLANNED];
	size_t key_count = operand_order(search, operands);
	uint32_t tag = 0;
	size_t i;

	for (i = 0; i < key_count; i++)
		tag += plans[operands[i]].below.level_count + plans[operands[i]].whole.level_count +
		       (plans[operands[i]].root != NULL) + (plans[operands[i]].cross != NULL) +
		       (plans[operands[i]].lpm != NULL);
	if (tag > TAGS_MAX)
		return false;
	search->steps = arena_alloc(arena, tag, sizeof(*search->steps));
	for (i = 0; i < key_count; i++)
		place_steps(arena, search, &plans[operands[i]], operands[i], &tag);
	return true;
}

/* Tells the steps with narrow results where those lead. */
static void link_narrow(struct operand_plan *plan)
{
	uint32_t tag = plan->narrow_next ? only_entry(plan->narrow_next)->tag : 0;

	if (plan->root && plan->root->has_ranges)
		plan->root->narrow_tag = tag;
	if (plan->cross)
		plan->cross->narrow_tag = tag;
	if (plan->below.level_count)
		plan->below.levels[0]->narrow_tag = tag;
	if (plan->whole.level_count)
		plan->whole.levels[0]->narrow_tag = tag;
}

bool layout_plan(struct arena *arena, struct layout *layout, enum table_kind tables,
		 struct plan *plan)
{
	uint32_t search;
	enum operand operand;

	*plan = (struct plan){0};
	plan->interface_levels = arena_alloc(arena, layout->node_count + 1,
					     sizeof(*plan->interface_levels));
	count_nodes(layout, plan);
	choose_kinds(arena, layout, plan, tables);
	count_levels(layout, plan);
	for (search = 0; search < layout->search_count; search++)
		if (!make_steps(arena, &layout->searches[search], plan->operands[search]))
			return false;
	for (search = 0; search < layout->search_count; search++)
		for (operand = 0; operand < OPERAND_INTERFACE; operand++)
			if (plan->operands[search][operand].is_narrow)
				link_narrow(&plan->operands[search][operand]);
	return true;
}
