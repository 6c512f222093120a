/* Says that no rules are applied, unless a program of sklc decides without state. */
#include "not_applied.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/attach.h"
#include "runtime/runtime.h"
#include "runtime/state/state.h"

#include <errno.h>
#include <inttypes.h>

static int refuse_lost(const struct state *state, const struct lost *lost)
{
	char programs[LOST_TEXT_MAX];

	lost_text(lost, programs);
	return refuse(state->report, RUNTIME_NOT_THERE,
		      "there is no state of rules for %s in '%s', but %s of sklc %s on the hook: "
		      "applied with another --bpffs, or the pins were removed; `bpftool link show` "
		      "has the link, and `bpftool link detach id LINK` ends it",
		      state->netns.words, state->path, programs, lost->count == 1 ? "is" : "are");
}

/* Only `status` keeps the capability in the caller's own namespace too. */
static int refuse_unnamed(const struct state *state, const struct lost *lost)
{
	return refuse(state->report, RUNTIME_NOT_THERE,
		      "there is no state of rules for %s in '%s', but %" PRIu32 " program%s on the "
		      "hook; to tell whether of sklc needs the capability CAP_SYS_ADMIN: run "
		      "`sklc status` as root",
		      state->netns.words, state->path, lost->unnamed,
		      lost->unnamed == 1 ? " is" : "s are");
}

int refuse_not_applied(const struct state *state)
{
	struct lost lost;
	int err = attach_find_lost(state->report, &state->netns, &lost);

	if (err)
		return err;
	if ((lost.count || lost.unnamed) && state_came(state))
		return refuse(state->report, EAGAIN,
			      "another command of sklc has just applied rules to %s: try again",
			      state->netns.words);
	if (lost.count)
		return refuse_lost(state, &lost);
	if (lost.unnamed)
		return refuse_unnamed(state, &lost);
	return refuse(state->report, RUNTIME_NOT_THERE, "no rules are applied to %s",
		      state->netns.words);
}

int refuse_none_in_force(const struct state *state, const struct standing *standing)
{
	if (standing->link < 0)
		return refuse_not_applied(state);
	return refuse(state->report, RUNTIME_NOT_THERE,
		      "no rules are applied to %s: the trial of generation %" PRIu32
		      " is over, and there were none before",
		      state->netns.words, standing->tried);
}
