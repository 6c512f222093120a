/* Reads the object that is applied. */
#include "find_generation.h"
#include "not_applied.h"

#include "runtime/base/fail.h"
#include "runtime/runtime.h"
#include "runtime/state/state.h"

#include <errno.h>

int runtime_read_applied(const struct runtime_options *options, void **bytes, size_t *size)
{
	struct generation generation;
	struct standing standing;
	struct state state;
	struct applied applied;
	int err = state_open(options, STATE_READ, &state);

	*bytes = NULL;
	if (err)
		return err;
	err = standing_read(&state, &standing);
	if (!err && !standing.current)
		err = refuse_none_in_force(&state, &standing);
	if (!err)
		err = find_generation(&state, &standing,
				      options->has_generation ? options->generation
							      : standing.current,
				      &generation);
	if (!err) {
		err = generation_read(&generation, &applied);
		generation_close(&generation);
	}
	if (!err) {
		*bytes = applied.bytes;
		*size = applied.image.size;
		applied.bytes = NULL;
		applied_free(&applied);
	}
	standing_close(&standing);
	state_close(&state);
	return err;
}
