/* Keeps the rules that are on trial. */
#include "result.h"
#include "with_rules.h"

#include "runtime/base/fail.h"
#include "runtime/base/signals.h"
#include "runtime/runtime.h"
#include "runtime/transaction/transaction.h"

#include <errno.h>
#include <inttypes.h>

static int confirm(struct state *state, struct standing *standing,
		   const struct runtime_options *options, FILE *out)
{
	struct held_signals held;
	uint32_t tried = standing->tried;
	int err;

	if (standing->trial != TRIAL_RUNNING)
		return refuse(options->report, RUNTIME_NOT_THERE,
			      "no rules are on trial; generation %" PRIu32 " is applied",
			      standing->current);
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
