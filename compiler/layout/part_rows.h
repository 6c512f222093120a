/* Writes the rows of a decision of several parts; rows.h says how they stand. */
#ifndef SKLC_LAYOUT_PART_ROWS_H
#define SKLC_LAYOUT_PART_ROWS_H

#include "rows.h"

/* USED says which of the outcomes are in use. */
struct layout_rows part_rows_of(struct arena *arena, struct layout *layout,
				const struct diagram_outcome *outcomes, const bool *used,
				size_t count);

#endif
