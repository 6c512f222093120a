/* Looks at the sockets behind labels: which process has them, since when they are there, and what
 * is wrong. */
#include "status.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/clock.h"
#include "runtime/load/load.h"
#include "runtime/sockets/sockets.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

/* The status to fill in; the namespace's maps, which are open; and the slot words of labels. */
struct look {
	struct status *status;
	int sockets, since;
	struct abi_label_slots *slots;
	uint64_t *present; /* cookies of the sockets in their slots */
};

/* When the socket COOKIE was put into the slot, in seconds since 1970; 0: not known. */
static uint64_t read_since(const struct look *look, uint32_t slot, uint64_t cookie)
{
	struct since since;
	uint64_t now = look->status->now;

	if (look->since < 0 || bpf_map_lookup_elem(look->since, &slot, &since) ||
	    since.cookie != cookie || since.boot_time > now)
		return 0;
	return (real_time() - (now - since.boot_time)) / 1000000000;
}

static void look_at_flow_class(const struct look *look, unsigned int flow_class,
			       struct flow_class_status *at, struct described *first)
{
	first->cookie = working_cookie(look->present, at->word, flow_class, &look->status->known);
	for (uint32_t i = 0; first->cookie && i < slot_count(at->word); i++) {
		uint32_t slot = slot_at(at->word, i);
		uint64_t cookie = look->present[slot];

		at->members += cookie != 0;
		if (cookie == first->cookie && !at->since)
			at->since = read_since(look, slot, cookie);
	}
}

static size_t flow_class_count(const struct status *status)
{
	return (size_t)status->applied.object.header.label_count * ABI_FLOW_CLASSES;
}

const struct described *status_socket(const struct status *status, uint32_t label,
				      uint32_t flow_class)
{
	return &status->sockets[label * ABI_FLOW_CLASSES + flow_class];
}

const struct described *status_hand_socket(const struct status *status,
					   const struct hand_entry *entry)
{
	return &status->sockets[flow_class_count(status) + (size_t)(entry - status->hands.all)];
}

struct hands status_hands(const struct status *status, uint32_t label)
{
	return hands_of(&status->hands, label_hash(object_label(&status->applied.object, label)));
}

bool status_is_drained(const struct status *status, const struct hand_entry *entry)
{
	uint32_t flow_classes = entry->value.flow_classes;

	return entry->value.flags & HAND_DRAINED && flow_classes &&
	       sockdiag_takes(&status->known,
			      flow_class_ipproto((unsigned int)__builtin_ctz(flow_classes)),
			      entry->key.cookie);
}

bool status_is_override(const struct status *status, uint32_t label, uint32_t flow_class)
{
	struct hands own = status_hands(status, label);
	uint64_t cookie = status_socket(status, label, flow_class)->cookie;

	return own.count &&
	       hand_flags(&own, own.all->key.label, cookie, flow_class) & HAND_OVERRIDE;
}

bool status_is_followed(const struct status *status)
{
	return status->following == FOLLOWING || status->following == FOLLOW_MORE;
}

/* Whether the flow class is needed, and its socket is missing or cannot take packets. */
static bool is_lacking(const struct status *status, unsigned int flow_class,
		       const struct flow_class_status *at, uint64_t cookie)
{
	return at->needed &&
	       !(cookie && sockdiag_takes(&status->known, flow_class_ipproto(flow_class), cookie));
}

static int look_at_sockets(const struct look *look)
{
	struct status *status = look->status;
	size_t flow_classes = flow_class_count(status), count = flow_classes + status->hands.count;

	status->sockets = calloc(count + 1, sizeof(*status->sockets));
	if (!status->sockets)
		return fail(status->state.report, ENOMEM, "look at the sockets of labels");
	for (size_t i = 0; i < flow_classes; i++) {
		struct flow_class_status *at = &status->flow_classes[i];

		look_at_flow_class(look, i % ABI_FLOW_CLASSES, at, &status->sockets[i]);
		if (is_lacking(status, i % ABI_FLOW_CLASSES, at, status->sockets[i].cookie))
			status->complete = false;
	}
	for (size_t i = 0; i < status->hands.count; i++)
		status->sockets[flow_classes + i].cookie = status->hands.all[i].key.cookie;
	return describe(status->state.report, &status->known, status->sockets, count);
}

static void take_slots(const struct look *look)
{
	for (size_t i = 0; i < flow_class_count(look->status); i++)
		look->slots[i / ABI_FLOW_CLASSES].slots[i % ABI_FLOW_CLASSES] =
			look->status->flow_classes[i].word;
}

/* Finds problems with declared sockets. */
static int look_for_declared(const struct look *look, struct inspection *inspected)
{
	struct status *status = look->status;
	const struct shared_maps shared = {look->sockets, -1};
	struct declared_maps maps = {-1, -1};
	struct declarations declarations;
	struct finder *finder = NULL;
	int err = 0;

	if (declarations_read(inspected->object, inspected->interfaces,
			      host_users(inspected->object, &status->numbers), &declarations))
		return 0;
	if (declarations_place(inspected->object, look->slots, &declarations) == 0 &&
	    declared_maps_create(&declarations, &maps) == 0 &&
	    find_open(&status->state.netns, &maps, &shared, &finder) == 0 &&
	    find_look(finder) == 0) {
		inspected->declarations = &declarations;
		inspected->sightings = find_sightings(finder);
		err = problems_of_declared(inspected, &status->problems);
		if (!err)
			err = problems_of_strays(inspected, &status->problems);
		inspected->declarations = NULL;
	}
	find_close(finder);
	declared_maps_close(&maps);
	declarations_free(&declarations);
	return err;
}

static int look_all(const struct look *look)
{
	struct status *status = look->status;
	const struct object *object = &status->applied.object;
	struct inspection inspected = {.object = object,
				       .slots = look->slots,
				       .present = look->present,
				       .netns = &status->state.netns,
				       .known = &status->known,
				       .hands = &status->hands,
				       .interfaces = status->numbers.all,
				       .users = host_users(object, &status->numbers)};
	struct class_table classes = {0};
	int err = look_at_sockets(look);

	if (!err && object->header.asks_interface) {
		err = generation_classes(&status->state, status->standing.current, object,
					 &classes);
		inspected.classes = &classes;
	}
	if (!err && object->socket_count)
		err = look_for_declared(look, &inspected);
	if (!err)
		err = problems_behind_labels(&inspected, &status->problems);
	if (!err)
		err = problems_of_undeclared(&inspected, &status->problems);
	if (!err)
		err = problems_of_groups_by_hand(&inspected, look->sockets, &status->problems);
	if (!err)
		err = problems_of_interfaces(&inspected, &status->problems);
	class_table_free(&classes);
	if (!err)
		err = problems_of_users(&inspected, &status->problems);
	if (!err)
		err = problems_of_routes(object, &status->state.netns, &status->problems);
	status->following = follow_look(&status->state, &status->standing, look->slots,
					object->header.label_count);
	return err ? err : problems_of_following(object, status->following, &status->problems);
}

int status_look(struct status *status)
{
	struct look look = {.status = status, .sockets = -1, .since = -1};
	autoclose int labels = -1;
	int err;

	look.slots = calloc((size_t)status->applied.object.header.label_count + 1,
			    sizeof(*look.slots));
	if (!look.slots)
		return fail(status->state.report, ENOMEM, "look at the labels");
	err = standing_maps(&status->state, &look.sockets, &labels);
	if (!err) {
		look.since = pin_get(status->state.folder, PIN_SINCE);
		take_slots(&look);
		err = slots_look(status->state.report, look.sockets, look.slots,
				 status->applied.object.header.label_count, &look.present);
		if (!err)
			err = look_all(&look);
	}
	free(look.present);
	free(look.slots);
	close_fd(&look.sockets);
	close_fd(&look.since);
	return err;
}
