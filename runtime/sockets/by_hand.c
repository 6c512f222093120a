/* Carries out what the map of things done by hand says. Whoever does something by hand writes all of it
 * there first, in one system call; so where a command is killed, the next ones complete what it began: the
 * next one at all takes sockets out, and the next one that looks for sockets puts them into slots. */
#include "by_hand.h"
#include "sockets.h"

#include "runtime/base/array.h"
#include "runtime/base/fail.h"
#include "runtime/kernel/sockdiag.h"
#include "runtime/labels/labels.h"
#include "runtime/load/load.h"
#include "runtime/state/state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

bool is_hand_absent(const struct known_sockets *known, const struct hand_entry *entry)
{
	uint32_t flow_classes = entry->value.flow_classes;

	return !flow_classes ||
	       (sockdiag_told(known, flow_class_ipproto((uint32_t)__builtin_ctz(flow_classes))) &&
		!sockdiag_find(known, entry->key.cookie));
}

static int forget_gone(struct by_hand *by)
{
	struct known_sockets known;
	size_t kept = 0;
	int err = sockdiag_read_bound(&by->state->netns, &known);

	for (size_t i = 0; !err && i < by->hands.count; i++) {
		struct hand_entry entry = by->hands.all[i];

		if (!is_hand_absent(&known, &entry)) {
			by->hands.all[kept++] = entry;
			continue;
		}
		entry.value = (struct hand){0};
		err = hands_write(by->state->report, by->map, &entry, 1);
	}
	if (!err)
		by->hands.count = kept;
	sockdiag_free(&known);
	return err;
}

int take_out(const struct by_hand *by, uint32_t slot)
{
	int err = slot_clear(by->shared.sockets, slot);

	return err < 0 ? fail(by->state->report, err, "take a socket out of a slot") : 0;
}

int add_order(struct by_hand *by, uint32_t word, uint32_t number, uint64_t cookie)
{
	struct order *more = array_grow(by->orders, by->order_count, sizeof(*more));

	if (!more)
		return fail(by->state->report, ENOMEM, "put sockets into slots");
	by->orders = more;
	more[by->order_count++] = order_to(cookie, word, number, BPF_ANY);
	return 0;
}

/* Whether a socket of the label waits for one of the slots that all generations share. */
static bool is_awaited(const struct hands *own, unsigned int flow_class)
{
	for (size_t i = 0; i < own->count; i++)
		if (hand_awaited(&own->all[i]) >> flow_class & 1)
			return true;
	return false;
}

/* The slots of a word that have sockets by hand: the first COUNT ones. In a label with declarations,
 * or with a registered socket behind them, these keep room. */
static uint32_t count_first(const struct hands *own, unsigned int flow_class, uint32_t word,
			    bool is_declared)
{
	bool keeps_room = is_declared || is_awaited(own, flow_class);
	uint32_t room = keeps_room ? slots_before(word) : slot_count(word);
	size_t count = hands_first(own, flow_class);

	return count < room ? (uint32_t)count : room;
}

uint32_t find_among(const uint64_t *present, uint32_t first, uint32_t count, uint64_t cookie)
{
	uint32_t number = first;

	while (number < count && present[number] != cookie)
		number++;
	return number;
}

/* The chosen one of the sockets that stand before the declared ones; NULL: none is. */
static const struct hand_entry *find_chosen(const struct hands *own, unsigned int flow_class)
{
	for (size_t i = 0; i < own->count; i++)
		if (hand_is_first(&own->all[i], flow_class) &&
		    own->all[i].value.flags & HAND_CHOSEN)
			return &own->all[i];
	return NULL;
}

int read_present(const struct by_hand *by, uint32_t word, uint32_t count, uint64_t *present)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < count; i++)
		err = slot_read(by->shared.sockets, slot_at(word, i), &present[i]);
	return err ? fail(by->state->report, err, "read which socket is in a slot") : 0;
}

/* Plans a slot among the first COUNT ones for each socket that stands before the declared ones. */
static int put_first(struct by_hand *by, const struct hands *own, unsigned int flow_class,
		     uint32_t word, uint32_t count)
{
	const struct hand_entry *chosen = count ? find_chosen(own, flow_class) : NULL;
	uint32_t number, next = chosen != NULL;
	bool taken[DECLARED_RANGE_MAX] = {false};
	uint64_t present[DECLARED_RANGE_MAX];
	int err = read_present(by, word, count, present);

	if (!err && chosen && present[0] != chosen->key.cookie)
		err = add_order(by, word, 0, chosen->key.cookie);
	for (size_t i = 0; !err && i < own->count; i++) {
		number = hand_is_first(&own->all[i], flow_class) && &own->all[i] != chosen
				 ? find_among(present, next, count, own->all[i].key.cookie)
				 : count;
		if (number < count)
			taken[number] = true;
	}
	for (size_t i = 0; !err && i < own->count; i++) {
		uint64_t cookie = own->all[i].key.cookie;

		if (!hand_is_first(&own->all[i], flow_class) || &own->all[i] == chosen ||
		    find_among(present, chosen != NULL, count, cookie) < count)
			continue;
		while (next < count && taken[next])
			next++;
		if (next == count)
			break;
		err = add_order(by, word, next++, cookie);
	}
	return err;
}

/* Takes drained sockets out of the slots of a word, and those by hand that stand behind the first
 * COUNT slots. */
static int clear_word(const struct by_hand *by, const struct hands *own, unsigned int flow_class,
		      uint32_t word, uint32_t count)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < slot_count(word); i++) {
		uint32_t slot = slot_at(word, i);
		uint64_t cookie;
		uint32_t flags;

		err = slot_read(by->shared.sockets, slot, &cookie);
		if (err)
			return fail(by->state->report, err, "read which socket is in a slot");
		flags = cookie ? hand_flags(own, own->all->key.label, cookie, flow_class) : 0;
		if (flags & HAND_DRAINED || (flags & HAND_OVERRIDE && i >= count))
			err = take_out(by, slot);
	}
	return err;
}

int by_hand_take_out(const struct state *state, const char *label, uint64_t cookie,
		     uint32_t flow_classes, const struct abi_slot_key *except)
{
	struct hand_entry drained = {.key = {.cookie = cookie, .label = label_hash(label)},
				     .value = {.flags = HAND_DRAINED}};
	const struct hands own = {&drained, 1};
	struct by_hand by = {.state = state, .shared = {-1, -1}, .labels = -1};
	autofree struct label_entry *entries = NULL;
	size_t count = 0;
	int err = standing_maps(state, &by.shared.sockets, &by.labels);

	if (!err)
		err = labels_read(state->report, by.labels, &entries, &count);
	for (size_t i = 0; !err && i < count; i++) {
		const struct abi_slot_key *key = &entries[i].key;

		if (!key_is_declared(key) || strncmp(key->label, label, ABI_LABEL_KEY) != 0 ||
		    (except && memcmp(key, except, sizeof(*key)) == 0))
			continue;
		for (unsigned int j = 0; !err && j < ABI_FLOW_CLASSES; j++)
			if (flow_classes >> j & 1)
				err = clear_word(&by, &own, j, entries[i].slots.slots[j], 0);
	}
	close_fd(&by.labels);
	close_fd(&by.shared.sockets);
	return err;
}

/* Does something with the slots of each word of the labels that something was done with by hand: OWN is
 * that, and COUNT are the first slots, which its sockets have. */
static int for_words(struct by_hand *by, const struct label_entry *entries, size_t entry_count,
		     int (*work)(struct by_hand *by, const struct hands *own,
				 unsigned int flow_class, uint32_t word, uint32_t count))
{
	int err = 0;

	for (size_t i = 0; i < entry_count; i++) {
		const struct label_entry *entry = &entries[i];
		struct hands own = hands_of(&by->hands, label_hash(entry->key.label));

		for (unsigned int j = 0; own.count && !err && j < ABI_FLOW_CLASSES; j++) {
			uint32_t word = entry->slots.slots[j];

			err = work(by, &own, j, word,
				   count_first(&own, j, word, key_is_declared(&entry->key)));
		}
	}
	return err;
}

static int clear_drained(struct by_hand *by, const struct hands *own, unsigned int flow_class,
			 uint32_t word, uint32_t count)
{
	(void)count;
	return clear_word(by, own, flow_class, word, slot_count(word));
}

static int clear_behind(struct by_hand *by, const struct hands *own, unsigned int flow_class,
			uint32_t word, uint32_t count)
{
	return clear_word(by, own, flow_class, word, count);
}

bool leaves(const struct hands *own, unsigned int flow_class, bool declared, uint64_t cookie)
{
	const struct hand_entry *at = hand_find(own, own->all->key.label, cookie);

	return at && (declared ? at->value.leaves_declared : at->value.leaves) >> flow_class & 1;
}

/* Whether sockets are to be put where others leave. These stay until then, so that no slot is empty
 * meanwhile. */
static bool is_relieved(const struct hands *own, unsigned int flow_class)
{
	for (size_t i = 0; i < own->count; i++)
		if (hand_is_first(&own->all[i], flow_class) ||
		    hand_awaited(&own->all[i]) >> flow_class & 1)
			return true;
	return false;
}

static int clear_leaving(struct by_hand *by, const struct hands *own, unsigned int flow_class,
			 uint32_t word, bool declared)
{
	int err = 0;

	if (!by->places && is_relieved(own, flow_class))
		return 0;
	for (uint32_t i = 0; !err && i < slot_count(word); i++) {
		uint64_t cookie;

		err = slot_read(by->shared.sockets, slot_at(word, i), &cookie);
		if (err)
			fail(by->state->report, err, "read which socket is in a slot");
		else if (cookie && leaves(own, flow_class, declared, cookie))
			err = take_out(by, slot_at(word, i));
	}
	return err;
}

static int clear_leaving_shared(struct by_hand *by, const struct hands *own,
				unsigned int flow_class, uint32_t word, uint32_t count)
{
	(void)count;
	return clear_leaving(by, own, flow_class, word, false);
}

static int clear_leaving_declared(struct by_hand *by, const struct hands *own,
				  unsigned int flow_class, uint32_t word, uint32_t count)
{
	(void)count;
	return clear_leaving(by, own, flow_class, word, true);
}

/* Does something with the words that all generations share. */
static int for_shared(struct by_hand *by, const struct label_entry *entries, size_t count,
		      int (*work)(struct by_hand *by, const struct hands *own,
				  unsigned int flow_class, uint32_t word, uint32_t count))
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		if (!key_is_declared(&entries[i].key))
			err = for_words(by, &entries[i], 1, work);
	return err;
}

static int clear_all_leaving(struct by_hand *by, const struct label_entry *entries, size_t count)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = for_words(by, &entries[i], 1,
				key_is_declared(&entries[i].key) ? clear_leaving_declared
								 : clear_leaving_shared);
	return err;
}

/* The flow classes, as bits, in which sockets are put where others leave. */
static uint32_t find_relieved(const struct by_hand *by, uint64_t label)
{
	struct hands own = hands_of(&by->hands, label);
	uint32_t relieved = 0;

	for (unsigned int i = 0; !by->places && i < ABI_FLOW_CLASSES; i++)
		relieved |= (uint32_t)is_relieved(&own, i) << i;
	return relieved;
}

/* Forgets what was carried out. */
static int forget_left(struct by_hand *by)
{
	int err = 0;

	for (size_t i = 0; !err && i < by->hands.count; i++) {
		struct hand_entry *at = &by->hands.all[i];
		uint8_t relieved;

		if (!at->value.leaves && !at->value.leaves_declared)
			continue;
		relieved = (uint8_t)find_relieved(by, at->key.label);
		at->value.leaves &= relieved;
		at->value.leaves_declared &= relieved;
		err = hands_write(by->state->report, by->map, at, 1);
	}
	return err;
}

static int end_leaving(struct by_hand *by, const struct label_entry *entries, size_t count)
{
	int err = clear_all_leaving(by, entries, count);

	return err ? err : forget_left(by);
}

static int settle_all(struct by_hand *by)
{
	autofree struct label_entry *entries = NULL;
	size_t count = 0;
	int err = standing_maps(by->state, &by->shared.sockets, &by->labels);

	if (!err)
		err = standing_spare_marks(by->state, &by->shared.spare_marks);
	if (!err)
		err = forget_gone(by);
	if (!err)
		err = labels_read(by->state->report, by->labels, &entries, &count);
	if (!err)
		err = forget_unnamed(by, entries, count);
	if (!err)
		err = for_words(by, entries, count, clear_drained);
	if (!by->places)
		return err ? err : end_leaving(by, entries, count);
	if (!err)
		err = note_registered(by, entries, count);
	/* A socket leaves its slot behind the first ones when it has one of these, so that it serves
	 * all the time. */
	if (!err)
		err = for_words(by, entries, count, put_first);
	if (!err)
		err = for_shared(by, entries, count, give_back);
	if (!err && by->order_count)
		err = orders_put(by->state, &by->shared, by->orders, by->order_count);
	if (!err)
		err = end_leaving(by, entries, count);
	if (!err)
		err = for_shared(by, entries, count, forget_awaited);
	return err ? err : for_words(by, entries, count, clear_behind);
}

static int settle(const struct state *state, bool places)
{
	struct by_hand by = {
		.state = state, .map = -1, .places = places, .shared = {-1, -1}, .labels = -1};
	int err = standing_hand(state, &by.map);

	if (!err)
		err = hands_read(state->report, by.map, &by.hands);
	if (!err && by.hands.count)
		err = settle_all(&by);
	free(by.orders);
	hands_free(&by.hands);
	close_fd(&by.map);
	close_fd(&by.labels);
	close_fd(&by.shared.sockets);
	close_fd(&by.shared.spare_marks);
	return err;
}

bool is_group_drained(const struct hands *own, const struct sightings *seen, uint64_t group)
{
	for (size_t i = 0; seen->count && i < own->count; i++) {
		const struct found *found = own->all[i].value.flags & HAND_DRAINED
						    ? find_one(seen, seen->all->key.number,
							       own->all[i].key.cookie)
						    : NULL;

		if (found && found->group == group)
			return true;
	}
	return false;
}

int by_hand_settle(const struct state *state)
{
	return settle(state, true);
}

int by_hand_clear(const struct state *state)
{
	return settle(state, false);
}
