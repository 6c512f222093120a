/* Reads the object that is applied. */
#include "runtime/base/fail.h"
#include "runtime/runtime.h"
#include "runtime/state/state.h"

#include <errno.h>
#include <string.h>

int runtime_read_applied(const struct runtime_options *options, void **bytes, size_t *size)
{
	struct generation generation;
	struct standing standing;
	struct state state;
	struct blob blob;
	int err = state_open(options, STATE_READ, &state);

	*bytes = NULL;
	if (err)
		return err;
	err = standing_read(&state, &standing);
	if (!err && !standing.current)
		err = refuse(options->report, RUNTIME_NOT_THERE, "no rules are applied to %s",
			     state.netns.words);
	if (!err)
		err = generation_require(&state, standing.current, &generation);
	if (!err) {
		err = blob_get(generation.folder, ABI_PIN_OBJECT, &blob);
		generation_close(&generation);
	}
	if (!err) {
		*bytes = malloc(blob.size);
		*size = blob.size;
		err = *bytes ? 0 : fail(options->report, ENOMEM, "read the applied rules");
		if (*bytes)
			memcpy(*bytes, blob.bytes, blob.size);
		blob_close(&blob);
	}
	standing_close(&standing);
	state_close(&state);
	return err;
}
