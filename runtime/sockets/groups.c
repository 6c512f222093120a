/* SO_REUSEPORT groups that were registered by hand for labels that declare nothing. The kernel spreads
 * over all members as long as one is in a slot, so the slot of a member that is gone goes to one
 * that has none. */
#include "sockets.h"

#include "runtime/base/array.h"
#include "runtime/base/fail.h"
#include "runtime/kernel/sockdiag.h"
#include "runtime/labels/labels.h"
#include "runtime/load/load.h"
#include "runtime/state/state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

struct declared_key known_endpoint(const struct known_socket *known)
{
	struct declared_key endpoint = {.port = known->port, .protocol = known->protocol};

	memcpy(endpoint.address, known->address, sizeof(endpoint.address));
	endpoint.family = (uint8_t)address_unmap(known->family, endpoint.address);
	return endpoint;
}

static bool is_at(const struct known_socket *known, const struct known_socket *first)
{
	return known->port == first->port && known->protocol == first->protocol &&
	       known->family == first->family &&
	       memcmp(known->address, first->address, sizeof(first->address)) == 0;
}

static size_t count_at(const struct known_sockets *known, const struct known_socket *first)
{
	size_t count = 0;

	for (size_t i = 0; i < known->count; i++)
		count += is_at(&known->all[i], first);
	return count;
}

static bool is_override(const struct word_slots *slots, const struct hands *own, uint32_t i)
{
	return own->count &&
	       hand_flags(own, own->all->key.label, slots->present[i], slots->flow_class) &
		       HAND_OVERRIDE;
}

/* Whether slot I has an override, and another slot has a socket that was registered without one. */
static bool is_before_others(const struct word_slots *slots, const struct hands *own, uint32_t i)
{
	if (!is_override(slots, own, i))
		return false;
	for (uint32_t j = 0; j < slot_count(slots->word); j++)
		if (slots->present[j] && !is_override(slots, own, j))
			return true;
	return false;
}

bool group_begins(const struct word_slots *slots, const struct known_sockets *known,
		  const struct hands *own, uint32_t i, size_t *members)
{
	const struct known_socket *first = slots->present[i]
						   ? sockdiag_find(known, slots->present[i])
						   : NULL;

	*members = 0;
	if (!first || is_before_others(slots, own, i))
		return false;
	for (uint32_t j = 0; j < slot_count(slots->word); j++) {
		const struct known_socket *other = slots->present[j]
							   ? sockdiag_find(known, slots->present[j])
							   : NULL;

		if (!other || !is_at(other, first))
			continue;
		if (j < i && !is_before_others(slots, own, j))
			return false;
		++*members;
	}
	return true;
}

int group_find(const struct netns *netns, int sockets, const struct known_sockets *known,
	       uint64_t cookie, size_t members, struct group *group)
{
	const struct shared_maps shared = {sockets, -1};
	const struct known_socket *first = sockdiag_find(known, cookie);
	const struct found *own;
	struct declared_key endpoint;
	int err;

	*group = (struct group){0};
	if (!first || count_at(known, first) <= members)
		return 0;
	endpoint = known_endpoint(first);
	err = find_at(netns, &endpoint, &shared, &group->finder);
	if (err)
		return err;
	group->at = find_of(find_sightings(group->finder), 0);
	own = find_one(find_sightings(group->finder), 0, cookie);
	group->number = own ? own->group : 0;
	return 0;
}

bool group_has(const struct group *group, size_t i, unsigned int flow_class)
{
	const struct found *found = &group->at.all[i].found;

	return group->number && found->group == group->number && found->fault == FOUND_RIGHT &&
	       found_flow_classes(found) >> flow_class & 1;
}

void group_close(struct group *group)
{
	find_close(group->finder);
	*group = (struct group){0};
}

struct filling {
	const struct state *state;
	const struct shared_maps *shared;
	const struct hands *hands;
	struct known_sockets known;
	struct order *orders;
	size_t order_count;
};

/* *FREE becomes whether a slot is. */
static int read_word(const struct filling *filling, struct word_slots *slots, bool *free)
{
	*free = false;
	for (uint32_t i = 0; i < slot_count(slots->word); i++) {
		int err = slot_read(filling->shared->sockets, slot_at(slots->word, i),
				    &slots->present[i]);

		if (err)
			return fail(filling->state->report, err, "read which socket is in a slot");
		*free = *free || !slots->present[i];
	}
	return 0;
}

static bool is_present(const struct word_slots *slots, uint64_t cookie)
{
	for (uint32_t i = 0; i < slot_count(slots->word); i++)
		if (slots->present[i] == cookie)
			return true;
	return false;
}

static int plan_word(struct filling *filling, struct word_slots *slots, const struct group *group,
		     const struct hands *own)
{
	uint32_t next = 0, room = slot_count(slots->word);

	if (!group->number || is_group_drained(own, &group->at, group->number))
		return 0;
	for (size_t i = 0; i < group->at.count; i++) {
		uint64_t cookie = group->at.all[i].key.cookie;
		struct order *more;

		if (!group_has(group, i, slots->flow_class) || is_present(slots, cookie))
			continue;
		while (next < room && slots->present[next])
			next++;
		if (next == room)
			return 0;
		more = array_grow(filling->orders, filling->order_count, sizeof(*more));
		if (!more)
			return fail(filling->state->report, ENOMEM, "put sockets into slots");
		filling->orders = more;
		more[filling->order_count++] = order_to(cookie, slots->word, next, BPF_NOEXIST);
		slots->present[next] = cookie;
	}
	return 0;
}

static int fill_word(struct filling *filling, const char *label, unsigned int flow_class,
		     uint32_t word)
{
	struct word_slots slots = {.word = word, .flow_class = flow_class};
	struct hands own = hands_of(filling->hands, label_hash(label));
	bool free;
	int err = read_word(filling, &slots, &free);

	for (uint32_t i = 0; !err && free && i < slot_count(word); i++) {
		struct group group;
		size_t members;

		if (!group_begins(&slots, &filling->known, &own, i, &members))
			continue;
		err = group_find(&filling->state->netns, filling->shared->sockets, &filling->known,
				 slots.present[i], members, &group);
		if (!err)
			err = plan_word(filling, &slots, &group, &own);
		group_close(&group);
	}
	return err;
}

static int fill_all(struct filling *filling, const struct label_entry *entries, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count; i++)
		for (unsigned int j = 0; !err && j < ABI_FLOW_CLASSES; j++)
			if (!key_is_declared(&entries[i].key) &&
			    slot_count(entries[i].slots.slots[j]) > 1)
				err = fill_word(filling, entries[i].key.label, j,
						entries[i].slots.slots[j]);
	if (!err && filling->order_count)
		err = orders_put(filling->state, filling->shared, filling->orders,
				 filling->order_count);
	return err;
}

/* Whether a label that declares nothing has room for a group. */
static bool has_groups(const struct label_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (unsigned int j = 0; j < ABI_FLOW_CLASSES; j++)
			if (!key_is_declared(&entries[i].key) &&
			    slot_count(entries[i].slots.slots[j]) > 1)
				return true;
	return false;
}

int groups_fill(const struct state *state)
{
	struct shared_maps shared = {-1, -1};
	struct hands hands = {0};
	struct filling filling = {.state = state, .shared = &shared, .hands = &hands};
	autofree struct label_entry *entries = NULL;
	autoclose int labels = -1;
	size_t count = 0;
	int err = standing_maps(state, &shared.sockets, &labels);

	if (!err)
		err = labels_read(state->report, labels, &entries, &count);
	if (!err && has_groups(entries, count)) {
		err = standing_spare_marks(state, &shared.spare_marks);
		if (!err)
			err = standing_hands(state, &hands);
		if (!err)
			err = sockdiag_read(&state->netns, &filling.known);
		if (!err)
			err = fill_all(&filling, entries, count);
	}
	free(filling.orders);
	sockdiag_free(&filling.known);
	hands_free(&hands);
	close_fd(&shared.sockets);
	close_fd(&shared.spare_marks);
	return err;
}
