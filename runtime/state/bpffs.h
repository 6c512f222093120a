/* The bpffs that holds the state. */
#ifndef SKLC_BPFFS_H
#define SKLC_BPFFS_H

#include "state.h"

/* Where it is expected. */
const char *bpffs_path(const struct runtime_options *options);

/* Opens it. With STATE_CREATE, mounts one first where it is expected by default, none is mounted, and
 * that is safe (mount.h). -errno after a message. */
int bpffs_open(const struct runtime_options *options, enum state_use use);

#endif
