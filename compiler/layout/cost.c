/* A look-up is a chain: each line of memory that it touches is known only when the one before it has come. So
 * what it costs is, for each line, how far away that line is; and that follows from the size of what it is one
 * of, since all of it is as likely to be asked for. The figures are of a server processor of 2022; what is
 * chosen changes little where all of them grow alike. */
#include "cost.h"

#include "compiler/base/arena.h"
#include "table_format.h"
#include "window.h"

/* Of one core, in bytes; the last is what a shared cache leaves to one of many. */
enum { NEAR_BYTES = 32 << 10, MIDDLE_BYTES = 512 << 10, FAR_BYTES = 3 << 20 };

/* Picoseconds to fetch a line: from each cache, and from memory with its page's address. Whole numbers, so that
 * every machine chooses the same. */
enum { NEAR_PS = 1200, MIDDLE_PS = 5000, FAR_PS = 15000, MEMORY_PS = 120000 };

/* Picoseconds to compute with what was fetched, of an entry to find the range in it too; and for a jump that could
 * not be foreseen. */
enum { STRIDE_PS = 3000, RANGE_PS = 1000, LINE_PS = 5000, UNFORESEEN_PS = 5000 };

/* Picoseconds of a level of compare code: to compare, and for its jump where nothing is known of the packet; but one
 * packet of three goes where those before it went. Less what passes while the packet's word comes, which a table
 * has to wait for. */
enum { COMPARE_PS = 600 + 2500 * 2 / 3, COMPARED_MEANWHILE_PS = 1300 };

/* More levels of lines than there are: eight children each, over 2^26 leaves. */
enum { LEVELS = 10 };

enum { STRIDE_BITS_MAX = 20 };

/* Roots of more children than eight for each interval are not looked at, unless there are but a few. */
enum { CHILDREN_BITS_FOR_INTERVAL = 3, FEW_CHILDREN_BITS = 8 };

/* An average leaf's intervals. */
enum { LEAF_INTERVALS = 10 };

size_t cost_tree_bytes(uint32_t intervals)
{
	return (size_t)(intervals + LEAF_INTERVALS - 1) / LEAF_INTERVALS * NODE_BYTES;
}

/* Of so many bytes, how much a cache holds, in 1 / WHOLE. */
enum { WHOLE = 1 << 16 };

static uint64_t share(uint64_t cache, uint64_t bytes)
{
	return bytes <= cache ? WHOLE : cache * WHOLE / bytes;
}

/* To fetch one line of so many bytes, all of which are used. */
static uint64_t fetch_ps(uint64_t bytes)
{
	uint64_t near = share(NEAR_BYTES, bytes), middle = share(MIDDLE_BYTES, bytes);
	uint64_t far = share(FAR_BYTES, bytes);

	return (near * NEAR_PS + (middle - near) * MIDDLE_PS + (far - middle) * FAR_PS +
		(WHOLE - far) * MEMORY_PS) /
	       WHOLE;
}

/* What a root of some bits leaves: how many intervals end at it, how many go on through so many levels, and the
 * lines of each level. */
struct shape {
	size_t direct, through[LEVELS], lines[LEVELS], intervals;
};

static void add_tree(struct shape *shape, size_t intervals, uint32_t leaf, uint32_t line)
{
	size_t count = (intervals + leaf - 1) / leaf;
	unsigned level = 0;

	for (;;) {
		shape->lines[level] += count;
		shape->through[level] += intervals;
		if (count == 1 || level + 1 == LEVELS)
			return;
		count = (count + line - 1) / line;
		level++;
	}
}

/* The starts within each child of a root, and whether the child itself is one. */
struct children {
	uint32_t *within;
	unsigned char *at;
	uint32_t bits;
	size_t ranges[STRIDE_BITS_MAX + 1]; /* of a root of so many bits: children of three
					   * intervals that fit an entry */
};

/* Such children need no leaf. */
static void take_ranges(struct shape *shape, size_t children)
{
	shape->lines[0] -= children;
	shape->through[0] -= 3 * children;
	shape->direct += 3 * children;
}

static struct shape shape_of(const struct children *children, const struct layout_step *root)
{
	struct layout_step step = {.lane_bits = lane_bits_for(rest_bits(root)), .is_narrow = true};
	uint32_t leaf = leaf_shape(&step).keys + 1, line = inner_keys(&step) + 1;
	struct shape shape = {0};
	uint32_t i;

	for (i = 0; i >> children->bits == 0; i++) {
		if (!children->within[i])
			shape.direct += children->at[i];
		else if (children->within[i] == 1 && root->has_ranges)
			shape.direct += 2;
		else
			add_tree(&shape, (size_t)children->within[i] + 1, leaf, line);
	}
	if (root->has_ranges)
		take_ranges(&shape, children->ranges[children->bits]);
	shape.intervals = shape.direct + shape.through[0];
	return shape;
}

/* Half as many children, each of two. */
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

/* Some of all packets jump otherwise than the others: the fewer of both are a surprise, in either direction. */
static uint64_t unforeseen_ps(size_t some, size_t all)
{
	size_t fewer = some < all - some ? some : all - some;

	return UNFORESEEN_PS * 2 * (uint64_t)fewer / all;
}

/* Picoseconds for a packet with a root of so many children, or none where there is one: all intervals being as
 * likely, and all memory being there COPIES times. */
static uint64_t cost_of(const struct children *children, const struct layout_step *root,
			size_t copies)
{
	struct shape shape = shape_of(children, root);
	size_t stride_bytes = (size_t)child_bytes(root) << children->bits;
	size_t all = shape.intervals, bytes = 0;
	uint64_t cost = 0;
	int level;

	if (!all)
		return 0;
	if (children->bits) {
		bytes = stride_bytes < all * NODE_BYTES ? stride_bytes : all * NODE_BYTES;
		cost += STRIDE_PS + fetch_ps(bytes * copies);
	}
	if (root->has_ranges)
		cost += RANGE_PS * shape.direct / all;
	for (level = LEVELS - 1; level >= 0; level--) {
		if (!shape.through[level])
			continue;
		bytes += shape.lines[level] * NODE_BYTES;
		cost += (LINE_PS + fetch_ps(bytes * copies)) * shape.through[level] / all +
			unforeseen_ps(shape.through[level], all);
	}
	return cost;
}

/* Where an interval starts in the window. */
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

/* How many bits a child has, at the least, for an interval and the next to start within. */
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

/* For each root, the children in which three intervals are that fit an entry: both starts are within, and neither
 * the one before nor the one after. */
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

static uint32_t most_bits(struct layout_window window, const struct diagram_node *node)
{
	uint32_t bits = 32 - (uint32_t)__builtin_clz(node->count) + CHILDREN_BITS_FOR_INTERVAL;

	bits = bits > FEW_CHILDREN_BITS ? bits : FEW_CHILDREN_BITS;
	bits = bits < STRIDE_BITS_MAX ? bits : STRIDE_BITS_MAX;
	return bits < window.bits - window.skip ? bits : window.bits - window.skip;
}

/* Of those that cost the same, the one that weighs the least: what comes later has fewer bits. */
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
	struct layout_step root = {.window = window};
	struct search_costs costs = {0};
	struct arena *scratch = arena_new();
	size_t count = (size_t)1 << children.bits;

	children.within = arena_alloc(scratch, count, sizeof(*children.within));
	children.at = arena_alloc(scratch, count, sizeof(*children.at));
	count_starts(&children, window, node);
	count_ranges(&children, window, node);
	*widths = (struct stride_widths){0, 0};
	for (; children.bits; halve(&children)) {
		root.stride_bits = children.bits;
		keep_better(cost_of(&children, &root, copies), children.bits, &costs.stride_ps,
			    &widths->references);
		root.has_ranges = is_narrow && rest_bits(&root) <= ENTRY_START_BITS;
		if (root.has_ranges)
			keep_better(cost_of(&children, &root, copies), children.bits,
				    &costs.ranges_ps, &widths->ranges);
		root.has_ranges = false;
	}
	/* Without a root, a start at the window's first word is a key like any other. */
	children.within[0] += children.at[0];
	root.stride_bits = 0;
	costs.tree_ps = cost_of(&children, &root, copies);
	arena_free(scratch);
	return costs;
}

/* The class of the port is found while the words before it are still being searched. */
uint64_t cost_cross(size_t bytes)
{
	return STRIDE_PS + fetch_ps(bytes);
}

uint64_t cost_code(uint32_t intervals)
{
	uint32_t levels = 31 - (uint32_t)__builtin_clz(intervals);
	uint32_t deeper = 2 * (intervals - (UINT32_C(1) << levels)); /* ways of a level more */

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
	leaf.lane_bits = lane_bits_for(window.bits - window.skip);
	if (node->count <= leaf_shape(&leaf).keys + 1)
		return LINE_PS + fetch_ps(NODE_BYTES);
	if (is_one_of_many)
		return STRIDE_PS + LINE_PS + 2 * fetch_ps(cost_tree_bytes(node->count));
	costs = cost_stride(window, node, 1, true, &widths);
	return least(costs.ranges_ps, least(costs.stride_ps, costs.tree_ps));
}
