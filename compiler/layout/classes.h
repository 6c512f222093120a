/* Which ports the nodes of a key tell apart. */
#ifndef SKLC_LAYOUT_CLASSES_H
#define SKLC_LAYOUT_CLASSES_H

#include "layout.h"

struct arena;

/* The classes of all nodes in tables that ask for VARIABLE, a port; false if they are more than MOST, which is
 * CLASSES_MAX or less. */
bool classes_of(struct arena *arena, const struct layout *layout, uint32_t variable, uint32_t most,
		struct layout_classes *classes);

#endif
