/* The whole program of an object, loaded into the kernel. */
#ifndef SKLC_BENCH_SHIPPED_H
#define SKLC_BENCH_SHIPPED_H

#include <stdbool.h>
#include <stdint.h>

struct bpf_object;
struct object;

struct shipped {
	struct bpf_object *object; /* owns the descriptors */
	int fd, sockets;
	double load_ms;
	uint32_t verified; /* instructions that the verifier walked */
	uint32_t jited_bytes;
};

/* Loads the object, with a socket map for BENCH_LABELS labels; false, with the reason on standard error. */
bool shipped_load(struct shipped *shipped, const struct object *object);

#endif
