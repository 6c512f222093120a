/* What the follower (follower.h) compares the listeners of each namespace with: the declarations of
 * the rules in force, and of those that may come back or come into force. */
#include "sockets.h"

#include "follower.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/cgroup.h"
#include "runtime/kernel/pins.h"
#include "runtime/labels/labels.h"
#include "runtime/state/state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>

enum { READ_TRIES = 5 };

/* The generation whose declarations are followed beside those in force: during a trial, and until a
 * command settles one that is over, the other one of its two. 0: none. */
static uint32_t followed_beside(const struct standing *standing)
{
	if (standing->trial == TRIAL_NONE)
		return 0;
	return standing->trial == TRIAL_RUNNING ? standing->previous : standing->tried;
}

/* The maps of the declarations that are in force, joined with those that are followed beside;
 * -ENOENT if there are none. -errno after a message. */
static int standing_declared(const struct state *state, const struct standing *standing,
			     struct declared_maps *maps)
{
	struct declared_maps own, other;
	uint32_t beside = followed_beside(standing);
	int err = generation_declared(state, standing->current, maps), err_other;

	if (!beside || (err && err != -ENOENT))
		return err;
	err_other = generation_declared(state, beside, &other);
	if (err_other == -ENOENT)
		return err;
	if (err_other) {
		declared_maps_close(maps);
		return err_other;
	}
	if (err) {
		*maps = other;
		return 0;
	}
	own = *maps;
	err = declared_maps_join(state->report, &own, &other, maps);
	declared_maps_close(&own);
	declared_maps_close(&other);
	return err;
}

/* Opens the maps of a namespace, and takes over the descriptors of MAPS. -errno after a message. */
static int get_followed(const struct state *state, uint64_t cookie, struct declared_maps *maps,
			struct followed *followed)
{
	int err = 0;

	*followed = (struct followed){
		.cookie = cookie,
		.maps = {[CGROUPS] = take_fd(&maps->cgroups),
			 [DECLARED] = take_fd(&maps->declared)},
	};
	for (int i = 0; i < CGROUPS; i++) {
		followed->maps[i] = pin_get(state->folder, kind_names[i]);
		if (followed->maps[i] < 0 && !err)
			err = fail(state->report, followed->maps[i], "open the map '%s/%s'",
				   state->path, kind_names[i]);
	}
	if (err)
		followed_close(followed);
	return err;
}

/* Opens the maps of a namespace. -ENOENT if it has nothing to follow. *PROGRAM becomes the one on its
 * link, or 0. -errno without a message. */
static int read_once(int root, uint64_t cookie, struct followed *followed, uint32_t *program)
{
	struct report silent = report_nothing();
	struct state state = {.report = &silent, .bpffs = -1, .root = -1, .folder = -1};
	struct standing standing = {.link = -1};
	struct declared_maps maps;
	int err = state_open_listed(root, cookie, &state);

	if (!err)
		err = standing_read(&state, &standing);
	if (!err)
		err = standing.current ? standing_declared(&state, &standing, &maps) : -ENOENT;
	if (!err) {
		err = get_followed(&state, cookie, &maps, followed);
		err = err == -ENOENT ? -EINVAL : err; /* rules without their maps are no absence */
	}
	*program = standing.info.program;
	standing_close(&standing);
	close_fd(&state.folder);
	return err;
}

/* Another command may be changing the namespace, so what fails is tried again as long as its program
 * is another one each time. */
static int read_other(int root, uint64_t cookie, struct followed *followed)
{
	uint32_t before = 0, program;
	int err = -EAGAIN;

	for (int i = 0; i < READ_TRIES; i++) {
		err = read_once(root, cookie, followed, &program);
		if (!err || err == -ENOENT || err == -EPROTO || (i && program == before))
			return err;
		before = program;
	}
	return err;
}

/* If only another version of sklc can read the state (EPROTO), its follower goes on following the
 * namespace. */
static int follow_other(const struct follower *follower, uint64_t cookie)
{
	struct followed followed;
	char words[128];
	int err = read_other(follower->root, cookie, &followed);

	if (!err) {
		err = follower_enter(follower, &followed);
		followed_close(&followed);
		return err;
	}
	if (err != -ENOENT && err != -EPROTO)
		warn(follower->report,
		     "listeners of the network namespace with the cookie %" PRIu64
		     " are not followed until `sklc sync` is called for it: its state cannot be "
		     "read (%s)",
		     cookie, error_words(err, words, sizeof(words)));
	return 0;
}

int follow_all(const struct follower *follower, uint64_t except)
{
	autofree uint64_t *cookies = NULL;
	size_t count = 0;
	int err = state_list(follower->report, follower->root, &cookies, &count);

	for (size_t i = 0; !err && i < count; i++)
		if (cookies[i] != except)
			err = follow_other(follower, cookies[i]);
	return err;
}

static int set_followed(struct report *report, int root, const struct followed *followed, int *lack)
{
	struct follower follower;
	int err = follower_open(report, root, FOLLOWER_CREATE, &follower);
	bool possible;

	if (err)
		return err;
	err = follower.whole ? follower_enter(&follower, followed)
			     : follower_build(&follower, followed, 0);
	possible = err != FOLLOWER_IMPOSSIBLE;
	*lack = follower.lack;
	if (!err)
		err = follower_sweep(&follower, 0);
	if (err >= 0)
		err = follower_end_others(report, root, possible ? &follower : NULL,
					  followed->cookie);
	follower_close(&follower);
	return err;
}

static int set_taken(const struct state *state, struct declared_maps *taken, int *lack)
{
	struct followed followed;
	int err = get_followed(state, state->netns.cookie, taken, &followed);

	if (err)
		return err;
	err = set_followed(state->report, state->root, &followed, lack);
	followed_close(&followed);
	return err;
}

int follow_also(const struct state *state, const struct standing *standing,
		const struct declared_maps *maps)
{
	struct declared_maps before, taken;
	int err = standing_declared(state, standing, &before);
	int lack = 0;

	if (err == -ENOENT) {
		taken = (struct declared_maps){dup(maps->declared), dup(maps->cgroups)};
		err = set_taken(state, &taken, &lack);
	} else if (!err) {
		err = declared_maps_join(state->report, maps, &before, &taken);
		declared_maps_close(&before);
		if (!err)
			err = set_taken(state, &taken, &lack);
	}
	if (!err && !standing->unfollowed)
		follow_warn(state->report, lack);
	return err;
}

int follow_standing(const struct state *state, const struct standing *standing, int *lack)
{
	struct declared_maps maps;
	int err;

	*lack = 0;
	err = standing->current ? standing_declared(state, standing, &maps) : -ENOENT;

	if (err == -ENOENT)
		return follow_forget(state->report, state->root, state->netns.cookie);
	return err ? err : set_taken(state, &maps, lack);
}

/* Lets our follower forget the namespace, and followers of other versions all that ours has. */
static int forget(struct report *report, int root, uint64_t cookie)
{
	struct follower follower;
	int err = follower_open(report, root, FOLLOWER_CHANGE, &follower);

	if (err)
		return err == -ENOENT ? follower_end_others(report, root, NULL, cookie) : err;
	err = follower.whole ? 0 : follower_build(&follower, NULL, cookie);
	if (!err)
		err = follower_sweep(&follower, cookie);
	if (err >= 0)
		err = follower_end_others(report, root, err ? NULL : &follower, cookie);
	follower_close(&follower);
	return err;
}

int follow_forget(struct report *report, int root, uint64_t cookie)
{
	if (root < 0)
		return 0;
	return follower_may_have(root, cookie) ? forget(report, root, cookie)
					       : follower_end_others(report, root, NULL, cookie);
}

/* Whether the map with this ID in the follower is the namespace's own map of the kind: 1, 0, or
 * -errno. */
static int is_own_map(const struct state *state, enum kind kind, uint32_t id)
{
	autoclose int map = pin_get(state->folder, kind_names[kind]);
	uint32_t own;

	if (map < 0)
		return map;
	own = map_id(map);
	return own ? own == id : -errno;
}

/* Compares with the map that has this ID. Only if it is another map, which has no pin, as during a
 * trial, it is opened by its ID: that needs CAP_SYS_ADMIN. */
static int cover_by(int wanted, uint32_t id, bool *used)
{
	autoclose int map = -1;

	if (wanted >= 0 && map_id(wanted) == id)
		return DECLARED_SAME;
	map = bpf_map_get_fd_by_id(id);
	return map < 0 ? -errno : declared_cover(wanted, map, used);
}

/* Compares what the follower knows with the declarations in force. */
static enum following compare(const struct state *state, const struct standing *standing,
			      const uint32_t ids[KINDS], bool *used)
{
	struct declared_maps wanted = {-1, -1};
	int err = standing_declared(state, standing, &wanted);
	int cover, own = 1;

	if (err && err != -ENOENT)
		return FOLLOW_UNKNOWN;
	cover = cover_by(err ? -1 : wanted.declared, ids[DECLARED], used);
	if (!err)
		declared_maps_close(&wanted);
	if (cover < 0 && cover != -ENOENT)
		return cover == -EPERM ? FOLLOW_UNSEEN : FOLLOW_UNKNOWN;
	if (cover < 0 || cover == DECLARED_OTHER)
		return FOLLOW_OTHER;
	for (int i = 0; own > 0 && i < CGROUPS; i++)
		own = is_own_map(state, (enum kind)i, ids[i]);
	if (own < 0)
		return FOLLOW_UNKNOWN;
	if (!own)
		return FOLLOW_OTHER;
	return cover == DECLARED_MORE ? FOLLOW_MORE : FOLLOWING;
}

enum following follow_look(const struct state *state, const struct standing *standing,
			   const struct abi_label_slots *slots, size_t count)
{
	struct report silent = report_nothing();
	struct state quiet = *state;
	uint32_t ids[KINDS];
	enum following following;
	autofree bool *used = calloc(ABI_SOCKETS_MAX, sizeof(*used));

	if (!used)
		return FOLLOW_UNKNOWN;
	for (size_t i = 0; i < count; i++)
		slots_mark(&slots[i], used);
	quiet.report = &silent;
	following = follower_look(&silent, state->root, state->netns.cookie, ids);
	return following == FOLLOWING ? compare(&quiet, standing, ids, used) : following;
}

bool can_follow(void)
{
	struct report silent = report_nothing();
	autoclose int cgroup = cgroup_open_root(&silent);

	return cgroup >= 0;
}
