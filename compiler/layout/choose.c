/* All nodes of one variable are stored in the same way, so that one sequence of steps searches all of them. For each
 * variable, this pass lists the possible ways to store its nodes, with the time that each would cost a packet. It takes
 * the cheapest way, or the one that --tables asks for. */
#include "choose.h"

#include "classes.h"
#include "compiler/base/arena.h"
#include "cost.h"
#include "table_format.h"
#include "window.h"

/* If the largest node has a stride table, so do all nodes with more than 1/STRIDE_PART of its intervals. */
enum { STRIDE_PART = 8 };

/* Where every node must have a stride table, the largest size of these tables, as a multiple of the size of the
 * trees. */
enum { STRIDES_WORTH = 4 };

/* Entries take twice the memory of references, so they are only taken where references would cost more than 1/16 more
 * time. */
enum { RANGES_GAIN_PART = 16 };

/* The largest size of a cross-product table, as a multiple of the size of the trees that it replaces. */
enum { CROSS_WORTH = 4 };

/* Up to this number of runs of ports, code finds the run of a port. If there are more, a class table gives the
 * equivalence class of the port. */
enum { RUNS_IN_CODE = 9 };

/* One way to store the nodes of a variable. */
struct candidate {
	bool is_possible;
	uint64_t cost_ps;
	uint32_t stride_bits; /* 0: the way has no stride table */
};

/* The state of the choice for one variable. */
struct choosing {
	struct arena *arena;
	const struct layout *layout;
	struct choices *choices;
	enum table_kind tables;
	uint32_t variable;
	struct operand_choice *choice;
	struct candidate candidates[WAYS_WITH_COSTS];
};

/* Whether an operand can have a class table, which has a byte for each of its values. */
static bool has_few_values(enum operand operand)
{
	return operand_bits(operand) == 16;
}

static void collect_nodes(struct arena *arena, const struct layout *layout, struct choices *choices)
{
	uint32_t i;

	for (i = 0; i < layout->node_count; i++) {
		const struct diagram_node *node = &layout->nodes[i];
		struct operand_choice *choice =
			&choices->operands[node->variable >> SEARCH_SHIFT]
					  [variable_in_search(node->variable)];

		if (layout->forms[i] != FORM_TABLE)
			continue;
		*ARENA_APPEND(arena, choice->nodes, choice->count, choice->capacity) = i;
		choice->tree_bytes += cost_tree_bytes(node->count);
		if (!choice->largest || node->count > choice->largest->count)
			choice->largest = node;
		if (!choice->smallest || node->count < choice->smallest->count)
			choice->smallest = node;
	}
}

const struct operand_choice *choice_of(const struct choices *choices, uint32_t variable)
{
	return &choices->operands[variable >> SEARCH_SHIFT][variable_in_search(variable)];
}

bool node_has_stride(const struct operand_choice *choice, const struct diagram_node *node)
{
	return (choice->way == WAY_STRIDE || choice->way == WAY_RANGES) &&
	       node->count >= choice->stride_from;
}

/* Whether the search of every node of a variable begins at the same step. */
static bool begin_at_one_step(const struct operand_choice *choice)
{
	return choice->way == WAY_CROSS || choice->way == WAY_LPM ||
	       node_has_stride(choice, choice->smallest);
}

/* Whether a result of the variable's nodes can be narrow. A row can if its number is below NARROW_BIT. A node can if
 * all results that are nodes have the same variable, and that variable has at most NARROW_BIT nodes, which all begin at
 * one step. Notes that variable in narrow_variable. */
static bool is_narrow_result(const struct choosing *choosing, diagram_ref ref)
{
	struct operand_choice *choice = choosing->choice;
	const struct operand_choice *next;
	uint32_t variable;

	if (ref_is_terminal(ref))
		return choosing->layout->rows_of[ref_index(ref)] < NARROW_BIT;
	variable = variable_in_search(choosing->layout->nodes[ref].variable);
	if (choice->narrow_variable != NO_VARIABLE && choice->narrow_variable != variable)
		return false;
	choice->narrow_variable = variable;
	next = choice_of(choosing->choices, choosing->layout->nodes[ref].variable);
	return next->count <= NARROW_BIT && begin_at_one_step(next);
}

/* Whether all results of the variable's nodes can be narrow. The choices for the variables after it must have been
 * made. */
static bool are_results_narrow(const struct choosing *choosing)
{
	size_t i;
	uint32_t j;

	choosing->choice->narrow_variable = NO_VARIABLE;
	for (i = 0; i < choosing->choice->count; i++) {
		const struct diagram_node *node =
			&choosing->layout->nodes[choosing->choice->nodes[i]];

		for (j = 0; j < node->count; j++)
			if (!is_narrow_result(choosing, node->children[j]))
				return false;
	}
	return true;
}

/* The starts of the nodes that have at least FROM intervals, but fewer than END. */
static struct starts starts_of(const struct choosing *choosing, uint32_t from, uint32_t end)
{
	struct starts starts = {0, 0, 0};
	size_t i;

	for (i = 0; i < choosing->choice->count; i++) {
		const struct diagram_node *node =
			&choosing->layout->nodes[choosing->choice->nodes[i]];

		if (node->count >= from && node->count < end)
			starts_add(&starts, node);
	}
	return starts;
}

/* Whether a window is exactly as wide as some lane. A key must have fewer bits than its lane, so such a window needs
 * lanes of twice its width. */
static bool fills_lanes(struct layout_window window)
{
	unsigned bits = compared_bits(window);

	return bits == 16 || bits == 32 || bits == 64;
}

/* The number of bits, BITS or fewer, for stride tables that every node must have: the most for which they are not too
 * large (see STRIDES_WORTH). */
static uint32_t limit_strides(const struct operand_choice *choice, uint32_t bits)
{
	while (bits > 1 &&
	       choice->count * (sizeof(uint32_t) << bits) > STRIDES_WORTH * choice->tree_bytes)
		bits--;
	return bits;
}

/* The same for stride tables of entries; 0 where those are too narrow for entries. */
static uint32_t limit_ranges(const struct operand_choice *choice, uint32_t bits)
{
	const struct layout_step stride = {.window = choice->stride_window,
					   .stride_bits = limit_strides(choice, bits)};

	return fits_start(&stride) ? stride.stride_bits : 0;
}

/* Lists the ways that have trees. A tree alone is not possible for a window of 64 bits, since a lane holds keys of at
 * most 63 bits. With --tables splus, a stride table then takes one bit away. It also takes one bit of windows of 16 and
 * 32 bits, so that their lanes are half as wide. */
static void list_trees(struct choosing *choosing)
{
	struct operand_choice *choice = choosing->choice;
	struct candidate *candidates = choosing->candidates;
	struct starts all = starts_of(choosing, 0, UINT32_MAX), large;
	struct layout_window window = starts_tree_window(&all);
	bool is_splus = choosing->tables == TABLES_SPLUS;
	bool must = compared_bits(window) == 64 || (is_splus && fills_lanes(window));
	struct stride_widths widths;

	choice->stride_from = must ? 0 : choice->largest->count / STRIDE_PART + 1;
	large = starts_of(choosing, choice->stride_from, UINT32_MAX);
	choice->stride_window = starts_window(&large);
	choice->costs = cost_stride(choice->stride_window, choice->largest,
				    choice->tree_bytes / cost_tree_bytes(choice->largest->count),
				    choice->is_narrow, &widths);
	if (must) {
		choice->costs.tree_ps = 0;
		widths.references = is_splus ? 1 : limit_strides(choice, widths.references);
		widths.ranges = limit_ranges(choice, widths.ranges);
	}
	candidates[WAY_STRIDE] = (struct candidate){true, choice->costs.stride_ps,
						    widths.references};
	if (!widths.ranges)
		choice->costs.ranges_ps = 0;
	candidates[WAY_RANGES] = (struct candidate){widths.ranges != 0, choice->costs.ranges_ps,
						    widths.ranges};
	candidates[WAY_TREE] = (struct candidate){!must, choice->costs.tree_ps, 0};
}

/* Lists a cross-product table, if the ports fall into few enough equivalence classes. A single node never gets one. */
static void list_cross(struct choosing *choosing)
{
	struct operand_choice *choice = choosing->choice;
	size_t most = CROSS_WORTH * choice->tree_bytes / (choice->count * sizeof(uint32_t));
	uint32_t results;

	if (!has_few_values(variable_operand(choosing->variable)) ||
	    choosing->tables == TABLES_SPLUS || choice->count == 1 ||
	    !classes_of(choosing->arena, choosing->layout, choosing->variable,
			most < CLASSES_MAX ? (uint32_t)most : CLASSES_MAX, &choice->classes))
		return;
	choice->has_class_table = choice->classes.run_count > RUNS_IN_CODE;
	results = choice->has_class_table ? choice->classes.count : choice->classes.run_count;
	choice->costs.cross_ps = cost_cross(choice->count * masked_room(results) *
					    sizeof(uint16_t));
	choosing->candidates[WAY_CROSS] = (struct candidate){true, choice->costs.cross_ps, 0};
}

/* Whether WAY is better than BEST, which stands before it in the enum. If both cost the same, WAY is better, since
 * later ways take less memory. Only entries take more memory than references, which stand before them. */
static bool is_better(const struct candidate *candidates, enum way way, enum way best)
{
	uint64_t cost = candidates[way].cost_ps;

	if (way == WAY_RANGES)
		cost += cost / RANGES_GAIN_PART + 1;
	return candidates[way].is_possible && cost <= candidates[best].cost_ps;
}

static enum way cheapest(const struct candidate *candidates)
{
	enum way way, best = WAY_STRIDE; /* always possible */

	for (way = WAY_STRIDE + 1; way < WAYS_WITH_COSTS; way++)
		if (is_better(candidates, way, best))
			best = way;
	return best;
}

/* The way to take: the cheapest, or the first possible one in the list for --tables. The last way of each list is
 * always possible. */
static enum way pick(const struct candidate *candidates, enum table_kind tables)
{
	static const enum way splus[] = {WAY_TREE, WAY_STRIDE};
	static const enum way trie[] = {WAY_CROSS, WAY_STRIDE};
	static const enum way ranges[] = {WAY_CROSS, WAY_RANGES, WAY_STRIDE};
	const enum way *ways = tables == TABLES_SPLUS  ? splus
			       : tables == TABLES_TRIE ? trie
						       : ranges;

	if (tables == TABLES_AUTO)
		return cheapest(candidates);
	while (!candidates[*ways].is_possible)
		ways++;
	return *ways;
}

static void choose_way(struct choosing *choosing)
{
	struct operand_choice *choice = choosing->choice;
	struct starts alone;

	if (!choice->count)
		return;
	if (choosing->tables == TABLES_LPM) { /* never chosen by cost */
		choice->way = WAY_LPM;
		return;
	}
	choice->is_narrow = are_results_narrow(choosing);
	list_trees(choosing);
	list_cross(choosing);
	choice->way = pick(choosing->candidates, choosing->tables);
	if (choice->way == WAY_STRIDE || choice->way == WAY_RANGES)
		choice->stride_bits = choosing->candidates[choice->way].stride_bits;
	alone = starts_of(choosing, 0, choice->stride_bits ? choice->stride_from : UINT32_MAX);
	choice->tree_window = starts_tree_window(&alone);
}

size_t variable_order(const struct layout_search *search, uint32_t variables[VARIABLES])
{
	enum operand operand, end;
	enum family family;
	size_t count = 0, i;

	for (i = 0; i < VALUE_FIELD_COUNT; i++)
		for (family = 0; family < FAMILY_COUNT; family++) {
			if (family > 0 && !field_has_families(search->order[i]))
				continue;
			end = operands_of(search->order[i], family, &operand);
			for (end += operand; operand < end; operand++) {
				variables[count++] = operand << OPERAND_SHIFT;
				if (!has_few_values(operand))
					variables[count++] = operand << OPERAND_SHIFT |
							     VARIABLE_AGAIN;
			}
		}
	return count;
}

/* Goes from the last variable of each search to the first, since a choice depends on the choices for the variables
 * after it. */
void choose_ways(struct arena *arena, const struct layout *layout, enum table_kind tables,
		 struct choices *choices)
{
	uint32_t variables[VARIABLES];
	uint32_t search;
	size_t i;

	*choices = (struct choices){0};
	collect_nodes(arena, layout, choices);
	for (search = 0; search < layout->search_count; search++) {
		i = variable_order(&layout->searches[search], variables);
		while (i-- > 0) {
			struct choosing choosing = {
				.arena = arena,
				.layout = layout,
				.choices = choices,
				.tables = tables,
				.variable = search << SEARCH_SHIFT | variables[i],
				.choice = &choices->operands[search][variables[i]],
			};

			choose_way(&choosing);
		}
	}
}
