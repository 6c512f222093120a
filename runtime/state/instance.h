/* Whether a bpffs is the host's, or one in a mount namespace that ends with its processes. */
#ifndef SKLC_INSTANCE_H
#define SKLC_INSTANCE_H

#include <stdbool.h>
#include <sys/stat.h>

/* Compares the file system at PATH with the one that process 1 has at PATH. If that one cannot be
 * seen, compares with the most distant ancestor of this process whose one can. False if they
 * differ. STATUS is that of PATH in this process. /proc must show this process (kernel/proc.h). */
bool instance_is_shared(const char *path, const struct stat *status);

#endif
