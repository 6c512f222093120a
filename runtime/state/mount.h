/* Mounts bpffs where none is mounted, as ip(8) and bpftool(8) do, but only where the mount is then
 * the host's. */
#ifndef SKLC_MOUNT_H
#define SKLC_MOUNT_H

#include <stdbool.h>

struct report;

/* What has to be so, and was proven to be so. */
struct mount_facts {
	bool may_mount;     /* the user is root, with the capability to mount */
	bool is_initial;    /* this process is in the initial pid namespace, and /proc is of it */
	bool shares_mounts; /* with process 1: it has the same mount namespace */
	bool shares_folder; /* process 1 has the same folder at that path: neither changed its root */
	bool is_closed;     /* the folder is root's, and nobody else may write to it */
	bool is_empty;      /* the folder has no entries, which the mount would hide */
};

bool mount_is_safe(const struct mount_facts *facts);

/* Finds out what is so of PATH, whose open folder is FOLDER. What cannot be found out is false. */
struct mount_facts mount_look(int folder, const char *path);

/* Mounts bpffs at PATH, for its owner alone, and says so; unless another process, which held the lock of
 * the folder that was there before, has done so meanwhile. That lock is held here too. -errno after a
 * message. */
int mount_bpffs(struct report *report, const char *path, bool quiet);

#endif
