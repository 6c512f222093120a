/* What is noted of sockets by hand when another one is registered: that one replaces what was earlier. */
#include "registering.h"

#include "runtime/base/fail.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>
#include <string.h>

/* Whether something done by hand was done with the socket or with a sibling. */
static bool is_own(const struct registering *r, const struct hand_entry *at)
{
	const struct found *found = r->finder
					    ? find_one(find_sightings(r->finder), 0, at->key.cookie)
					    : NULL;

	return at->key.cookie == r->cookie || (r->group && found && found->group == r->group);
}

/* The flow classes, as bits, in which a socket ends to stand before the declared ones. What was done with
 * the socket itself was written anew if it stands before the declared ones. */
static uint32_t ended(const struct registering *r, const struct hand_entry *at)
{
	if (is_own(r, at))
		return r->way == WAY_OVERRIDE ? 0 : at->value.flow_classes;
	return hand_before(at) & r->flow_classes;
}

/* What is left of what was done by hand with a socket. What is registered now replaces what was earlier,
 * also what is drained, and is itself no longer drained: what it had before in the slots that all
 * generations share, it has again. */
static struct hand left_of(const struct registering *r, const struct hand_entry *at)
{
	struct hand hand = at->value;
	uint8_t kept = (uint8_t)~r->flow_classes;

	if (is_own(r, at)) {
		kept = r->way == WAY_UNDECLARED ? 0 : UINT8_MAX;
		hand.leaves = hand.flags & HAND_OVERRIDE && r->way == WAY_DECLARED
				      ? hand.flow_classes & (uint8_t)~hand.registered
				      : 0;
		hand.flags = hand.before = hand.leaves_declared = 0;
	} else if (hand.flags & HAND_DRAINED) {
		hand.before &= kept;
	} else {
		hand_end(&hand, ended(r, at));
		hand.leaves |= (uint8_t)ended(r, at);
		/* Those that are declared replace it where a search finds them. */
		if (r->way != WAY_DECLARED)
			hand.leaves_declared |= (uint8_t)ended(r, at);
	}
	if (r->way == WAY_UNDECLARED) {
		hand.registered &= kept;
		hand.first &= kept;
	}
	hand.leaves &= (uint8_t)~hand.registered;
	return hand;
}

/* What is to be noted, once for each socket. */
struct notes {
	struct hand_entry *all;
	size_t count;
};

static struct hand *note_of(const struct registering *r, struct notes *notes, uint64_t cookie)
{
	uint64_t label = label_hash(r->label.name);
	const struct hand_entry *noted = hand_find(&r->label.hands, label, cookie);
	struct hand_entry *at = notes->all;

	while (at < notes->all + notes->count && at->key.cookie != cookie)
		at++;
	if (at == notes->all + notes->count) {
		*at = (struct hand_entry){.key = {.cookie = cookie, .label = label}};
		if (noted)
			at->value = left_of(r, noted);
		notes->count++;
	}
	return &at->value;
}

static void note_ended(const struct registering *r, struct notes *notes)
{
	struct hands own = hands_of(&r->label.hands, label_hash(r->label.name));

	for (size_t i = 0; i < own.count; i++) {
		struct hand left = left_of(r, &own.all[i]);

		if (memcmp(&left, &own.all[i].value, sizeof(left)) != 0)
			notes->all[notes->count++] = (struct hand_entry){own.all[i].key, left};
	}
}

/* What was registered for slots that all generations share is so again after the override. */
static void note_one(const struct registering *r, struct notes *notes, uint64_t cookie,
		     struct hand override)
{
	struct hand *hand = note_of(r, notes, cookie);

	override.registered = hand->registered;
	override.first = hand->first;
	label_add_registered(&r->label, cookie, &override);
	*hand = override;
}

static void note_override(const struct registering *r, struct notes *notes)
{
	note_one(r, notes, r->cookie,
		 (struct hand){.flags = HAND_OVERRIDE | HAND_CHOSEN,
			       .flow_classes = (uint8_t)r->flow_classes});
	for (size_t i = 0; i < r->siblings.count; i++) {
		const struct sighting *at = &r->siblings.all[i];

		if (is_sibling(r, at))
			note_one(r, notes, at->key.cookie,
				 (struct hand){
					 .flags = HAND_OVERRIDE,
					 .flow_classes = (uint8_t)found_flow_classes(&at->found)});
	}
}

/* Where notes change, the socket awaits the slots that all generations share, and all others leave these:
 * so a command that is killed is completed whole. */
static void note_undeclared(const struct registering *r, struct notes *notes)
{
	const uint64_t *stood = r->label.stood;
	const uint8_t flow_classes = (uint8_t)r->flow_classes;

	for (unsigned int i = 0; r->label.stood_count && i < ABI_FLOW_CLASSES; i++)
		for (uint32_t j = 0; j < slot_count(r->label.shared.slots[i]); j++, stood++) {
			struct hand *hand;

			if (!*stood || !(flow_classes >> i & 1) || is_of_group(r, *stood))
				continue;
			hand = note_of(r, notes, *stood);
			if (!hand->flow_classes)
				hand->flow_classes = (uint8_t)(1u << i);
			hand->leaves |= (uint8_t)(1u << i);
		}
	*note_of(r, notes, r->cookie) = (struct hand){
		.flow_classes = flow_classes, .registered = flow_classes, .first = flow_classes};
}

int replace_noted(const struct registering *r)
{
	struct hands own = hands_of(&r->label.hands, label_hash(r->label.name));
	size_t most = own.count + r->siblings.count + r->label.stood_count + 1;
	autofree struct hand_entry *entries = calloc(most, sizeof(*entries));
	struct notes notes = {entries, 0};
	int err;

	if (!entries)
		return fail(r->label.state.report, ENOMEM, "note what is done by hand");
	note_ended(r, &notes);
	if (r->way == WAY_OVERRIDE)
		note_override(r, &notes);
	if (r->way == WAY_UNDECLARED && notes.count)
		note_undeclared(r, &notes);
	err = hands_write(r->label.state.report, r->label.hand, notes.all, notes.count);
	return err ? err : notes.count != 0;
}

/* Takes those that were put before the declared sockets earlier, and are so no longer, out of the
 * slots that they still have, once the new socket has its own: so none is empty meanwhile. What is
 * registered now keeps those of the rules that decide. 1: there were some; 0: none; -errno after a
 * message. */
int take_out_ended(const struct registering *r)
{
	const struct opened_label *label = &r->label;
	struct hands own = hands_of(&label->hands, label_hash(label->name));
	int err = 0;
	bool any = false;

	for (size_t i = 0; !err && i < own.count; i++) {
		const struct hand_entry *at = &own.all[i];
		uint32_t lost = at->value.flags & HAND_OVERRIDE ? ended(r, at) : 0;

		any = any || lost;
		if (lost)
			err = by_hand_take_out(&label->state, label->name, at->key.cookie, lost,
					       is_own(r, at) ? &label->key : NULL);
	}
	return err ? err : any;
}

bool is_of_group(const struct registering *r, uint64_t cookie)
{
	bool is_own = cookie == r->cookie;

	for (size_t i = 0; !is_own && i < r->siblings.count; i++)
		is_own = r->siblings.all[i].key.cookie == cookie &&
			 is_sibling(r, &r->siblings.all[i]);
	return is_own;
}
