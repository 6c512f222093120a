/* Compares the sockets in the slots with those that are found, and corrects the difference. A
 * socket that is in a slot of its declaration stays there. The slots are read before the search, so
 * that a socket that the follower puts into a slot meanwhile is not mistaken for one that no
 * declaration matches.
 *
 * A socket map has no operation that deletes an entry only if it is still a given socket. The
 * socket to be taken out may close just then, the follower may put another one into the free slot,
 * and that one would be taken out instead. So after taking any socket out, a second search puts
 * matching sockets without a slot into free slots. */
#include "sockets.h"

#include "runtime/base/fail.h"
#include "runtime/labels/labels.h"
#include "runtime/state/state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

enum fill {
	FILL_EMPTY, /* only slots that are empty; no socket that serves now is replaced */
	FILL_ALL,   /* sockets that no declaration matches any more are taken out too */
};

/* A slot of the socket map. Slots that no declaration may fill stay zero. */
struct slot {
	uint64_t present, wanted; /* cookies of the socket in it and the one to put in; 0: none */
	bool declared;            /* a declaration may fill it, and PRESENT was read */
	uint16_t first_block, block; /* see struct placement */
};

struct plan {
	const struct declarations *declarations;
	const struct hands *hands;
	const struct sightings *sightings;
	int sockets;
	enum fill fill;
	struct slot *slots; /* by slot number; ABI_SOCKETS_MAX of them */
	struct order *orders;
	size_t order_count;
	bool takes_out; /* the plan removes or replaces a socket */
};

static struct slot *slot_in(const struct plan *plan, const struct declared_range *range, uint32_t i)
{
	return &plan->slots[slot_at(range->word, range->first + i)];
}

/* A socket that stands before the declared ones by hand keeps its slot. */
static int read_range(const struct plan *plan, const struct declared_range *range, uint64_t label,
		      unsigned int flow_class)
{
	for (uint32_t i = 0; i < range->count; i++) {
		struct slot *slot = slot_in(plan, range, i);
		int err = slot->declared
				  ? 0
				  : slot_read(plan->sockets, slot_at(range->word, range->first + i),
					      &slot->present);

		if (err)
			return fail(plan->declarations->report, err,
				    "read which sockets are behind labels");
		if (slot->present &&
		    hand_flags(plan->hands, label, slot->present, flow_class) & HAND_OVERRIDE)
			slot->wanted = slot->present;
		slot->declared = true;
		if (range->first + i) {
			slot->first_block = (uint16_t)ABI_SPARE_BLOCK(range->word);
			slot->block = (uint16_t)declared_block(range->first + i);
		}
	}
	return 0;
}

static int read_slots(struct plan *plan)
{
	int err = 0;

	plan->slots = calloc(ABI_SOCKETS_MAX, sizeof(*plan->slots));
	if (!plan->slots)
		return fail(plan->declarations->report, ENOMEM, "find the declared sockets");
	for (size_t i = 0; i < plan->declarations->count; i++)
		for (unsigned int flow_class = 0; !err && flow_class < ABI_FLOW_CLASSES;
		     flow_class++) {
			struct declared_range range = declaration_range(&plan->declarations->all[i],
									flow_class);

			err = read_range(plan, &range, plan->declarations->all[i].value.label,
					 flow_class);
		}
	return err;
}

/* If the socket is in a slot of the range, keeps it there. Returns whether the plan now has a slot
 * of the range for it. */
static bool keep(const struct plan *plan, const struct declared_range *range, uint64_t cookie)
{
	for (uint32_t i = 0; i < range->count; i++) {
		struct slot *slot = slot_in(plan, range, i);

		if (slot->wanted == cookie)
			return true;
		if (slot->present == cookie && !slot->wanted) {
			slot->wanted = cookie;
			return true;
		}
	}
	return false;
}

/* Plans to put the socket into the first slot of the range that is free to fill, if there is
 * one. */
static void want(const struct plan *plan, const struct declared_range *range, uint64_t cookie)
{
	for (uint32_t i = 0; i < range->count; i++) {
		struct slot *slot = slot_in(plan, range, i);

		if (slot->wanted || (plan->fill == FILL_EMPTY && slot->present))
			continue;
		slot->wanted = cookie;
		return;
	}
}

/* First keeps the sockets that are in a slot of the range, then finds slots for the others. Those
 * that an operator has put somewhere, or drained, are not for this to place, nor are other members of
 * a drained group. */
static void plan_range(const struct plan *plan, const struct declaration *declaration,
		       unsigned int flow_class)
{
	struct declared_range range = declaration_range(declaration, flow_class);
	struct sightings seen = find_of(plan->sightings, declaration->value.number);
	struct hands own = hands_of(plan->hands, declaration->value.label);

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < seen.count; i++) {
			uint64_t cookie = seen.all[i].key.cookie;

			if (hand_flags(&own, declaration->value.label, cookie, flow_class) ||
			    seen.all[i].found.fault != FOUND_RIGHT ||
			    !found_serves(&seen.all[i].found, (int)flow_class_af(flow_class)) ||
			    is_group_drained(&own, &seen, seen.all[i].found.group))
				continue;
			if (!keep(plan, &range, cookie) && pass)
				want(plan, &range, cookie);
		}
}

static void add_order(struct plan *plan, uint32_t slot)
{
	const struct slot *at = &plan->slots[slot];

	plan->takes_out = plan->takes_out || at->present;
	plan->orders[plan->order_count++] = (struct order){
		.key = {.cookie = at->wanted},
		.value = {.slot = slot,
			  .flags = at->present ? BPF_ANY : BPF_NOEXIST,
			  .error = 1,
			  .first_block = at->first_block,
			  .block = at->block},
	};
}

static int make_plan(struct plan *plan)
{
	plan->orders = calloc(ABI_SOCKETS_MAX, sizeof(*plan->orders));
	if (!plan->orders)
		return fail(plan->declarations->report, ENOMEM, "find the declared sockets");
	for (size_t i = 0; i < plan->declarations->count; i++)
		for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			plan_range(plan, &plan->declarations->all[i], flow_class);
	for (uint32_t slot = 0; slot < ABI_SOCKETS_MAX; slot++)
		if (plan->slots[slot].wanted &&
		    plan->slots[slot].wanted != plan->slots[slot].present)
			add_order(plan, slot);
	return 0;
}

/* Takes the sockets that no declaration matches out of the slots, if they are still there. */
static int clear_others(struct plan *plan)
{
	for (uint32_t slot = 0; slot < ABI_SOCKETS_MAX; slot++) {
		uint64_t present;
		int err;

		if (!plan->slots[slot].present || plan->slots[slot].wanted)
			continue;
		err = slot_read(plan->sockets, slot, &present);
		if (!err && present == plan->slots[slot].present) {
			plan->takes_out = true;
			err = slot_clear(plan->sockets, slot);
		}
		if (err < 0)
			return fail(plan->declarations->report, err,
				    "take a socket that is no longer declared away");
	}
	return 0;
}

static int fill_once(struct finder *finder, const struct declarations *declarations,
		     const struct hands *hands, int sockets, int since, enum fill fill,
		     bool *took_out)
{
	struct plan plan = {.declarations = declarations,
			    .hands = hands,
			    .sightings = find_sightings(finder),
			    .sockets = sockets,
			    .fill = fill};
	int err = read_slots(&plan);

	if (!err)
		err = find_look(finder);
	if (!err)
		err = make_plan(&plan);
	if (!err)
		err = orders_carry_out(declarations->report, finder, plan.orders, plan.order_count,
				       since);
	if (!err && fill == FILL_ALL)
		err = clear_others(&plan);
	*took_out = plan.takes_out;
	free(plan.orders);
	free(plan.slots);
	return err;
}

int fill_slots(struct finder *finder, const struct declarations *declarations,
	       const struct hands *hands, int sockets, int since)
{
	bool took_out;
	int err = fill_once(finder, declarations, hands, sockets, since, FILL_ALL, &took_out);

	/* This time only empty slots are filled, so no socket is taken out. */
	if (!err && took_out)
		err = fill_once(finder, declarations, hands, sockets, since, FILL_EMPTY, &took_out);
	return err;
}
