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

/* The rows of an outcome, in order, with the number of each, and the row of its end. */
struct row_list {
	struct layout_row rows[ACTIONS_MAX];
	uint32_t numbers[ACTIONS_MAX];
	uint32_t count, end;
};

/* A counter shares a row with the attempt that follows it, if both have the same number. */
struct row_list list_rows(const struct layout *layout, const struct diagram_outcome *outcome);

/* Writes the rows of all outcomes that are in use. Fills in rows_of, rows_max and groups.
 *
 * If there are several parts, the rows stand in the order of their numbers, so the row with the least index comes
 * first. There are no groups, since a packet may need rows of several outcomes by turns. Each row leads to a later
 * row of its own part, or, if its number is that of a final end, to ROW_PASS or ROW_DROP. An end with a number of its
 * own has a row that does nothing else. The last row of all is for open ends: it leads to the policy's end. */
struct layout_rows layout_rows_of(struct arena *arena, struct layout *layout,
				  const struct diagram_outcome *outcomes, size_t count);

#endif
