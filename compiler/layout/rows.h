/* The outcomes as rows: what a program has to do for a packet, one after the other.
 *
 * Where an outcome has more rows than two, all but the first of each outcome are in groups. The first row goes on with
 * the head of the first group, and each head with the next one; in a group, each row goes on with the next. So the
 * program, whose every step the verifier walks, has heads to walk and not rows; a group's rows a function walks. */
#ifndef SKLC_LAYOUT_ROWS_H
#define SKLC_LAYOUT_ROWS_H

#include "table_format.h"

struct layout_rows {
	struct layout_row *items;
	size_t count, capacity;
};

/* The rows of the outcomes that nodes or roots refer to. Fills in rows_of, rows_max and groups. */
struct layout_rows layout_rows_of(struct arena *arena, struct layout *layout,
				  const struct diagram_outcome *outcomes, size_t count);

#endif
