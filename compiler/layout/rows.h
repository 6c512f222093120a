/* Writes outcomes as rows: each row is one thing that the program does for a packet, and names the row after it.
 *
 * Where some outcome has more than two rows, all rows of every outcome but the first are in groups. A group has a head,
 * a row that says where the rows of the group begin. The first row of an outcome goes on at the head of the first
 * group, and each head at the head of the next group. A subprogram carries out the rows of a group, and the verifier
 * walks it only once; so the program itself, each step of which the verifier walks, has heads to go through, not
 * rows. */
#ifndef SKLC_LAYOUT_ROWS_H
#define SKLC_LAYOUT_ROWS_H

#include "table_format.h"

struct layout_rows {
	struct layout_row *items;
	size_t count, capacity;
};

/* Writes the rows of all outcomes that are in use. Fills in rows_of, rows_max and groups. */
struct layout_rows layout_rows_of(struct arena *arena, struct layout *layout,
				  const struct diagram_outcome *outcomes, size_t count);

#endif
