/* The tree of control groups. */
#ifndef SKLC_CGROUP_H
#define SKLC_CGROUP_H

struct report;

enum { CGROUP_ROOT_ID = 1 }; /* the ID, and the inode number, of the root */

/* Opens the root of the cgroup2 tree, wherever it is mounted. Without a message: -ENODEV if no cgroup2
 * tree is mounted, -EXDEV if only parts of it below the root are, as in a container. Another -errno
 * after a message. */
int cgroup_open_root(struct report *report);

#endif
