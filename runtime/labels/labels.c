/* Reads and changes the map of slots. A key gets four adjacent slots, one for each flow class; the
 * first is a multiple of four. */
#include "labels.h"

#include "spares.h"
#include "whole_map.h"

#include "compiler/base/nearest.h"
#include "runtime/base/fail.h"
#include "runtime/object/object.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum { LABELS_MAX = ABI_SLOT_CAPACITY / ABI_FLOW_CLASSES };

_Static_assert(ABI_LABEL_NAME_MAX <= NEAREST_WORD_MAX, "labels can be compared");

int labels_create(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, ABI_PIN_SLOTS, sizeof(struct abi_slot_key),
				sizeof(struct abi_label_slots), LABELS_MAX, &options);

	return fd < 0 ? -errno : fd;
}

int labels_find(int map, const struct abi_slot_key *key, struct abi_label_slots *slots)
{
	return bpf_map_lookup_elem(map, key, slots) ? -errno : 0;
}

int labels_read(struct report *report, int map, struct label_entry **entries, size_t *count)
{
	struct whole_map whole;
	struct label_entry *all = NULL;
	int err = whole_map_read(map, sizeof(all->key), sizeof(all->slots), LABELS_MAX, &whole);

	if (!err) {
		all = calloc(whole.count + 1, sizeof(*all));
		err = all ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !err && i < whole.count; i++)
		all[i] = (struct label_entry){((struct abi_slot_key *)whole.keys)[i],
					      ((struct abi_label_slots *)whole.values)[i]};
	if (!err) {
		*entries = all;
		*count = whole.count;
	}
	whole_map_free(&whole);
	return err ? fail(report, err, "read the labels") : 0;
}

/* Sets USED[i] if a key has the slots from ABI_FLOW_CLASSES * i on. */
static int mark_used(struct report *report, int map, bool *used)
{
	autofree struct label_entry *entries = NULL;
	size_t count = 0;
	int err = labels_read(report, map, &entries, &count);

	for (size_t i = 0; !err && i < count; i++)
		for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			used[ABI_SLOT(entries[i].slots.slots[flow_class]) / ABI_FLOW_CLASSES] =
				true;
	return err;
}

int labels_excess(int map, const struct object *object, const struct abi_slot_key *keys,
		  const struct hands *hands, struct excess *excess)
{
	autofree struct label_entry *entries = NULL;
	autofree struct abi_label_slots *slots = calloc((size_t)object->header.label_count + 1,
							sizeof(*slots));
	size_t count = 0;
	int err = slots ? labels_read(object->report, map, &entries, &count)
			: fail(object->report, ENOMEM, "read the labels");

	*excess = (struct excess){0};
	for (uint32_t i = 0; !err && i < object->header.label_count; i++)
		count += labels_find(map, &keys[i], &slots[i]) == -ENOENT;
	if (!err && object->header.tries_spares)
		err = spares_excess(map, object, hands, slots, &excess->flow_classes);
	if (count > LABELS_MAX)
		excess->keys = count - LABELS_MAX;
	return err;
}

/* Gives a new key the first unused slots, from *NEXT on. */
static int assign_new(struct report *report, int map, const struct abi_slot_key *key, bool *used,
		      size_t *next, struct abi_label_slots *slots)
{
	while (*next < LABELS_MAX && used[*next])
		(*next)++;
	if (*next == LABELS_MAX)
		return refuse(report, ENOSPC,
			      "there is no room for the label '%s': %d labels fit, those of the "
			      "rules in force included, and one whose declared sockets change "
			      "counts twice until the old rules are gone; nothing was changed",
			      key->label, LABELS_MAX);
	used[*next] = true;
	for (uint32_t flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
		slots->slots[flow_class] = (uint32_t)*next * ABI_FLOW_CLASSES + flow_class;
	if (bpf_map_update_elem(map, key, slots, BPF_NOEXIST))
		return fail(report, errno, "give the label '%s' its slots", key->label);
	return 0;
}

static int assign_slots(int map, const struct object *object, const struct abi_slot_key *keys,
			struct abi_label_slots *slots)
{
	autofree bool *used = calloc(LABELS_MAX, sizeof(*used));
	size_t next = 0;
	int err;

	if (!used)
		return fail(object->report, ENOMEM, "read the labels");
	err = mark_used(object->report, map, used);
	for (uint32_t i = 0; !err && i < object->header.label_count; i++) {
		err = labels_find(map, &keys[i], &slots[i]);
		if (err == -ENOENT)
			err = assign_new(object->report, map, &keys[i], used, &next, &slots[i]);
		else if (err)
			fail(object->report, err, "read the label '%s'", keys[i].label);
	}
	return err;
}

/* The word as the object's program can use it: without spare slots unless the program tries
 * them. */
static uint32_t slot_word(const struct object *object, uint32_t word)
{
	return object->header.tries_spares ? word : ABI_SLOT(word);
}

/* Makes words usable for the object's program, see slot_word. */
static void keep_usable(const struct object *object, struct abi_label_slots *slots)
{
	for (uint32_t i = 0; i < object->header.label_count; i++)
		for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			slots[i].slots[flow_class] = slot_word(object, slots[i].slots[flow_class]);
}

int labels_assign(int map, int marks, const struct object *object, const struct abi_slot_key *keys,
		  const struct hands *hands, struct abi_label_slots *slots)
{
	int err = assign_slots(map, object, keys, slots);

	if (!err && object->header.tries_spares)
		err = spares_assign(map, marks, object, keys, hands, slots);
	if (!err)
		keep_usable(object, slots);
	return err;
}

int labels_look_up(int map, const struct object *object, const struct abi_slot_key *keys,
		   struct abi_label_slots *slots)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < object->header.label_count; i++) {
		err = labels_find(map, &keys[i], &slots[i]);
		if (err)
			fail(object->report, err, "read the label '%s'", keys[i].label);
	}
	if (!err)
		keep_usable(object, slots);
	return err;
}

int slot_clear(int sockets, uint32_t slot)
{
	uint64_t cookie;
	int err;

	if (bpf_map_delete_elem(sockets, &slot) == 0)
		return 1;
	err = -errno;
	/* The kernel gives EINVAL for an empty slot, and also for other failures. */
	return (err == -EINVAL || err == -ENOENT) && slot_read(sockets, slot, &cookie) == 0 &&
			       !cookie
		       ? 0
		       : err;
}

int slots_clear(int sockets, uint32_t word)
{
	int cleared = 0;

	for (uint32_t i = 0; cleared >= 0 && i < slot_count(word); i++) {
		int err = slot_clear(sockets, slot_at(word, i));

		if (err)
			cleared = err;
	}
	return cleared;
}

void slots_mark(const struct abi_label_slots *slots, bool *used)
{
	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
		uint32_t word = slots->slots[flow_class];

		for (uint32_t i = 0; i < slot_count(word); i++)
			if (slot_at(word, i) < ABI_SOCKETS_MAX)
				used[slot_at(word, i)] = true;
	}
}

/* Takes the sockets out of the slots of a word that are not marked in USED. */
static int clear_unused(int sockets, uint32_t word, const bool *used)
{
	int err = 0;

	for (uint32_t i = 0; err >= 0 && i < slot_count(word); i++) {
		uint32_t slot = slot_at(word, i);

		if (slot < ABI_SOCKETS_MAX && !used[slot])
			err = slot_clear(sockets, slot);
	}
	return err < 0 ? err : 0;
}

int labels_drop(struct report *report, int map, int sockets, const struct label_entry *entry,
		const bool *used)
{
	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
		int err = clear_unused(sockets, entry->slots.slots[flow_class], used);

		if (err)
			return fail(report, err, "take the sockets of the label '%s' out",
				    entry->key.label);
	}
	if (bpf_map_delete_elem(map, &entry->key) && errno != ENOENT)
		return fail(report, errno, "forget the label '%s'", entry->key.label);
	return 0;
}

int slot_read(int sockets, uint32_t slot, uint64_t *cookie)
{
	*cookie = 0;
	return bpf_map_lookup_elem(sockets, &slot, cookie) && errno != ENOENT ? -errno : 0;
}

int slots_first(int sockets, uint32_t word, uint64_t *cookie)
{
	int err = 0;

	*cookie = 0;
	for (uint32_t i = 0; !err && !*cookie && i < slot_count(word); i++)
		err = slot_read(sockets, slot_at(word, i), cookie);
	return err;
}

int slots_empty(int sockets, uint32_t word)
{
	uint64_t cookie;
	int err = slots_first(sockets, word, &cookie);

	return err ? err : !cookie;
}

int slots_have(int sockets, uint32_t word, uint64_t cookie)
{
	for (uint32_t i = 0; i < slot_count(word); i++) {
		uint64_t present;
		int err = slot_read(sockets, slot_at(word, i), &present);

		if (err || present == cookie)
			return err ? err : 1;
	}
	return 0;
}

static int look_into_word(int sockets, uint32_t word, uint64_t *present)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < slot_count(word); i++) {
		uint32_t slot = slot_at(word, i);

		err = slot < ABI_SOCKETS_MAX ? slot_read(sockets, slot, &present[slot]) : -EINVAL;
	}
	return err;
}

int slots_look(struct report *report, int sockets, const struct abi_label_slots *slots,
	       size_t count, uint64_t **present)
{
	uint64_t *all = calloc(ABI_SOCKETS_MAX, sizeof(*all));
	int err = all ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < count * ABI_FLOW_CLASSES; i++)
		err = look_into_word(sockets,
				     slots[i / ABI_FLOW_CLASSES].slots[i % ABI_FLOW_CLASSES], all);
	if (err) {
		free(all);
		return fail(report, err, "read which sockets are behind labels");
	}
	*present = all;
	return 0;
}

const struct label_entry *nearest_label(const char *name, const struct label_entry *entries,
					size_t count)
{
	const struct label_entry *nearest = NULL;
	size_t length = strnlen(name, ABI_LABEL_NAME_MAX);
	unsigned int best = (unsigned int)length / 3 + 2;

	for (size_t i = 0; i < count; i++) {
		unsigned int cost = edit_distance(
			name, length, entries[i].key.label,
			strnlen(entries[i].key.label, ABI_LABEL_NAME_MAX));

		if (cost < best) {
			best = cost;
			nearest = &entries[i];
		}
	}
	return nearest;
}
