/* Finds a generation that is kept: the one in force, or one of those before it. */
#include "find_generation.h"

#include "runtime/base/fail.h"
#include "runtime/runtime.h"
#include "runtime/state/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static int refuse_number(const struct state *state, const struct lives *lives, uint32_t number)
{
	char kept[256] = "";
	size_t length = 0;

	for (size_t i = 0; i < lives->count && length < sizeof(kept); i++)
		length += (size_t)snprintf(kept + length, sizeof(kept) - length, "%s%" PRIu32,
					   i ? ", " : "", lives->all[i].record.generation);
	return refuse(state->report, RUNTIME_NOT_THERE,
		      "there is no generation %" PRIu32 " of %s; there %s %s: `sklc history` lists "
		      "what is kept",
		      number, state->netns.words, lives->count == 1 ? "is" : "are", kept);
}

int find_generation(const struct state *state, const struct standing *standing, uint32_t number,
		    struct generation *generation)
{
	struct lives lives;
	int err = lives_read(state, standing, &lives);

	for (size_t i = 0; !err && i < lives.count; i++)
		if (lives.all[i].record.generation == number) {
			err = generation_open(state, number, generation);
			return err == -ENOENT ? refuse_number(state, &lives, number) : err;
		}
	return err ? err : refuse_number(state, &lives, number);
}
