/* The tree of control groups. */
#ifndef SKLC_CGROUP_H
#define SKLC_CGROUP_H

/* Opens the root of the cgroup2 tree, wherever it is mounted. Without a message: -ENODEV if it is
 * not mounted, another -errno if it cannot be opened. */
int cgroup_open_root(void);

#endif
