/* All ways to classify the same random keys, measured in turns in one run. */
#ifndef SKLC_BENCH_CONTEST_H
#define SKLC_BENCH_CONTEST_H

#include "walk.h"

#include "../../compiler/pipeline.h"

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
	bool present;
	int same_as; /* the contestant whose layout this one's is, byte for byte; or -1 */
	struct walker walker;
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

/* False, with the reason on standard error, where it could not be held. */
bool contest_hold(struct contest *contest, const struct bindings *bindings,
		  const struct contest_options *options);

#endif
