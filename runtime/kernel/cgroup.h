/* The tree of control groups. */
#ifndef SKLC_CGROUP_H
#define SKLC_CGROUP_H

/* Opens the root of the cgroup2 tree, wherever it is mounted. -ENODEV if it is not mounted; -errno.
 * Without a message. */
int cgroup_open_root(void);

#endif
