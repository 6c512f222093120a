/* Each version of the state has a step here that makes the next one of it. A step first pins what
 * is new, under names that the older version does not have, then replaces the pin of the version by
 * a rename, and removes last what only the older version had. */
#include "state.h"

#include "life.h"
#include "migrate.h"

#include "runtime/base/fail.h"
#include "runtime/bpf/maps.h"
#include "runtime/kernel/caps.h"
#include "runtime/labels/labels.h"
#include "runtime/load/load.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#define PIN_NEW_STATE "state_new"

/* Version 3: the number of a generation was that of its program; a label had the same slots in all
 * generations. */
#define PIN_ABOUT_3  "about"  /* struct about_3; now `record` */
#define PIN_NAMES_3  "names"  /* now `keys` */
#define PIN_LABELS_3 "labels" /* HASH: char[ABI_LABEL_KEY] -> struct abi_label_slots; now `slots` */
#define PIN_TIMES_3  "times"  /* HASH: u32 slot -> struct since; now `since` */

#define MACHINE_3        ".rodata.machine" /* the kernel's name of the map; its program has it frozen */
#define PIN_NEW_DECLARED "declared_new" /* becomes `declared` */
#define PIN_NEW_CGROUPS  "cgroups_new"  /* becomes `cgroups` */

struct about_3 {
	uint32_t generation, previous;
	uint32_t trial_program, reserved;
	uint64_t trial_deadline, applied;
};

/* The maps of a namespace, of version 3 and of this one; descriptors. */
struct takeover {
	const struct state *state;
	int labels, times;
	int slots, since;
};

/* A generation of version 3. */
struct old {
	int folder;
	struct about_3 about;
	bool runs; /* its program may be in force */
	struct blob blob;
	struct object_image image;
	struct object object;
	struct declarations declarations;
	struct abi_slot_key *keys;
	struct abi_label_slots *slots;
};

static int put_again(int folder, const char *name, int fd)
{
	int err = fd < 0 ? fd : pin_remove(folder, name);

	return err ? err : pin_put(folder, name, fd);
}

static int put_bytes_again(int folder, const char *name, const void *bytes, size_t size)
{
	autoclose int map = blob_create(name, bytes, size);

	return put_again(folder, name, map);
}

static void takeover_close(struct takeover *takeover)
{
	close_fd(&takeover->labels);
	close_fd(&takeover->times);
	close_fd(&takeover->slots);
	close_fd(&takeover->since);
}

static int takeover_open(const struct state *state, struct takeover *takeover)
{
	int err = 0;

	*takeover = (struct takeover){
		.state = state,
		.labels = pin_get(state->folder, PIN_LABELS_3),
		.times = pin_get(state->folder, PIN_TIMES_3),
		.slots = labels_create(),
		.since = since_create(),
	};
	if (takeover->labels < 0)
		err = takeover->labels;
	else if (takeover->times < 0)
		err = takeover->times;
	else if (takeover->slots < 0)
		err = takeover->slots;
	else if (takeover->since < 0)
		err = takeover->since;
	if (err)
		takeover_close(takeover);
	return err ? fail(state->report, err, "take over the maps in '%s'", state->path) : 0;
}

static int copy_times(const struct takeover *takeover)
{
	uint32_t slot, last;
	struct since since;
	bool any = false;

	for (uint32_t i = 0; i < ABI_SOCKETS_MAX; i++) {
		if (bpf_map_get_next_key(takeover->times, any ? &last : NULL, &slot))
			return errno == ENOENT ? 0 : -errno;
		/* The follower may change the map meanwhile. A time that is missed is not shown. */
		if (bpf_map_lookup_elem(takeover->times, &slot, &since) == 0 &&
		    bpf_map_update_elem(takeover->since, &slot, &since, BPF_ANY))
			return -errno;
		last = slot;
		any = true;
	}
	return 0;
}

static void old_close(struct old *old)
{
	free(old->slots);
	free(old->keys);
	declarations_free(&old->declarations);
	object_free(&old->object);
	blob_close(&old->blob);
	close_fd(&old->folder);
}

static int read_about(struct old *old)
{
	struct blob blob;
	int err = blob_get(old->folder, PIN_ABOUT_3, &blob);

	if (!err && blob.size >= sizeof(old->about))
		memcpy(&old->about, blob.bytes, sizeof(old->about));
	else if (!err)
		err = -EINVAL;
	blob_close(&blob);
	return err;
}

/* Declarations of that time name no device, so the numbers of interfaces are not asked for. */
static int read_object(struct report *report, struct old *old)
{
	autofree uint32_t *users = NULL;
	int err = blob_get(old->folder, ABI_PIN_OBJECT, &old->blob);

	if (err)
		return fail(report, err, "read the object of generation %" PRIu32,
			    old->about.generation);
	old->image = (struct object_image){old->blob.bytes, old->blob.size, "the applied rules"};
	err = object_read(report, &old->image, &old->object);
	users = err ? NULL : calloc(old->object.socket_count + 1, sizeof(*users));
	if (!err && !users)
		err = fail(report, ENOMEM, "read the declared sockets");
	if (!err)
		err = declared_users(&old->object, users);
	if (!err)
		err = declarations_read(&old->object, NULL, users, &old->declarations);
	if (!err)
		err = label_keys(&old->object, &old->declarations, &old->keys);
	old->slots = calloc((size_t)old->object.header.label_count + 1, sizeof(*old->slots));
	return err || old->slots ? err : fail(report, ENOMEM, "read the labels");
}

/* -ENOENT without a message if the folder is a leftover. */
static int old_open(const struct state *state, uint32_t id, struct old *old)
{
	char name[GENERATION_FOLDER_MAX];
	autoclose int program = -1;
	int err;

	*old = (struct old){.folder = -1};
	generation_folder_name(name, id);
	old->folder = state_open_folder(state->folder, name);
	if (old->folder == -ENOTDIR || old->folder == -ELOOP)
		return -ENOENT;
	if (old->folder < 0 && old->folder != -ENOENT)
		return state_refuse_folder(state->report, old->folder, state->folder, name);
	err = old->folder < 0 ? old->folder : read_about(old);
	if (err && err != -ENOENT)
		fail(state->report, err, "read generation %" PRIu32, id);
	if (err)
		return err;
	program = pin_get(old->folder, ABI_PIN_PROGRAM);
	old->runs = program >= 0;
	if (program < 0 && program != -ENOENT)
		return fail(state->report, program, "open the program of generation %" PRIu32, id);
	return read_object(state->report, old);
}

/* Finds the words of the host in the program's own map: those that the program has, whatever the
 * host would give it today. */
static int find_machine(struct old *old, int *machine)
{
	autoclose int program = pin_get(old->folder, ABI_PIN_PROGRAM);
	uint32_t ids[16] = {0};
	struct bpf_prog_info info = {.map_ids = (uint64_t)(uintptr_t)ids,
				     .nr_map_ids = sizeof(ids) / sizeof(ids[0])};
	uint32_t size = sizeof(info);

	if (program < 0)
		return program;
	if (bpf_obj_get_info_by_fd(program, &info, &size))
		return -errno;
	for (uint32_t i = 0; i < info.nr_map_ids && i < sizeof(ids) / sizeof(ids[0]); i++) {
		autoclose int map = bpf_map_get_fd_by_id(ids[i]);
		struct bpf_map_info shape = {0};
		uint32_t shape_size = sizeof(shape);

		if (map < 0 || bpf_obj_get_info_by_fd(map, &shape, &shape_size))
			return -errno;
		if (strcmp(shape.name, MACHINE_3) == 0) {
			*machine = take_fd(&map);
			return 0;
		}
	}
	return -ENOENT;
}

static int pin_host(struct old *old, int machine)
{
	size_t slots = old->object.header.label_count * sizeof(*old->slots);
	size_t interfaces = old->object.header.interface_count * sizeof(uint32_t);
	struct bpf_map_info shape = {0};
	uint32_t size = sizeof(shape), zero = 0;
	struct host_numbers numbers;
	autoclose int map = -1;
	autofree char *words = NULL;
	int err = bpf_obj_get_info_by_fd(machine, &shape, &size) ? -errno : 0;

	if (!err && shape.value_size < slots + interfaces)
		err = -EINVAL;
	words = err ? NULL : malloc(shape.value_size);
	if (!err && !words)
		err = -ENOMEM;
	if (!err && bpf_map_lookup_elem(machine, &zero, words))
		err = -errno;
	if (!err)
		err = host_numbers_read(&old->object, (const uint32_t *)(words + slots), &numbers);
	if (err)
		return err;
	map = host_numbers_create(&numbers);
	host_numbers_free(&numbers);
	return put_again(old->folder, PIN_HOST, map);
}

/* The labels of programs that run keep their slots. Where two such programs declare a label
 * differently, both keys have the same slots; they go apart when one of the two is applied anew. */
static int take_slots(const struct takeover *takeover, struct old *old)
{
	for (uint32_t i = 0; i < old->object.header.label_count; i++)
		if (bpf_map_lookup_elem(takeover->labels, old->keys[i].label, &old->slots[i]) ||
		    bpf_map_update_elem(takeover->slots, &old->keys[i], &old->slots[i], BPF_ANY))
			return -errno;
	return 0;
}

static int pin_declared(struct old *old)
{
	struct declared_maps maps;
	int err = declarations_place(&old->object, old->slots, &old->declarations);

	if (!err)
		err = declared_maps_create(&old->declarations, &maps);
	if (err)
		return err;
	err = put_again(old->folder, PIN_NEW_CGROUPS, maps.cgroups);
	if (!err)
		err = put_again(old->folder, PIN_NEW_DECLARED, maps.declared);
	declared_maps_close(&maps);
	return err;
}

static int pin_running(const struct takeover *takeover, struct old *old)
{
	autoclose int machine = -1;
	int err = take_slots(takeover, old);

	if (!err)
		err = find_machine(old, &machine);
	if (!err)
		err = put_again(old->folder, ABI_PIN_MACHINE, machine);
	if (!err)
		err = pin_host(old, machine);
	if (!err && old->declarations.count)
		err = pin_declared(old);
	return err;
}

static int pin_record(struct old *old)
{
	struct record record = {
		.generation = old->about.generation,
		.program = old->about.generation,
		.previous = old->about.previous,
		.trial_program = old->about.trial_program,
		.user = UINT32_MAX,
		.trial_deadline = old->about.trial_deadline,
		.applied = old->about.applied,
		.rules = (uint32_t)old->object.rule_count,
		.labels = old->object.header.label_count,
		.sockets = (uint32_t)old->object.socket_count,
	};
	int err = object_hash(&old->object, &record.hash);

	if (!err)
		err = generation_pins(old->folder, &record.pins);
	return err ? err : put_bytes_again(old->folder, PIN_RECORD, &record, sizeof(record));
}

/* Version 3 named a previous generation also when it had removed that. */
static int find_previous(const struct state *state, struct old *old)
{
	struct old previous = {.folder = -1};
	char name[GENERATION_FOLDER_MAX];
	int err;

	if (!old->about.previous)
		return 0;
	generation_folder_name(name, old->about.previous);
	previous.folder = state_open_folder(state->folder, name);
	if (previous.folder < 0 && previous.folder != -ENOENT)
		return state_refuse_folder(state->report, previous.folder, state->folder, name);
	err = previous.folder < 0 ? previous.folder : read_about(&previous);
	close_fd(&previous.folder);
	if (err == -ENOENT)
		old->about.previous = 0;
	else if (err)
		return fail(state->report, err, "read generation %" PRIu32, old->about.previous);
	return 0;
}

static int take_generation(const struct takeover *takeover, uint32_t id)
{
	struct old old;
	int err = old_open(takeover->state, id, &old);
	uint32_t labels = err ? 0 : old.object.header.label_count;

	if (!err)
		err = find_previous(takeover->state, &old);
	if (err) {
		old_close(&old);
		return err == -ENOENT ? 0 : err;
	}
	if (labels)
		err = put_bytes_again(old.folder, ABI_PIN_KEYS, old.keys,
				      labels * sizeof(*old.keys));
	if (!err && old.runs)
		err = pin_running(takeover, &old);
	if (!err)
		err = pin_record(&old);
	old_close(&old);
	return err ? fail(takeover->state->report, err,
			  "take over generation %" PRIu32 " from the sklc that applied it", id)
		   : 0;
}

/* The first number that is given from now on follows the largest of version 3. */
static int pin_count(const struct takeover *takeover, uint32_t last)
{
	autoclose int map = count_create(last);

	return map < 0 ? map : put_again(takeover->state->folder, PIN_COUNT, map);
}

static int pin_hand(const struct takeover *takeover)
{
	autoclose int map = hands_create();

	return map < 0 ? map : put_again(takeover->state->folder, PIN_HAND, map);
}

static int take_namespace(const struct takeover *takeover)
{
	autofree uint32_t *ids = NULL;
	size_t count;
	int folder = takeover->state->folder;
	int err = generation_list(takeover->state, &ids, &count);

	for (size_t i = 0; !err && i < count; i++)
		err = take_generation(takeover, ids[i]);
	if (err)
		return err;
	err = copy_times(takeover);
	if (!err)
		err = pin_count(takeover, count ? ids[0] : 0);
	if (!err)
		err = pin_hand(takeover);
	if (!err)
		err = put_again(folder, ABI_PIN_SLOTS, takeover->slots);
	if (!err)
		err = put_again(folder, PIN_SINCE, takeover->since);
	return err ? fail(takeover->state->report, err, "take over the state in '%s'",
			  takeover->state->path)
		   : 0;
}

/* The words of the host of version 3 have no pin, so they are opened by their number. */
static int make_4(const struct state *state)
{
	struct takeover takeover;
	int err;

	if (!caps_have(CAP_SYS_ADMIN))
		return refuse(
			state->report, EPERM,
			"cannot take over the state in '%s' from an older sklc: this needs the "
			"capability CAP_SYS_ADMIN, which here `sync` and `apply` alone keep; let "
			"root call `sklc sync` first, and the rules stay in force meanwhile",
			state->path);
	err = takeover_open(state, &takeover);

	if (err)
		return err;
	err = take_namespace(&takeover);
	takeover_close(&takeover);
	return err;
}

/* Whether a folder has a pin while it is taken over. */
enum presence { MUST, MAY, PHASE };

struct pin_stages {
	const char *name;
	enum presence taking, finishing;
};

static const struct pin_stages pins[] = {
#define PIN_STAGES(name, taking, finishing) {name, taking, finishing},
	TAKE_OVER_LIFE(PIN_STAGES)
#undef PIN_STAGES
};

static int remove_former(int folder)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(pins) / sizeof(pins[0]); i++)
		if (pins[i].finishing != PHASE)
			err = pin_remove(folder, pins[i].name);
	return err;
}

static int replace(int folder, const char *name, const char *by)
{
	return renameat(folder, by, folder, name) && errno != ENOENT ? -errno : 0;
}

static int finish_generation(const struct state *state, uint32_t id)
{
	char name[GENERATION_FOLDER_MAX];
	autoclose int folder = -1;
	int err;

	generation_folder_name(name, id);
	folder = state_open_folder(state->folder, name);
	if (folder == -ENOTDIR || folder == -ELOOP)
		return 0;
	if (folder < 0)
		return state_refuse_folder(state->report, folder, state->folder, name);
	err = replace(folder, PIN_CGROUPS, PIN_NEW_CGROUPS);
	if (!err)
		err = replace(folder, PIN_DECLARED, PIN_NEW_DECLARED);
	if (!err)
		err = remove_former(folder);
	return err ? fail(state->report, err, "take over generation %" PRIu32, id) : 0;
}

/* Version 4 is whole without this, but for the maps of declarations. The pin of the labels goes
 * last: as long as it is there, this has not been done. */
static int finish_4(const struct state *state)
{
	autoclose int labels = pin_get(state->folder, PIN_LABELS_3);
	autofree uint32_t *ids = NULL;
	size_t count = 0;
	int err = labels == -ENOENT ? 0 : generation_list(state, &ids, &count);

	for (size_t i = 0; !err && i < count; i++)
		err = finish_generation(state, ids[i]);
	if (err)
		return err;
	if (labels != -ENOENT)
		err = pin_remove(state->folder, PIN_TIMES_3);
	if (!err && labels != -ENOENT)
		err = pin_remove(state->folder, PIN_LABELS_3);
	return err ? fail(state->report, err, "take over the state in '%s'", state->path) : 0;
}

/* The versions that can be taken over. MAKE pins what version FROM + 1 has; FINISH is called for
 * each command that changes something, and removes what is left of FROM. */
struct step {
	uint32_t from;
	int (*make)(const struct state *state);
	int (*finish)(const struct state *state);
};

static const struct step steps[] = {{3, make_4, finish_4}};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

bool is_migrated(uint32_t version)
{
	return version >= steps[0].from && version < STATE_VERSION;
}

static int write_version(const struct state *state, uint32_t version)
{
	autoclose int map = version_create(version);
	int err = put_again(state->folder, PIN_NEW_STATE, map);

	if (!err && renameat(state->folder, PIN_NEW_STATE, state->folder, ABI_PIN_STATE))
		err = -errno;
	return err ? fail(state->report, err, "write '%s/%s'", state->path, ABI_PIN_STATE) : 0;
}

static int run_step(const struct state *state, const struct step *step, uint32_t *version)
{
	int err = 0;

	if (*version == step->from) {
		err = step->make(state);
		if (!err)
			err = write_version(state, step->from + 1);
		if (!err)
			*version = step->from + 1;
		if (!err)
			note(state->report,
			     "took over the state in '%s' from an older sklc; its rules stay in "
			     "force",
			     state->path);
	}
	return !err && *version > step->from && *version <= STATE_VERSION ? step->finish(state)
									  : err;
}

int state_migrate(const struct state *state)
{
	autoclose int link = pin_get(state->folder, ABI_PIN_LINK);
	struct link_info info = {0};
	uint32_t version;
	int err = link < 0 ? link : attach_info(state->report, link, &info);

	if (link == -ENOENT || (!err && !info.netns_inode))
		return 0;
	if (link < 0)
		return fail(state->report, err, "open the link '%s/%s'", state->path, ABI_PIN_LINK);
	if (!err)
		err = state_version(state, &version);
	for (size_t i = 0; !err && version && i < STEPS; i++)
		err = run_step(state, &steps[i], &version);
	return err;
}
