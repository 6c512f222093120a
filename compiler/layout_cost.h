/* What ways to store a node would cost a packet, in memory that it touches. */
#ifndef SKLC_LAYOUT_COST_H
#define SKLC_LAYOUT_COST_H

#include "layout.h"

/* Bytes of a tree for a node of so many intervals, about. */
size_t cost_tree_bytes(uint32_t intervals);

/* How many bits of the window a root for the node should take; 0 where it is best without, unless it MUST. */
uint32_t cost_root_bits(struct layout_window window, const struct decision_node *node, bool must);

#endif
