/* What ways to store a node would cost a packet, in memory that it touches. */
#ifndef SKLC_LAYOUT_COST_H
#define SKLC_LAYOUT_COST_H

#include "layout.h"

/* Bytes of a tree for a node of so many intervals, about. */
size_t cost_tree_bytes(uint32_t intervals);

/* The best root for a node, where all nodes that get one like it take COPIES times as much memory; one that it
 * MUST have. */
struct root_choice cost_root(struct layout_window window, const struct decision_node *node,
			     size_t copies, bool must);

/* About how many instructions the verifier walks (Linux 6.18), beside the nodes in code. */
size_t cost_instructions(const struct layout *layout);

#endif
