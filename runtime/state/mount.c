/* Asks /proc, which is asked first whether it is one. A mount in another mount namespace than that of
 * process 1 would vanish with its processes, and all that is pinned there. */
#include "mount.h"

#include "runtime/base/entries.h"
#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"
#include "runtime/kernel/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* PROC_PID_INIT_INO of the kernel's linux/proc_ns.h, the same since Linux 3.8. */
#define INITIAL_PID_NAMESPACE UINT32_C(0xEFFFFFFC)

/* Looks at the namespace of this type (CLONE_NEW...); false if it is none, or cannot be opened. */
static bool look_at_namespace(const char *path, int type, struct stat *status)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && ioctl(fd, NS_GET_NSTYPE) == type && fstat(fd, status) == 0;
}

static bool is_same(const struct stat *left, const struct stat *right)
{
	return left->st_dev == right->st_dev && left->st_ino == right->st_ino;
}

static bool is_initial(void)
{
	struct stat own;

	return proc_self() == getpid() &&
	       look_at_namespace("/proc/self/ns/pid", CLONE_NEWPID, &own) &&
	       own.st_ino == INITIAL_PID_NAMESPACE;
}

static bool shares_mounts(void)
{
	struct stat own, first;

	return look_at_namespace("/proc/self/ns/mnt", CLONE_NEWNS, &own) &&
	       look_at_namespace("/proc/1/ns/mnt", CLONE_NEWNS, &first) && is_same(&own, &first);
}

/* A folder that is mounted in two places has one inode, and two numbers of mounts. */
static bool look_at_mount(int folder, const char *path, struct statx *status)
{
	return statx(folder, path, AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, status) == 0 &&
	       status->stx_mask & STATX_MNT_ID;
}

static bool shares_folder(int folder, const char *path)
{
	char theirs[PATH_MAX];
	struct statx own, first;
	int length = snprintf(theirs, sizeof(theirs), "/proc/1/root%s", path);

	return length > 0 && (size_t)length < sizeof(theirs) && look_at_mount(folder, "", &own) &&
	       look_at_mount(AT_FDCWD, theirs, &first) && own.stx_mnt_id == first.stx_mnt_id &&
	       own.stx_ino == first.stx_ino;
}

static int stop(const char *name, void *argument)
{
	(void)name;
	(void)argument;
	return 1;
}

bool mount_is_safe(const struct mount_facts *facts)
{
	return facts->may_mount && facts->is_initial && facts->shares_mounts &&
	       facts->shares_folder && facts->is_closed && facts->is_empty;
}

struct mount_facts mount_look(int folder, const char *path)
{
	struct mount_facts facts = {0};
	struct stat status;

	if (fstat(folder, &status))
		return facts;
	facts.may_mount = geteuid() == 0 && caps_have(CAP_SYS_ADMIN);
	facts.is_initial = is_initial();
	facts.shares_mounts = shares_mounts();
	facts.shares_folder = shares_folder(folder, path);
	facts.is_closed = S_ISDIR(status.st_mode) && status.st_uid == 0 &&
			  !(status.st_mode & (S_IWGRP | S_IWOTH));
	facts.is_empty = entries_each(folder, stop, NULL) == 0;
	return facts;
}

int mount_bpffs(struct report *report, const char *path, bool quiet)
{
	struct statfs filesystem;

	if (statfs(path, &filesystem))
		return fail(report, errno, "look at '%s'", path);
	if (filesystem.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return fail(report, errno, "mount bpffs at '%s'", path);
	if (!quiet)
		note(report, "no bpffs was mounted at '%s': mounted one, for root alone", path);
	return 0;
}
