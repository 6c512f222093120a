/* Finds, checks, makes and locks the state's folders. bpffs is often writable by everybody
 * (mode 1777), and a process that can put pins into a folder could take over traffic. So a
 * folder is used only if it belongs to this user alone, and everything below it is opened
 * through its descriptor. */
#include "state.h"

#include "bpffs.h"
#include "lock.h"

#include "runtime/base/array.h"
#include "runtime/base/entries.h"
#include "runtime/base/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define ROOT_NAME "sklc"

enum {
	OPEN_TRIES = 100, /* since another process may remove the folder meanwhile */
};

/* Opens a folder, and makes it first if USE is STATE_CREATE. -ENOENT without a message if there is
 * none. */
static int open_or_make(struct report *report, int parent, const char *name, enum state_use use,
			const char *path)
{
	int fd;

	if (use == STATE_CREATE && mkdirat(parent, name, S_IRWXU) && errno != EEXIST &&
	    errno != ENOENT)
		return fail(report, errno, "make the folder '%s'%s", path,
			    errno == EROFS ? " (bpffs must be mounted writable)" : "");
	fd = state_open_folder(parent, name);
	return fd < 0 && fd != -ENOENT ? state_refuse_folder(report, fd, parent, name) : fd;
}

/* Whether the open folder still has that name. */
static bool still_there(int folder, int parent, const char *name)
{
	struct stat ours, named;

	return fstat(folder, &ours) == 0 &&
	       fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

int state_lock_below(struct report *report, int parent, const char *name, const char *what)
{
	for (int i = 0; i < OPEN_TRIES; i++) {
		autoclose int folder = state_open_folder(parent, name);
		int err;

		if (folder < 0)
			return folder == -ENOENT
				       ? folder
				       : state_refuse_folder(report, folder, parent, name);
		err = lock_folder(report, folder, what);
		if (err)
			return err;
		if (still_there(folder, parent, name))
			return take_fd(&folder);
	}
	return refuse(report, EAGAIN, "%s is taken away again and again", what);
}

/* Tries to open the folders; -EAGAIN if another process removed one meanwhile. */
static int open_once(struct state *state, const char *name)
{
	char root_path[PATH_MAX], what[PATH_MAX + 32];
	int err;

	snprintf(root_path, sizeof(root_path), "%.*s",
		 (int)(strrchr(state->path, '/') - state->path), state->path);
	state->root = open_or_make(state->report, state->bpffs, ROOT_NAME, state->use, root_path);
	if (state->root == -ENOENT)
		return state->use == STATE_CREATE ? -EAGAIN : 0;
	if (state->root < 0)
		return state->root;
	state->folder = open_or_make(state->report, state->root, name, state->use, state->path);
	if (state->folder == -ENOENT)
		return state->use == STATE_CREATE ? -EAGAIN : 0;
	if (state->folder < 0)
		return state->folder;
	if (state->use == STATE_READ)
		return 0;
	snprintf(what, sizeof(what), "the state in '%s'", state->path);
	err = lock_folder(state->report, state->folder, what);
	if (err)
		return err;
	return still_there(state->folder, state->root, name) ? 0 : -EAGAIN;
}

static void close_folders(struct state *state)
{
	close_fd(&state->folder);
	close_fd(&state->root);
	state->folder = -1;
	state->root = -1;
}

static int open_folders(struct state *state)
{
	char name[32];
	int err = -EAGAIN;

	snprintf(name, sizeof(name), "%" PRIu64, state->netns.cookie);
	for (int i = 0; i < OPEN_TRIES && err == -EAGAIN; i++) {
		close_folders(state);
		err = open_once(state, name);
	}
	if (err == -EAGAIN)
		return refuse(state->report, EAGAIN,
			      "the folder '%s' is taken away again and again", state->path);
	if (state->root < 0)
		state->root = -1;
	if (state->folder < 0)
		state->folder = -1;
	return err;
}

int state_open(const struct runtime_options *options, enum state_use use, struct state *state)
{
	int err;

	*state = (struct state){.report = options->report,
				.quiet = options->quiet,
				.use = use,
				.bpffs = -1,
				.root = -1,
				.folder = -1};
	state->netns.fd = -1;
	err = netns_open(options->report, options->netns, &state->netns);
	if (err)
		return err;
	snprintf(state->path, sizeof(state->path), "%.4000s/" ROOT_NAME "/%" PRIu64,
		 bpffs_path(options), state->netns.cookie);
	state->bpffs = bpffs_open(options, use);
	err = state->bpffs < 0 ? state->bpffs : open_folders(state);
	if (err)
		state_close(state);
	return err;
}

void state_close(struct state *state)
{
	char name[32];

	/* This removes only empty folders. */
	if (state->use != STATE_READ && state->root >= 0) {
		snprintf(name, sizeof(name), "%" PRIu64, state->netns.cookie);
		unlinkat(state->root, name, AT_REMOVEDIR);
		unlinkat(state->bpffs, ROOT_NAME, AT_REMOVEDIR);
	}
	close_folders(state);
	close_fd(&state->bpffs);
	state->bpffs = -1;
	netns_close(&state->netns);
}

bool state_came(const struct state *state)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), ROOT_NAME "/%" PRIu64 "/" ABI_PIN_LINK, state->netns.cookie);
	return state->folder < 0 && fstatat(state->bpffs, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

int state_open_root(const struct runtime_options *options, int *root)
{
	autoclose int bpffs = bpffs_open(options, STATE_READ);
	int fd;

	*root = -1;
	if (bpffs < 0)
		return bpffs;
	fd = open_or_make(options->report, bpffs, ROOT_NAME, STATE_READ, ROOT_NAME);
	if (fd == -ENOENT)
		return 0;
	*root = fd < 0 ? -1 : fd;
	return fd < 0 ? fd : 0;
}

int state_lock_other(int root, const char *name, int *folder)
{
	autoclose int fd = state_open_folder(root, name);

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (!still_there(fd, root, name))
		return -ENOENT;
	*folder = take_fd(&fd);
	return 0;
}

/* The cookie in the name of a namespace's folder; 0 if it is another name. */
static uint64_t folder_cookie(const char *name)
{
	uint64_t cookie;
	char *end;

	if (!*name || name[strspn(name, "0123456789")])
		return 0;
	errno = 0;
	cookie = strtoull(name, &end, 10);
	return errno ? 0 : cookie;
}

struct cookies {
	uint64_t *all;
	size_t count;
};

static int add_cookie(const char *name, void *argument)
{
	struct cookies *cookies = argument;
	uint64_t cookie = folder_cookie(name);
	uint64_t *more;

	if (!cookie)
		return 0;
	more = array_grow(cookies->all, cookies->count, sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[cookies->count++] = cookie;
	cookies->all = more;
	return 0;
}

int state_list(struct report *report, int root, uint64_t **cookies, size_t *count)
{
	struct cookies found = {0};
	int err = entries_each(root, add_cookie, &found);

	if (err) {
		free(found.all);
		found = (struct cookies){0};
	}
	*cookies = found.all;
	*count = found.count;
	return err ? fail(report, err, "list the network namespaces that have rules") : 0;
}

int state_open_listed(int root, uint64_t cookie, struct state *state)
{
	char name[32];

	snprintf(name, sizeof(name), "%" PRIu64, cookie);
	snprintf(state->path, sizeof(state->path), ROOT_NAME "/%s", name);
	state->folder = state_open_folder(root, name);
	return state->folder < 0 ? state->folder : 0;
}
