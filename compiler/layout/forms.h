/* Which nodes of a decision are compared in code, and which are searched in tables. */
#ifndef SKLC_LAYOUT_FORMS_H
#define SKLC_LAYOUT_FORMS_H

#include "compiler/pipeline.h"

/* Code has so many intervals at the most: the verifier walks each of them, and all packets' ways are longer for
 * them. Where nothing but code was asked for, it is for whoever asked to know. */
enum { CODE_MAX = 128, FORCED_CODE_MAX = 8192 };

/* Fills in the forms of the nodes, and why they were chosen. */
void layout_forms(struct arena *arena, struct layout *layout, enum table_kind tables);

#endif
