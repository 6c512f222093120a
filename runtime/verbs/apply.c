/* Applies an object: tests it in the kernel, then puts it in force. */
#include "result.h"
#include "with_rules.h"

#include "runtime/base/fail.h"
#include "runtime/expect/expect.h"
#include "runtime/runtime.h"
#include "runtime/transaction/transaction.h"

#include <errno.h>
#include <inttypes.h>

static int check_no_trial(struct report *report, const struct standing *standing)
{
	if (standing->trial != TRIAL_RUNNING)
		return 0;
	return refuse(report, EBUSY,
		      "generation %" PRIu32 " is on trial: `sklc confirm` or `sklc rollback` "
		      "first; nothing was changed",
		      standing->tried);
}

/* Warns of programs of sklc on the hook for which there is no state, or that it cannot tell. */
static void warn_of_lost(const struct state *state, struct report *report)
{
	char programs[LOST_TEXT_MAX];
	struct mild_report mild;
	struct lost lost;

	report_mildly(&mild, report);
	if (attach_find_lost(&mild.report, &state->netns, &lost))
		return;
	if (!lost.count && lost.unnamed)
		warn(report,
		     "%" PRIu32 " program%s on the hook already; to tell whether of sklc, without "
		     "state in '%s', needs the capability CAP_SYS_ADMIN: run as root",
		     lost.unnamed, lost.unnamed == 1 ? " is" : "s are", state->path);
	if (!lost.count)
		return;
	lost_text(&lost, programs);
	warn(report,
	     "%s of sklc %s on the hook already, without state in '%s': applied with another "
	     "--bpffs, or the pins were removed; the new rules run beside. `bpftool link show` has "
	     "the link, and `bpftool link detach id LINK` ends it",
	     programs, lost.count == 1 ? "is" : "are", state->path);
}

static int apply_locked(struct state *state, const struct object *object,
			const struct runtime_options *options, FILE *out)
{
	struct standing standing;
	struct transaction transaction = {
		.options = options,
		.object = object,
		.confirm_seconds = options->confirm_seconds,
		.strict = true,
		.state = state,
		.standing = &standing,
	};
	struct kept_report kept; /* of the hook before; an apply that fails has enough to say */
	int err = standing_begin(state, &standing);

	if (err)
		return err;
	report_keep(&kept, state->report);
	if (standing.link < 0)
		warn_of_lost(state, &kept.report);
	err = check_replaceable(state, &standing, options);
	if (!err)
		err = check_no_trial(options->report, &standing);
	if (!err)
		err = transaction_run(&transaction);
	if (err)
		report_drop(&kept);
	report_give_out(&kept);
	if (!err)
		report_applied(&transaction, out);
	standing_close(&standing);
	return err;
}

int runtime_apply(const struct object_image *image, const struct runtime_options *options,
		  FILE *out)
{
	struct object object;
	struct state state;
	int err = object_read(options->report, image, &object);

	if (err)
		return err;
	err = expect_run(&object, options);
	if (!err)
		err = state_open(options, STATE_CREATE, &state);
	if (!err) {
		clear_dead(&state);
		err = apply_locked(&state, &object, options, out);
		state_close(&state);
	}
	object_free(&object);
	return err;
}
