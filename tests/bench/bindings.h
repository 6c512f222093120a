/* What is measured: random service bindings, {prefix, port} to a label, the longest prefix first. */
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
	struct binding *items; /* sorted, no two with the same prefix and port */
};

/* A packet's key, as the walking programs read it: words in network order, the port in host order. */
struct key4 {
	uint32_t address;
	uint32_t port;
};

struct key6 {
	uint32_t address[4];
	uint32_t port;
	uint32_t unused[3]; /* so that no key lies in two lines */
};

/* COUNT bindings, always the same for the same arguments. */
struct bindings bindings_random(struct arena *arena, enum family family, bool has_ports,
				size_t count);

/* The policy of a rules file that looks TCP packets up in them. */
struct policy *bindings_policy(struct arena *arena, const struct bindings *bindings);

/* COUNT random keys, struct key4 or struct key6 by family: seven of eight to a binding's prefix and port, the
 * others to any address. */
void *bindings_keys(struct arena *arena, const struct bindings *bindings, size_t count);

/* As text: a rules file, and the map's file that it names. False with errno set. */
bool bindings_write(const struct bindings *bindings, const char *rules, const char *elements);

#endif
