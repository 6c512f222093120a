/* Loads an object with libbpf. */
#ifndef SKLC_LOADER_H
#define SKLC_LOADER_H

struct load_options;
struct loaded;
struct host;
struct object;
struct shared_maps;

/* Size of the buffer for the verifier's log. A longer log is cut; kernels before Linux 6.4 cut off
 * its end. */
enum { LOADER_LOG_BYTES = 16 << 20 };

/* Runs in the loading process (load.c): the descriptors in *LOADED and the memory of libbpf are
 * freed only when the process ends. -errno after a message. */
int loader_run(const struct object *object, const struct host *host,
	       const struct shared_maps *shared, const struct load_options *options,
	       struct loaded *loaded);

#endif
