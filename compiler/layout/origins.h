/* Finds the rule that each part of the code comes from, for the line information of the object. */
#ifndef SKLC_LAYOUT_ORIGINS_H
#define SKLC_LAYOUT_ORIGINS_H

struct arena;
struct layout;

/* Fills in node_origins, child_origins, split_origins and first_children. */
void layout_origins(struct arena *arena, struct layout *layout);

#endif
