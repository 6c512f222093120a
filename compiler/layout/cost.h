/* What ways to store a node would cost a packet, in memory that it touches. */
#ifndef SKLC_LAYOUT_COST_H
#define SKLC_LAYOUT_COST_H

#include "layout.h"

/* Bytes of a tree for a node of so many intervals, about. */
size_t cost_tree_bytes(uint32_t intervals);

/* The bits of the best root of either kind. */
struct stride_widths {
	uint32_t references, ranges;
};

/* The costs of a tree and of the best roots for a node, where all nodes that get one like it take COPIES times as
 * much memory. Only narrow results can stand in entries. */
struct search_costs cost_stride(struct layout_window window, const struct diagram_node *node,
				size_t copies, bool is_narrow, struct stride_widths *widths);

/* Picoseconds to look up a cross of so many bytes. */
uint64_t cost_cross(size_t bytes);

/* Picoseconds for a packet to find one of so many intervals by compare code; and in tables that a node has for
 * itself, more roughly where it IS_ONE_OF_MANY. */
uint64_t cost_code(uint32_t intervals);
uint64_t cost_table(const struct diagram_node *node, bool is_one_of_many);

#endif
