/* Whether a bpffs is the machine's or one that ends with this process and its relatives. */
#ifndef SKLC_INSTANCE_H
#define SKLC_INSTANCE_H

#include <stdbool.h>
#include <sys/stat.h>

/* False if the first process, or this one's furthest ancestor that may be asked, has another file
 * system at the same path. */
bool instance_is_shared(const char *path, const struct stat *status);

#endif
