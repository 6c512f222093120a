/* Makes, changes and removes the follower's folder. A follower of a new version is attached first,
 * and takes over the namespaces of the old one. Then the old one is removed, unless it follows
 * namespaces whose state only another version of sklc can read. */
#include "follower.h"

#include "runtime/base/entries.h"
#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"
#include "runtime/kernel/cgroup.h"
#include "runtime/kernel/pins.h"
#include "runtime/state/state.h"

#include "follow.skel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER_PREFIX "follower"
#define FOLDER_NAME   FOLDER_PREFIX "3"
#define PIN_LINK      "link"

enum {
	MAKE_TRIES = 100,     /* since another process may remove the folder meanwhile */
	FOLLOWED_MAX = 65536, /* namespaces in a map of maps */
	KERNEL_ENOTSUPP = 524,
};

const char *const kind_names[KINDS] = {"sockets", "since",   "spare_marks",
				       "hand",    "cgroups", "declared"};

static struct follower no_follower(struct report *report, int root)
{
	struct follower none = {.report = report, .root = root, .folder = -1};

	for (int i = 0; i < KINDS; i++)
		none.maps[i] = -1;
	return none;
}

static void close_maps(struct follower *follower)
{
	for (int i = 0; i < KINDS; i++) {
		close_fd(&follower->maps[i]);
		follower->maps[i] = -1;
	}
}

void follower_close(struct follower *follower)
{
	close_maps(follower);
	close_fd(&follower->folder);
	follower->folder = -1;
}

void followed_close(struct followed *followed)
{
	for (int i = 0; i < KINDS; i++)
		close_fd(&followed->maps[i]);
}

/* Whether the program of the follower in a folder is attached to the root of the cgroup tree. */
static int read_attached(struct report *report, int folder, bool *attached)
{
	autoclose int link = pin_get(folder, PIN_LINK);
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);

	*attached = false;
	if (link == -ENOENT)
		return 0;
	if (link < 0)
		return fail(report, link, "open the link of the follower of listeners");
	if (bpf_obj_get_info_by_fd(link, &info, &size))
		return fail(report, errno, "ask whether the follower of listeners is attached");
	*attached = info.type == BPF_LINK_TYPE_CGROUP && info.cgroup.cgroup_id == CGROUP_ROOT_ID;
	return 0;
}

/* Opens the maps that are pinned. */
static int inspect(struct follower *follower)
{
	int err = read_attached(follower->report, follower->folder, &follower->whole);

	for (int i = 0; !err && i < KINDS; i++) {
		follower->maps[i] = pin_get(follower->folder, kind_names[i]);
		if (follower->maps[i] == -ENOENT)
			follower->whole = false;
		else if (follower->maps[i] < 0)
			err = fail(follower->report, follower->maps[i],
				   "open the map '%s' of the follower of listeners", kind_names[i]);
	}
	return err;
}

static int make_folder(struct report *report, int root)
{
	return mkdirat(root, FOLDER_NAME, S_IRWXU) && errno != EEXIST
		       ? fail(report, errno, "make the folder of the follower of listeners")
		       : 0;
}

int follower_open(struct report *report, int root, enum follower_use use, struct follower *follower)
{
	int err = -ENOENT;

	*follower = no_follower(report, root);
	for (int i = 0; err == -ENOENT && i < MAKE_TRIES; i++) {
		err = use == FOLLOWER_CREATE ? make_folder(report, root) : 0;
		if (err)
			return err;
		follower->folder = state_lock_below(report, root, FOLDER_NAME,
						    "the follower of listeners");
		err = follower->folder < 0 ? follower->folder : 0;
		if (use == FOLLOWER_CHANGE)
			break;
	}
	if (err == -ENOENT && use == FOLLOWER_CREATE)
		return refuse(report, EAGAIN,
			      "the folder of the follower of listeners is taken away again and "
			      "again");
	if (!err)
		err = inspect(follower);
	if (err)
		follower_close(follower);
	return err;
}

uint32_t map_id(int map)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(map, &info, &size) ? 0 : info.id;
}

/* Does not rewrite an entry that is right, since each change of a map of maps waits for running
 * programs. */
int follower_enter(const struct follower *follower, const struct followed *followed)
{
	for (int i = 0; i < KINDS; i++) {
		uint32_t id = 0;

		if (bpf_map_lookup_elem(follower->maps[i], &followed->cookie, &id) == 0 &&
		    id == map_id(followed->maps[i]))
			continue;
		if (bpf_map_update_elem(follower->maps[i], &followed->cookie, &followed->maps[i],
					BPF_ANY))
			return caps_fail(follower->report, errno, caps_for_load,
					 "tell the follower of listeners what is declared");
	}
	return 0;
}

/* Whether an error says that this kernel has no such programs or no such hook. */
static bool is_lack(int error)
{
	static const int lacks[] = {EINVAL, ENOSYS, EOPNOTSUPP, KERNEL_ENOTSUPP, ESRCH};

	for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
		if (error == -lacks[i])
			return true;
	return false;
}

void follow_warn(struct report *report, int lack)
{
	static const char then[] = "a service that starts later is not put behind its label by "
				   "itself; call `sklc sync` after it";
	char words[128];

	if (!lack)
		return;
	if (lack == -ENODEV)
		warn(report, "no cgroup2 tree is mounted: %s", then);
	else if (lack == -EXDEV)
		warn(report,
		     "only a container's part of the cgroup2 tree is mounted, and listeners are "
		     "followed from its root: %s, or apply the rules outside of the container, "
		     "with --netns",
		     then);
	else
		warn(report, "cannot follow what listens later (%s): %s",
		     error_words(lack, words, sizeof(words)), then);
}

/* Removes the folder, whose lock is held; with its link, the program goes. */
static int remove_folder(struct report *report, int root, const char *name, int folder)
{
	int err = folder_clear(report, folder);

	if (!err && unlinkat(root, name, AT_REMOVEDIR) && errno != ENOENT &&
	    errno != ENOTEMPTY) /* what is left there was named */
		err = fail(report, errno, "remove the folder '%s' of a follower of listeners",
			   name);
	return err;
}

/* Where no follower can be made, none that is not whole may stay either: it cannot be told what is
 * declared now. */
static int give_up(struct follower *follower, int error)
{
	int err = remove_folder(follower->report, follower->root, FOLDER_NAME, follower->folder);

	if (err)
		return err;
	follower->lack = error;
	return FOLLOWER_IMPOSSIBLE;
}

/* Whether a map of maps has no entry: 1, 0; -errno after a message. */
static int is_empty(struct report *report, int map)
{
	uint64_t cookie;

	if (bpf_map_get_next_key(map, NULL, &cookie) == 0)
		return 0;
	return errno == ENOENT ? 1 : fail(report, errno, "ask whose listeners are followed");
}

static int attach(struct follower *follower, const struct follow *programs, int *link)
{
	autoclose int cgroup = cgroup_open_root(follower->report);

	if (cgroup == -ENODEV || cgroup == -EXDEV)
		return give_up(follower, cgroup);
	if (cgroup < 0)
		return cgroup;
	*link = bpf_link_create(bpf_program__fd(programs->progs.follow), cgroup,
				BPF_CGROUP_SOCK_OPS, NULL);
	if (*link >= 0)
		return 0;
	return is_lack(-errno)
		       ? give_up(follower, -errno)
		       : caps_fail(follower->report, errno, caps_for_hook,
				   "attach the follower of listeners to the root of the cgroups");
}

/* Replaces the pins. The follower is whole once its link is pinned. */
static int pin_all(const struct follower *follower, int link)
{
	int err = folder_clear(follower->report, follower->folder);

	if (err)
		return err;
	for (int i = 0; !err && i < KINDS; i++)
		err = pin_put(follower->folder, kind_names[i], follower->maps[i]);
	if (!err)
		err = pin_put(follower->folder, PIN_LINK, link);
	return err ? fail(follower->report, err, "keep the follower of listeners") : 0;
}

static int build_with(struct follower *follower, const struct follow *programs,
		      const struct followed *first, uint64_t gone)
{
	const struct bpf_map *const maps[KINDS] = {
		programs->maps.sockets, programs->maps.since,   programs->maps.spare_marks,
		programs->maps.hand,    programs->maps.cgroups, programs->maps.declared};
	autoclose int link = -1;
	int err = 0, empty;

	close_maps(follower);
	for (int i = 0; i < KINDS; i++)
		follower->maps[i] = dup(bpf_map__fd(maps[i]));
	if (first)
		err = follower_enter(follower, first);
	if (!err)
		err = follow_all(follower, first ? first->cookie : gone);
	empty = err ? err : is_empty(follower->report, follower->maps[DECLARED]);
	if (empty > 0)
		return remove_folder(follower->report, follower->root, FOLDER_NAME,
				     follower->folder);
	err = empty ? empty : attach(follower, programs, &link);
	return err ? err : pin_all(follower, link);
}

int follower_build(struct follower *follower, const struct followed *first, uint64_t gone)
{
	struct follow *programs;
	int err;

	libbpf_set_print(NULL);
	programs = follow__open_and_load();
	err = programs ? 0 : -errno;
	/* Without CAP_PERFMON there is no helper for the task's cgroup, as on a kernel that lacks it. */
	if (is_lack(err) && !caps_have_all(caps_for_tracing))
		err = -EPERM;
	if (is_lack(err))
		return give_up(follower, err);
	if (err)
		return caps_fail(follower->report, err, caps_for_tracing,
				 "load the follower of listeners");
	err = build_with(follower, programs, first, gone);
	follow__destroy(programs);
	follower->whole = !err;
	return err;
}

/* The keys of a map of maps; the caller frees. */
static int read_cookies(struct report *report, int map, uint64_t **cookies, size_t *count)
{
	uint64_t *all = malloc(FOLLOWED_MAX * sizeof(*all));
	size_t n = 0;

	if (!all)
		return fail(report, ENOMEM, "read whose listeners are followed");
	while (n < FOLLOWED_MAX && bpf_map_get_next_key(map, n ? &all[n - 1] : NULL, &all[n]) == 0)
		n++;
	if (n < FOLLOWED_MAX && errno != ENOENT) {
		free(all);
		return fail(report, errno, "read whose listeners are followed");
	}
	*cookies = all;
	*count = n;
	return 0;
}

/* Whether a namespace has no state: its folder is proven not to be there. */
static bool is_stateless(int root, uint64_t cookie)
{
	char name[32];
	struct stat status;

	snprintf(name, sizeof(name), "%" PRIu64, cookie);
	return fstatat(root, name, &status, AT_SYMLINK_NOFOLLOW) && errno == ENOENT;
}

/* Whether a map of maps has an entry of the namespace; -errno after a message. */
static int is_in(struct report *report, int map, uint64_t cookie)
{
	uint32_t id;

	if (bpf_map_lookup_elem(map, &cookie, &id) == 0)
		return 1;
	return errno == ENOENT
		       ? 0
		       : fail(report, errno, "ask the follower of listeners whom it follows");
}

static int delete_entry(struct report *report, int map, uint64_t cookie)
{
	return bpf_map_delete_elem(map, &cookie) && errno != ENOENT
		       ? fail(report, errno,
			      "stop following the listeners of a network namespace (cookie %" PRIu64
			      ")",
			      cookie)
		       : 0;
}

/* Removes from one map of maps the entries of GONE, of namespaces without state, and of those in the
 * map OURS, if that is not -1. */
static int sweep_map(struct report *report, int root, int map, int ours, uint64_t gone)
{
	autofree uint64_t *cookies = NULL;
	size_t count = 0;
	int err = read_cookies(report, map, &cookies, &count);

	for (size_t i = 0; !err && i < count; i++) {
		bool needless = cookies[i] == gone || is_stateless(root, cookies[i]) ||
				(ours >= 0 && is_in(report, ours, cookies[i]) == 1);

		err = needless ? delete_entry(report, map, cookies[i]) : 0;
	}
	return err;
}

int follower_sweep(const struct follower *follower, uint64_t gone)
{
	int err = 0;

	for (int i = KINDS; !err && i-- > 0;)
		err = sweep_map(follower->report, follower->root, follower->maps[i], -1, gone);
	if (!err)
		err = is_empty(follower->report, follower->maps[DECLARED]);
	return err > 0 ? remove_folder(follower->report, follower->root, FOLDER_NAME,
				       follower->folder)
		       : err;
}

/* A search for followers of other versions. */
struct others {
	struct report *report;
	int root, ours;
	uint64_t cookie;
	bool told; /* the error was reported */
};

/* Ends what another follower need not follow. Its lock is held. One without its map of declarations
 * cannot be told anything, so it goes. */
static int end_in(const struct others *others, const char *name, int folder)
{
	autoclose int declared = pin_get(folder, kind_names[DECLARED]);
	bool attached;
	int err = 0, empty = 1;

	if (declared >= 0)
		err = sweep_map(others->report, others->root, declared, others->ours,
				others->cookie);
	else if (declared != -ENOENT)
		err = fail(others->report, declared, "open the map of '%s'", name);
	if (!err)
		err = read_attached(others->report, folder, &attached);
	if (!err && declared >= 0 && attached)
		empty = is_empty(others->report, declared);
	if (err || empty <= 0)
		return err ? err : empty;
	return remove_folder(others->report, others->root, name, folder);
}

/* Whether a folder's map may have an entry of the namespace: true unless it is proven not to. */
static bool may_be_in(int folder, const char *name, uint64_t cookie)
{
	struct report silent = report_nothing();
	autoclose int map = pin_get(folder, name);

	return map < 0 || is_in(&silent, map, cookie);
}

/* Whether it is the name of a follower of another version. */
static bool is_other(const char *name)
{
	const char *version = name + strlen(FOLDER_PREFIX);

	return strncmp(name, FOLDER_PREFIX, strlen(FOLDER_PREFIX)) == 0 &&
	       !version[strspn(version, "0123456789")] && strcmp(name, FOLDER_NAME) != 0;
}

/* Waits for the lock only if the other follower may follow the namespace. */
static int end_other(const char *name, void *argument)
{
	struct others *others = argument;
	autoclose int folder = -1;
	int err;

	if (!is_other(name))
		return 0;
	err = state_lock_other(others->root, name, &folder);
	if (err == -ENOTDIR || err == -ELOOP)
		return 0; /* it is no folder, so no follower */
	if (err == -EBUSY) {
		autoclose int unlocked = state_open_folder(others->root, name);

		if (unlocked >= 0 && !may_be_in(unlocked, kind_names[DECLARED], others->cookie))
			return 0;
		folder = state_lock_below(others->report, others->root, name,
					  "a follower of listeners of another version");
		err = folder < 0 ? folder : 0;
	} else if (err && err != -ENOENT) {
		err = state_refuse_folder(others->report, err, others->root, name);
	}
	if (!err)
		err = end_in(others, name, folder);
	others->told = err && err != -ENOENT;
	return others->told ? err : 0;
}

int follower_end_others(struct report *report, int root, const struct follower *ours,
			uint64_t cookie)
{
	struct others others = {report, root, ours ? ours->maps[DECLARED] : -1, cookie, false};
	int err = entries_each(root, end_other, &others);

	return err && !others.told ? fail(report, err, "look for followers of other versions")
				   : err;
}

bool follower_may_have(int root, uint64_t cookie)
{
	autoclose int folder = state_open_folder(root, FOLDER_NAME);

	if (folder < 0)
		return folder != -ENOENT;
	for (int i = 0; i < KINDS; i++)
		if (may_be_in(folder, kind_names[i], cookie))
			return true;
	return false;
}

/* Looks up the maps of the namespace. A map of maps tells the ID of a map in it. */
static enum following look_up(int folder, uint64_t cookie, uint32_t ids[KINDS])
{
	for (int i = 0; i < KINDS; i++) {
		autoclose int map = pin_get(folder, kind_names[i]);

		if (map < 0)
			return map == -ENOENT ? FOLLOW_BROKEN : FOLLOW_UNKNOWN;
		if (bpf_map_lookup_elem(map, &cookie, &ids[i]))
			return errno == ENOENT ? FOLLOW_ABSENT : FOLLOW_UNKNOWN;
	}
	return FOLLOWING;
}

enum following follower_look(struct report *report, int root, uint64_t cookie, uint32_t ids[KINDS])
{
	autoclose int folder = root < 0 ? -ENOENT : state_open_folder(root, FOLDER_NAME);
	bool attached;

	if (folder < 0)
		return folder == -ENOENT ? FOLLOW_NONE : FOLLOW_UNKNOWN;
	if (read_attached(report, folder, &attached))
		return FOLLOW_UNKNOWN;
	return attached ? look_up(folder, cookie, ids) : FOLLOW_DETACHED;
}
