/* Writes search trees, and stride tables above them. A tree is written from its leaves up, so that the nodes of each
 * level are adjacent and an inner node needs only the index of its first child. */
#include "writer.h"

#include "compiler/base/arena.h"

#include <string.h>

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

/* Intervals [first, end) of a node: all, or those that share a child of its stride table. */
struct slice {
	const struct diagram_node *node;
	uint32_t first, end;
};

/* The last level of a tree that has been written, from which the next one is made; at first, the intervals. */
struct level {
	uint64_t *starts; /* the least operand of each element, as a key */
	uint32_t count;
	uint32_t first; /* the index of the first element in its step */
};

/* Writes the leaves of a slice. LEVEL has its intervals, and then the leaves. */
static void add_leaves(struct writer *w, struct written_step *leaves, struct slice slice,
		       struct level *level)
{
	const struct layout_step *step = &leaves->step;
	struct leaf_shape shape = leaf_shape(step);
	uint32_t count = 0, at, i, index;

	for (at = 0; at < level->count; at += shape.keys + 1, count++) {
		unsigned char *leaf = add_element(w, leaves, &index);

		for (i = 0; i <= shape.keys && at + i < level->count; i++) {
			if (i)
				put_lane(step, leaf, i - 1, level->starts[at + i]);
			put_result(step, leaf + shape.lanes_bytes, i,
				   child_ref(w, slice.node->children[slice.first + at + i]));
		}
		level->starts[count] = level->starts[at];
		if (!count)
			level->first = index;
	}
	level->count = count;
}

/* Writes the inner nodes above LEVEL, which then has these nodes. */
static void add_inner(struct writer *w, struct written_step *inner, struct level *level)
{
	uint32_t children = inner_keys(&inner->step) + 1, count = 0, first = 0, at, i, index;

	for (at = 0; at < level->count; at += children, count++) {
		unsigned char *node = add_element(w, inner, &index);

		for (i = 1; i < children && at + i < level->count; i++)
			put_lane(&inner->step, node, i - 1, level->starts[at + i]);
		put_reference(node + INNER_LANES_BYTES, 0, level->first + at);
		level->starts[count] = level->starts[at];
		if (!count)
			first = index;
	}
	level->count = count;
	level->first = first;
}

/* The step for one level of the trees that are being written; level 0 is the leaves. Makes it if no tree before this
 * one was as high. */
static struct written_step *tree_step(struct writer *w, const struct layout_step *stride,
				      size_t level)
{
	struct layout_step step = {.kind = level ? STEP_INNER : STEP_LEAF,
				   .window = w->choice->tree_window,
				   .is_below_stride = stride != NULL,
				   .element_bytes = NODE_BYTES,
				   .is_narrow = w->choice->is_narrow,
				   .narrow_tag = level ? 0 : narrow_tag(w)};

	if (w->leaf + level < w->step_count)
		return w->steps[w->leaf + level];
	if (stride)
		step.window = (struct layout_window){0, stride_shift(stride), stride->window.skip};
	step.lane_bits = lane_bits_for(compared_bits(step.window));
	add_step(w, new_step(w, step));
	return w->steps[w->leaf + level];
}

/* The starts of a slice's intervals, as keys of its tree. */
static struct level intervals_of(struct writer *w, const struct layout_step *leaf,
				 struct slice slice)
{
	struct level level = {.count = slice.end - slice.first};
	unsigned bits = leaf->window.bits;
	uint64_t compared = bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX;
	uint32_t i;

	if (level.count > w->starts_capacity) {
		w->starts_capacity = 2 * level.count;
		w->starts = arena_alloc(w->scratch, w->starts_capacity, sizeof(*w->starts));
	}
	level.starts = w->starts;
	for (i = 0; i < level.count; i++)
		level.starts[i] = ((uint64_t)slice.node->starts[slice.first + i] & compared) >>
				  leaf->window.skip;
	return level;
}

/* Writes a slice as a tree, which is below STRIDE unless that is NULL. Gives the reference to its top element. */
static uint32_t add_tree(struct writer *w, const struct layout_step *stride, struct slice slice)
{
	struct written_step *step = tree_step(w, stride, 0);
	struct level level = intervals_of(w, &step->step, slice);
	size_t height = 0;

	add_leaves(w, step, slice, &level);
	while (level.count > 1) {
		step = tree_step(w, stride, ++height);
		add_inner(w, step, &level);
	}
	return step->step.tag << TAG_SHIFT | level.first;
}

/* The slice for a child of a stride table. SLICE is that of the child before it. */
static struct slice slice_of_child(const struct layout_step *stride, struct slice slice,
				   uint64_t child)
{
	const struct diagram_node *node = slice.node;
	u128 base = (u128)stride->window.prefix << stride->window.bits;
	u128 first = base + ((u128)child << stride_shift(stride));
	u128 next = first + ((u128)1 << stride_shift(stride));

	slice.first = slice.end - 1;
	while (slice.first + 1 < node->count && node->starts[slice.first + 1] <= first)
		slice.first++;
	for (slice.end = slice.first + 1; slice.end < node->count; slice.end++)
		if (node->starts[slice.end] >= next)
			break;
	return slice;
}

/* The entry for a slice that fits one. If the slice has one interval, both results are the same. If it has two, the
 * range begins at the second one and is as large as the child, so it reaches at least to the child's end. */
static uint64_t range_entry(const struct writer *w, const struct layout_step *stride,
			    struct slice slice)
{
	const u128 *starts = &slice.node->starts[slice.first];
	const diagram_ref *children = &slice.node->children[slice.first];
	uint32_t count = slice.end - slice.first;
	uint64_t around = narrow_result(child_ref(w, children[0]));
	uint64_t inside = narrow_result(child_ref(w, children[count > 1]));
	uint64_t start = 0, length = rest_bits(stride);

	if (count > 1)
		start = (uint64_t)(starts[1] >> stride->window.skip) &
			((UINT64_C(1) << rest_bits(stride)) - 1);
	if (count > 2)
		length = (uint64_t)__builtin_ctzll((uint64_t)(starts[2] - starts[1])) -
			 stride->window.skip;
	return around | inside << ENTRY_INSIDE | length << ENTRY_LENGTH | start << ENTRY_START;
}

/* Writes a child of a stride table for a slice: an entry, or a reference to what its one interval leads to; a reference
 * to its tree if it does not fit. */
static void put_child(struct writer *w, const struct layout_step *stride, unsigned char *children,
		      size_t child, struct slice slice)
{
	uint64_t entry;

	if (!stride->has_entries) {
		put_reference(children, child,
			      slice.end - slice.first == 1
				      ? child_ref(w, slice.node->children[slice.first])
				      : add_tree(w, stride, slice));
		return;
	}
	entry = fits_entry(slice.node, slice.first, slice.end)
			? range_entry(w, stride, slice)
			: UINT64_C(1) << ENTRY_REFERENCE | add_tree(w, stride, slice);
	memcpy(children + child * sizeof(entry), &entry, sizeof(entry));
}

/* Writes a node as a stride table and gives its index. */
static uint32_t add_stride(struct writer *w, struct written_step *strides,
			   const struct diagram_node *node)
{
	const struct layout_step *stride = &strides->step;
	struct slice slice = {node, 0, 1};
	unsigned char *children;
	uint32_t index;
	size_t child;

	children = add_element(w, strides, &index);
	for (child = 0; child >> stride->stride_bits == 0; child++) {
		slice = slice_of_child(stride, slice, child);
		put_child(w, stride, children, child, slice);
	}
	if (!is_whole_word(stride)) {
		put_child(w, stride, children, child, (struct slice){node, 0, 1});
		put_child(w, stride, children, child + 1,
			  (struct slice){node, node->count - 1, node->count});
	}
	return index;
}

static struct written_step *stride_step(const struct writer *w)
{
	struct layout_step step = {.kind = STEP_STRIDE,
				   .operand = variable_operand(w->variable),
				   .window = w->choice->stride_window,
				   .stride_bits = w->choice->stride_bits,
				   .has_entries = w->choice->way == WAY_RANGES};

	step.element_bytes = child_bytes(&step) *
			     ((UINT32_C(1) << step.stride_bits) + (is_whole_word(&step) ? 0 : 2));
	if (step.has_entries)
		step.narrow_tag = narrow_tag(w);
	return new_step(w, step);
}

void write_trees(struct writer *w)
{
	size_t i;

	w->leaf = w->step_count;
	for (i = 0; i < w->choice->count; i++) {
		uint32_t index = w->choice->nodes[i];
		const struct diagram_node *node = &w->layout->nodes[index];

		if (!node_has_stride(w->choice, node))
			w->table_refs[index] = add_tree(w, NULL,
							(struct slice){node, 0, node->count});
	}
}

/* The step of the stride tables comes before those of the trees below in the search, so its tag is only known when all
 * trees are written. */
void write_strides(struct writer *w)
{
	struct written_step *strides = stride_step(w);
	size_t i;

	w->leaf = w->step_count;
	for (i = 0; i < w->choice->count; i++) {
		uint32_t index = w->choice->nodes[i];

		if (node_has_stride(w->choice, &w->layout->nodes[index]))
			w->table_refs[index] = add_stride(w, strides, &w->layout->nodes[index]);
	}
	add_step(w, strides);
	for (i = 0; i < w->choice->count; i++)
		if (node_has_stride(w->choice, &w->layout->nodes[w->choice->nodes[i]]))
			w->table_refs[w->choice->nodes[i]] |= strides->step.tag << TAG_SHIFT;
}
