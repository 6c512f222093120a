/* The functions that carry out an outcome's later rows, where there may be many. */
#ifndef SKLC_TRY_ROWS_H
#define SKLC_TRY_ROWS_H

struct emitter;

/* Calls it for the groups whose first head is R7, which may be an end; R7 becomes the end. R8 is lost. */
void emit_groups(struct emitter *e);

#endif
