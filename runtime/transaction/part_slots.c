/* State of version 3 had one slot for a label in all generations. A trial that it began therefore
 * has, when it is taken over (state/migrate.c), two programs with the same slots, even where they
 * declare a label differently. When the trial is over, only one of the two programs is left. */
#include "transaction.h"

#include "runtime/base/fail.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Whether the generation is one of version 3: its number was that of its program. */
static int is_taken_over(const struct state *state, uint32_t id, bool *taken)
{
	struct generation generation;
	int err = generation_require(state, id, &generation);

	*taken = !err && generation.record.generation == generation.record.program;
	if (!err)
		generation_close(&generation);
	return err;
}

/* Finds the slots of a key: 1; 0: it has none; -errno after a message. */
static int find_slots(struct report *report, int map, const struct abi_slot_key *key,
		      struct abi_label_slots *slots)
{
	int err = labels_find(map, key, slots);

	return err && err != -ENOENT ? fail(report, err, "read the label '%s'", key->label) : !err;
}

/* Marks the slots of the keys. */
static int mark_slots(struct report *report, int map, const struct abi_slot_key *keys, size_t count,
		      bool *used)
{
	struct abi_label_slots slots;
	int found = 0;

	for (size_t i = 0; found >= 0 && i < count; i++) {
		found = find_slots(report, map, &keys[i], &slots);
		if (found > 0)
			slots_mark(&slots, used);
	}
	return found < 0 ? found : 0;
}

static bool is_among(const struct abi_slot_key *keys, size_t count, const struct abi_slot_key *key)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(&keys[i], key, sizeof(*key)) == 0)
			return true;
	return false;
}

/* Forgets the keys of the previous generation that have slots of the current one. */
static int part(const struct state *state, const struct standing *standing, bool *parted)
{
	autofree struct abi_slot_key *current = NULL, *previous = NULL;
	autofree bool *used = calloc(ABI_SOCKETS_MAX, sizeof(*used));
	autoclose int sockets = -1, map = -1;
	size_t current_count = 0, previous_count = 0;
	struct abi_label_slots slots;
	int err = standing_maps(state, &sockets, &map);

	if (!used)
		return fail(state->report, ENOMEM, "read the labels");
	if (!err)
		err = generation_keys(state, standing->current, &current, &current_count);
	if (!err)
		err = generation_keys(state, standing->previous, &previous, &previous_count);
	if (!err)
		err = mark_slots(state->report, map, current, current_count, used);
	for (size_t i = 0; !err && i < previous_count; i++) {
		int found = is_among(current, current_count, &previous[i])
				    ? 0
				    : find_slots(state->report, map, &previous[i], &slots);

		if (found < 0)
			return found;
		if (!found || !used[ABI_SLOT(slots.slots[0])])
			continue;
		if (bpf_map_delete_elem(map, &previous[i]) && errno != ENOENT)
			return fail(state->report, errno, "forget the label '%s'",
				    previous[i].label);
		*parted = true;
	}
	return err;
}

int part_slots(const struct state *state, const struct standing *standing)
{
	bool both, parted = false;
	int err;

	if (standing->trial != TRIAL_NONE || !standing->previous)
		return 0;
	err = is_taken_over(state, standing->current, &both);
	if (!err && both)
		err = is_taken_over(state, standing->previous, &both);
	if (!err && both)
		err = part(state, standing, &parted);
	return !err && parted ? sync_standing(state, standing, true) : err;
}
