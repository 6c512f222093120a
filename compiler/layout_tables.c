/* Trees of lines from the leaves up, each level's lines next to each other, so that a line finds its children
 * by one number. A node's children are laid before it. */
#include "layout_tables.h"

#include "arena.h"
#include "layout_plan.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

enum { INTERFACE_BYTES = sizeof(struct layout_interface) };

struct tables {
	struct arena *arena;
	struct layout *layout;
	struct plan plan;
	uint32_t *table_refs;
	struct layout_line *lines;
	size_t line_count, line_capacity;
	uint32_t *results;
	size_t result_count, result_capacity;
	struct layout_interface *interfaces;
	size_t interface_count, interface_capacity;
	struct layout_row *rows;
	size_t row_count, row_capacity;
	struct abi_prefix *prefixes;
	size_t prefix_count, prefix_capacity;
	uint32_t prefix_nodes; /* numbered so far */
};

/* Intervals [first, end) of a node: all, or those that share a child of its root. */
struct part {
	const struct decision_node *node;
	uint32_t first, end;
};

static uint32_t child_ref(const struct tables *t, decision_ref ref)
{
	return ref_is_outcome(ref) ? t->layout->rows_of[ref_index(ref)] : t->table_refs[ref];
}

/* Adds the results of a part, and returns the index of the first. */
static uint32_t add_results(struct tables *t, struct part part)
{
	uint32_t first = (uint32_t)t->result_count;
	uint32_t i;

	for (i = part.first; i < part.end; i++)
		*ARENA_APPEND(t->arena, t->results, t->result_count,
			      t->result_capacity) = child_ref(t, part.node->children[i]);
	return first;
}

/* Adds the lines of one level: COUNT children with the first values STARTS, child 0 of the first line at
 * FIRST. Returns the index of the first line; STARTS becomes those of the lines, *COUNT their number. */
static uint32_t add_level(struct tables *t, uint32_t *starts, uint32_t *count, uint32_t first)
{
	uint32_t lines = (*count + LINE_CHILDREN - 1) / LINE_CHILDREN;
	uint32_t index = (uint32_t)t->line_count;
	uint32_t i, child;

	for (i = 0; i < lines; i++) {
		uint32_t base = i * LINE_CHILDREN;
		struct layout_line *line = ARENA_APPEND(t->arena, t->lines, t->line_count,
							t->line_capacity);

		line->first = first + base;
		for (child = 1; child < LINE_CHILDREN; child++)
			line->keys[child - 1] = base + child < *count ? starts[base + child] - 1
								      : UINT32_MAX;
		starts[i] = starts[base];
	}
	*count = lines;
	return index;
}

/* Lays a part as a tree and returns its reference: the tag of its root's step, and the root's line. */
static uint32_t add_tree(struct tables *t, const struct key_plan *plan, struct part part)
{
	uint32_t count = part.end - part.first, level = 0, first, i;
	uint32_t *starts = malloc(count * sizeof(*starts));
	struct layout_step *step = plan->levels[0];

	if (!starts)
		abort();
	for (i = 0; i < count; i++)
		starts[i] = (uint32_t)part.node->starts[part.first + i];
	step->results += count;
	first = add_level(t, starts, &count, add_results(t, part));
	step->lines += count;
	while (count > 1) {
		first |= step->tag << TAG_SHIFT;
		step = plan->levels[++level];
		first = add_level(t, starts, &count, first);
		step->lines += count;
	}
	free(starts);
	return step->tag << TAG_SHIFT | first;
}

/* Room for COUNT lines of references; the index of the first. */
static uint32_t add_reference_lines(struct tables *t, uint32_t count)
{
	uint32_t first = (uint32_t)t->line_count;

	while (count-- > 0)
		*ARENA_APPEND(t->arena, t->lines, t->line_count,
			      t->line_capacity) = (struct layout_line){{0}, 0};
	return first;
}

static void set_reference(struct tables *t, uint32_t line, uint32_t child, uint32_t ref)
{
	_Static_assert(sizeof(struct layout_line) == LINE_CHILDREN * sizeof(uint32_t),
		       "a line holds as many references as it has children");
	memcpy((uint32_t *)(void *)&t->lines[line] + child, &ref, sizeof(ref));
}

/* A reference for each value of the word's upper bits; what is below, as trees. */
static uint32_t add_root(struct tables *t, const struct key_plan *plan,
			 const struct decision_node *node)
{
	unsigned shift = root_shift(plan->root);
	uint32_t line = add_reference_lines(t, root_lines(plan->root));
	struct part part = {node, 0, 0};
	uint32_t child, ref = 0;

	plan->root->lines += root_lines(plan->root);
	for (child = 0; child < root_children(plan->root); child++) {
		u128 first = (u128)child << shift, next = ((u128)child + 1) << shift;

		while (part.first + 1 < node->count && node->starts[part.first + 1] <= first)
			part.first++;
		for (part.end = part.first + 1; part.end < node->count; part.end++)
			if (node->starts[part.end] >= next)
				break;
		ref = part.end - part.first == 1 ? child_ref(t, node->children[part.first])
						 : add_tree(t, plan, part);
		set_reference(t, line, child, ref);
	}
	return plan->root->tag << TAG_SHIFT | line;
}

/* A reference for each class of the word. */
static uint32_t add_cross(struct tables *t, const struct key_plan *plan,
			  const struct decision_node *node)
{
	uint32_t line = add_reference_lines(t, plan->cross->row_lines);
	uint32_t class, i = 0;

	plan->cross->lines += plan->cross->row_lines;
	for (class = 0; class < plan->cross->class_count; class ++) {
		uint32_t start = class ? plan->cross->class_starts[class - 1] : 0;

		while (i + 1 < node->count && node->starts[i + 1] <= start)
			i++;
		set_reference(t, line, class, child_ref(t, node->children[i]));
	}
	return plan->cross->tag << TAG_SHIFT | line;
}

/* The fewest prefixes that make up the words from FIRST to LAST, each leading to REF. */
static void add_prefixes(struct tables *t, uint32_t node, uint64_t first, uint64_t last,
			 uint32_t ref)
{
	while (first <= last) {
		unsigned free_bits = first ? (unsigned)__builtin_ctzll(first) : 32;

		while (free_bits > 32 || first + (UINT64_C(1) << free_bits) - 1 > last)
			free_bits--;
		*ARENA_APPEND(t->arena, t->prefixes, t->prefix_count,
			      t->prefix_capacity) = (struct abi_prefix){
			{64 - free_bits, htonl(node), htonl((uint32_t)first)}, ref};
		first += UINT64_C(1) << free_bits;
	}
}

/* A number for the node, below which the kernel's trie has its intervals as prefixes. */
static uint32_t add_lpm(struct tables *t, const struct key_plan *plan,
			const struct decision_node *node)
{
	uint32_t number = t->prefix_nodes++;
	uint32_t i;

	plan->lpm->lines++;
	plan->lpm->results += node->count;
	for (i = 0; i < node->count; i++)
		add_prefixes(t, number, (uint64_t)node->starts[i],
			     i + 1 < node->count ? (uint64_t)node->starts[i + 1] - 1 : UINT32_MAX,
			     child_ref(t, node->children[i]));
	return plan->lpm->tag << TAG_SHIFT | number;
}

static uint32_t add_interface(struct tables *t, uint32_t index)
{
	const struct decision_node *node = &t->layout->nodes[index];
	struct layout_step *step = t->plan.keys[node->variable >> MACHINE_SHIFT][KEY_INTERFACE]
					   .levels[t->plan.interface_levels[index] - 1];
	struct layout_interface *entry = ARENA_PUSH(t->arena, t->interfaces, t->interface_count,
						    t->interface_capacity);
	uint32_t value, i = 0;

	entry->word = variable_interface(node->variable);
	for (value = 0; value < INTERFACE_VALUES; value++) {
		i += i + 1 < node->count && node->starts[i + 1] == value;
		entry->children[value] = child_ref(t, node->children[i]);
	}
	step->lines++;
	return step->tag << TAG_SHIFT | (uint32_t)(t->interface_count - 1);
}

static uint32_t add_node(struct tables *t, uint32_t index)
{
	const struct decision_node *node = &t->layout->nodes[index];
	enum key key = variable_key(node->variable);
	const struct key_plan *plan = &t->plan.keys[node->variable >> MACHINE_SHIFT][key];

	if (key == KEY_INTERFACE)
		return add_interface(t, index);
	if (plan->lpm)
		return add_lpm(t, plan, node);
	if (plan->cross)
		return add_cross(t, plan, node);
	if (node_has_root(plan, node))
		return add_root(t, plan, node);
	return add_tree(t, plan, (struct part){node, 0, node->count});
}

static void add_nodes(struct tables *t)
{
	uint32_t i;

	for (i = 0; i < t->layout->node_count; i++)
		if (t->layout->forms[i] == FORM_TABLE)
			t->table_refs[i] = add_node(t, i);
	/* A class from a table may, for all that the verifier knows, be any byte. */
	if (t->plan.class_tables)
		add_reference_lines(t, CLASSES_MAX / LINE_CHILDREN - 1);
}

/* A row for a step and what follows it; an equal one is used again where it is the last. */
static uint32_t add_row(struct tables *t, struct layout_row row)
{
	*ARENA_PUSH(t->arena, t->rows, t->row_count, t->row_capacity) = row;
	return (uint32_t)t->row_count - 1;
}

static uint32_t add_outcome(struct tables *t, const struct decision_outcome *outcome)
{
	uint32_t row = outcome->end == END_PASS ? ROW_PASS : ROW_DROP;
	uint32_t override = t->layout->override_others ? BPF_SK_LOOKUP_F_REPLACE : 0;
	size_t rows = 0, i;

	for (i = outcome->step_count; i-- > 0; rows++) {
		const struct step *step = &outcome->steps[i];
		uint32_t counter = NO_INDEX, flags;

		if (step->kind == STEP_COUNT) {
			row = add_row(t, (struct layout_row){NO_INDEX, step->index, 0, row});
			continue;
		}
		if (i > 0 && outcome->steps[i - 1].kind == STEP_COUNT)
			counter = outcome->steps[--i].index;
		flags = override | (step->no_reuseport ? BPF_SK_LOOKUP_F_NO_REUSEPORT : 0);
		row = add_row(t, (struct layout_row){step->index, counter, flags, row});
	}
	if (rows > t->layout->rows_max)
		t->layout->rows_max = rows;
	return row;
}

/* The outcomes that nodes or roots refer to, as rows. */
static void add_outcomes(struct tables *t, const struct decision_outcome *outcomes, size_t count)
{
	const struct layout *layout = t->layout;
	uint32_t *rows_of = arena_alloc(t->arena, count, sizeof(*rows_of));
	bool *used = arena_alloc(t->arena, count, sizeof(*used));
	size_t i, j;

	for (i = 0; i < FAMILY_COUNT * PROTOCOL_COUNT; i++)
		if (ref_is_outcome(layout->roots[i / 2][i % 2]))
			used[ref_index(layout->roots[i / 2][i % 2])] = true;
	for (i = 0; i < layout->node_count; i++)
		for (j = 0; j < layout->nodes[i].count; j++)
			if (ref_is_outcome(layout->nodes[i].children[j]))
				used[ref_index(layout->nodes[i].children[j])] = true;
	add_row(t, (struct layout_row){NO_INDEX, NO_INDEX, 0, ROW_PASS});
	add_row(t, (struct layout_row){NO_INDEX, NO_INDEX, 0, ROW_DROP});
	for (i = 0; i < count; i++)
		if (used[i])
			rows_of[i] = add_outcome(t, &outcomes[i]);
	t->layout->rows_of = rows_of;
}

static struct layout_region place(size_t *bytes, size_t count, size_t size)
{
	struct layout_region region = {(uint32_t)*bytes, (uint32_t)count};

	*bytes = (*bytes + count * size + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	return region;
}

static void put(unsigned char *bytes, struct layout_region region, const void *array, size_t size)
{
	if (region.count)
		memcpy(bytes + region.offset, array, region.count * size);
}

static void put_classes(const struct tables *t, unsigned char *bytes)
{
	uint32_t machine;
	enum key key;

	for (machine = 0; machine < t->layout->machine_count; machine++)
		for (key = 0; key < KEY_INTERFACE; key++) {
			const struct key_plan *plan = &t->plan.keys[machine][key];

			if (plan->cross && plan->cross->class_table != NO_INDEX)
				memcpy(bytes + t->layout->classes.offset +
					       (size_t)plan->cross->class_table * CLASS_TABLE,
				       plan->class_bytes, CLASS_TABLE);
		}
}

static size_t place_regions(struct tables *t)
{
	struct layout *layout = t->layout;
	size_t size = 0;

	layout->lines = place(&size, t->line_count, sizeof(*t->lines));
	layout->results = place(&size, t->result_count, sizeof(*t->results));
	layout->interfaces = place(&size, t->interface_count, INTERFACE_BYTES);
	layout->rows = place(&size, t->row_count, sizeof(*t->rows));
	layout->classes = place(&size, (size_t)t->plan.class_tables * CLASS_TABLE, 1);
	return size;
}

bool layout_tables(struct arena *arena, struct layout *layout, enum table_kind tables,
		   const struct decision_outcome *outcomes, size_t outcome_count, size_t bytes_max)
{
	struct tables t = {.arena = arena, .layout = layout};
	unsigned char *bytes;

	t.table_refs = arena_alloc(arena, layout->node_count + 1, sizeof(*t.table_refs));
	layout->table_refs = t.table_refs;
	add_outcomes(&t, outcomes, outcome_count);
	if (!layout_plan(arena, layout, tables, &t.plan))
		return false;
	add_nodes(&t);
	layout->object.table_bytes = place_regions(&t);
	if (layout->object.table_bytes > bytes_max)
		return false;
	bytes = arena_alloc(arena, layout->object.table_bytes, 1);
	put(bytes, layout->lines, t.lines, sizeof(*t.lines));
	put(bytes, layout->results, t.results, sizeof(*t.results));
	put(bytes, layout->interfaces, t.interfaces, INTERFACE_BYTES);
	put(bytes, layout->rows, t.rows, sizeof(*t.rows));
	put_classes(&t, bytes);
	layout->object.tables = bytes;
	layout->object.prefixes = t.prefixes;
	layout->object.prefix_count = t.prefix_count;
	return true;
}
