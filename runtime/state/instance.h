/* Whether a bpffs is the host's, or one in a mount namespace that ends with its processes. */
#ifndef SKLC_INSTANCE_H
#define SKLC_INSTANCE_H

#include <stdbool.h>
#include <sys/stat.h>

/* STATUS is of PATH. False if process 1 has another file system at PATH; if that cannot be seen,
 * the most distant ancestor of this process for which it can. */
bool instance_is_shared(const char *path, const struct stat *status);

#endif
