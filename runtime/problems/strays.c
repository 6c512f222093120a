/* Looks into the slots of labels: for sockets that no declaration allows there, and for slots that
 * no declaration fills. */
#include "causes.h"
#include "problems.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/sockdiag.h"
#include "runtime/labels/labels.h"
#include "runtime/object/object.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>

uint64_t first_present(const struct inspection *inspected, uint32_t word)
{
	uint64_t cookie = 0;

	for (uint32_t i = 0; !cookie && i < slot_count(word); i++)
		cookie = inspected->present[slot_at(word, i)];
	return cookie;
}

bool is_empty(const struct inspection *inspected, uint32_t label, unsigned int flow_class)
{
	return inspected->object->labels[label].flow_classes >> flow_class & 1 &&
	       !first_present(inspected, inspected->slots[label].slots[flow_class]);
}

uint64_t working_cookie(const uint64_t *present, uint32_t word, unsigned int flow_class,
			const struct known_sockets *known)
{
	uint64_t first = 0;

	for (uint32_t i = 0; i < slot_count(word); i++) {
		uint64_t cookie = present[slot_at(word, i)];

		if (cookie && sockdiag_takes(known, flow_class_ipproto(flow_class), cookie))
			return cookie;
		if (!first)
			first = cookie;
	}
	return first;
}

bool is_in_word(const struct inspection *inspected, uint32_t word, uint64_t cookie)
{
	for (uint32_t i = 0; i < slot_count(word); i++)
		if (inspected->present[slot_at(word, i)] == cookie)
			return true;
	return false;
}

bool stands_behind(const struct inspection *inspected, uint32_t label, uint64_t cookie)
{
	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
		if (is_in_word(inspected, inspected->slots[label].slots[flow_class], cookie))
			return true;
	return false;
}

uint32_t by_hand(const struct inspection *inspected, uint32_t label, unsigned int flow_class,
		 uint64_t cookie)
{
	return inspected->hands ? hand_flags(inspected->hands,
					     label_hash(object_label(inspected->object, label)),
					     cookie, flow_class)
				: 0;
}

bool is_to_place(const struct inspection *inspected, uint32_t label, const struct sighting *at,
		 unsigned int flow_class)
{
	return at->found.fault == FOUND_RIGHT && found_flow_classes(&at->found) >> flow_class & 1 &&
	       !by_hand(inspected, label, flow_class, at->key.cookie);
}

bool is_to_place_anywhere(const struct inspection *inspected, uint32_t label,
			  const struct sighting *at)
{
	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
		if (is_to_place(inspected, label, at, flow_class))
			return true;
	return false;
}

uint32_t room_of(const struct inspection *inspected, const struct declaration *declaration,
		 unsigned int flow_class)
{
	struct declared_range range = declaration_range(declaration, flow_class);
	uint32_t room = range.count;

	for (uint32_t i = 0; i < range.count; i++) {
		uint64_t cookie = inspected->present[slot_at(range.word, range.first + i)];

		if (cookie &&
		    by_hand(inspected, declaration->label, flow_class, cookie) & HAND_OVERRIDE)
			room--;
	}
	return room;
}

bool is_kept_out(const struct inspection *inspected, const struct declaration *declaration,
		 const struct sightings *seen, const struct sighting *at)
{
	struct hands own;

	if (!inspected->hands || !is_to_place_anywhere(inspected, declaration->label, at))
		return false;
	own = hands_of(inspected->hands, declaration->value.label);
	return is_group_drained(&own, seen, at->found.group);
}

/* The declarations of each label: numbers from 1, 0 for none. */
struct by_label {
	size_t *first; /* by label */
	size_t *next;  /* by declaration */
};

static int read_by_label(const struct inspection *inspected, struct by_label *by)
{
	const struct declarations *declarations = inspected->declarations;

	by->first = calloc((size_t)inspected->object->header.label_count + 1, sizeof(*by->first));
	by->next = calloc(declarations->count + 1, sizeof(*by->next));
	if (!by->first || !by->next)
		return fail(declarations->report, ENOMEM, "look for problems");
	for (size_t i = 0; i < declarations->count; i++) {
		uint32_t label = declarations->all[i].label;

		by->next[i] = by->first[label];
		by->first[label] = i + 1;
	}
	return 0;
}

/* Why a socket may be in a slot of a declared label. */
enum place {
	PLACE_ALLOWED, /* or named already, as a socket at a declared endpoint that is not as declared */
	PLACE_STRAY,    /* of no declaration; a search for the declared sockets takes it away */
	PLACE_LEFT_OUT, /* no declaration is for the flow class, so no search looks there */
};

static enum place place_of(const struct inspection *inspected, const struct by_label *by,
			   uint32_t label, unsigned int flow_class, uint64_t cookie)
{
	enum place place = PLACE_LEFT_OUT;

	for (size_t i = by->first[label]; i; i = by->next[i - 1]) {
		const struct declaration *at = &inspected->declarations->all[i - 1];
		const struct found *found = find_one(inspected->sightings, at->value.number,
						     cookie);

		if (!declaration_range(at, flow_class).count)
			continue;
		place = PLACE_STRAY;
		if (found && (found->fault == FOUND_RIGHT ||
			      (at->key.family && !is_declared(inspected, cookie))))
			return PLACE_ALLOWED;
	}
	return place;
}

/* What a stray is called. */
static void write_stray(const struct known_socket *socket, char *text, size_t size)
{
	char address[SOCKET_ADDRESS_MAX];

	sockdiag_address(socket, address, sizeof(address));
	snprintf(text, size, "%s %s, cookie %" PRIu64 ", user %" PRIu32,
		 ipproto_word(socket->protocol), address, socket->cookie, socket->uid);
}

static bool is_working(const struct inspection *inspected, uint64_t cookie)
{
	const struct known_socket *socket = sockdiag_find(inspected->known, cookie);

	return socket && !socket->connected;
}

/* The strays of a label: the first, and how many others. */
struct strays {
	uint64_t first;
	enum place place; /* of the first */
	size_t others;
};

/* A socket may stand in slots of two flow classes; it is counted in the first. */
static void look_at_flow_class(const struct inspection *inspected, const struct by_label *by,
			       uint32_t label, unsigned int flow_class, struct strays *strays)
{
	uint32_t word = inspected->slots[label].slots[flow_class];

	for (uint32_t i = 0; i < slot_count(word); i++) {
		uint64_t cookie = inspected->present[slot_at(word, i)];
		enum place place;

		/* Whether it takes packets is for problems_behind_labels. */
		if (!cookie || cookie == strays->first || !is_working(inspected, cookie) ||
		    by_hand(inspected, label, flow_class, cookie) & HAND_OVERRIDE)
			continue;
		place = place_of(inspected, by, label, flow_class, cookie);
		if (place == PLACE_ALLOWED)
			continue;
		if (!strays->first) {
			strays->first = cookie;
			strays->place = place;
		} else if (flow_class_af(flow_class) == AF_INET ||
			   !is_in_word(inspected, inspected->slots[label].slots[flow_class ^ 2],
				       cookie)) {
			strays->others++;
		}
	}
}

static int check_label(const struct inspection *inspected, const struct by_label *by,
		       uint32_t label, struct problems *problems)
{
	struct strays strays = {0};
	char text[128], more[48] = "";
	int err;

	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
		if (inspected->object->labels[label].flow_classes >> flow_class & 1)
			look_at_flow_class(inspected, by, label, flow_class, &strays);
	if (!strays.first)
		return 0;
	write_stray(sockdiag_find(inspected->known, strays.first), text, sizeof(text));
	if (strays.others)
		snprintf(more, sizeof(more), " and %zu more", strays.others);
	err = problem_add(problems, object_label(inspected->object, label),
			  strays.place == PLACE_STRAY
				  ? "`sklc sync` takes away what is not declared; or declare it"
				  : "`sklc unregister` takes it away; or declare it",
			  "a socket (%s)%s takes its packets, and no declaration allows that", text,
			  more);
	if (!err)
		problem_count(problems, 1 + strays.others);
	return err;
}

int problems_of_strays(const struct inspection *inspected, struct problems *problems)
{
	struct by_label by = {0};
	int err = read_by_label(inspected, &by);

	for (uint32_t i = 0; !err && i < inspected->object->header.label_count; i++)
		if (by.first[i])
			err = check_label(inspected, &by, i, problems);
	free(by.first);
	free(by.next);
	return err;
}

/* The flow classes, as bits, that the sockets of a declaration may serve. A socket that is bound to
 * an IPv6 address takes IPv4 only if the address is `::` (inet6_bind). */
static uint32_t served(const struct abi_socket *socket)
{
	bool is_udp = socket->protocol == IPPROTO_UDP;
	uint32_t ipv4 = 1u << ABI_FLOW_CLASS(0, is_udp), ipv6 = 1u << ABI_FLOW_CLASS(1, is_udp);

	if (socket->any_address || (socket->family == AF_INET6 && address_is_any(socket->address)))
		return ipv4 | ipv6;
	return socket->family == AF_INET6 ? ipv6 : ipv4;
}

uint32_t *problems_covered(struct report *report, const struct object *object)
{
	uint32_t *covered = calloc((size_t)object->header.label_count + 1, sizeof(*covered));

	if (!covered)
		fail(report, ENOMEM, "look for empty labels");
	for (uint32_t i = 0; covered && i < object->socket_count; i++)
		covered[object->sockets[i].label] |= served(&object->sockets[i]);
	return covered;
}

/* Writes the label's empty flow classes among these. Returns whether there is one. */
static bool name_empty(const struct inspection *inspected, uint32_t label, uint32_t flow_classes,
		       char words[FLOW_CLASSES_TEXT_MAX])
{
	uint32_t empty = 0;

	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
		if (flow_classes >> flow_class & 1 && is_empty(inspected, label, flow_class))
			empty |= 1u << flow_class;
	return flow_classes_text(empty, words);
}

uint32_t drained(const struct inspection *inspected, uint32_t label)
{
	uint32_t flow_classes = 0;
	struct hands own;

	if (!inspected->hands)
		return 0;
	own = hands_of(inspected->hands, label_hash(object_label(inspected->object, label)));
	for (size_t i = 0; i < own.count; i++)
		if (own.all[i].value.flags & HAND_DRAINED &&
		    (!inspected->known || !is_hand_absent(inspected->known, &own.all[i])))
			flow_classes |= own.all[i].value.flow_classes;
	return flow_classes;
}

/* Names the label's empty flow classes among these, whose sockets are drained. */
static int check_drained(const struct inspection *inspected, uint32_t label, uint32_t flow_classes,
			 struct problems *problems)
{
	const char *name = object_label(inspected->object, label);
	char lacking[FLOW_CLASSES_TEXT_MAX], mend[192];

	if (!name_empty(inspected, label, flow_classes, lacking))
		return 0;
	snprintf(mend, sizeof(mend), "start another, or call `sklc undrain %.63s`", name);
	return problem_add(problems, name, mend,
			   "its sockets for %s are drained, and no other serves", lacking);
}

/* The flow classes, as bits, in which sockets are to have slots of a label that declares nothing. */
static uint32_t awaited(const struct inspection *inspected, uint32_t label)
{
	uint64_t hash = label_hash(object_label(inspected->object, label));
	struct hands own = inspected->hands ? hands_of(inspected->hands, hash) : (struct hands){0};
	uint32_t flow_classes = 0;

	for (size_t i = 0; i < own.count; i++)
		if (!inspected->known || !is_hand_absent(inspected->known, &own.all[i]))
			flow_classes |= hand_awaited(&own.all[i]);
	return flow_classes;
}

/* Names the label's empty flow classes among these, whose sockets are given slots by the next search. */
static int check_awaited(const struct inspection *inspected, uint32_t label, uint32_t flow_classes,
			 struct problems *problems)
{
	char lacking[FLOW_CLASSES_TEXT_MAX];

	if (!name_empty(inspected, label, flow_classes, lacking))
		return 0;
	return problem_add(
		problems, object_label(inspected->object, label), "call `sklc sync`",
		"its socket for %s is registered and has no slot yet: another that was before it "
		"is gone, or a command did not finish",
		lacking);
}

/* Names the label's empty flow classes among LEFT_OUT, which no declaration serves. */
static int check_left_out(const struct inspection *inspected, uint32_t label, uint32_t left_out,
			  bool is_declared, struct problems *problems)
{
	const char *name = object_label(inspected->object, label);
	char lacking[FLOW_CLASSES_TEXT_MAX], mend[192];

	if (!name_empty(inspected, label, left_out, lacking))
		return 0;
	if (is_declared)
		return problem_add(problems, name,
				   "declare one for these too, or let the rules not match them",
				   "the rules send it packets of %s, and none of its declared "
				   "sockets takes these",
				   lacking);
	snprintf(mend, sizeof(mend),
		 "declare one in a `socket` block, or call `sklc register %.63s --pid PID --fd FD`",
		 name);
	return problem_add(problems, name, mend, "it has no socket for %s, and none is declared",
			   lacking);
}

/* Names the first socket of an undeclared label that is bound to a device. */
static int check_bound(const struct inspection *inspected, uint32_t label,
		       struct problems *problems)
{
	const struct known_socket *first = NULL;
	char address[SOCKET_ADDRESS_MAX];

	for (unsigned int flow_class = 0; !first && flow_class < ABI_FLOW_CLASSES; flow_class++) {
		uint64_t cookie = first_present(inspected,
						inspected->slots[label].slots[flow_class]);

		first = cookie ? sockdiag_find(inspected->known, cookie) : NULL;
		if (first && !known_device(first))
			first = NULL;
	}
	if (!first)
		return 0;
	sockdiag_address(first, address, sizeof(address));
	if (first->device_gone)
		return problem_bound_to_gone(problems, object_label(inspected->object, label),
					     first->protocol, address, first->interface, 1);
	return problem_bound(problems, object_label(inspected->object, label), first->protocol,
			     address, first->device, 1);
}

int problems_of_undeclared(const struct inspection *inspected, struct problems *problems)
{
	const struct object *object = inspected->object;
	autofree uint32_t *declared = problems_covered(problems->report, object);
	int err = declared ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < object->header.label_count; i++) {
		const uint32_t out = drained(inspected, i);
		const uint32_t to_come = declared[i] ? 0 : awaited(inspected, i) & ~out;

		err = check_drained(inspected, i, out, problems);
		if (!err)
			err = check_awaited(inspected, i, to_come, problems);
		if (!err)
			err = check_left_out(inspected, i, ~(declared[i] | out | to_come),
					     declared[i], problems);
		if (!err && !declared[i])
			err = check_bound(inspected, i, problems);
	}
	return err;
}
