/* Looks for declared sockets again: UDP sockets, which no hook of the kernel reports, and TCP
 * listeners that the follower did not see. */
#include "transaction.h"

#include "runtime/base/fail.h"
#include "runtime/problems/problems.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>

/* A generation, with its slots, declarations and maps. */
struct sync {
	const struct state *state;
	uint32_t generation;
	struct applied applied;
	struct host_numbers numbers;
	struct abi_label_slots *slots;
	struct declarations declarations;
	struct declared_maps maps;
	struct finder *finder;
	struct shared_maps shared;
	struct hands hands;
	int labels, since;
};

static void sync_close(struct sync *sync)
{
	find_close(sync->finder);
	hands_free(&sync->hands);
	declared_maps_close(&sync->maps);
	declarations_free(&sync->declarations);
	free(sync->slots);
	host_numbers_free(&sync->numbers);
	applied_free(&sync->applied);
	close_fd(&sync->shared.sockets);
	close_fd(&sync->shared.spare_marks);
	close_fd(&sync->labels);
	close_fd(&sync->since);
}

static int read_applied(struct sync *sync)
{
	struct generation generation;
	int err = generation_require(sync->state, sync->generation, &generation);

	if (err)
		return err;
	err = generation_read(&generation, &sync->applied);
	if (!err)
		err = generation_numbers(&generation, &sync->applied.object, &sync->numbers);
	generation_close(&generation);
	return err;
}

static int read_slots(struct sync *sync)
{
	const struct object *object = &sync->applied.object;

	sync->slots = calloc((size_t)object->header.label_count + 1, sizeof(*sync->slots));
	if (!sync->slots)
		return fail(sync->state->report, ENOMEM, "read the labels");
	return generation_slots(sync->state, sync->generation, sync->labels, object, sync->slots);
}

static int sync_open(struct sync *sync)
{
	const struct object *object = &sync->applied.object;
	int err = standing_maps(sync->state, &sync->shared.sockets, &sync->labels);

	if (!err)
		err = standing_spare_marks(sync->state, &sync->shared.spare_marks);
	if (!err)
		err = standing_since(sync->state, &sync->since);
	if (!err)
		err = standing_hands(sync->state, &sync->hands);
	if (!err)
		err = read_slots(sync);
	if (!err)
		err = declarations_read(object, sync->numbers.all,
					host_users(object, &sync->numbers), &sync->declarations);
	if (!err)
		err = declarations_place(object, sync->slots, &sync->declarations);
	if (!err)
		err = declared_maps_create(&sync->declarations, &sync->maps);
	return err;
}

static int report_problems(const struct sync *sync)
{
	autofree uint64_t *present = NULL;
	struct inspection inspected = {
		.object = &sync->applied.object,
		.declarations = &sync->declarations,
		.sightings = find_sightings(sync->finder),
		.slots = sync->slots,
		.netns = &sync->state->netns,
		.hands = &sync->hands,
	};
	int err = slots_look(sync->applied.object.report, sync->shared.sockets, sync->slots,
			     sync->applied.object.header.label_count, &present);

	inspected.present = present;
	return err ? err : problems_warn(&inspected);
}

static int sync_generation(const struct state *state, uint32_t generation, bool quiet)
{
	struct sync sync = {.state = state,
			    .generation = generation,
			    .maps = {-1, -1},
			    .shared = {-1, -1},
			    .labels = -1,
			    .since = -1};
	int err = read_applied(&sync);

	if (!err)
		err = generation_follow_interfaces(state, generation, &sync.applied.object);
	if (err || !sync.applied.object.socket_count) {
		sync_close(&sync);
		return err;
	}
	err = sync_open(&sync);
	if (!err)
		err = find_open(&state->netns, &sync.maps, &sync.shared, &sync.finder);
	if (!err)
		err = fill_slots(sync.finder, &sync.declarations, &sync.hands, sync.shared.sockets,
				 sync.since);
	if (!err && !quiet)
		err = report_problems(&sync);
	sync_close(&sync);
	return err;
}

int sync_standing(const struct state *state, const struct standing *standing, bool quiet)
{
	const bool silent = true;
	int err = by_hand_settle(state);

	if (!err)
		err = sync_generation(state, standing->current, quiet);
	if (!err && standing->trial == TRIAL_RUNNING && standing->previous)
		err = sync_generation(state, standing->previous, silent);
	return err;
}

int sync_all(const struct state *state, const struct standing *standing, bool quiet)
{
	int err = sync_standing(state, standing, quiet);

	return err ? err : groups_fill(state);
}
