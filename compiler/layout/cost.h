/* What each way to store a node would cost a packet, in picoseconds. */
#ifndef SKLC_LAYOUT_COST_H
#define SKLC_LAYOUT_COST_H

#include "layout.h"

/* The approximate size of a tree for so many intervals. */
size_t cost_tree_bytes(uint32_t intervals);

/* The widths, in bits, of the stride tables that cost the least: one of references, one of entries. 0: none is
 * possible. */
struct stride_widths {
	uint32_t references, ranges;
};

/* The costs of a tree and of the best stride tables for a node in a window. All nodes that are stored alike take
 * COPIES times the memory of this one. Entries are only possible if all results are narrow. */
struct search_costs cost_stride(struct layout_window window, const struct diagram_node *node,
				size_t copies, bool is_narrow, struct stride_widths *widths);

/* The cost of a look-up in a cross-product table of so many bytes. */
uint64_t cost_cross(size_t bytes);

/* The cost of finding one of so many intervals by compare code. */
uint64_t cost_code(uint32_t intervals);

/* The cost of finding an interval of a node that has tables of its own; estimated more roughly, and faster, if it
 * IS_ONE_OF_MANY nodes. */
uint64_t cost_table(const struct diagram_node *node, bool is_one_of_many);

#endif
