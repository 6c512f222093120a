/* Where the values of each operand that the rules and maps tell apart begin. */
#ifndef SKLC_LAYOUT_BOUNDARIES_H
#define SKLC_LAYOUT_BOUNDARIES_H

#include "layout.h"

struct boundaries {
	struct boundary {
		u128 value;        /* as sort_by_key wants it */
	} * values[OPERAND_COUNT]; /* ascending; one may be there several times */
	size_t counts[OPERAND_COUNT], capacities[OPERAND_COUNT];
};

/* Those of the operands that nodes in code ask for. */
struct boundaries boundaries_of(struct arena *arena, const struct layout *layout);

/* The last value of [FIRST, LAST] before the first boundary behind FIRST. */
uint64_t boundaries_last(const struct boundaries *boundaries, enum operand operand, uint64_t first,
			 uint64_t last);

/* The greatest value of an operand. */
static inline uint64_t operand_last(enum operand operand)
{
	return UINT64_MAX >> (64 - operand_info(operand).bits);
}

#endif
