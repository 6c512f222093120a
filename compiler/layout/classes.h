/* The equivalence classes of ports that no node of an operand tells apart. */
#ifndef SKLC_LAYOUT_CLASSES_H
#define SKLC_LAYOUT_CLASSES_H

#include "layout.h"

struct arena;

/* Finds the classes for all nodes in tables with this VARIABLE, a port; false if there are more than MOST, which is at
 * most CLASSES_MAX. */
bool classes_of(struct arena *arena, const struct layout *layout, uint32_t variable, uint32_t most,
		struct layout_classes *classes);

#endif
