/* Detaches the rules from a namespace and removes their state. */
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

/* Works on every version of the state, since the link's pin always has the same name. */
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
	*attached = !err && info.netns_inode;
	return *attached ? attach_detach(state->report, link) : err;
}

static int detach_locked(const struct state *state, const struct runtime_options *options,
			 FILE *out)
{
	bool attached = false;
	int err = state->folder < 0 ? 0 : take_off(state, &attached);

	if (err)
		return err;
	follow_forget(options->report, state->root, state->netns.cookie);
	if (state->folder >= 0 && folder_clear(options->report, state->folder))
		warn(options->report,
		     "nothing is attached any more; the next sklc command clears up behind it");
	if (!attached)
		return refuse(options->report, RUNTIME_NOT_THERE, "no rules are applied to %s",
			      state->netns.words);
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
	clear_dead(&state);
	signals_hold(&held);
	err = detach_locked(&state, options, out);
	if (err)
		signals_release(&held);
	state_close(&state);
	return err;
}
