/* Searches /proc/self/mountinfo, since a host with cgroup version 1 may mount version 2
 * anywhere. */
#include "cgroup.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

/* Parses "36 35 0:31 ROOT MOUNTPOINT options - TYPE ...". If it mounts the root of cgroup2, writes
 * the mount point. */
static bool is_root(const char *line, char path[PATH_MAX])
{
	const char *type = strstr(line, " - ");
	char root[PATH_MAX];

	return type && strncmp(type, " - cgroup2 ", 11) == 0 &&
	       sscanf(line, "%*d %*d %*s %4095s %4095s", root, path) == 2 && strcmp(root, "/") == 0;
}

/* Checks the file system type, since another mount may cover this one. */
static int open_mount(const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs filesystem;

	if (fd < 0 || fstatfs(fd, &filesystem))
		return -errno;
	return filesystem.f_type == CGROUP2_SUPER_MAGIC ? take_fd(&fd) : -ENODEV;
}

int cgroup_open_root(void)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char path[PATH_MAX];
	char *line = NULL;
	size_t size = 0;
	int fd = -ENODEV;

	if (!mounts)
		return -errno;
	while (fd < 0 && getline(&line, &size, mounts) >= 0)
		if (is_root(line, path))
			fd = open_mount(path);
	free(line);
	fclose(mounts);
	return fd;
}
