/* Rewrites a decision over fields as the diagram over operands that a layout has. */
#ifndef SKLC_LAYOUT_OPERANDS_H
#define SKLC_LAYOUT_OPERANDS_H

#include "layout.h"

struct arena;
struct builder;

/* Gives a builder that has the nodes and outcomes of the new diagram. Fills in the layout's roots, and the order of
 * fields of each search. */
struct builder *layout_operands(struct arena *arena, struct layout *layout,
				const struct decision *decision);

#endif
