/* Goes back to the rules applied before, or ends a trial. */
#include "result.h"
#include "with_rules.h"

#include "runtime/base/fail.h"
#include "runtime/base/signals.h"
#include "runtime/runtime.h"
#include "runtime/transaction/transaction.h"

#include <errno.h>
#include <inttypes.h>

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
	int err = check_replaceable(state, standing, options);

	if (err)
		return err;
	if (standing->trial == TRIAL_RUNNING)
		return rollback_trial(state, standing, options, out);
	if (standing->previous)
		err = generation_open(state, standing->previous, &previous);
	if (!standing->previous || err == -ENOENT)
		return refuse(options->report, RUNTIME_NOT_THERE,
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
	transaction.same_as = standing->previous;
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
