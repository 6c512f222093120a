/* The functions that carry out an outcome's later rows, where there may be many. */
#ifndef SKLC_TRY_ROWS_H
#define SKLC_TRY_ROWS_H

struct arena;
struct bytecode_function;
struct emitter;
struct layout;

#define TRY_GROUP "try_group" /* its name */

/* `int try_group(context, head)` carries out the rows of a group, by a call of `int try_row(context, row)` for each,
 * which counts the rule, tries the label's own slot and then its spares, and counts the hit or the miss. 1: a socket
 * took the packet, or a program before this one has chosen; else 0. */
const struct bytecode_function *try_group_function(struct arena *arena,
						   const struct layout *layout);

/* Calls it for the groups whose first head is R7, which may be an end; R7 becomes the end. R8 is lost. */
void emit_groups(struct emitter *e);

#endif
