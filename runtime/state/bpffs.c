/* Opens the bpffs, and refuses one that is not safe. */
#include "bpffs.h"

#include "instance.h"
#include "lock.h"
#include "mount.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"
#include "runtime/kernel/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

const char *bpffs_path(const struct runtime_options *options)
{
	return options->bpffs ? options->bpffs : "/sys/fs/bpf";
}

static int check_instance(struct report *report, const char *path, const struct stat *status)
{
	int err = proc_require(report, "compare the bpffs with that of process 1");

	if (err || instance_is_shared(path, status))
		return err;
	return refuse(
		report, EXDEV,
		"'%s' is not the machine's bpffs but one of this mount namespace, and what is "
		"put there vanishes with it: run sklc outside of `ip netns exec`, with --netns "
		"NAME, or name a bpffs with --bpffs",
		path);
}

/* Refuses a bpffs in which other users could rename the folders of sklc. */
static int check_owner(struct report *report, const char *path, const struct stat *status)
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return refuse(report, EPERM,
			      "bpffs '%s' belongs to user %u: the state of root is not safe "
			      "there",
			      path, status->st_uid);
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) && !(status->st_mode & S_ISVTX))
		return refuse(report, EPERM,
			      "bpffs '%s' can be written by others without the sticky bit: "
			      "mend it with `chmod +t %s`",
			      path, path);
	return 0;
}

/* Opens what is at PATH. -errno after a message. */
static int open_path(struct report *report, const char *path, struct stat *status, bool *is_bpffs)
{
	autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs filesystem;

	if (fd < 0)
		return caps_fail(report, errno, caps_for_path(path), "open bpffs '%s'", path);
	if (fstatfs(fd, &filesystem) || fstat(fd, status))
		return fail(report, errno, "look at bpffs '%s'", path);
	*is_bpffs = filesystem.f_type == BPF_FS_MAGIC;
	return take_fd(&fd);
}

/* As open_path, but mounts bpffs first where there is none and that is safe. */
static int open_or_mount(const struct runtime_options *options, const char *path,
			 struct stat *status, bool *is_bpffs)
{
	autoclose int fd = open_path(options->report, path, status, is_bpffs);
	struct mount_facts facts;
	int err;

	if (fd < 0 || *is_bpffs)
		return take_fd(&fd);
	facts = mount_look(fd, path);
	if (mount_is_safe(&facts)) {
		err = lock_folder(options->report, fd, path);
		if (!err)
			err = mount_bpffs(options->report, path, options->quiet);
		if (err)
			return err;
	}
	/* Also where it is not safe: another sklc that mounted one since the folder was opened
	 * makes the two differ. */
	return open_path(options->report, path, status, is_bpffs);
}

int bpffs_open(const struct runtime_options *options, enum state_use use)
{
	const char *path = bpffs_path(options);
	autoclose int fd = -1;
	struct stat status;
	bool is_bpffs;
	int err;

	fd = use == STATE_CREATE && !options->bpffs
		     ? open_or_mount(options, path, &status, &is_bpffs)
		     : open_path(options->report, path, &status, &is_bpffs);
	if (fd < 0)
		return take_fd(&fd);
	if (!is_bpffs)
		return refuse(options->report, EINVAL,
			      "'%s' is no bpffs: mount it with `mount -t bpf bpf %s` "
			      "(`ip netns exec` hides it: run sklc outside, with --netns)",
			      path, path);
	err = check_owner(options->report, path, &status);
	if (!err && !options->bpffs)
		err = check_instance(options->report, path, &status);
	return err ? err : take_fd(&fd);
}
