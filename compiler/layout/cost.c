/* The model of what a look-up in the tables costs. A look-up is a chain of fetches, since the address of each cache
 * line is only known when the cache line before it has arrived. So a look-up costs the sum of its fetches. The cost of
 * a fetch follows from the size of the memory that it may read, assuming uniform access. The figures are those of a
 * server processor of 2022; if all of them change by one factor, the choices stay nearly the same. */
#include "cost.h"

#include "compiler/base/arena.h"
#include "table_format.h"
#include "window.h"

/* The caches of one core, in bytes. The last is the core's share of a cache that many cores have together. */
enum { NEAR_BYTES = 32 << 10, MIDDLE_BYTES = 512 << 10, FAR_BYTES = 3 << 20 };

/* Picoseconds to fetch a cache line from each cache, and from memory with a page walk for its address. The figures are
 * integers, so that the choices are the same wherever the compiler runs. */
enum { NEAR_PS = 1200, MIDDLE_PS = 5000, FAR_PS = 15000, MEMORY_PS = 120000 };

/* Picoseconds to compute with what was fetched: with a child of a stride table; in addition, with the range if the
 * child is an entry; with an inner node or a leaf. */
enum { STRIDE_PS = 3000, RANGE_PS = 1000, NODE_PS = 5000 };

/* Picoseconds for a mispredicted jump. */
enum { MISPREDICTED_PS = 5000 };

/* Picoseconds for one level of compare code: the comparison, and the mean of what its jump costs. One of three packets
 * goes where the packet before it went, and is predicted well; of the others, half are mispredicted. From the sum of
 * all levels, COMPARED_MEANWHILE_PS is subtracted: what overlaps with the load of the operand, for which a look-up in a
 * table has to wait. */
enum { COMPARE_PS = 600 + 2500 * 2 / 3, COMPARED_MEANWHILE_PS = 1300 };

/* No tree has more levels: inner nodes have at least eight children, and there are at most 2^26 leaves. */
enum { LEVELS = 10 };

enum { STRIDE_BITS_MAX = 20 };

/* Stride tables of more than about eight children for each interval are not considered, unless they have at most
 * 2^FEW_CHILDREN_BITS children. */
enum { CHILDREN_BITS_FOR_INTERVAL = 3, FEW_CHILDREN_BITS = 8 };

/* The intervals of an average leaf. */
enum { LEAF_INTERVALS = 10 };

size_t cost_tree_bytes(uint32_t intervals)
{
	return (size_t)(intervals + LEAF_INTERVALS - 1) / LEAF_INTERVALS * NODE_BYTES;
}

/* A share of memory is a fraction with this denominator. */
enum { WHOLE = 1 << 16 };

/* The part of BYTES bytes of memory that fits into a cache of CACHE bytes, as a share of WHOLE. */
static uint64_t share(uint64_t cache, uint64_t bytes)
{
	return bytes <= cache ? WHOLE : cache * WHOLE / bytes;
}

/* Mean picoseconds to fetch one cache line of a memory of BYTES bytes. */
static uint64_t fetch_ps(uint64_t bytes)
{
	uint64_t near = share(NEAR_BYTES, bytes), middle = share(MIDDLE_BYTES, bytes);
	uint64_t far = share(FAR_BYTES, bytes);

	return (near * NEAR_PS + (middle - near) * MIDDLE_PS + (far - middle) * FAR_PS +
		(WHOLE - far) * MEMORY_PS) /
	       WHOLE;
}

/* What the cost of a stride table, with the trees below it, depends on. DIRECT is the number of intervals whose search
 * ends at the stride table. Level 0 of the trees is the leaves; for each level, THROUGH is the number of intervals
 * whose search passes it, and NODES the number of its nodes. */
struct shape {
	size_t direct, through[LEVELS], nodes[LEVELS], intervals;
};

/* Adds a tree for INTERVALS, with LEAF intervals in each leaf and INNER children of each inner node. */
static void add_tree(struct shape *shape, size_t intervals, uint32_t leaf, uint32_t inner)
{
	size_t count = (intervals + leaf - 1) / leaf;
	unsigned level = 0;

	for (;;) {
		shape->nodes[level] += count;
		shape->through[level] += intervals;
		if (count == 1 || level + 1 == LEVELS)
			return;
		count = (count + inner - 1) / inner;
		level++;
	}
}

/* The 2^BITS children of a stride table. */
struct children {
	uint32_t *within;  /* of each child, how many intervals start in it after its first value */
	unsigned char *at; /* of each child, whether an interval starts at its first value */
	uint32_t bits;
	/* For each number of bits of the stride table: how many of its children have three intervals that fit an
	 * entry. */
	size_t ranges[STRIDE_BITS_MAX + 1];
};

/* Moves the intervals of CHILDREN children, each of which has three that fit an entry, from leaves to the stride
 * table. */
static void take_ranges(struct shape *shape, size_t children)
{
	shape->nodes[0] -= children;
	shape->through[0] -= 3 * children;
	shape->direct += 3 * children;
}

static struct shape shape_of(const struct children *children, const struct layout_step *stride)
{
	struct layout_step step = {.lane_bits = lane_bits_for(rest_bits(stride)),
				   .is_narrow = true};
	uint32_t leaf = leaf_shape(&step).keys + 1, inner = inner_keys(&step) + 1;
	struct shape shape = {0};
	uint32_t i;

	for (i = 0; i >> children->bits == 0; i++) {
		if (!children->within[i])
			shape.direct += children->at[i];
		else if (children->within[i] == 1 && stride->has_entries)
			shape.direct += 2;
		else
			add_tree(&shape, (size_t)children->within[i] + 1, leaf, inner);
	}
	if (stride->has_entries)
		take_ranges(&shape, children->ranges[children->bits]);
	shape.intervals = shape.direct + shape.through[0];
	return shape;
}

/* Merges the children in pairs: they become those of a stride table that is one bit narrower. */
static void halve(struct children *children)
{
	uint32_t i;

	children->bits--;
	for (i = 0; i >> children->bits == 0; i++) {
		children->within[i] = children->within[2 * i] + children->within[2 * i + 1] +
				      children->at[2 * i + 1];
		children->at[i] = children->at[2 * i];
	}
}

/* Mean picoseconds for a jump that SOME of ALL packets take, at random. It is mispredicted twice for each packet of the
 * minority: for that packet, and for the next packet of the majority. */
static uint64_t mispredicted_ps(size_t some, size_t all)
{
	size_t fewer = some < all - some ? some : all - some;

	return MISPREDICTED_PS * 2 * (uint64_t)fewer / all;
}

/* Mean picoseconds for a packet with this stride table, or without any if it would have only one child. All intervals
 * count as equally likely. The memory counts COPIES times, since the other nodes of the variable take as much. */
static uint64_t cost_of(const struct children *children, const struct layout_step *stride,
			size_t copies)
{
	struct shape shape = shape_of(children, stride);
	size_t stride_bytes = (size_t)child_bytes(stride) << children->bits;
	size_t all = shape.intervals, bytes = 0;
	uint64_t cost = 0;
	int level;

	if (!all)
		return 0;
	if (children->bits) {
		bytes = stride_bytes < all * NODE_BYTES ? stride_bytes : all * NODE_BYTES;
		cost += STRIDE_PS + fetch_ps(bytes * copies);
	}
	if (stride->has_entries)
		cost += RANGE_PS * shape.direct / all;
	for (level = LEVELS - 1; level >= 0; level--) {
		if (!shape.through[level])
			continue;
		bytes += shape.nodes[level] * NODE_BYTES;
		cost += (NODE_PS + fetch_ps(bytes * copies)) * shape.through[level] / all +
			mispredicted_ps(shape.through[level], all);
	}
	return cost;
}

/* The start of an interval, relative to the first value of the window. */
static uint64_t start_of(const struct diagram_node *node, uint32_t interval,
			 struct layout_window window)
{
	return (uint64_t)(node->starts[interval] - ((u128)window.prefix << window.bits));
}

static void count_starts(struct children *children, struct layout_window window,
			 const struct diagram_node *node)
{
	unsigned shift = window.bits - children->bits;
	uint32_t i;

	for (i = 1; i < node->count; i++) {
		uint64_t start = start_of(node, i, window);
		uint32_t child = (uint32_t)(start >> shift);

		if (start & ((UINT64_C(1) << shift) - 1))
			children->within[child]++;
		else
			children->at[child] = 1;
	}
}

/* The least number of bits for which one child of 2^bits values has the starts of an interval and of the next one, both
 * after its first value; more than the window's bits if there is none. */
static unsigned bits_for_both(const struct diagram_node *node, uint32_t interval,
			      struct layout_window window)
{
	uint64_t start = start_of(node, interval, window);
	uint64_t next = start_of(node, interval + 1, window);
	unsigned bits = 64 - (unsigned)__builtin_clzll(start ^ next);

	while (bits <= window.bits && !(start << (64 - bits) && next << (64 - bits)))
		bits++;
	return bits;
}

/* Counts the children of three intervals that fit an entry, for each number of bits of the stride table. In such a
 * child, after its first value, intervals I and I + 1 start, but neither I - 1 nor I + 2. */
static void count_ranges(struct children *children, struct layout_window window,
			 const struct diagram_node *node)
{
	uint32_t i;

	for (i = 1; i + 1 < node->count; i++) {
		unsigned bits, end = window.bits;

		if (!fits_entry(node, i - 1, i + 2))
			continue;
		if (i > 1 && bits_for_both(node, i - 1, window) < end)
			end = bits_for_both(node, i - 1, window);
		if (i + 2 < node->count && bits_for_both(node, i + 1, window) < end)
			end = bits_for_both(node, i + 1, window);
		for (bits = bits_for_both(node, i, window); bits < end; bits++)
			if (window.bits - bits <= children->bits)
				children->ranges[window.bits - bits]++;
	}
}

/* The bits of the widest stride table to consider. */
static uint32_t most_bits(struct layout_window window, const struct diagram_node *node)
{
	uint32_t bits = 32 - (uint32_t)__builtin_clz(node->count) + CHILDREN_BITS_FOR_INTERVAL;

	bits = bits > FEW_CHILDREN_BITS ? bits : FEW_CHILDREN_BITS;
	bits = bits < STRIDE_BITS_MAX ? bits : STRIDE_BITS_MAX;
	return bits < compared_bits(window) ? bits : compared_bits(window);
}

/* Keeps the width with the lower cost. Wider tables are tried first; of two that cost the same, the later one is kept,
 * which takes less memory. */
static void keep_better(uint64_t cost, uint32_t bits, uint64_t *best, uint32_t *best_bits)
{
	if (*best_bits && cost > *best)
		return;
	*best = cost;
	*best_bits = bits;
}

struct search_costs cost_stride(struct layout_window window, const struct diagram_node *node,
				size_t copies, bool is_narrow, struct stride_widths *widths)
{
	struct children children = {.bits = most_bits(window, node)};
	struct layout_step stride = {.window = window};
	struct search_costs costs = {0};
	struct arena *scratch = arena_new();
	size_t count = (size_t)1 << children.bits;

	children.within = arena_alloc(scratch, count, sizeof(*children.within));
	children.at = arena_alloc(scratch, count, sizeof(*children.at));
	count_starts(&children, window, node);
	count_ranges(&children, window, node);
	*widths = (struct stride_widths){0, 0};
	for (; children.bits; halve(&children)) {
		stride.stride_bits = children.bits;
		keep_better(cost_of(&children, &stride, copies), children.bits, &costs.stride_ps,
			    &widths->references);
		stride.has_entries = is_narrow && fits_start(&stride);
		if (stride.has_entries)
			keep_better(cost_of(&children, &stride, copies), children.bits,
				    &costs.ranges_ps, &widths->ranges);
		stride.has_entries = false;
	}
	/* Without a stride table, a start at the first value of the window is a key like any other. */
	children.within[0] += children.at[0];
	stride.stride_bits = 0;
	costs.tree_ps = cost_of(&children, &stride, copies);
	arena_free(scratch);
	return costs;
}

/* Finding the equivalence class costs nothing: the processor does it while earlier steps still wait for their
 * fetches. */
uint64_t cost_cross(size_t bytes)
{
	return STRIDE_PS + fetch_ps(bytes);
}

uint64_t cost_code(uint32_t intervals)
{
	uint32_t levels = 31 - (uint32_t)__builtin_clz(intervals);
	uint32_t deeper = 2 *
			  (intervals - (UINT32_C(1) << levels)); /* intervals one level deeper */

	return COMPARE_PS * (uint64_t)levels + COMPARE_PS * (uint64_t)deeper / intervals -
	       COMPARED_MEANWHILE_PS;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a && a < b ? a : b;
}

uint64_t cost_table(const struct diagram_node *node, bool is_one_of_many)
{
	struct layout_step leaf = {.is_narrow = true};
	struct starts starts = {0, 0, 0};
	struct layout_window window;
	struct stride_widths widths;
	struct search_costs costs;

	starts_add(&starts, node);
	window = starts_window(&starts);
	leaf.lane_bits = lane_bits_for(compared_bits(window));
	if (node->count <= leaf_shape(&leaf).keys + 1)
		return NODE_PS + fetch_ps(NODE_BYTES);
	if (is_one_of_many)
		return STRIDE_PS + NODE_PS + 2 * fetch_ps(cost_tree_bytes(node->count));
	costs = cost_stride(window, node, 1, true, &widths);
	return least(costs.ranges_ps, least(costs.stride_ps, costs.tree_ps));
}
