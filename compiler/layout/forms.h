/* Decides which nodes are compare code and which are in tables. */
#ifndef SKLC_LAYOUT_FORMS_H
#define SKLC_LAYOUT_FORMS_H

#include "compiler/pipeline.h"

/* The most intervals that may be in code: the verifier walks each of them, and code that is larger is slower for all
 * packets. With --tables code, the user is free to have more. */
enum { CODE_MAX = 128, FORCED_CODE_MAX = 8192 };

/* Fills in the forms of the nodes, and their costs where those decided. */
void layout_forms(struct arena *arena, struct layout *layout, enum table_kind tables);

#endif
