/* Keeps the follower (bpf/follow.bpf.c) in a folder below <bpffs>/sklc. Its link is pinned there,
 * and for each kind of map a map of maps: from the cookie of each namespace that it follows to the
 * namespace's map of that kind. The folder's name ends in the version of this format. A follower of
 * a new version is attached first, and takes over the namespaces of the old one. Then the old one
 * is removed, unless it follows namespaces whose state only another version of sklc can read. */
#include "sockets.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/cgroup.h"
#include "runtime/kernel/pins.h"
#include "runtime/labels/labels.h"
#include "runtime/state/state.h"

#include "follow.skel.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER_PREFIX "follower"
#define FOLDER_NAME   FOLDER_PREFIX "2"
#define PIN_LINK      "link"

/* The kinds of maps of a namespace. DECLARED is last, so that it is entered last and removed first:
 * the follower passes over a namespace that has no such map. The names are those of the pins, of a
 * namespace's maps in its folder and of the maps of maps in the follower's folder. */
enum kind { SOCKETS, TIMES, SPARE_MARKS, CGROUPS, DECLARED, KINDS };
static const char *const kind_names[KINDS] = {"sockets", "times", "spare_marks", "cgroups",
					      "declared"};

/* A namespace that is followed, and its maps. */
struct followed {
	uint64_t cookie;
	int maps[KINDS];
};

struct follower {
	int folder;      /* locked */
	int maps[KINDS]; /* maps of maps */
};

static struct follower no_follower(void)
{
	struct follower none = {.folder = -1};

	for (int i = 0; i < KINDS; i++)
		none.maps[i] = -1;
	return none;
}

static void follower_close(struct follower *follower)
{
	for (int i = 0; i < KINDS; i++)
		close_fd(&follower->maps[i]);
	close_fd(&follower->folder);
	follower->folder = -1;
}

/* Whether the follower's program is attached. */
static bool is_attached(int folder)
{
	autoclose int link = pin_get(folder, PIN_LINK);
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);

	return link >= 0 && bpf_obj_get_info_by_fd(link, &info, &size) == 0 &&
	       info.type == BPF_LINK_TYPE_CGROUP && info.cgroup.cgroup_id != 0;
}

/* Opens and locks the follower's folder; -ENOENT if there is none. */
static int open_folder(struct report *report, int root)
{
	for (;;) {
		autoclose int folder = state_open_folder(root, FOLDER_NAME);
		struct stat ours, named;
		int err;

		if (folder < 0)
			return folder;
		err = state_lock_folder(report, folder, FOLDER_NAME);
		if (err)
			return err;
		if (fstat(folder, &ours) == 0 &&
		    fstatat(root, FOLDER_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    ours.st_ino == named.st_ino)
			return take_fd(&folder);
	}
}

/* Opens the follower; -ENOENT if there is none, or one that is not attached. */
static int follower_open(struct report *report, int root, struct follower *follower)
{
	int err = 0;

	*follower = no_follower();
	follower->folder = open_folder(report, root);
	if (follower->folder < 0)
		err = follower->folder;
	else if (!is_attached(follower->folder))
		err = -ENOENT;
	for (int i = 0; !err && i < KINDS; i++) {
		follower->maps[i] = pin_get(follower->folder, kind_names[i]);
		if (follower->maps[i] < 0)
			err = follower->maps[i];
	}
	if (err)
		follower_close(follower);
	return err;
}

static uint32_t map_id(int map)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(map, &info, &size) ? 0 : info.id;
}

/* Enters the maps of a namespace into the follower's. Does not rewrite an entry that is right,
 * since each change of a map of maps waits for running programs. */
static int set_maps(struct report *report, const struct follower *follower,
		    const struct followed *followed)
{
	for (int i = 0; i < KINDS; i++) {
		uint32_t id = 0;

		if (bpf_map_lookup_elem(follower->maps[i], &followed->cookie, &id) == 0 &&
		    id == map_id(followed->maps[i]))
			continue;
		if (bpf_map_update_elem(follower->maps[i], &followed->cookie, &followed->maps[i],
					BPF_ANY))
			return fail(report, errno, "follow the listeners of the network namespace");
	}
	return 0;
}

static void followed_close(struct followed *followed)
{
	for (int i = 0; i < KINDS; i++)
		close_fd(&followed->maps[i]);
}

/* The maps of the declarations that are in force, during a trial joined with those of the rules
 * before; -ENOENT if there are none. */
static int standing_declared(const struct state *state, const struct standing *standing,
			     struct declared_maps *maps)
{
	struct declared_maps tried, before;
	int err = generation_declared(state, standing->current, maps);

	if (standing->trial != TRIAL_RUNNING ||
	    generation_declared(state, standing->previous, &before))
		return err;
	if (err) {
		*maps = before;
		return 0;
	}
	tried = *maps;
	err = declared_maps_join(state->report, &tried, &before, maps);
	declared_maps_close(&tried);
	declared_maps_close(&before);
	return err;
}

/* Opens the maps of a namespace, and takes over the descriptors of MAPS. */
static int get_followed(const struct state *state, uint64_t cookie, struct declared_maps *maps,
			struct followed *followed)
{
	*followed = (struct followed){
		.cookie = cookie,
		.maps =
			{
				[SOCKETS] = pin_get(state->folder, kind_names[SOCKETS]),
				[TIMES] = pin_get(state->folder, kind_names[TIMES]),
				[SPARE_MARKS] = pin_get(state->folder, kind_names[SPARE_MARKS]),
				[CGROUPS] = take_fd(&maps->cgroups),
				[DECLARED] = take_fd(&maps->declared),
			},
	};
	if (followed->maps[SOCKETS] >= 0 && followed->maps[TIMES] >= 0 &&
	    followed->maps[SPARE_MARKS] >= 0)
		return 0;
	followed_close(followed);
	return -ENOENT;
}

/* A report that drops all messages. */
static bool pass_over(struct report *report, const struct message *message)
{
	(void)report;
	(void)message;
	return false;
}

/* Lets a new follower follow a namespace that has rules in force. If the state of the namespace
 * cannot be read, the follower of another version goes on following it. */
static void take_over(const struct follower *follower, int root, uint64_t cookie)
{
	struct report silent = {.take = pass_over};
	struct state state = {.report = &silent, .bpffs = -1, .root = -1, .folder = -1};
	struct standing standing = {.link = -1};
	struct declared_maps maps;
	struct followed followed;

	if (state_open_listed(root, cookie, &state))
		return;
	if (standing_read(&state, &standing) == 0 && standing.current &&
	    standing_declared(&state, &standing, &maps) == 0 &&
	    get_followed(&state, cookie, &maps, &followed) == 0) {
		set_maps(&silent, follower, &followed);
		followed_close(&followed);
	}
	standing_close(&standing);
	close_fd(&state.folder);
}

static void take_all_over(struct report *report, const struct follower *follower, int root)
{
	autofree uint64_t *cookies = NULL;
	size_t count = 0;

	if (state_list(report, root, &cookies, &count))
		return;
	for (size_t i = 0; i < count; i++)
		take_over(follower, root, cookies[i]);
}

static bool is_in(int map, uint64_t cookie)
{
	uint32_t id;

	return bpf_map_lookup_elem(map, &cookie, &id) == 0;
}

static bool has_state(int root, uint64_t cookie)
{
	struct state state;
	bool has = state_open_listed(root, cookie, &state) == 0;

	close_fd(&state.folder);
	return has;
}

/* Removes from a follower of another version the namespaces that OURS follows, those without state,
 * and GONE. */
static void forget_unneeded(int root, int declared, const struct follower *ours, uint64_t gone)
{
	uint64_t cookie, kept;
	bool keeps_any = false;

	while (bpf_map_get_next_key(declared, keeps_any ? &kept : NULL, &cookie) == 0) {
		bool needed = cookie != gone && has_state(root, cookie) &&
			      !(ours && is_in(ours->maps[DECLARED], cookie));

		if (!needed && bpf_map_delete_elem(declared, &cookie) == 0)
			continue;
		keeps_any = true;
		kept = cookie;
	}
}

static bool has_any(int map)
{
	uint64_t cookie;

	return bpf_map_get_next_key(map, NULL, &cookie) == 0;
}

/* Whether no other namespace has a folder. */
static bool is_last(struct report *report, int root, uint64_t cookie)
{
	autofree uint64_t *cookies = NULL;
	size_t count = 0;

	return state_list(report, root, &cookies, &count) == 0 &&
	       (count == 0 || (count == 1 && cookies[0] == cookie));
}

/* Removes followers of other versions that follow no namespace any more, and our own if it is not
 * attached (OURS is NULL) and no other namespace has a folder. */
static void remove_others(struct report *report, int root, const struct follower *ours,
			  uint64_t gone)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	bool keeps_own = ours || !is_last(report, root, gone);
	struct dirent *entry;

	if (!entries) {
		close_fd(&fd);
		return;
	}
	while ((entry = readdir(entries))) {
		autoclose int folder = -1, declared = -1;

		if (strncmp(entry->d_name, FOLDER_PREFIX, strlen(FOLDER_PREFIX)) != 0 ||
		    (keeps_own && strcmp(entry->d_name, FOLDER_NAME) == 0))
			continue;
		folder = state_open_folder(root, entry->d_name);
		if (folder < 0)
			continue;
		declared = pin_get(folder, kind_names[DECLARED]);
		forget_unneeded(root, declared, ours, gone);
		if (has_any(declared) && is_attached(folder))
			continue;
		if (folder_clear(report, folder) == 0)
			unlinkat(root, entry->d_name, AT_REMOVEDIR);
	}
	closedir(entries);
}

static int pin_program(const struct follower *follower, const struct follow *programs)
{
	autoclose int cgroup = cgroup_open_root();
	autoclose int link = -1;
	int err = 0;

	if (cgroup < 0)
		return cgroup;
	for (int i = 0; !err && i < KINDS; i++)
		err = pin_put(follower->folder, kind_names[i], follower->maps[i]);
	if (err)
		return err;
	link = bpf_link_create(bpf_program__fd(programs->progs.follow), cgroup, BPF_CGROUP_SOCK_OPS,
			       NULL);
	return link < 0 ? -errno : pin_put(follower->folder, PIN_LINK, link);
}

/* Makes a follower that follows the namespace FIRST and all that other followers follow. It is
 * complete once its link is pinned. */
static int make_in(struct report *report, int root, const struct followed *first,
		   struct follower *follower)
{
	struct follow *programs = follow__open_and_load();
	int err = programs ? 0 : -errno;

	if (!err) {
		const struct bpf_map *const maps[KINDS] = {
			programs->maps.sockets, programs->maps.times, programs->maps.spare_marks,
			programs->maps.cgroups, programs->maps.declared};

		for (int i = 0; i < KINDS; i++)
			follower->maps[i] = dup(bpf_map__fd(maps[i]));
		err = set_maps(report, follower, first);
	}
	if (!err) {
		take_all_over(report, follower, root);
		err = pin_program(follower, programs);
	}
	follow__destroy(programs);
	return err;
}

static int follower_make(struct report *report, int root, const struct followed *first)
{
	struct follower follower = no_follower();
	int err = 0;

	libbpf_set_print(NULL);
	if (mkdirat(root, FOLDER_NAME, S_IRWXU) && errno != EEXIST)
		return -errno;
	follower.folder = open_folder(report, root);
	if (follower.folder < 0)
		return follower.folder;
	if (is_attached(follower.folder))
		err = -EAGAIN; /* another process was faster */
	else if (folder_clear(report, follower.folder))
		err = -EIO;
	else
		err = make_in(report, root, first, &follower);
	if (!err)
		remove_others(report, root, &follower, 0);
	else if (err != -EAGAIN && folder_clear(report, follower.folder) == 0)
		unlinkat(root, FOLDER_NAME, AT_REMOVEDIR);
	follower_close(&follower);
	return err;
}

static int set_followed(struct report *report, int root, const struct followed *followed)
{
	struct follower follower;
	int err = -EAGAIN;

	while (err == -EAGAIN) {
		err = follower_open(report, root, &follower);
		if (err == -ENOENT)
			err = follower_make(report, root, followed);
		else if (!err)
			err = set_maps(report, &follower, followed);
		follower_close(&follower);
	}
	return err;
}

static int warn_nobody(struct report *report, int error)
{
	char words[128];

	if (error == -ENODEV)
		warn(report,
		     "no cgroup2 tree is mounted: a service that starts later is not put behind "
		     "its "
		     "label by itself; call `sklc sync` after it");
	else
		warn(report,
		     "cannot follow what listens later (%s): a service that starts later is not "
		     "put "
		     "behind its label by itself; call `sklc sync` after it",
		     error_words(error, words, sizeof(words)));
	return 0;
}

static int set_taken(const struct state *state, struct declared_maps *taken)
{
	struct followed followed;
	int err = get_followed(state, state->netns.cookie, taken, &followed);

	declared_maps_close(taken);
	if (err)
		return fail(state->report, err, "open the maps in '%s'", state->path);
	err = set_followed(state->report, state->root, &followed);
	followed_close(&followed);
	return err ? warn_nobody(state->report, err) : 0;
}

int follow_only(const struct state *state, const struct declared_maps *maps)
{
	struct declared_maps taken = {dup(maps->declared), dup(maps->cgroups)};

	return set_taken(state, &taken);
}

int follow_also(const struct state *state, const struct standing *standing,
		const struct declared_maps *maps)
{
	struct declared_maps before, taken;
	int err = standing_declared(state, standing, &before);

	if (err == -ENOENT)
		return follow_only(state, maps);
	if (err)
		return err;
	err = declared_maps_join(state->report, maps, &before, &taken);
	declared_maps_close(&before);
	return err ? err : set_taken(state, &taken);
}

int follow_standing(const struct state *state, const struct standing *standing)
{
	struct declared_maps maps;
	int err = standing->current ? standing_declared(state, standing, &maps) : -ENOENT;

	if (err == -ENOENT)
		return follow_forget(state->report, state->root, state->netns.cookie);
	return err ? err : set_taken(state, &maps);
}

int follow_forget(struct report *report, int root, uint64_t cookie)
{
	struct follower follower;
	int err = root < 0 ? -ENOENT : follower_open(report, root, &follower);

	if (err && err != -ENOENT)
		return fail(report, err, "open the follower of listeners");
	if (root >= 0)
		remove_others(report, root, err ? NULL : &follower, cookie);
	if (err)
		return 0;
	for (int i = KINDS; !err && i-- > 0;)
		if (bpf_map_delete_elem(follower.maps[i], &cookie) && errno != ENOENT)
			err = fail(report, errno,
				   "stop following the listeners of the network namespace");
	if (!err && !has_any(follower.maps[DECLARED])) {
		err = folder_clear(report, follower.folder);
		if (!err)
			unlinkat(root, FOLDER_NAME, AT_REMOVEDIR);
	}
	follower_close(&follower);
	return err;
}

bool is_followed(int root, uint64_t cookie)
{
	autoclose int folder = root < 0 ? -1 : state_open_folder(root, FOLDER_NAME);
	autoclose int map = folder < 0 ? -1 : pin_get(folder, kind_names[DECLARED]);
	uint32_t id;

	return map >= 0 && is_attached(folder) && bpf_map_lookup_elem(map, &cookie, &id) == 0;
}
