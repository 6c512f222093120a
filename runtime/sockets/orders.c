/* Puts sockets into slots, and notes the time. */
#include "sockets.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/clock.h"
#include "runtime/labels/labels.h"
#include "runtime/load/load.h"
#include "runtime/state/state.h"

#include <bpf/bpf.h>
#include <errno.h>

struct order order_to(uint64_t cookie, uint32_t word, uint32_t number, uint32_t flags)
{
	return (struct order){
		.key = {.cookie = cookie},
		.value = {.slot = slot_at(word, number),
			  .flags = flags,
			  .error = 1,
			  .first_block = number ? (uint16_t)ABI_SPARE_BLOCK(word) : 0,
			  .block = number ? (uint16_t)declared_block(number) : 0},
	};
}

/* Notes the time of each socket that was put in. It is no error if the socket was closed meanwhile,
 * so that the walk did not meet it (error 1), or if the follower filled the slot meanwhile
 * (EEXIST). */
static int note_orders(struct report *report, const struct order *orders, size_t count,
		       int since_map, uint64_t now)
{
	for (size_t i = 0; i < count; i++) {
		const struct order *order = &orders[i];
		const struct since since = {order->key.cookie, now};

		if (order->value.error > 0 || order->value.error == -EEXIST)
			continue;
		if (order->value.error)
			return fail(report, order->value.error,
				    "put the socket with the cookie %llu behind its label",
				    order->key.cookie);
		if (bpf_map_update_elem(since_map, &order->value.slot, &since, BPF_ANY))
			return fail(report, errno, "note since when a socket is behind its label");
	}
	return 0;
}

int orders_carry_out(struct report *report, struct finder *finder, struct order *orders,
		     size_t count, int since)
{
	uint64_t now;
	int err = boot_time(report, &now);

	if (!err)
		err = find_put(finder, orders, count);
	return err ? err : note_orders(report, orders, count, since, now);
}

int orders_put(const struct state *state, const struct shared_maps *shared, struct order *orders,
	       size_t count)
{
	const struct declarations none = {.report = state->report};
	struct declared_maps maps;
	struct finder *finder = NULL;
	autoclose int since = -1;
	int err = standing_since(state, &since);

	if (!err)
		err = declared_maps_create(&none, &maps);
	if (err)
		return err;
	err = find_open(&state->netns, &maps, shared, &finder);
	if (!err)
		err = orders_carry_out(state->report, finder, orders, count, since);
	find_close(finder);
	declared_maps_close(&maps);
	return err;
}
