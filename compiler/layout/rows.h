/* Writes outcomes as rows. Each row is one thing that the program does for a packet, and names the row after it.
 *
 * Where some outcome has more than two rows, every outcome has its rows in groups, except for the first row. A group
 * has a head: a row that says where the rows of the group begin. After the first row of an outcome comes the head of
 * its first group, and after each head the head of the next group. A subprogram carries out the rows of a group, and
 * the verifier walks a subprogram only once. So in the program itself, the verifier walks a call for each head, instead
 * of code for each row. */
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
