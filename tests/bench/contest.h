/* Measures all ways to classify the same random keys, in turns in one run. */
#ifndef SKLC_BENCH_CONTEST_H
#define SKLC_BENCH_CONTEST_H

#include "walk.h"

#include "compiler/pipeline.h"

enum { TABLE_KIND_COUNT = TABLES_LPM + 1, ROUNDS_MAX = 101 };

/* The contestants: the references, then the compiler with each kind of tables forced. */
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
	int same_as; /* the contestant with the same layout, byte for byte; -1 if there is none */
	struct walker walker;
	uint32_t keys[WARMTHS]; /* in a round */
	double rounds[WARMTHS][ROUNDS_MAX];
	double ns[WARMTHS]; /* the median over rounds, minus the empty contestant's time in each */
	size_t table_bytes, code_intervals;
	double decide_ms, lay_ms; /* policy to decision; decision to layout */
	double fill_ms;           /* to fill the tries */
};

struct contest {
	struct bindings bindings;
	struct contestant contestants[CONTEST_COUNT];
	size_t wrong; /* answers of tables that differ from the tries' */
};

struct contest_options {
	unsigned rounds;
	double round_ms; /* about how long a contestant takes in a round */
};

const char *contest_name(int contestant);

/* Runs all contestants that are present, in turns: hot, then cold. The first is empty, and its time is subtracted from
 * the others'. False, with the reason on standard error, if one cannot be run. */
bool contest_measure(struct contestant *contestants, size_t count, const struct walk *walk,
		     const struct contest_options *options);

/* The time of one contestant divided by another's. Takes the median of the differences in each round, so that
 * disturbances of both cancel out. */
double contest_ratio(const struct contestant *one, const struct contestant *other,
		     enum warmth warmth, unsigned rounds);

/* False, with the reason on standard error, if the contest could not be run. */
bool contest_hold(struct contest *contest, const struct bindings *bindings,
		  const struct contest_options *options);

#endif
