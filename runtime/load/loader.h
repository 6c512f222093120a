/* The part of loading that libbpf does. */
#ifndef SKLC_LOADER_H
#define SKLC_LOADER_H

#include <stdbool.h>

struct loaded;
struct host;
struct object;
struct shared_maps;

/* How much of the verifier's log is kept: a longer one is cut, by kernels before Linux 6.4 at its end. */
enum { LOADER_LOG_BYTES = 16 << 20 };

/* Descriptors in *LOADED stay open until the process ends, as does what libbpf has allocated: this runs
 * in a process of its own (load.c). -errno after a message. */
int loader_run(const struct object *object, const struct host *host,
	       const struct shared_maps *shared, bool verbose, struct loaded *loaded);

#endif
