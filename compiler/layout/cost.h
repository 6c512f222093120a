/* What each way to store a node would cost a packet, in picoseconds. */
#ifndef SKLC_LAYOUT_COST_H
#define SKLC_LAYOUT_COST_H

#include "layout.h"

/* The approximate size of a tree for INTERVALS. */
size_t cost_tree_bytes(uint32_t intervals);

/* The widths, in bits, of the two stride tables that cost the least: of references, and of entries. 0: such a table is
 * not possible. */
struct stride_widths {
	uint32_t references, ranges;
};

/* The costs of a tree, and of the best stride tables, for NODE in a window. The memory of all nodes of its variable is
 * COPIES times that of this node. Entries are only possible if IS_NARROW: all results are narrow. */
struct search_costs cost_stride(struct layout_window window, const struct diagram_node *node,
				size_t copies, bool is_narrow, struct stride_widths *widths);

/* The cost of a look-up in a cross-product table of this size. */
uint64_t cost_cross(size_t bytes);

/* The cost of finding one of INTERVALS by compare code. */
uint64_t cost_code(uint32_t intervals);

/* The cost of finding an interval of a node in tables of its own. The estimate is rougher, and faster, if the node
 * IS_ONE_OF_MANY. */
uint64_t cost_table(const struct diagram_node *node, bool is_one_of_many);

#endif
