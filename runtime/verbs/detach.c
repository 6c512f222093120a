/* Detaches the rules from a namespace and removes their state. */
#include "not_applied.h"
#include "result.h"

#include "runtime/base/fail.h"
#include "runtime/base/signals.h"
#include "runtime/kernel/attach.h"
#include "runtime/kernel/pins.h"
#include "runtime/runtime.h"
#include "runtime/sockets/sockets.h"
#include "runtime/state/state.h"
#include "runtime/transaction/transaction.h"

#include <errno.h>

/* Works on every version of the state, since the link's pin always has the same name. *ATTACHED becomes
 * whether there was a link, which is detached now. */
static int take_off(const struct state *state, bool *attached)
{
	autoclose int link = pin_get(state->folder, ABI_PIN_LINK);
	struct link_info info = {0};
	int err;

	if (link < 0)
		return link == -ENOENT ? 0
				       : fail(state->report, link, "open the link '%s/%s'",
					      state->path, ABI_PIN_LINK);
	err = attach_info(state->report, link, &info);
	if (!err && info.netns_inode)
		err = attach_detach(state->report, link);
	*attached = !err;
	return err;
}

/* Lets the follower forget the namespace before its folder goes: while that is there, the next command
 * tries again. -errno after a message if the follower did not. What else is left over harms nothing. */
static int remove_rest(const struct state *state, struct report *report)
{
	int err = follow_forget(report, state->root, state->netns.cookie);

	if (!err && state->folder >= 0 && folder_clear(report, state->folder))
		warn(report, "nothing is attached any more; the next sklc command for this network "
			     "namespace tries again to clear what is left");
	return err;
}

static int detach_locked(const struct state *state, const struct runtime_options *options,
			 FILE *out)
{
	struct mild_report mild;
	bool attached = false;
	int err = state->folder < 0 ? 0 : take_off(state, &attached);

	report_mildly(&mild, options->report);
	if (!err)
		err = remove_rest(state, attached ? &mild.report : options->report);
	if (err && !attached)
		return err;
	if (!attached)
		return refuse_not_applied(state);
	if (err)
		warn(options->report,
		     "the rules are off, but the follower of listeners still has entries of them; "
		     "the next sklc command for this network namespace tries again to remove "
		     "those");
	report_result("detached", 0, options, out);
	return 0;
}

int runtime_detach(const struct runtime_options *options, FILE *out)
{
	struct held_signals held;
	struct state state;
	int err = state_open(options, STATE_CHANGE, &state);

	if (err)
		return err;
	signals_hold(&held);
	err = detach_locked(&state, options, out);
	if (err)
		signals_release(&held);
	state_close(&state);
	return err;
}
