/* Which rules the code of a layout is from, for the line information of the object. */
#ifndef SKLC_LAYOUT_ORIGINS_H
#define SKLC_LAYOUT_ORIGINS_H

struct arena;
struct layout;

/* Fills in the origins of the nodes in code. */
void layout_origins(struct arena *arena, struct layout *layout);

#endif
