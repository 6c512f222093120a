/* The rules to measure: random service bindings, {prefix, port} to a label; the longest prefix wins. */
#ifndef SKLC_BENCH_BINDINGS_H
#define SKLC_BENCH_BINDINGS_H

#include "compiler/policy/policy.h"

struct arena;

enum { BENCH_LABELS = 64 };

struct binding {
	u128 address;
	unsigned bits;
	uint16_t port; /* 0: any */
	uint32_t label;
};

struct bindings {
	enum family family;
	bool has_ports;
	size_t count;
	struct binding *items; /* sorted; all pairs of prefix and port differ */
};

/* A packet's key, as the walking programs read it: words in network order, the port in host order. */
struct key4 {
	uint32_t address;
	uint32_t port;
};

struct key6 {
	uint32_t address[4];
	uint32_t port;
	uint32_t unused[3]; /* so that no key is in two cache lines */
};

/* Makes COUNT bindings, the same for the same arguments. */
struct bindings bindings_random(struct arena *arena, enum family family, bool has_ports,
				size_t count);

/* The policy of a rules file that looks up TCP packets in the bindings. */
struct policy *bindings_policy(struct arena *arena, const struct bindings *bindings);

/* COUNT random keys, struct key4 or struct key6 by family: seven of eight have a binding's prefix and port, the others
 * any address. */
void *bindings_keys(struct arena *arena, const struct bindings *bindings, size_t count);

/* Writes the bindings as a rules file, and the file of elements that its map names. False with errno set. */
bool bindings_write(const struct bindings *bindings, const char *rules, const char *elements);

#endif
