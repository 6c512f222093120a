/* Random packets whose values are at the edges of the rules' ranges. */
#ifndef SKLC_PACKETS_H
#define SKLC_PACKETS_H

#include "tests/lib/random.h"

#include "compiler/policy/policy.h"

/* For each family, values of each field. */
struct edges {
	u128 *values[FAMILY_COUNT][VALUE_FIELD_COUNT];
	size_t counts[FAMILY_COUNT][VALUE_FIELD_COUNT];
};

/* The first and last value of every range in the rules, and the values just outside it. */
struct edges edges_of(struct arena *arena, const struct policy *policy);

/* A packet whose values are mostly edges. */
struct packet random_packet(struct random *random, const struct edges *edges);

#endif
