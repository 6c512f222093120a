/* What one writes by hand today: all bindings in one LPM trie of the kernel's, its key {protocol, port,
 * address}, asked twice for a packet, with its port and with none; the longer prefix wins. */
#ifndef SKLC_BENCH_TRIES_H
#define SKLC_BENCH_TRIES_H

#include "walk.h"

struct tries {
	int map;
	double fill_ms;
};

bool tries_open(struct tries *tries, const struct bindings *bindings);
void tries_close(struct tries *tries);

/* Its results are labels plus one. */
bool tries_walker(struct walker *walker, const struct tries *tries, const struct walk *walk);

#endif
