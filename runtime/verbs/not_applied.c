/* Says that no rules are applied, unless a program of sklc decides without state. */
#include "not_applied.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/attach.h"
#include "runtime/runtime.h"
#include "runtime/state/state.h"

int refuse_not_applied(const struct state *state)
{
	char programs[LOST_TEXT_MAX];
	struct lost lost;

	if (attach_find_lost(&state->netns, &lost) || !lost.count)
		return refuse(state->report, RUNTIME_NOT_THERE, "no rules are applied to %s",
			      state->netns.words);
	lost_text(&lost, programs);
	return refuse(state->report, RUNTIME_NOT_THERE,
		      "there is no state of rules for %s in '%s', but %s of sklc %s on the hook: "
		      "applied with another --bpffs, or the pins were removed; `bpftool link show` "
		      "has the link, and `bpftool link detach id LINK` ends it",
		      state->netns.words, state->path, programs, lost.count == 1 ? "is" : "are");
}
