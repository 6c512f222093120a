/* Reads the link and the folders of generations, and finds out which generation decides. */
#include "state.h"

#include "migrate.h"

#include "runtime/base/fail.h"
#include "runtime/bpf/maps.h"
#include "runtime/kernel/caps.h"
#include "runtime/kernel/clock.h"
#include "runtime/labels/labels.h"
#include "runtime/load/load.h"

#include <bpf/bpf.h>

#include <errno.h>
#include <string.h>

/* Bytes of the pin ABI_PIN_STATE. */
struct state_version {
	uint32_t magic, version;
};

int state_version(const struct state *state, uint32_t *version)
{
	const struct state_version *bytes;
	struct blob blob;
	int err = blob_get(state->folder, ABI_PIN_STATE, &blob);

	*version = 0;
	if (err == -ENOENT)
		return 0;
	if (err)
		return fail(state->report, err, "read '%s/%s'", state->path, ABI_PIN_STATE);
	bytes = blob.bytes;
	if (blob.size >= sizeof(*bytes) && bytes->magic == ABI_MAGIC)
		*version = bytes->version;
	blob_close(&blob);
	return *version ? 0
			: refuse(state->report, EINVAL, "'%s/%s' is not the state of sklc",
				 state->path, ABI_PIN_STATE);
}

static int check_version(const struct state *state)
{
	uint32_t version;
	int err = state_version(state, &version);

	if (err || version == STATE_VERSION)
		return err;
	if (!version)
		return refuse_missing(state, "", ABI_PIN_STATE);
	if (is_migrated(version))
		return refuse(
			state->report, EPROTO,
			"the state in '%s' is that of an older sklc (version %u); `sklc sync` "
			"takes it over, and its rules stay in force meanwhile",
			state->path, version);
	return refuse(state->report, EPROTO,
		      "the state in '%s' has version %u, this sklc knows %d; use the sklc that "
		      "applied it, or take it off with `sklc detach` and apply again",
		      state->path, version, STATE_VERSION);
}

static int take_trial(struct report *report, struct standing *standing, const struct record *record)
{
	uint64_t now;
	int err = boot_time(report, &now);

	if (err)
		return err;
	standing->tried = record->generation;
	standing->deadline = record->trial_deadline;
	standing->left = now < record->trial_deadline ? record->trial_deadline - now : 0;
	standing->trial = standing->left ? TRIAL_RUNNING : TRIAL_OVER;
	if (standing->trial == TRIAL_RUNNING) {
		standing->current = record->generation;
		standing->previous = record->previous;
	} else {
		standing->current = record->previous;
	}
	return 0;
}

/* After a trial that is over, finds the generation before the current one. */
static int find_previous(const struct state *state, struct standing *standing)
{
	struct generation generation;
	int err;

	if (standing->trial != TRIAL_OVER || !standing->current)
		return 0;
	err = generation_require(state, standing->current, &generation);
	if (err)
		return err;
	standing->previous = generation.record.previous;
	generation_close(&generation);
	return 0;
}

/* If the program on the link is that of the generation ID, or that of its trial, fills in STANDING
 * from the generation's folder. */
static int look_at(const struct state *state, uint32_t id, struct standing *standing)
{
	struct generation generation;
	int err = generation_open(state, id, &generation);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (generation.record.program == standing->info.program) {
		standing->current = generation.record.generation;
		standing->previous = generation.record.previous;
	} else if (generation.record.trial_program == standing->info.program) {
		err = take_trial(state->report, standing, &generation.record);
	}
	generation_close(&generation);
	return err;
}

static int find_current(const struct state *state, struct standing *standing)
{
	autofree uint32_t *ids = NULL;
	size_t count;
	int err = generation_list(state, &ids, &count);

	for (size_t i = 0; !err && !standing->current && standing->trial == TRIAL_NONE && i < count;
	     i++)
		err = look_at(state, ids[i], standing);
	if (!err)
		err = find_previous(state, standing);
	if (!err && !standing->current && standing->trial == TRIAL_NONE)
		err = refuse(
			state->report, ESTALE,
			"the link in '%s' holds program %u, which sklc did not put there, or "
			"the pin 'record' of its generation is missing; nothing was changed; take "
			"it off with `sklc detach`",
			state->path, standing->info.program);
	return err;
}

int standing_read(const struct state *state, struct standing *standing)
{
	autoclose int link = -1;
	int err;

	*standing = (struct standing){.link = -1};
	if (state->folder < 0)
		return 0;
	link = pin_get(state->folder, ABI_PIN_LINK);
	if (link == -ENOENT)
		return 0;
	if (link < 0)
		return fail(state->report, link, "open the link '%s/%s'", state->path,
			    ABI_PIN_LINK);
	err = attach_info(state->report, link, &standing->info);
	if (err || !standing->info.netns_inode)
		return err;
	err = check_version(state);
	if (!err)
		err = find_current(state, standing);
	if (!err)
		standing->link = take_fd(&link);
	return err;
}

void standing_close(struct standing *standing)
{
	close_fd(&standing->link);
	standing->link = -1;
}

static int get_map(const struct state *state, const char *name, int *map)
{
	*map = pin_get(state->folder, name);
	if (*map == -ENOENT)
		return refuse_missing(state, "", name);
	return *map < 0 ? fail(state->report, *map, "open the map '%s/%s'", state->path, name) : 0;
}

int standing_maps(const struct state *state, int *sockets, int *labels)
{
	int err = get_map(state, ABI_PIN_SOCKETS, sockets);

	return err ? err : get_map(state, ABI_PIN_SLOTS, labels);
}

int standing_since(const struct state *state, int *since)
{
	return get_map(state, PIN_SINCE, since);
}

int standing_spare_marks(const struct state *state, int *marks)
{
	return get_map(state, ABI_PIN_SPARE_MARKS, marks);
}

/* Opens the pinned map; if there is none, makes one by CREATE and pins it. */
static int get_or_create(const struct state *state, const char *name, int (*create)(void), int *map)
{
	int err;

	*map = pin_get(state->folder, name);
	if (*map == -ENOENT) {
		*map = create();
		err = *map < 0 ? *map : pin_put(state->folder, name, *map);
	} else {
		err = *map < 0 ? *map : 0;
	}
	return err ? caps_fail(state->report, err, caps_for_load, "make the map '%s/%s'",
			       state->path, name)
		   : 0;
}

int version_create(uint32_t version)
{
	const struct state_version bytes = {ABI_MAGIC, version};

	return blob_create("state", &bytes, sizeof(bytes));
}

int standing_hand(const struct state *state, int *hand)
{
	return get_map(state, PIN_HAND, hand);
}

int standing_hands(const struct state *state, struct hands *hands)
{
	autoclose int map = -1;
	int err;

	*hands = (struct hands){0};
	err = standing_hand(state, &map);
	return err ? err : hands_read(state->report, map, hands);
}

static int create_version(void)
{
	return version_create(STATE_VERSION);
}

static int create_count(void)
{
	return count_create(0);
}

/* An array has room for all slots, and an update of it cannot fail. It is no larger than the
 * buckets of a hash for as many entries. */
int since_create(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, PIN_SINCE, sizeof(uint32_t),
				sizeof(struct since), ABI_SOCKETS_MAX, NULL);

	return fd < 0 ? -errno : fd;
}

int standing_prepare(const struct state *state, struct shared_maps *shared, int *labels)
{
	autoclose int version = -1, since = -1, hand = -1, count = -1;
	int err = get_or_create(state, ABI_PIN_STATE, create_version, &version);

	if (!err)
		err = get_or_create(state, ABI_PIN_SOCKETS, sockets_create, &shared->sockets);
	if (!err)
		err = get_or_create(state, ABI_PIN_SPARE_MARKS, spare_marks_create,
				    &shared->spare_marks);
	if (!err)
		err = get_or_create(state, ABI_PIN_SLOTS, labels_create, labels);
	if (!err)
		err = get_or_create(state, PIN_SINCE, since_create, &since);
	if (!err)
		err = get_or_create(state, PIN_HAND, hands_create, &hand);
	if (!err)
		err = get_or_create(state, PIN_COUNT, create_count, &count);
	return err;
}
