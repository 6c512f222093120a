/* Sockets that were registered for the slots of a label that all generations share, and await these: overrides
 * stand before them, or they were drained, or they replace others. */
#include "by_hand.h"
#include "sockets.h"

#include "runtime/base/array.h"
#include "runtime/base/fail.h"
#include "runtime/state/state.h"

#include <errno.h>

/* The entry of a socket of the label among those that are to be noted. NULL after a message. */
static struct hand_entry *find_noted(const struct by_hand *by, struct hands *noted,
				     const struct hands *own, uint64_t cookie)
{
	const struct hand_entry *at = hand_find(own, own->all->key.label, cookie);
	struct hand_entry *more;

	for (size_t i = 0; i < noted->count; i++)
		if (noted->all[i].key.cookie == cookie &&
		    noted->all[i].key.label == own->all->key.label)
			return &noted->all[i];
	more = array_grow(noted->all, noted->count, sizeof(*more));
	if (!more) {
		fail(by->state->report, ENOMEM, "note what is registered");
		return NULL;
	}
	noted->all = more;
	more += noted->count++;
	*more = (struct hand_entry){.key = {.cookie = cookie, .label = own->all->key.label},
				    .value = at ? at->value : (struct hand){0}};
	return more;
}

/* Whether something done by hand tells why the socket is in a slot that all generations share. */
static bool is_told(const struct hands *own, uint64_t cookie, unsigned int flow_class)
{
	const struct hand_entry *at = hand_find(own, own->all->key.label, cookie);

	return at && (hand_is_for(&at->value, flow_class) ||
		      (at->value.registered | at->value.leaves) >> flow_class & 1);
}

/* Adds to NOTED the sockets that were registered for the slots of a word that all generations share,
 * where others stand before them. */
static int find_registered(const struct by_hand *by, const struct hands *own,
			   unsigned int flow_class, uint32_t word, struct hands *noted)
{
	uint64_t present[DECLARED_RANGE_MAX];
	uint32_t room = slot_count(word);
	int err = hands_first(own, flow_class) ? read_present(by, word, room, present) : 0;

	if (!hands_first(own, flow_class))
		return 0;
	for (uint32_t i = 0; !err && i < room; i++) {
		struct hand_entry *entry;

		if (!present[i] || is_told(own, present[i], flow_class))
			continue;
		entry = find_noted(by, noted, own, present[i]);
		if (!entry)
			return -ENOMEM;
		if (!entry->value.flags)
			entry->value.flow_classes |= (uint8_t)(1u << flow_class);
		entry->value.registered |= (uint8_t)(1u << flow_class);
		entry->value.first |= (uint8_t)(!i << flow_class);
	}
	return err;
}

int note_registered(struct by_hand *by, const struct label_entry *entries, size_t count)
{
	struct hands noted = {0};
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		struct hands own = {0};

		if (!key_is_declared(&entries[i].key))
			own = hands_of(&by->hands, label_hash(entries[i].key.label));
		for (unsigned int j = 0; own.count && !err && j < ABI_FLOW_CLASSES; j++)
			err = find_registered(by, &own, j, entries[i].slots.slots[j], &noted);
	}
	if (!err)
		err = hands_write(by->state->report, by->map, noted.all, noted.count);
	if (!err && noted.count) {
		hands_free(&by->hands);
		err = hands_read(by->state->report, by->map, &by->hands);
	}
	hands_free(&noted);
	return err;
}

/* Whether a socket is to have again, in a flow class, the first of the slots that all generations
 * share, or another one of these. */
static bool awaits(const struct hand_entry *entry, unsigned int flow_class, bool first)
{
	return hand_awaited(entry) >> flow_class & 1 &&
	       (entry->value.first >> flow_class & 1) == first;
}

/* Whether a socket that awaits a slot behind the first COUNT ones has one, and need not have the first one
 * of all, which is free or left: rules of an older sklc try that alone. */
static bool has_slot(const struct hands *own, const struct hand_entry *entry,
		     unsigned int flow_class, uint32_t count, const uint64_t *present,
		     uint32_t room)
{
	uint32_t at = find_among(present, count, room, entry->key.cookie);

	return at < room && (count || !at || !(entry->value.first >> flow_class & 1) ||
			     (present[0] && !leaves(own, flow_class, false, present[0])));
}

int give_back(struct by_hand *by, const struct hands *own, unsigned int flow_class, uint32_t word,
	      uint32_t count)
{
	uint64_t present[DECLARED_RANGE_MAX];
	uint32_t next = count, room = slot_count(word);
	int err = read_present(by, word, room, present);

	for (size_t i = 0; !err && i < 2 * own->count; i++) {
		const struct hand_entry *entry = &own->all[i % own->count];

		if (!awaits(entry, flow_class, i < own->count) ||
		    has_slot(own, entry, flow_class, count, present, room))
			continue;
		while (next < room && present[next] &&
		       !leaves(own, flow_class, false, present[next]))
			next++;
		if (next == room)
			break;
		err = add_order(by, word, next++, entry->key.cookie);
	}
	return err;
}

/* Forgets which of the slots that all generations share a socket had: where it has them again, or
 * where the label has none any more. */
static int forget_registered(struct by_hand *by, struct hand_entry *entry)
{
	entry->value.registered = entry->value.first = 0;
	return hands_write(by->state->report, by->map, entry, 1);
}

/* Takes a socket out of all slots of a word but the first one that it has. */
static int keep_one(const struct by_hand *by, uint32_t word, uint64_t cookie)
{
	uint64_t present[DECLARED_RANGE_MAX];
	uint32_t room = slot_count(word);
	int err = read_present(by, word, room, present);
	uint32_t next = err ? room : find_among(present, 0, room, cookie) + 1;

	for (; !err && next < room; next++)
		if (present[next] == cookie)
			err = take_out(by, slot_at(word, next));
	return err;
}

int forget_awaited(struct by_hand *by, const struct hands *own, unsigned int flow_class,
		   uint32_t word, uint32_t count)
{
	const uint8_t kept = (uint8_t) ~(1u << flow_class);
	int err = 0;

	(void)count;
	if (hands_first(own, flow_class))
		return 0;
	for (size_t i = 0; !err && i < own->count; i++) {
		struct hand_entry *entry = &own->all[i];

		if (entry->value.flags || !(hand_awaited(entry) >> flow_class & 1))
			continue;
		err = keep_one(by, word, entry->key.cookie);
		entry->value.registered &= kept;
		entry->value.first &= kept;
		if (!err)
			err = hands_write(by->state->report, by->map, entry, 1);
	}
	return err;
}

int forget_unnamed(struct by_hand *by, const struct label_entry *entries, size_t count)
{
	autofree bool *has_slots = calloc(by->hands.count + 1, sizeof(*has_slots));
	int err = has_slots ? 0 : fail(by->state->report, ENOMEM, "read what was done by hand");

	for (size_t i = 0; !err && i < count; i++) {
		struct hands own = {0};

		if (!key_is_declared(&entries[i].key))
			own = hands_of(&by->hands, label_hash(entries[i].key.label));
		for (size_t j = 0; j < own.count; j++)
			has_slots[&own.all[j] - by->hands.all] = true;
	}
	for (size_t i = 0; !err && i < by->hands.count; i++)
		if (by->hands.all[i].value.registered && !has_slots[i])
			err = forget_registered(by, &by->hands.all[i]);
	return err;
}
