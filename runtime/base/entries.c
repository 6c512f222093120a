/* Reads a folder by its descriptor. A folder that cannot be read to its end is an error: callers
 * decide by the list what they remove, so they must not take a part of it for the whole. */
#include "entries.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static bool is_entry(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int entries_each(int folder, int (*visit)(const char *name, void *argument), void *argument)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int result = 0;

	if (!entries) {
		result = -errno;
		if (fd >= 0)
			close(fd);
		return result;
	}
	while (!result) {
		errno = 0;
		entry = readdir(entries);
		if (!entry)
			break;
		result = is_entry(entry->d_name) ? visit(entry->d_name, argument) : 0;
	}
	if (!result)
		result = -errno;
	closedir(entries);
	return result;
}
