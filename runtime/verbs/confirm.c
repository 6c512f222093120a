/* Keeps the rules that are on trial. */
#include "result.h"
#include "with_rules.h"

#include "runtime/base/fail.h"
#include "runtime/base/signals.h"
#include "runtime/runtime.h"
#include "runtime/transaction/transaction.h"

#include <errno.h>
#include <inttypes.h>

/* Where the rules that were to be tried decided already, says that they stay, as after a trial. */
static int confirm_untried(const struct state *state, const struct standing *standing,
			   const struct runtime_options *options, FILE *out)
{
	int untried = untried_take(state);

	if (untried < 0)
		return untried;
	if (!untried)
		return refuse(options->report, RUNTIME_NOT_THERE,
			      "no rules are on trial; generation %" PRIu32 " is applied",
			      standing->current);
	report_result("confirmed", standing->current, options, out);
	return 0;
}

static int confirm(struct state *state, struct standing *standing,
		   const struct runtime_options *options, FILE *out)
{
	struct held_signals held;
	uint32_t tried = standing->tried;
	int err;

	if (standing->trial != TRIAL_RUNNING)
		return confirm_untried(state, standing, options, out);
	signals_hold(&held);
	err = standing_leave_trial(state, standing, tried);
	standing_close(standing);
	if (!err)
		standing_settle_behind(state, standing, "the rules are confirmed");
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
