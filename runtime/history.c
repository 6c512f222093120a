/* Going back, making a trial's rules stay, starting the counters again. */
#include "counters.h"
#include "fail.h"
#include "outcome.h"
#include "pins.h"
#include "signals.h"
#include "sync.h"
#include "transaction.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Runs WORK with the state locked, settled, and rules applied. */
static int with_rules(const struct runtime_options *options,
		      int (*work)(struct state *state, struct standing *standing,
				  const struct runtime_options *options, FILE *out),
		      FILE *out)
{
	struct standing standing;
	struct state state;
	int err = state_open(options, STATE_CHANGE, &state);

	if (err)
		return err;
	err = standing_settle(&state, &standing);
	if (!err && standing.link < 0)
		err = refuse(options->report, ENOENT, "no rules are applied to %s",
			     state.netns.words);
	else if (!err)
		err = work(&state, &standing, options, out);
	standing_close(&standing);
	state_close(&state);
	return err;
}

/* While a trial runs, sockets of the rules before stand behind labels beside those of the rules on trial. */
static void take_others_out(const struct state *state, const struct standing *standing)
{
	if (standing->link >= 0 && sync_standing(state, standing, true))
		warn(state->report,
		     "some labels still have sockets of the other rules; `sklc sync` tries again");
}

static int rollback_trial(struct state *state, struct standing *standing,
			  const struct runtime_options *options, FILE *out)
{
	uint32_t before = standing->previous;
	struct held_signals held;
	int err;

	signals_hold(&held);
	err = standing_end_trial(state, standing);
	if (!err)
		take_others_out(state, standing);
	if (!err)
		report_result("rolled back", before, options, out);
	if (err)
		signals_release(&held);
	return err;
}

static int rollback(struct state *state, struct standing *standing,
		    const struct runtime_options *options, FILE *out)
{
	struct transaction transaction = {.options = options, .state = state, .standing = standing};
	struct generation previous;
	struct applied applied;
	int err = check_replaceable(standing, options);

	if (err)
		return err;
	if (standing->trial == TRIAL_RUNNING)
		return rollback_trial(state, standing, options, out);
	if (standing->previous)
		err = generation_open(state, standing->previous, &previous);
	if (!standing->previous || err == -ENOENT)
		return refuse(options->report, ENOENT,
			      "nothing was applied before generation %" PRIu32
			      "; `sklc detach` takes it off",
			      standing->current);
	if (err)
		return err;
	err = generation_read(&previous, &applied);
	generation_close(&previous);
	if (err)
		return err;
	transaction.object = &applied.object;
	err = transaction_run(&transaction);
	if (!err)
		report_result("rolled back", transaction.about.generation, options, out);
	applied_free(&applied);
	return err;
}

int runtime_rollback(const struct runtime_options *options, FILE *out)
{
	return with_rules(options, rollback, out);
}

/* From the program of the trial to the one that it tried. */
static int leave_tried(const struct state *state, const struct standing *standing)
{
	autoclose int trial = -1, program = -1;
	struct generation generation;
	int err = generation_require(state, standing->tried, &generation);

	if (err)
		return err;
	err = generation_program(&generation, PIN_TRIAL, &trial);
	if (!err)
		err = generation_program(&generation, ABI_PIN_PROGRAM, &program);
	generation_close(&generation);
	return err ? err : attach_update(state->report, standing->link, program, trial);
}

static int confirm(struct state *state, struct standing *standing,
		   const struct runtime_options *options, FILE *out)
{
	struct held_signals held;
	uint32_t tried = standing->tried;
	int err;

	if (standing->trial != TRIAL_RUNNING)
		return refuse(options->report, ENOENT,
			      "no rules are on trial; generation %" PRIu32 " is applied",
			      standing->current);
	signals_hold(&held);
	err = leave_tried(state, standing);
	standing_close(standing);
	if (!err && standing_settle(state, standing))
		warn(options->report,
		     "the rules are confirmed; the next sklc command clears up behind them");
	if (!err)
		take_others_out(state, standing);
	if (!err)
		report_result("confirmed", tried, options, out);
	if (err)
		signals_release(&held);
	return err;
}

int runtime_confirm(const struct runtime_options *options, FILE *out)
{
	return with_rules(options, confirm, out);
}

static int reset(struct state *state, struct standing *standing,
		 const struct runtime_options *options, FILE *out)
{
	int err;

	if (standing->trial == TRIAL_RUNNING)
		return refuse(options->report, EBUSY,
			      "generation %" PRIu32 " is on trial: `sklc confirm` or "
			      "`sklc rollback` first",
			      standing->tried);
	err = counters_reset(state, standing->current);
	if (!err)
		report_result("counters reset", standing->current, options, out);
	return err;
}

int runtime_reset(const struct runtime_options *options, FILE *out)
{
	return with_rules(options, reset, out);
}

int runtime_read_applied(const struct runtime_options *options, void **bytes, size_t *size)
{
	struct generation generation;
	struct standing standing;
	struct state state;
	struct blob blob;
	int err = state_open(options, STATE_READ, &state);

	*bytes = NULL;
	if (err)
		return err;
	err = standing_read(&state, &standing);
	if (!err && !standing.current)
		err = refuse(options->report, ENOENT, "no rules are applied to %s",
			     state.netns.words);
	if (!err)
		err = generation_require(&state, standing.current, &generation);
	if (!err) {
		err = blob_get(generation.folder, ABI_PIN_OBJECT, &blob);
		generation_close(&generation);
	}
	if (!err) {
		*bytes = malloc(blob.size);
		*size = blob.size;
		err = *bytes ? 0 : fail(options->report, ENOMEM, "read the applied rules");
		if (*bytes)
			memcpy(*bytes, blob.bytes, blob.size);
		blob_close(&blob);
	}
	standing_close(&standing);
	state_close(&state);
	return err;
}
