/* Programs that classify random keys, one after the other: the cost of a classification that the processor cannot
 * predict. The last result chooses the next key, so no look-up begins before the previous one has ended. The cold form
 * reads 512 cache lines of other memory in between, as the kernel does for a packet. */
#ifndef SKLC_BENCH_WALK_H
#define SKLC_BENCH_WALK_H

#include "bindings.h"

#include "compiler/bytecode/bytecode.h"

struct layout;

enum { WALK_KEYS = 1 << 20, WALK_LINES = 512 };

enum warmth { HOT, COLD, WARMTHS };

/* Maps that all programs for the same bindings share. */
struct walk {
	enum family family;
	int keys, state, memory;
	struct walk_state *shared; /* the state map's value */
};

/* The programs of one way to classify, hot and cold; -1: not loaded. */
struct walker {
	int programs[WARMTHS];
	double load_ms; /* to load the hot program */
};

bool walk_open(struct walk *walk, const struct bindings *bindings);
void walk_close(struct walk *walk);

/* Writes a classification of the packet that R6 points to, which ends at DONE with the result in R7. It may use all
 * registers but R6, R8 and R9. */
typedef void (*walk_body)(struct arena *arena, struct bytecode *code, const void *data,
			  struct basic_block done);

/* Descriptors of the maps that a classification refers to. */
struct walk_maps {
	int descriptors[SYMBOL_COUNT];
};

/* False, with the reason on standard error, if the kernel refuses a program. */
bool walker_open(struct walker *walker, const struct walk *walk, walk_body body, const void *data,
		 const struct walk_maps *maps);
void walker_close(struct walker *walker);

/* The emitted classification of a layout. */
bool walker_open_layout(struct walker *walker, const struct walk *walk,
			const struct layout *layout);

/* Makes the maps of a layout, with its data; programs that use them keep references. */
bool walk_maps_open(struct walk_maps *maps, const struct layout *layout);
void walk_maps_close(struct walk_maps *maps);

/* The direct emitter's classification as a function, which overwrites R0 to R5 and R7; NULL if it cannot be
 * written. */
struct bytecode *walk_classifier(struct arena *arena, const struct layout *layout);

/* A classification of either back end as a function, which takes the packet in R1 and returns the row in R0. */
bool walker_open_function(struct walker *walker, const struct walk *walk,
			  const struct bytecode *function, const struct walk_maps *maps);

/* Nanoseconds of one classification with its share of the loop, on average over COUNT keys that follow those of the
 * last run; negative on failure. */
double walker_run(const struct walker *walker, const struct walk *walk, enum warmth warmth,
		  uint32_t count);

/* The result for one key. */
uint32_t walker_ask(const struct walker *walker, const struct walk *walk, uint32_t key);

#endif
