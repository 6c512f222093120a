/* Programs that classify one random key after the other: what a classification costs when nothing can be
 * foreseen. The next key is chosen by the last result, so no look-up begins before the last one has ended; in
 * the cold form, 512 lines of other memory are read in between, as the way of a packet does. */
#ifndef SKLC_BENCH_WALK_H
#define SKLC_BENCH_WALK_H

#include "bindings.h"

#include "compiler/bytecode/bytecode.h"

struct layout;

enum { WALK_KEYS = 1 << 20, WALK_LINES = 512 };

enum warmth { HOT, COLD, WARMTHS };

/* The maps that all programs of one set of bindings share. */
struct walk {
	enum family family;
	int keys, state, memory;
	struct walk_state *shared; /* the state map's value */
};

/* One way to classify; -1 where it is not there. */
struct walker {
	int programs[WARMTHS];
	double load_ms; /* of its hot program */
};

bool walk_open(struct walk *walk, const struct bindings *bindings);
void walk_close(struct walk *walk);

/* Writes a classification of the packet that R6 points to: ends at DONE, with the result in R7; all registers
 * but R6, R8 and R9 are its own. */
typedef void (*walk_body)(struct arena *arena, struct bytecode *code, const void *data,
			  struct basic_block done);

/* Descriptors of the maps that a body refers to. */
struct walk_maps {
	int descriptors[SYMBOL_COUNT];
};

/* False, with the reason on standard error, where the kernel does not take it. */
bool walker_open(struct walker *walker, const struct walk *walk, walk_body body, const void *data,
		 const struct walk_maps *maps);
void walker_close(struct walker *walker);

/* The emitted classification of a layout. */
bool walker_open_layout(struct walker *walker, const struct walk *walk,
			const struct layout *layout);

/* Maps with what a layout has in them; programs that use them hold on to them. */
bool walk_maps_open(struct walk_maps *maps, const struct layout *layout);
void walk_maps_close(struct walk_maps *maps);

/* The direct emitter's classification as a function, which loses R0 to R5 and R7; NULL where it cannot be
 * written. */
struct bytecode *walk_classifier(struct arena *arena, const struct layout *layout);

/* Any classification as a function, which takes the packet in R1 and gives the row in R0, whoever wrote it. */
bool walker_open_function(struct walker *walker, const struct walk *walk,
			  const struct bytecode *function, const struct walk_maps *maps);

/* Nanoseconds of one classification, the loop around it with it, over COUNT keys from where the last run
 * ended; negative on failure. */
double walker_run(const struct walker *walker, const struct walk *walk, enum warmth warmth,
		  uint32_t count);

/* The result for one key. */
uint32_t walker_ask(const struct walker *walker, const struct walk *walk, uint32_t key);

#endif
