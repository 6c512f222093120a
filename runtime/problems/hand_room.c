/* Names SO_REUSEPORT groups of which some members have no slot: registered by hand for a label that
 * declares nothing, or put before the declared sockets of one. */
#include "causes.h"
#include "problems.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/netns.h"
#include "runtime/kernel/sockdiag.h"
#include "runtime/labels/labels.h"
#include "runtime/object/object.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>

/* How many sockets of a group are in slots, and how many there are; one of those in slots. */
struct room {
	size_t placed, all;
	uint64_t cookie;
};

static size_t count_present(const struct inspection *inspected, uint32_t word)
{
	size_t count = 0;

	for (uint32_t i = 0; i < slot_count(word); i++)
		count += inspected->present[slot_at(word, i)] != 0;
	return count;
}

/* A group that cannot be seen is not named: what reads the sockets says why. */
static struct room look_at_group(const struct inspection *inspected, int sockets,
				 const struct word_slots *slots, uint64_t cookie, size_t members)
{
	struct report silent = report_nothing();
	struct netns netns = *inspected->netns;
	struct room room = {.cookie = cookie};
	struct group group;

	netns.report = &silent;
	if (group_find(&netns, sockets, inspected->known, cookie, members, &group))
		return room;
	for (size_t i = 0; i < group.at.count; i++) {
		if (!group_has(&group, i, slots->flow_class))
			continue;
		room.all++;
		room.placed += is_in_word(inspected, slots->word, group.at.all[i].key.cookie);
	}
	group_close(&group);
	return room;
}

/* The first group that lacks room, or the last one. */
static struct room look_at_groups(const struct inspection *inspected, int sockets,
				  const struct word_slots *slots, const struct hands *own)
{
	struct room room = {0};
	size_t members;

	for (uint32_t i = 0; room.placed >= room.all && i < slot_count(slots->word); i++)
		if (group_begins(slots, inspected->known, own, i, &members))
			room = look_at_group(inspected, sockets, slots, slots->present[i], members);
	return room;
}

static struct room look_at_overrides(const struct inspection *inspected,
				     const struct word_slots *slots, const struct hands *own)
{
	struct room room = {.cookie = first_present(inspected, slots->word)};

	for (size_t i = 0; i < own->count; i++) {
		uint64_t cookie = own->all[i].key.cookie;

		if (!hand_is_first(&own->all[i], slots->flow_class) ||
		    !sockdiag_find(inspected->known, cookie))
			continue;
		room.all++;
		room.placed += is_in_word(inspected, slots->word, cookie);
	}
	return room;
}

static struct word_slots read_word(const struct inspection *inspected, uint32_t word,
				   unsigned int flow_class)
{
	struct word_slots slots = {.word = word, .flow_class = flow_class};

	for (uint32_t i = 0; i < slot_count(word); i++)
		slots.present[i] = inspected->present[slot_at(word, i)];
	return slots;
}

static int check_word(const struct inspection *inspected, int sockets, uint32_t label,
		      unsigned int flow_class, bool is_declared, struct problems *problems)
{
	const char *name = object_label(inspected->object, label);
	uint32_t word = inspected->slots[label].slots[flow_class];
	struct word_slots slots = read_word(inspected, word, flow_class);
	struct hands own = hands_of(inspected->hands, label_hash(name));
	struct room room = is_declared ? look_at_overrides(inspected, &slots, &own)
				       : look_at_groups(inspected, sockets, &slots, &own);
	const struct known_socket *known = room.cookie
						   ? sockdiag_find(inspected->known, room.cookie)
						   : NULL;
	char address[SOCKET_ADDRESS_MAX];
	int err;

	if (!known || room.placed >= room.all)
		return 0;
	sockdiag_address(known, address, sizeof(address));
	err = problem_add(problems, name,
			  slot_count(word) == 1 ? "register it again"
			  : is_declared || count_present(inspected, word) == slot_count(word)
				  ? "run fewer, or call `sklc sync` whenever some of them are gone"
				  : "call `sklc sync`",
			  "only %zu of %zu sockets that were registered%s%s have room behind it "
			  "(%s), and the others serve as long as one of these is there",
			  room.placed, room.all, is_declared ? " before the declared ones" : " at ",
			  is_declared ? "" : address, flow_class_name(flow_class));
	if (!err)
		problem_count(problems, room.all);
	return err;
}

int problems_of_groups_by_hand(const struct inspection *inspected, int sockets,
			       struct problems *problems)
{
	const struct object *object = inspected->object;
	autofree uint32_t *declared = problems_covered(problems->report, object);
	int err = declared ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < object->header.label_count; i++) {
		size_t before = problems->count;

		for (unsigned int j = 0; !err && j < ABI_FLOW_CLASSES && problems->count == before;
		     j++)
			if (object->labels[i].flow_classes >> j & 1)
				err = check_word(inspected, sockets, i, j, declared[i], problems);
	}
	return err;
}
