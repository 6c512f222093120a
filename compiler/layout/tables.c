/* Fills each step's region with its elements. A node's children are laid before it; a tree from the leaves up,
 * so that each level's lines stand next to each other and a line finds its children by one number. */
#include "tables.h"

#include "compiler/base/arena.h"
#include "plan.h"
#include "rows.h"
#include "table_format.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

/* The elements of one step, so far. */
struct elements {
	unsigned char *bytes;
	size_t size, capacity;
};

struct tables {
	struct arena *arena;
	struct layout *layout;
	struct plan plan;
	uint32_t *table_refs;
	struct elements *elements[SEARCHES]; /* of each step */
	struct layout_rows rows;
	uint64_t *starts; /* room for those of the tree that is being laid */
	uint32_t starts_capacity;
	struct abi_prefix *prefixes;
	size_t prefix_count, prefix_capacity;
	uint32_t prefix_nodes; /* numbered so far */
};

static uint32_t child_ref(const struct tables *t, diagram_ref ref)
{
	return ref_is_outcome(ref) ? t->layout->rows_of[ref_index(ref)] : t->table_refs[ref];
}

static struct elements *elements_of(const struct tables *t, const struct layout_step *step)
{
	size_t search = 0;

	while (step < t->layout->searches[search].steps ||
	       step >= t->layout->searches[search].steps + t->layout->searches[search].step_count)
		search++;
	return &t->elements[search][step - t->layout->searches[search].steps];
}

/* Room for one more element of a step, all zero, and its index. It stays where it is until the next one. */
static unsigned char *add_element(struct tables *t, struct layout_step *step, uint32_t *index)
{
	struct elements *elements = elements_of(t, step);
	size_t at = elements->size;

	while (elements->size + step->element_bytes > elements->capacity) {
		size_t before = elements->capacity;

		elements->capacity = before ? 2 * before : 2 * (size_t)step->element_bytes;
		elements->bytes = arena_resize(t->arena, elements->bytes, before,
					       elements->capacity, 1);
	}
	elements->size += step->element_bytes;
	memset(elements->bytes + at, 0, step->element_bytes);
	*index = step->region.count++;
	return elements->bytes + at;
}

static void put_reference(unsigned char *references, size_t index, uint32_t ref)
{
	memcpy(references + index * sizeof(ref), &ref, sizeof(ref));
}

/* As two bytes. */
static uint16_t narrow_result(uint32_t ref)
{
	return (uint16_t)(ref >> TAG_SHIFT ? NARROW_BIT | (ref & INDEX_MASK) : ref);
}

/* Writes a result as the step's are written. */
static void put_result(const struct layout_step *step, unsigned char *results, size_t index,
		       uint32_t ref)
{
	uint16_t narrow = narrow_result(ref);

	if (step->is_narrow)
		memcpy(results + index * sizeof(narrow), &narrow, sizeof(narrow));
	else
		put_reference(results, index, ref);
}

/* Writes a key's lane: what, with the word added, has its upper bit set from the key on. Zero never has. */
static void put_lane(const struct layout_step *step, unsigned char *lanes, size_t index,
		     uint64_t key)
{
	uint64_t lane = (UINT64_C(1) << (step->lane_bits - 1)) - key;
	uint32_t lane32 = (uint32_t)lane;
	uint16_t lane16 = (uint16_t)lane;

	if (step->lane_bits == 64)
		memcpy(lanes + index * sizeof(lane), &lane, sizeof(lane));
	else if (step->lane_bits == 32)
		memcpy(lanes + index * sizeof(lane32), &lane32, sizeof(lane32));
	else
		memcpy(lanes + index * sizeof(lane16), &lane16, sizeof(lane16));
}

/* A part whose tree is being laid: the first values of the last level's elements, as keys. */
struct level {
	uint64_t *starts;
	uint32_t count, first; /* the index of the first element */
};

/* Lays the leaves of a part. LEVEL has the starts of its intervals, and gets those of the leaves. */
static void add_leaves(struct tables *t, struct layout_step *step, struct part part,
		       struct level *level)
{
	struct leaf_shape shape = leaf_shape(step);
	uint32_t leaves = 0, at, i, index;

	for (at = 0; at < level->count; at += shape.keys + 1, leaves++) {
		unsigned char *leaf = add_element(t, step, &index);

		for (i = 0; i <= shape.keys && at + i < level->count; i++) {
			if (i)
				put_lane(step, leaf, i - 1, level->starts[at + i]);
			put_result(step, leaf + shape.lanes_bytes, i,
				   child_ref(t, part.node->children[part.first + at + i]));
		}
		level->starts[leaves] = level->starts[at];
		if (!leaves)
			level->first = index;
	}
	level->count = leaves;
}

/* Lays the lines above a level, which becomes theirs. */
static void add_lines(struct tables *t, struct layout_step *step, struct level *level)
{
	uint32_t children = inner_keys(step) + 1, lines = 0, first = 0, at, i, index, child;

	for (at = 0; at < level->count; at += children, lines++) {
		unsigned char *line = add_element(t, step, &index);

		for (i = 1; i < children && at + i < level->count; i++)
			put_lane(step, line, i - 1, level->starts[at + i]);
		child = level->first + at;
		memcpy(line + INNER_LANES_BYTES, &child, sizeof(child));
		level->starts[lines] = level->starts[at];
		if (!lines)
			first = index;
	}
	level->count = lines;
	level->first = first;
}

/* Lays a part as a tree and returns its reference: the tag of its top level's step, and the line there. */
static uint32_t add_tree(struct tables *t, const struct tree_plan *tree, struct part part)
{
	struct layout_step *step = tree->levels[0];
	struct level level = {.count = part.end - part.first};
	uint64_t left = step->window.bits < 64 ? (UINT64_C(1) << step->window.bits) - 1
					       : UINT64_MAX;
	uint32_t depth = 0, i;

	if (level.count > t->starts_capacity) {
		t->starts_capacity = 2 * level.count;
		t->starts = arena_alloc(t->arena, t->starts_capacity, sizeof(*t->starts));
	}
	level.starts = t->starts;
	for (i = 0; i < level.count; i++)
		level.starts[i] = ((uint64_t)part.node->starts[part.first + i] & left) >>
				  step->window.skip;
	add_leaves(t, step, part, &level);
	while (level.count > 1) {
		step = tree->levels[++depth];
		add_lines(t, step, &level);
	}
	return step->tag << TAG_SHIFT | level.first;
}

/* A part that an entry can hold: of one interval, as a range in itself. */
static uint64_t range_entry(const struct tables *t, const struct layout_step *root,
			    struct part part)
{
	const u128 *starts = &part.node->starts[part.first];
	const diagram_ref *children = &part.node->children[part.first];
	uint32_t count = part.end - part.first;
	uint64_t around = narrow_result(child_ref(t, children[0]));
	uint64_t inside = narrow_result(child_ref(t, children[count > 1]));
	uint64_t start = 0, length = rest_bits(root);

	if (count > 1)
		start = (uint64_t)(starts[1] >> root->window.skip) &
			((UINT64_C(1) << rest_bits(root)) - 1);
	if (count > 2)
		length = (uint64_t)__builtin_ctzll((uint64_t)(starts[2] - starts[1])) -
			 root->window.skip;
	return around | inside << ENTRY_INSIDE | length << ENTRY_LENGTH | start << ENTRY_START;
}

/* What a root has for a part: the part itself, or a reference to it as a tree. */
static void put_part(struct tables *t, struct operand_plan *plan, unsigned char *children,
		     size_t child, struct part part)
{
	const struct layout_step *root = plan->root;
	bool is_here = is_in_stride(root, part);
	uint64_t entry;

	if (!root->has_ranges) {
		put_reference(children, child,
			      is_here ? child_ref(t, part.node->children[part.first])
				      : add_tree(t, &plan->below, part));
		return;
	}
	entry = is_here ? range_entry(t, root, part)
			: UINT64_C(1) << ENTRY_REFERENCE | add_tree(t, &plan->below, part);
	memcpy(children + child * sizeof(entry), &entry, sizeof(entry));
}

/* A child for each value of the window's upper bits, and those below and above it. */
static uint32_t add_stride(struct tables *t, struct operand_plan *plan,
			   const struct diagram_node *node)
{
	struct layout_step *root = plan->root;
	struct parts parts = parts_of(root, node);
	unsigned char *children;
	uint32_t index, child;

	children = add_element(t, root, &index);
	for (child = 0; parts_next(&parts); child++)
		put_part(t, plan, children, child, parts.part);
	if (!is_whole_word(root)) {
		put_part(t, plan, children, child, (struct part){node, 0, 1});
		put_part(t, plan, children, child + 1,
			 (struct part){node, node->count - 1, node->count});
	}
	return root->tag << TAG_SHIFT | index;
}

/* A result for each class of the word. */
static uint32_t add_cross(struct tables *t, struct layout_step *cross,
			  const struct diagram_node *node)
{
	uint32_t result, i = 0, index;
	unsigned char *results = add_element(t, cross, &index);

	for (result = 0; result < cross_used(cross); result++) {
		while (i + 1 < node->count && node->starts[i + 1] <= cross_port(cross, result))
			i++;
		put_result(cross, results, result, child_ref(t, node->children[i]));
	}
	return cross->tag << TAG_SHIFT | index;
}

/* The fewest prefixes that make up the words from FIRST to LAST, each leading to REF. Words are shifted up to
 * 64 bits. */
static void add_prefixes(struct tables *t, uint32_t node, uint64_t first, uint64_t last,
			 uint32_t ref)
{
	uint64_t within;

	for (;;) {
		unsigned free_bits = first ? (unsigned)__builtin_ctzll(first) : 63;

		while (within = (UINT64_C(1) << free_bits) - 1, within > last - first)
			free_bits--;
		*ARENA_APPEND(t->arena, t->prefixes, t->prefix_count,
			      t->prefix_capacity) = (struct abi_prefix){
			{ABI_PREFIX_BITS - free_bits, htonl(node), htobe64(first)}, ref, 0};
		if (last - first == within)
			return;
		first += within + 1;
	}
}

/* A number for the node, below which the kernel's trie has its intervals as prefixes. */
static uint32_t add_lpm(struct tables *t, struct layout_step *lpm, const struct diagram_node *node)
{
	unsigned shift = 64 - operand_bits(lpm->operand);
	uint32_t number = t->prefix_nodes++;
	uint64_t first, last;
	uint32_t i;

	lpm->region.count++;
	for (i = 0; i < node->count; i++) {
		first = (uint64_t)node->starts[i] << shift;
		last = i + 1 < node->count ? ((uint64_t)node->starts[i + 1] << shift) - 1
					   : UINT64_MAX;
		add_prefixes(t, number, first, last, child_ref(t, node->children[i]));
	}
	return lpm->tag << TAG_SHIFT | number;
}

static uint32_t add_interface(struct tables *t, uint32_t node_index)
{
	const struct diagram_node *node = &t->layout->nodes[node_index];
	struct layout_step *step =
		plan_of(&t->plan, node)->whole.levels[t->plan.interface_levels[node_index] - 1];
	struct layout_interface entry = {.word = variable_interface(node->variable)};
	uint32_t value, i = 0, index;

	for (value = 0; value < INTERFACE_VALUES; value++) {
		i += i + 1 < node->count && node->starts[i + 1] == value;
		entry.children[value] = child_ref(t, node->children[i]);
	}
	memcpy(add_element(t, step, &index), &entry, sizeof(entry));
	return step->tag << TAG_SHIFT | index;
}

static uint32_t add_node(struct tables *t, uint32_t index)
{
	const struct diagram_node *node = &t->layout->nodes[index];
	struct operand_plan *plan = plan_of(&t->plan, node);

	if (variable_operand(node->variable) == OPERAND_INTERFACE)
		return add_interface(t, index);
	if (plan->lpm)
		return add_lpm(t, plan->lpm, node);
	if (plan->cross)
		return add_cross(t, plan->cross, node);
	if (node_has_stride(plan, node))
		return add_stride(t, plan, node);
	return add_tree(t, &plan->whole, (struct part){node, 0, node->count});
}

static void add_nodes(struct tables *t)
{
	uint32_t i;

	for (i = 0; i < t->layout->search_count; i++)
		t->elements[i] = arena_alloc(t->arena, t->layout->searches[i].step_count + 1,
					     sizeof(*t->elements[i]));
	for (i = 0; i < t->layout->node_count; i++)
		if (t->layout->forms[i] == FORM_TABLE)
			t->table_refs[i] = add_node(t, i);
}

static struct layout_region place(size_t *bytes, size_t count, size_t size)
{
	struct layout_region region = {(uint32_t)*bytes, (uint32_t)count};

	*bytes = (*bytes + count * size + NODE_BYTES - 1) / NODE_BYTES * NODE_BYTES;
	return region;
}

static void place_steps(const struct layout_search *search, size_t *size)
{
	size_t i;

	if (!search->step_count)
		return;

	for (i = 0; i < search->step_count; i++) {
		struct layout_step *step = (struct layout_step *)&search->steps[i];

		if (step->kind != STEP_LPM)
			step->region = place(size, step->region.count, step->element_bytes);
	}
	/* A result's index has room for the next power of two, of which a last leaf falls short. */
	*size += NODE_BYTES;
}

/* Where everything is to be; the bytes that it takes. */
static size_t place_regions(struct tables *t)
{
	struct layout *layout = t->layout;
	size_t size = 0, i;

	layout->rows = place(&size, t->rows.count, sizeof(*t->rows.items));
	layout->classes = place(&size, (size_t)t->plan.class_tables * CLASS_TABLE, 1);
	for (i = 0; i < layout->search_count; i++)
		place_steps(&layout->searches[i], &size);
	return size;
}

static void put(unsigned char *bytes, struct layout_region region, const void *array, size_t size)
{
	if (region.count)
		memcpy(bytes + region.offset, array, size);
}

static void put_classes(const struct tables *t, unsigned char *bytes)
{
	uint32_t search;
	enum operand operand;

	for (search = 0; search < t->layout->search_count; search++)
		for (operand = 0; operand < OPERAND_INTERFACE; operand++) {
			const struct operand_plan *plan = &t->plan.operands[search][operand];

			if (plan->cross && plan->cross->class_table != NO_INDEX)
				memcpy(bytes + t->layout->classes.offset +
					       (size_t)plan->cross->class_table * CLASS_TABLE,
				       plan->class_bytes, CLASS_TABLE);
		}
}

static unsigned char *put_all(const struct tables *t)
{
	const struct layout *layout = t->layout;
	unsigned char *bytes = arena_alloc(t->arena, layout->object.table_bytes, 1);
	size_t i, j;

	put(bytes, layout->rows, t->rows.items, t->rows.count * sizeof(*t->rows.items));
	put_classes(t, bytes);
	for (i = 0; i < layout->search_count; i++)
		for (j = 0; j < layout->searches[i].step_count; j++)
			if (layout->searches[i].steps[j].kind != STEP_LPM)
				put(bytes, layout->searches[i].steps[j].region,
				    t->elements[i][j].bytes, t->elements[i][j].size);
	return bytes;
}

bool layout_tables(struct arena *arena, struct layout *layout, enum table_kind tables,
		   const struct diagram_outcome *outcomes, size_t outcome_count, size_t bytes_max)
{
	struct tables t = {.arena = arena, .layout = layout};

	t.table_refs = arena_alloc(arena, layout->node_count + 1, sizeof(*t.table_refs));
	layout->table_refs = t.table_refs;
	t.rows = layout_rows_of(arena, layout, outcomes, outcome_count);
	if (!layout_plan(arena, layout, tables, &t.plan))
		return false;
	add_nodes(&t);
	layout->object.table_bytes = place_regions(&t);
	if (layout->object.table_bytes > bytes_max)
		return false;
	layout->object.tables = put_all(&t);
	layout->object.prefixes = t.prefixes;
	layout->object.prefix_count = t.prefix_count;
	return true;
}
