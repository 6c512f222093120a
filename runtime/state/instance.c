/* Looks at the path through /proc/PID/root, the root folder of other processes. `ip netns exec`
 * mounts a new /sys in a mount namespace of its own; a bpffs that is mounted there is a separate
 * one that no other process sees. */
#include "instance.h"

#include "runtime/kernel/proc.h"

#include <limits.h>
#include <stdio.h>

enum { ANCESTORS_MAX = 1000 };

enum sight { SIGHT_NONE, SIGHT_SAME, SIGHT_OTHER };

static enum sight look_through(long pid, const char *path, const struct stat *status)
{
	char theirs[PATH_MAX];
	struct stat other;

	snprintf(theirs, sizeof(theirs), "/proc/%ld/root%s", pid, path);
	if (stat(theirs, &other))
		return SIGHT_NONE;
	return other.st_dev == status->st_dev ? SIGHT_SAME : SIGHT_OTHER;
}

/* The parent of a process; 0 if it is not visible. */
static long parent_of(long pid)
{
	char path[64], line[256];
	long parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/status", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (!parent && fgets(line, sizeof(line), file))
		if (sscanf(line, "PPid: %ld", &parent) == 1)
			break;
	fclose(file);
	return parent;
}

bool instance_is_shared(const char *path, const struct stat *status)
{
	enum sight furthest = look_through(1, path, status);
	long pid = proc_self();

	if (furthest != SIGHT_NONE)
		return furthest == SIGHT_SAME;
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		enum sight sight;

		pid = parent_of(pid);
		sight = pid > 1 ? look_through(pid, path, status) : SIGHT_NONE;
		furthest = sight == SIGHT_NONE ? furthest : sight;
	}
	return furthest != SIGHT_OTHER;
}
