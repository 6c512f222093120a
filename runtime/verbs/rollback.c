/* Goes back to the rules applied before, or to older ones, or ends a trial. The rules of an older
 * generation are applied like new ones, but for their `expect` lines, which held when they were
 * applied first. */
#include "find_generation.h"
#include "result.h"
#include "with_rules.h"

#include "runtime/base/fail.h"
#include "runtime/base/signals.h"
#include "runtime/runtime.h"
#include "runtime/transaction/transaction.h"

#include <errno.h>
#include <inttypes.h>

/* Reads the record of a generation, for report_record; 0: all zero. */
static int read_record(const struct state *state, uint32_t id, struct record *record)
{
	struct generation generation;
	int err;

	*record = (struct record){0};
	if (!id)
		return 0;
	err = generation_require(state, id, &generation);
	if (err)
		return err;
	*record = generation.record;
	generation_close(&generation);
	return 0;
}

static int rollback_trial(struct state *state, struct standing *standing,
			  const struct runtime_options *options, FILE *out)
{
	struct record before;
	struct held_signals held;
	int err = read_record(state, standing->previous, &before);

	if (err)
		return err;
	signals_hold(&held);
	err = standing_follow_interfaces(state, standing);
	if (!err)
		err = standing_end_trial(state, standing);
	if (!err)
		report_record("rolled back", &before, options, out);
	if (err)
		signals_release(&held);
	return err;
}

/* Finds the generation to go back to. */
static int find_target(const struct state *state, const struct standing *standing,
		       const struct runtime_options *options, struct generation *target)
{
	if (options->has_generation)
		return find_generation(state, standing, options->generation, target);
	if (standing->previous)
		return generation_require(state, standing->previous, target);
	return refuse(options->report, RUNTIME_NOT_THERE,
		      "nothing was applied before generation %" PRIu32
		      "; `sklc detach` takes it off",
		      standing->current);
}

static int rollback(struct state *state, struct standing *standing,
		    const struct runtime_options *options, FILE *out)
{
	struct transaction transaction = {.options = options, .state = state, .standing = standing};
	struct generation target;
	struct applied applied;
	int err = check_replaceable(state, standing, options);

	if (err)
		return err;
	if (standing->trial == TRIAL_RUNNING && options->has_generation)
		return refuse(options->report, EBUSY,
			      "generation %" PRIu32 " is on trial: `sklc confirm`, or `sklc "
			      "rollback` without a number, first; nothing was changed",
			      standing->tried);
	if (standing->trial == TRIAL_RUNNING)
		return rollback_trial(state, standing, options, out);
	if (standing->trial_settled && !options->has_generation) {
		/* The kernel went back by itself just before: once is meant, not twice. */
		struct record current;

		err = read_record(state, standing->current, &current);
		if (!err)
			report_record("rolled back", &current, options, out);
		return err;
	}
	err = find_target(state, standing, options, &target);
	if (err)
		return err;
	err = generation_read(&target, &applied);
	generation_close(&target);
	if (err)
		return err;
	transaction.object = &applied.object;
	transaction.same_as = target.record.same_as ? target.record.same_as
						    : target.record.generation;
	transaction.guarded = target.record.guarded;
	err = transaction_run(&transaction);
	if (!err)
		report_transaction("rolled back", &transaction, out);
	applied_free(&applied);
	return err;
}

int runtime_rollback(const struct runtime_options *options, FILE *out)
{
	return with_rules(options, rollback, out);
}
