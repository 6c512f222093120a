/* Trees of lines from the leaves up, each level's lines next to each other, so that a line finds its children
 * by one number. A node's children are laid before it. */
#include "layout_tables.h"

#include "arena.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS_MAX = 8, INTERFACE_BYTES = sizeof(struct layout_interface) };

/* The levels of each key's trees in one machine: their number, and how much is in them. */
struct levels {
	uint32_t count;
	struct layout_step steps[LEVELS_MAX];
};

struct tables {
	struct arena *arena;
	struct layout *layout;
	uint32_t *table_refs;
	uint32_t *interface_levels; /* of each node on an interface: how many come below, plus one */
	struct layout_line *lines;
	size_t line_count, line_capacity;
	uint32_t *results;
	size_t result_count, result_capacity;
	struct layout_interface *interfaces;
	size_t interface_count, interface_capacity;
	struct layout_row *rows;
	size_t row_count, row_capacity;
};

static uint32_t levels_for(uint32_t intervals)
{
	uint32_t levels = 1;

	for (; intervals > LINE_CHILDREN; levels++)
		intervals = (intervals + LINE_CHILDREN - 1) / LINE_CHILDREN;
	return levels;
}

static uint32_t node_machine(const struct decision_node *node)
{
	return node->variable >> MACHINE_SHIFT;
}

/* How many levels the node takes of its key's: an interface's are one, above those below it. */
static uint32_t node_levels(struct tables *t, uint32_t index)
{
	const struct decision_node *node = &t->layout->nodes[index];
	uint32_t below = 0;
	uint32_t i;

	if (variable_key(node->variable) != KEY_INTERFACE)
		return levels_for(node->count);
	for (i = 0; i < node->count; i++)
		if (!ref_is_outcome(node->children[i]) &&
		    t->interface_levels[node->children[i]] > below)
			below = t->interface_levels[node->children[i]];
	t->interface_levels[index] = below + 1;
	return below + 1;
}

/* The order in which a machine's keys are asked for; interfaces come last. */
static size_t key_order(const struct layout_machine *machine, enum key keys[KEY_INTERFACE + 1])
{
	size_t count = 0;
	size_t i, word;

	for (i = 0; i < FIELD_COUNT; i++)
		switch (machine->order[i]) {
		case FIELD_DADDR:
			for (word = 0; word < 5; word++)
				keys[count++] = (enum key)(KEY_DADDR4 + word);
			break;
		case FIELD_SADDR:
			for (word = 0; word < 5; word++)
				keys[count++] = (enum key)(KEY_SADDR4 + word);
			break;
		case FIELD_DPORT:
			keys[count++] = KEY_DPORT;
			break;
		default:
			keys[count++] = KEY_SPORT;
		}
	keys[count++] = KEY_INTERFACE;
	return count;
}

/* Makes a machine's steps: tags fall from the first to the last, which is 1. False: too many. */
static bool make_steps(struct tables *t, uint32_t index, const uint32_t levels[KEY_INTERFACE + 1])
{
	struct layout_machine *machine = &t->layout->machines[index];
	enum key keys[KEY_INTERFACE + 1];
	size_t key_count = key_order(machine, keys);
	struct layout_step *steps;
	uint32_t level, tag = 0;
	size_t i;

	for (i = 0; i < key_count; i++)
		tag += levels[keys[i]];
	if (tag > TAGS_MAX)
		return false;
	steps = arena_alloc(t->arena, tag, sizeof(*steps));
	machine->steps = steps;
	for (i = 0; i < key_count; i++)
		for (level = levels[keys[i]]; level-- > 0;)
			steps[machine->step_count++] =
				(struct layout_step){keys[i], tag--, level == 0, 0, 0};
	return true;
}

static bool plan_steps(struct tables *t)
{
	const struct layout *layout = t->layout;
	uint32_t levels[FAMILY_COUNT * PROTOCOL_COUNT][KEY_INTERFACE + 1] = {{0}};
	uint32_t i;

	for (i = 0; i < layout->node_count; i++) {
		const struct decision_node *node = &layout->nodes[i];
		uint32_t *most, needed;

		if (layout->forms[i] != FORM_TABLE)
			continue;
		most = &levels[node_machine(node)][variable_key(node->variable)];
		needed = node_levels(t, i);
		if (needed > *most)
			*most = needed;
	}
	for (i = 0; i < layout->machine_count; i++)
		if (!make_steps(t, i, levels[i]))
			return false;
	return true;
}

/* The step of a level (0: the leaves) of a key. */
static struct layout_step *step_of(const struct tables *t, uint32_t variable, uint32_t level)
{
	const struct layout_machine *machine = &t->layout->machines[variable >> MACHINE_SHIFT];
	enum key key = variable_key(variable);
	size_t i = machine->step_count;

	while (i-- > 0)
		if (machine->steps[i].key == key && level-- == 0)
			break;
	return (struct layout_step *)&machine->steps[i];
}

static uint32_t child_ref(const struct tables *t, decision_ref ref)
{
	return ref_is_outcome(ref) ? t->layout->rows_of[ref_index(ref)] : t->table_refs[ref];
}

/* Adds the results of a node, in whole lines, and returns the index of the first. */
static uint32_t add_results(struct tables *t, const struct decision_node *node)
{
	uint32_t first = (uint32_t)t->result_count;
	uint32_t i;

	for (i = 0; i < node->count; i++)
		*ARENA_PUSH(t->arena, t->results, t->result_count, t->result_capacity) =
			child_ref(t, node->children[i]);
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
		struct layout_line *line =
			ARENA_PUSH(t->arena, t->lines, t->line_count, t->line_capacity);

		line->first = first + base;
		for (child = 1; child < LINE_CHILDREN; child++)
			line->keys[child - 1] = base + child < *count ? starts[base + child] - 1
								      : UINT32_MAX;
		starts[i] = starts[base];
	}
	*count = lines;
	return index;
}

/* Lays a node as a tree and returns its reference: the tag of its root's step, and the root's line. */
static uint32_t add_tree(struct tables *t, const struct decision_node *node)
{
	uint32_t *starts = malloc(node->count * sizeof(*starts));
	struct layout_step *step = step_of(t, node->variable, 0);
	uint32_t count = node->count, level = 0, first, i;

	if (!starts)
		abort();
	for (i = 0; i < count; i++)
		starts[i] = (uint32_t)node->starts[i];
	step->results += count;
	first = add_level(t, starts, &count, add_results(t, node));
	step->lines += count;
	while (count > 1) {
		first |= step->tag << TAG_SHIFT;
		step = step_of(t, node->variable, ++level);
		first = add_level(t, starts, &count, first);
		step->lines += count;
	}
	free(starts);
	return step->tag << TAG_SHIFT | first;
}

static uint32_t add_interface(struct tables *t, uint32_t index)
{
	const struct decision_node *node = &t->layout->nodes[index];
	struct layout_step *step = step_of(t, node->variable, t->interface_levels[index] - 1);
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

static void add_nodes(struct tables *t)
{
	const struct layout *layout = t->layout;
	uint32_t i;

	for (i = 0; i < layout->node_count; i++) {
		const struct decision_node *node = &layout->nodes[i];

		if (layout->forms[i] != FORM_TABLE)
			continue;
		t->table_refs[i] = variable_key(node->variable) == KEY_INTERFACE ? add_interface(t, i)
									       : add_tree(t, node);
	}
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

bool layout_tables(struct arena *arena, struct layout *layout,
		   const struct decision_outcome *outcomes, size_t outcome_count, size_t bytes_max)
{
	struct tables t = {.arena = arena, .layout = layout};
	unsigned char *bytes;
	size_t size = 0;

	t.table_refs = arena_alloc(arena, layout->node_count + 1, sizeof(*t.table_refs));
	t.interface_levels = arena_alloc(arena, layout->node_count + 1, sizeof(*t.interface_levels));
	layout->table_refs = t.table_refs;
	add_outcomes(&t, outcomes, outcome_count);
	if (!plan_steps(&t))
		return false;
	add_nodes(&t);
	layout->lines = place(&size, t.line_count, sizeof(*t.lines));
	layout->results = place(&size, t.result_count, sizeof(*t.results));
	layout->interfaces = place(&size, t.interface_count, INTERFACE_BYTES);
	layout->rows = place(&size, t.row_count, sizeof(*t.rows));
	layout->object.table_bytes = size;
	if (size > bytes_max)
		return false;
	bytes = arena_alloc(arena, size, 1);
	put(bytes, layout->lines, t.lines, sizeof(*t.lines));
	put(bytes, layout->results, t.results, sizeof(*t.results));
	put(bytes, layout->interfaces, t.interfaces, INTERFACE_BYTES);
	put(bytes, layout->rows, t.rows, sizeof(*t.rows));
	layout->object.tables = bytes;
	return true;
}
