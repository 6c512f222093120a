/* Starts the counters again from zero. */
#include "result.h"
#include "with_rules.h"

#include "runtime/base/fail.h"
#include "runtime/state/state.h"

#include <errno.h>
#include <inttypes.h>

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
