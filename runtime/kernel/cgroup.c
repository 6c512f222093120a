/* Searches /proc/self/mountinfo, since a host with cgroup version 1 may mount version 2
 * anywhere. In a cgroup namespace the mounts seem to be of the root, and are of a container's cgroup:
 * only the inode number tells. */
#include "cgroup.h"

#include "proc.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Parses "36 35 0:31 ROOT MOUNTPOINT options - TYPE ...". If it mounts a cgroup2 tree, or a part of
 * one, writes the mount point. */
static bool is_cgroup2(const char *line, char path[PATH_MAX])
{
	const char *type = strstr(line, " - ");

	return type && strncmp(type, " - cgroup2 ", 11) == 0 &&
	       sscanf(line, "%*d %*d %*s %*s %4095s", path) == 1;
}

/* Opens the mount point if it is the root; else -EXDEV if it is below the root, another -errno. Checks
 * the file system type, since another mount may cover this one. */
static int open_mount(const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs filesystem;
	struct stat status;

	if (fd < 0 || fstatfs(fd, &filesystem) || fstat(fd, &status))
		return -errno;
	if (filesystem.f_type != CGROUP2_SUPER_MAGIC)
		return -ENODEV;
	return status.st_ino == CGROUP_ROOT_ID ? take_fd(&fd) : -EXDEV;
}

/* The root among the mounts of the list; else the first error of a mount that is not covered. */
static int search(FILE *mounts)
{
	char path[PATH_MAX];
	char *line = NULL;
	size_t size = 0;
	int fd = -ENODEV;

	while (fd < 0 && getline(&line, &size, mounts) >= 0)
		if (is_cgroup2(line, path)) {
			int opened = open_mount(path);

			fd = opened >= 0 || fd == -ENODEV ? opened : fd;
		}
	if (fd < 0 && ferror(mounts))
		fd = -EIO;
	free(line);
	return fd;
}

int cgroup_open_root(struct report *report)
{
	FILE *mounts;
	int fd = proc_require(report, "find the root of the cgroup tree");

	if (fd)
		return fd;
	mounts = fopen("/proc/self/mountinfo", "re");
	if (!mounts)
		return fail(report, errno, "open /proc/self/mountinfo");
	fd = search(mounts);
	fclose(mounts);
	if (fd >= 0 || fd == -ENODEV || fd == -EXDEV)
		return fd;
	return fail(report, fd, "open the root of the cgroup tree");
}
