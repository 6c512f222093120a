/* Finds the equivalence classes of ports: sets of ports that no node of a variable tells apart. */
#ifndef SKLC_LAYOUT_CLASSES_H
#define SKLC_LAYOUT_CLASSES_H

#include "layout.h"

struct arena;

/* Finds the classes for all nodes in tables that have this VARIABLE, a port. False if there are more than MOST, which
 * is at most CLASSES_MAX. */
bool classes_of(struct arena *arena, const struct layout *layout, uint32_t variable, uint32_t most,
		struct layout_classes *classes);

#endif
