/* What a program written by hand usually does: all bindings in one of the kernel's LPM tries with the key {protocol,
 * port, address}. It looks up a packet twice, with its port and with none; the longer prefix wins. */
#ifndef SKLC_BENCH_TRIES_H
#define SKLC_BENCH_TRIES_H

#include "walk.h"

struct tries {
	int map;
	double fill_ms;
};

bool tries_open(struct tries *tries, const struct bindings *bindings);
void tries_close(struct tries *tries);

/* Results are indices of labels plus one. */
bool tries_walker(struct walker *walker, const struct tries *tries, const struct walk *walk);

#endif
