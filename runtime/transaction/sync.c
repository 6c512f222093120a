/* Looks for declared sockets again: UDP sockets, which no hook of the kernel reports, and TCP
 * listeners that the follower did not see. */
#include "transaction.h"

#include "runtime/base/fail.h"
#include "runtime/problems/problems.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>

/* The rules in force, with their slots, declarations and maps. */
struct sync {
	const struct state *state;
	const struct standing *standing;
	struct applied applied;
	struct abi_label_slots *slots;
	struct declarations declarations;
	struct declared_maps maps;
	struct finder *finder;
	struct shared_maps shared;
	int labels, times;
};

static void sync_close(struct sync *sync)
{
	find_close(sync->finder);
	declared_maps_close(&sync->maps);
	declarations_free(&sync->declarations);
	free(sync->slots);
	applied_free(&sync->applied);
	close_fd(&sync->shared.sockets);
	close_fd(&sync->shared.spare_marks);
	close_fd(&sync->labels);
	close_fd(&sync->times);
}

static int read_applied(struct sync *sync)
{
	struct generation generation;
	int err = generation_open(sync->state, sync->standing->current, &generation);

	if (err)
		return fail(sync->state->report, err, "read generation %u",
			    sync->standing->current);
	err = generation_read(&generation, &sync->applied);
	generation_close(&generation);
	return err;
}

static int read_slots(struct sync *sync)
{
	const struct object *object = &sync->applied.object;

	sync->slots = calloc((size_t)object->header.label_count + 1, sizeof(*sync->slots));
	if (!sync->slots)
		return fail(sync->state->report, ENOMEM, "read the labels");
	return labels_look_up(sync->labels, object, sync->slots);
}

static int sync_open(struct sync *sync)
{
	int err = standing_maps(sync->state, &sync->shared.sockets, &sync->labels);

	if (!err)
		err = standing_spare_marks(sync->state, &sync->shared.spare_marks);
	if (!err)
		err = standing_times(sync->state, &sync->times);
	if (!err)
		err = read_slots(sync);
	if (!err)
		err = declarations_read(&sync->applied.object, sync->slots, &sync->declarations);
	if (!err)
		err = declared_maps_create(&sync->declarations, &sync->maps);
	return err;
}

static void report_problems(const struct sync *sync)
{
	const struct inspection inspected = {&sync->applied.object,
					     &sync->declarations,
					     find_sightings(sync->finder),
					     sync->slots,
					     sync->shared.sockets,
					     &sync->state->netns,
					     NULL};

	problems_warn(&inspected);
}

/* During a trial, the sockets of the rules before stay in their slots, since the trial may fail. */
int sync_standing(const struct state *state, const struct standing *standing, bool quiet)
{
	struct sync sync = {.state = state,
			    .standing = standing,
			    .maps = {-1, -1},
			    .shared = {-1, -1},
			    .labels = -1,
			    .times = -1};
	int err = read_applied(&sync);

	if (err || !sync.applied.object.socket_count) {
		sync_close(&sync);
		return err;
	}
	err = sync_open(&sync);
	if (!err)
		err = find_open(&state->netns, &sync.maps, &sync.shared, &sync.finder);
	if (!err)
		err = fill_slots(sync.finder, &sync.declarations, sync.shared.sockets, sync.times,
				 standing->trial == TRIAL_RUNNING ? FILL_EMPTY : FILL_ALL);
	if (!err && !quiet)
		report_problems(&sync);
	sync_close(&sync);
	return err;
}
