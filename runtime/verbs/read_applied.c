/* Reads the object that is applied. */
#include "find_generation.h"
#include "not_applied.h"

#include "runtime/base/fail.h"
#include "runtime/runtime.h"
#include "runtime/state/state.h"

#include <errno.h>

struct applied_reading {
	const struct runtime_options *options;
	struct state state;
	struct standing standing;
	struct applied applied;
};

static int read_generation(void *argument)
{
	struct applied_reading *reading = argument;
	const struct runtime_options *options = reading->options;
	struct generation generation;
	int err;

	if (!reading->standing.current)
		return refuse_none_in_force(&reading->state, &reading->standing);
	err = find_generation(&reading->state, &reading->standing,
			      options->has_generation ? options->generation
						      : reading->standing.current,
			      &generation);
	if (err)
		return err;
	err = generation_read(&generation, &reading->applied);
	generation_close(&generation);
	return err;
}

static void clear_applied(void *argument)
{
	struct applied_reading *reading = argument;

	applied_free(&reading->applied);
	reading->applied = (struct applied){0};
}

int runtime_read_applied(const struct runtime_options *options, void **bytes, size_t *size)
{
	struct applied_reading reading = {.options = options};
	struct kept_report kept;
	int err = state_read(&(struct reading){
		.options = options,
		.kept = &kept,
		.state = &reading.state,
		.standing = &reading.standing,
		.read = read_generation,
		.clear = clear_applied,
		.argument = &reading,
	});

	*bytes = NULL;
	if (err)
		return err;
	*bytes = reading.applied.bytes;
	*size = reading.applied.image.size;
	reading.applied.bytes = NULL;
	applied_free(&reading.applied);
	standing_close(&reading.standing);
	state_close(&reading.state);
	return 0;
}
