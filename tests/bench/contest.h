/* All ways to classify the same random keys, measured in turns in one run. */
#ifndef SKLC_BENCH_CONTEST_H
#define SKLC_BENCH_CONTEST_H

#include "walk.h"

#include "compiler/pipeline.h"

enum { TABLE_KIND_COUNT = TABLES_LPM + 1, ROUNDS_MAX = 101 };

/* The contestants: what is measured against, then the compiler's tables, each kind forced in turn. */
enum {
	CONTEST_EMPTY,
	CONTEST_CONSTANT, /* one redirect for every packet */
	CONTEST_TRIES,    /* two look-ups in the kernel's LPM trie */
	CONTEST_TABLES,
	CONTEST_COUNT = CONTEST_TABLES + TABLE_KIND_COUNT
};

struct contestant {
	const char *name;
	bool present;
	int same_as; /* the contestant whose layout this one's is, byte for byte; or -1 */
	struct walker walker;
	uint32_t keys[WARMTHS]; /* of a round */
	double rounds[WARMTHS][ROUNDS_MAX];
	double ns[WARMTHS]; /* the median of its rounds, each less the empty one's of that round */
	size_t table_bytes, code_intervals;
	double decide_ms, lay_ms; /* policy to decision; decision to layout */
	double fill_ms;           /* of the tries */
};

struct contest {
	struct bindings bindings;
	struct contestant contestants[CONTEST_COUNT];
	size_t wrong; /* answers of tables that differ from the tries' */
};

struct contest_options {
	unsigned rounds;
	double round_ms; /* about how long each takes, of each contestant */
};

const char *contest_name(int contestant);

/* Runs all that are present, in turns: hot, then cold. The first is the empty one, which the others' times are net
 * of. False, with the reason on standard error, where one cannot be run. */
bool contest_measure(struct contestant *contestants, size_t count, const struct walk *walk,
		     const struct contest_options *options);

/* How many times as long as another one takes, round by round: what disturbs both does not count. */
double contest_ratio(const struct contestant *one, const struct contestant *other,
		     enum warmth warmth, unsigned rounds);

/* False, with the reason on standard error, where it could not be held. */
bool contest_hold(struct contest *contest, const struct bindings *bindings,
		  const struct contest_options *options);

#endif
