/* The window of some nodes: the bits of the operand in which the starts of their intervals differ. */
#ifndef SKLC_LAYOUT_WINDOW_H
#define SKLC_LAYOUT_WINDOW_H

#include "layout.h"

/* The least and the greatest start of the nodes that were added, but for each node's first, which is 0; and all
 * bits that are set in any of them. */
struct starts {
	uint64_t first, last, bits;
};

void starts_add(struct starts *starts, const struct diagram_node *node);

/* The smallest window that has all starts; an empty one if no node was added. */
struct layout_window starts_window(const struct starts *starts);

/* The smallest window for a tree without a stride table above it. A tree takes words below its window for the
 * first word of the window, so that word has to be less than every start. */
struct layout_window starts_tree_window(const struct starts *starts);

#endif
