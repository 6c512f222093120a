/* Sees the fields of a decision as words, as a layout does. */
#ifndef SKLC_LAYOUT_WORDS_H
#define SKLC_LAYOUT_WORDS_H

#include "layout.h"

struct arena;
struct builder;

/* The decision over words instead of fields: the nodes and outcomes are the builder's. Fills in the layout's
 * machines, without their steps, and its roots. */
struct builder *layout_words(struct arena *arena, struct layout *layout,
			     const struct decision *decision);

#endif
