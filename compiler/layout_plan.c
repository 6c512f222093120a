/* Looks at the nodes of each key together: their number, their sizes, and for ports the classes that they
 * share. What is chosen is what touches the fewest cache lines for the bytes that it costs. */
#include "layout_plan.h"

#include "arena.h"

#include <stdlib.h>
#include <string.h>

/* A root has a child for each four intervals of its node, or sixteen where there are many: what counts is how
 * much of it stays in the cache, and that is measured. A node has one from this many intervals for each child
 * on, so that roots never weigh more than the lines below them. */
enum {
	ROOT_BITS_LESS = 2,
	ROOT_BITS_LESS_OF_MANY = 4,
	ROOT_BITS_OF_MANY = 13,
	ROOT_CHILDREN_FOR_INTERVAL = 8
};

/* In tenths: a root must spare a packet half a level of lines. */
enum { ROOT_WORTH = 5 };

/* A cross may be so many times larger than the trees that it stands for. */
enum { CROSS_WORTH = 2 };

/* More classes than this are looked up by a table, not compared in code. */
enum { CLASSES_IN_CODE = 9 };

uint32_t tree_levels(uint32_t intervals)
{
	uint32_t levels = 1;

	for (; intervals > LINE_CHILDREN; levels++)
		intervals = (intervals + LINE_CHILDREN - 1) / LINE_CHILDREN;
	return levels;
}

static size_t tree_lines(uint32_t intervals)
{
	size_t lines = (intervals + LINE_CHILDREN - 1) / LINE_CHILDREN; /* of results */

	do {
		intervals = (intervals + LINE_CHILDREN - 1) / LINE_CHILDREN;
		lines += intervals;
	} while (intervals > 1);
	return lines;
}

static bool is_port(enum key key)
{
	return key == KEY_DPORT || key == KEY_SPORT;
}

static struct key_plan *plan_of(struct plan *plan, const struct decision_node *node)
{
	return &plan->keys[node->variable >> MACHINE_SHIFT][variable_key(node->variable)];
}

/* An interface node takes one level, above those of the nodes below it. */
static uint32_t interface_level(const struct plan *plan, const struct decision_node *node)
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
		const struct decision_node *node = &layout->nodes[i];
		struct key_plan *key = plan_of(plan, node);

		if (layout->forms[i] != FORM_TABLE)
			continue;
		key->nodes++;
		if (!key->largest || node->count > key->largest->count)
			key->largest = node;
		key->tree_lines += tree_lines(node->count);
		if (variable_key(node->variable) == KEY_INTERFACE)
			plan->interface_levels[i] = interface_level(plan, node);
	}
}

static struct layout_step *new_step(struct arena *arena, enum search kind, enum key key)
{
	struct layout_step *step = arena_alloc(arena, 1, sizeof(*step));

	*step = (struct layout_step){.kind = kind, .key = key};
	return step;
}

/* Where the nodes of a port key in one machine change, over all of them: a byte for each port. */
static uint32_t mark_class_starts(const struct layout *layout, uint32_t variable,
				  unsigned char *starts)
{
	uint32_t count = 1;
	uint32_t i, j;

	for (i = 0; i < layout->node_count; i++) {
		const struct decision_node *node = &layout->nodes[i];

		if (layout->forms[i] != FORM_TABLE || node->variable != variable)
			continue;
		for (j = 1; j < node->count; j++) {
			count += !starts[node->starts[j]];
			starts[node->starts[j]] = 1;
		}
	}
	return count;
}

/* Makes the key's nodes rows over classes, where those are few enough. */
static void plan_cross(struct arena *arena, const struct layout *layout, struct plan *plan,
		       uint32_t machine, enum key key)
{
	struct key_plan *key_plan = &plan->keys[machine][key];
	unsigned char *bytes = arena_alloc(arena, CLASS_TABLE, 1);
	uint32_t count = mark_class_starts(layout, machine << MACHINE_SHIFT | key, bytes);
	uint32_t row_lines = (count + LINE_CHILDREN - 1) / LINE_CHILDREN;
	uint32_t *starts;
	uint32_t port, class = 0;

	if (count > CLASSES_MAX ||
	    (size_t)key_plan->nodes * row_lines > CROSS_WORTH * key_plan->tree_lines)
		return;
	starts = arena_alloc(arena, count, sizeof(*starts));
	for (port = 0; port < CLASS_TABLE; port++) {
		if (bytes[port])
			starts[class ++] = port;
		bytes[port] = (unsigned char)class;
	}
	key_plan->class_bytes = bytes;
	key_plan->cross = new_step(arena, SEARCH_CROSS, key);
	key_plan->cross->class_starts = starts;
	key_plan->cross->class_count = count;
	key_plan->cross->row_lines = row_lines;
	key_plan->cross->class_table = count > CLASSES_IN_CODE ? plan->class_tables++ : NO_INDEX;
}

bool node_has_root(const struct key_plan *plan, const struct decision_node *node)
{
	return plan->root && node->count >= plan->root_from;
}

/* What is below a node's root: the intervals of the largest part that one child holds, and the levels of
 * lines summed up over all intervals. */
struct below_root {
	uint32_t largest_part;
	size_t levels;
};

static void end_part(struct below_root *below, uint32_t intervals)
{
	if (intervals > below->largest_part)
		below->largest_part = intervals;
	below->levels += intervals == 1 ? 0 : (size_t)intervals * tree_levels(intervals);
}

static struct below_root look_below_root(const struct decision_node *node, unsigned shift)
{
	const uint32_t within = (uint32_t)((UINT64_C(1) << shift) - 1);
	struct below_root below = {0, 0};
	uint32_t intervals = 1, i;

	for (i = 1; i < node->count; i++) {
		bool is_first = !(node->starts[i] & within);

		if (is_first || node->starts[i] >> shift != node->starts[i - 1] >> shift) {
			end_part(&below, intervals);
			intervals = 0;
			/* What reaches into this part from the one before is an interval of it too. */
			intervals += !is_first;
		}
		intervals++;
	}
	end_part(&below, intervals);
	return below;
}

static uint32_t root_bits_for(uint32_t intervals, enum key key)
{
	uint32_t log2 = 31 - (uint32_t)__builtin_clz(intervals);
	uint32_t less = log2 >= ROOT_BITS_OF_MANY ? ROOT_BITS_LESS_OF_MANY : ROOT_BITS_LESS;
	uint32_t bits = log2 > ROOT_BITS_MIN + less ? log2 - less : ROOT_BITS_MIN;
	uint32_t most = key_bits(key) < ROOT_BITS_MAX ? key_bits(key) : ROOT_BITS_MAX;

	return bits < most ? bits : most;
}

static void plan_root(struct arena *arena, struct key_plan *plan, enum key key,
		      enum table_kind tables)
{
	uint32_t count = plan->largest->count;
	struct layout_step *root = new_step(arena, SEARCH_ROOT, key);
	struct below_root below;

	root->root_bits = root_bits_for(count, key);
	below = look_below_root(plan->largest, root_shift(root));
	plan->root_from = root_children(root) / ROOT_CHILDREN_FOR_INTERVAL + 1;
	if (tables != TABLES_TRIE && 10 * below.levels + ROOT_WORTH * (size_t)count >
					     10 * (size_t)count * tree_levels(count))
		return;
	plan->root = root;
}

/* Chooses, for each key of each machine, what its nodes may use beside lines. */
static void choose_kinds(struct arena *arena, const struct layout *layout, struct plan *plan,
			 enum table_kind tables)
{
	uint32_t machine;
	enum key key;

	for (machine = 0; machine < layout->machine_count; machine++)
		for (key = 0; key < KEY_INTERFACE; key++) {
			struct key_plan *key_plan = &plan->keys[machine][key];

			if (!key_plan->nodes || tables == TABLES_SPLUS)
				continue;
			if (tables == TABLES_LPM) {
				key_plan->lpm = new_step(arena, SEARCH_LPM, key);
				continue;
			}
			if (is_port(key))
				plan_cross(arena, layout, plan, machine, key);
			if (!key_plan->cross)
				plan_root(arena, key_plan, key, tables);
		}
}

/* The levels of lines that a node needs, below its root if it has one. */
static uint32_t levels_of(const struct key_plan *plan, const struct decision_node *node)
{
	uint32_t part;

	if (plan->cross || plan->lpm)
		return 0;
	if (!node_has_root(plan, node))
		return tree_levels(node->count);
	part = look_below_root(node, root_shift(plan->root)).largest_part;
	return part == 1 ? 0 : tree_levels(part);
}

static void count_levels(const struct layout *layout, struct plan *plan)
{
	uint32_t i, levels;

	for (i = 0; i < layout->node_count; i++) {
		const struct decision_node *node = &layout->nodes[i];
		struct key_plan *key_plan = plan_of(plan, node);
		enum key key = variable_key(node->variable);

		if (layout->forms[i] != FORM_TABLE)
			continue;
		levels = key == KEY_INTERFACE ? plan->interface_levels[i]
					      : levels_of(key_plan, node);
		if (levels > key_plan->level_count)
			key_plan->level_count = levels;
	}
}

/* The order in which a machine's keys are asked for; interfaces come last. */
static size_t key_order(const struct layout_machine *machine, enum key keys[KEYS_PLANNED])
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

/* Puts a step, if there is one, at the end of a machine's. */
static void place_step(struct layout_machine *machine, struct layout_step **step, uint32_t *tag)
{
	struct layout_step *place = (struct layout_step *)&machine->steps[machine->step_count];

	if (!*step)
		return;
	*place = **step;
	place->tag = (*tag)--;
	*step = place;
	machine->step_count++;
}

/* Puts the steps of one key at the end of a machine's. */
static void add_steps(struct arena *arena, struct layout_machine *machine, struct key_plan *plan,
		      enum key key, uint32_t *tag)
{
	struct layout_step *steps = (struct layout_step *)machine->steps, *step;
	uint32_t level = plan->level_count;

	place_step(machine, &plan->root, tag);
	plan->levels = arena_alloc(arena, level, sizeof(*plan->levels));
	while (level-- > 0) {
		step = &steps[machine->step_count++];
		*step = (struct layout_step){.kind = key == KEY_INTERFACE ? SEARCH_INTERFACE
									  : SEARCH_LINE,
					     .key = key,
					     .tag = (*tag)--,
					     .is_leaf = level == 0};
		plan->levels[level] = step;
	}
	place_step(machine, &plan->cross, tag);
	place_step(machine, &plan->lpm, tag);
}

/* Makes a machine's steps: tags fall from the first to the last, which is 1. False: too many. */
static bool make_steps(struct arena *arena, struct layout_machine *machine, struct key_plan *plans)
{
	enum key keys[KEYS_PLANNED];
	size_t key_count = key_order(machine, keys);
	uint32_t tag = 0;
	size_t i;

	for (i = 0; i < key_count; i++)
		tag += plans[keys[i]].level_count + (plans[keys[i]].root != NULL) +
		       (plans[keys[i]].cross != NULL) + (plans[keys[i]].lpm != NULL);
	if (tag > TAGS_MAX)
		return false;
	machine->steps = arena_alloc(arena, tag, sizeof(*machine->steps));
	for (i = 0; i < key_count; i++)
		add_steps(arena, machine, &plans[keys[i]], keys[i], &tag);
	return true;
}

bool layout_plan(struct arena *arena, struct layout *layout, enum table_kind tables,
		 struct plan *plan)
{
	uint32_t machine;

	*plan = (struct plan){0};
	plan->interface_levels = arena_alloc(arena, layout->node_count + 1,
					     sizeof(*plan->interface_levels));
	count_nodes(layout, plan);
	choose_kinds(arena, layout, plan, tables);
	count_levels(layout, plan);
	for (machine = 0; machine < layout->machine_count; machine++)
		if (!make_steps(arena, &layout->machines[machine], plan->keys[machine]))
			return false;
	return true;
}
