/* Random elements of several keys, for maps and sets: in any order of the fields, and near enough that they overlap. */
#ifndef SKLC_TUPLES_H
#define SKLC_TUPLES_H

#include "tests/lib/random.h"

#include "compiler/base/fields.h"

#include <stdbool.h>
#include <stdio.h>

enum { TUPLES_MAX = 32 };

struct tuple {
	enum family family; /* of its addresses */
	struct range keys[MAP_KEYS_MAX];
};

struct tuples {
	enum field fields[MAP_KEYS_MAX];
	unsigned key_count, count;
	struct tuple items[TUPLES_MAX];
};

bool tuples_have_families(const struct tuples *tuples);

/* At least one element of LEAST_KEYS keys or more; as elements of a map they would be accepted, if FOR_MAP. */
void some_tuples(struct random *random, struct tuples *tuples, unsigned least_keys, bool for_map);

/* The fields as a rule looks them up, or the keys of a `type` line, in which a field may be given as its type. */
void put_fields(FILE *out, const struct tuples *tuples);
void put_types(FILE *out, struct random *random, const struct tuples *tuples);
void put_tuple(FILE *out, const struct tuples *tuples, unsigned index);

#endif
