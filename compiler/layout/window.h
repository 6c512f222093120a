/* The window of some nodes: the bits of the operand in which the starts of their intervals differ. */
#ifndef SKLC_LAYOUT_WINDOW_H
#define SKLC_LAYOUT_WINDOW_H

#include "layout.h"

/* The starts of intervals of the nodes that were added, without the first of each node, which is 0: the least, the
 * greatest, and all bits that are set in any of them. */
struct starts {
	uint64_t first, last, bits;
};

void starts_add(struct starts *starts, const struct diagram_node *node);

/* The smallest window with all starts in it; an empty one if no node was added. */
struct layout_window starts_window(const struct starts *starts);

/* The smallest window for a tree without a stride table above it. Such a tree takes operands below the window for the
 * first value in the window, so that value must be less than every start. */
struct layout_window starts_tree_window(const struct starts *starts);

#endif
