/* Finds the order of fields in which a diagram is small. */
#ifndef SKLC_DECISION_ORDERS_H
#define SKLC_DECISION_ORDERS_H

#include "compiler/diagram/diagram.h"

/* What is built: a diagram of this in any order. BUILD gives the root; the diagram is wrong if the builder is
 * exhausted afterwards. Its arena is for scratch memory. */
struct subject {
	diagram_ref (*build)(const void *data, struct arena *arena, struct builder *builder);
	const void *data;
	bool has_interfaces; /* an order that begins with the interface is of use */
	/* Once one order is done, how much another one may take: this for each interval of its diagram, or, if
	 * this is 0, half of what the best one took. */
	size_t effort_for_interval;
	size_t memory; /* how many operations a builder remembers at most; 0: all */
};

/* A diagram in one order, in a builder and an arena of its own. */
struct trial {
	struct arena *arena;
	struct builder *builder;
	diagram_ref root;
	struct builder_extent extent;
	enum field order[VALUE_FIELD_COUNT];
};

/* Tries one order. False if it is not done within the effort. */
bool try_order(const struct subject *subject, const enum field order[VALUE_FIELD_COUNT],
	       size_t effort, struct trial *trial);

/* Gives in BEST the first order that is done within the effort, or a later one whose diagram is much
 * smaller. False if no order is done. */
bool best_order(const struct subject *subject, size_t effort, struct trial *best);

/* The order that is tried first. */
void usual_order(enum field order[VALUE_FIELD_COUNT]);

#endif
