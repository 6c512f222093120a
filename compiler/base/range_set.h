/* Sets of the values of one field. */
#ifndef SKLC_BASE_RANGE_SET_H
#define SKLC_BASE_RANGE_SET_H

#include "net.h"

struct arena;

/* The ranges are sorted, disjoint and not adjacent. */
struct range_set {
	struct range *ranges;
	size_t count;
};

/* Makes a set of COUNT ranges, which may overlap and come in any order. Sorts and keeps the array RANGES. */
struct range_set range_set_of(struct range *ranges, size_t count);
struct range_set range_set_complement(struct arena *arena, struct range_set set, u128 last);
struct range_set range_set_intersect(struct arena *arena, struct range_set a, struct range_set b);
bool range_set_contains(struct range_set set, u128 value);
bool range_set_is_full(struct range_set set, u128 last);

#endif
