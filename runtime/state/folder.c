/* Opens the folders of the state, and clears them. Nothing but sklc's own user may reach what is in
 * them; a folder of which that is not so is refused, with what mends it. What sklc did not make is
 * left where it is: it may be in use by others, or hold the rules of others in force. */
#include "state.h"

#include "runtime/base/entries.h"
#include "runtime/base/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	OTHERS = S_IRWXG | S_IRWXO,
};

int state_open_folder(int parent, const char *name)
{
	autoclose int fd = openat(parent, name, FOLDER_FLAGS);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status))
		return -errno;
	if (status.st_uid != geteuid() || (status.st_mode & (OTHERS | S_IRWXU)) != S_IRWXU)
		return -EPERM;
	return take_fd(&fd);
}

int state_open_needless(int parent, const char *name)
{
	struct stat status;
	int fd = state_open_folder(parent, name);

	if (fd != -EPERM && fd != -EACCES)
		return fd;
	if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid())
		return fd;
	return fchmodat(parent, name, S_IRWXU, 0) ? -errno : state_open_folder(parent, name);
}

/* The path of an open folder, if /proc tells it and it leads there; else it stays empty. */
static void find_path(int folder, char path[PATH_MAX])
{
	struct stat ours, named;
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
	length = readlink(link, path, PATH_MAX - 1);
	path[length < 0 ? 0 : length] = '\0';
	if (length < 0 || fstat(folder, &ours) || stat(path, &named) ||
	    ours.st_ino != named.st_ino || ours.st_dev != named.st_dev)
		*path = '\0';
}

/* Writes the path of NAME in an open folder. */
static void path_below(int folder, const char *name, char path[PATH_MAX + NAME_MAX + 2])
{
	find_path(folder, path);
	snprintf(path + strlen(path), NAME_MAX + 2, "%s%s", *path ? "/" : "", name);
}

static int refuse_mode(struct report *report, const char *path, mode_t mode)
{
	const char *why = mode & (S_IWGRP | S_IWOTH) ? "others could change what is in it; look at "
						       "what is there, then close it"
			  : mode & OTHERS ? "others could take pins from it, and rules with them; "
					    "close it"
					  : "its owner needs all of it; open it";

	return refuse(report, EPERM,
		      "the folder '%s' has the mode %03o, and sklc takes none but 700: %s with "
		      "`chmod 700 %s`",
		      path, (unsigned int)mode, why, path);
}

static int refuse_owner(struct report *report, const char *path, uid_t owner)
{
	if (!owner)
		return refuse(report, EACCES, "the folder '%s' belongs to root: run as root", path);
	return refuse(
		report, EPERM,
		"the folder '%s' belongs to user %u, not to user %u, who runs sklc: somebody "
		"else made it, or it was given away; look at what is in it, then take it with "
		"`chown %u %s`",
		path, owner, geteuid(), geteuid(), path);
}

int state_refuse_folder(struct report *report, int error, int parent, const char *name)
{
	char path[PATH_MAX + NAME_MAX + 2];
	struct stat status;

	path_below(parent, name, path);
	if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW))
		return fail(report, error, "open the folder '%s'", path);
	if (!S_ISDIR(status.st_mode))
		return refuse(report, EPERM,
			      "'%s' is %s where sklc has a folder: somebody else made it; look at "
			      "it, then move it to another place",
			      path, S_ISLNK(status.st_mode) ? "a symbolic link" : "a file");
	if (status.st_uid != geteuid())
		return refuse_owner(report, path, status.st_uid);
	if ((status.st_mode & (OTHERS | S_IRWXU)) != S_IRWXU)
		return refuse_mode(report, path, status.st_mode & 07777);
	return fail(report, error, "open the folder '%s'", path);
}

struct clearing {
	struct report *report;
	int folder;
	bool has_generations; /* folders of generations are cleared too */
	bool told;            /* the error was reported */
	bool has_removed;
	char strange[NAME_MAX + 1]; /* the first one that is left */
	size_t strange_count;
};

static int clear(struct report *report, int folder, bool has_generations);

static int fail_to_remove(struct clearing *clearing, int error, const char *name)
{
	char path[PATH_MAX + NAME_MAX + 2];

	path_below(clearing->folder, name, path);
	clearing->told = true;
	return fail(clearing->report, error, "remove '%s'", path);
}

static int remove_generation(struct clearing *clearing, const char *name, int folder)
{
	int err = clear(clearing->report, folder, false);

	clearing->told = err != 0;
	if (err)
		return err;
	if (unlinkat(clearing->folder, name, AT_REMOVEDIR) == 0)
		clearing->has_removed = true;
	else if (errno != ENOENT && errno != ENOTEMPTY) /* what is left was named */
		err = fail_to_remove(clearing, errno, name);
	return err;
}

static bool is_removed(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
		return true;
	return (errno == EISDIR || errno == EPERM) && unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

static int clear_entry(const char *name, void *argument)
{
	struct clearing *clearing = argument;
	autoclose int below = -1;

	if (is_removed(clearing->folder, name)) {
		clearing->has_removed = true;
		return 0;
	}
	if (errno != ENOTEMPTY)
		return fail_to_remove(clearing, errno, name);
	if (clearing->has_generations && generation_of_folder(name))
		below = state_open_needless(clearing->folder, name);
	if (below >= 0)
		return remove_generation(clearing, name, below);
	if (!clearing->strange_count++)
		snprintf(clearing->strange, sizeof(clearing->strange), "%s", name);
	return 0;
}

void state_warn_strange(struct report *report, int folder, const char *name, size_t others)
{
	char path[PATH_MAX + NAME_MAX + 2], beside[48] = "";

	path_below(folder, name, path);
	if (others)
		snprintf(beside, sizeof(beside), ", like %zu more beside it,", others);
	warn(report,
	     "the folder '%s'%s was not made by sklc, and is left as it is; look at it, then move "
	     "it out of sklc's state",
	     path, beside);
}

static int clear(struct report *report, int folder, bool has_generations)
{
	struct clearing clearing = {
		.report = report, .folder = folder, .has_generations = has_generations};
	int err = entries_each(folder, clear_entry, &clearing);

	/* Once: what is left alone in its folder was named by whoever removed the rest. */
	if (clearing.strange_count && clearing.has_removed)
		state_warn_strange(report, folder, clearing.strange, clearing.strange_count - 1);
	return err && !clearing.told ? fail(report, err, "read a folder of the state") : err;
}

int folder_clear(struct report *report, int folder)
{
	return clear(report, folder, true);
}
