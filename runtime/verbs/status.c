/* Prints what is applied to one network namespace, or a line for each. */
#include "runtime/status/status.h"
#include "runtime/base/fail.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <inttypes.h>

static int print_one(const struct runtime_options *options, FILE *out)
{
	struct status status = {.complete = true};
	int err = state_open(options, STATE_READ, &status.state);

	if (err)
		return err;
	status.standing.link = -1;
	err = status_read(&status);
	if (!err && options->json)
		err = status_print_json(&status, out);
	else if (!err && !options->quiet)
		status_print_text(&status, out);
	if (!err && !status.standing.current)
		err = RUNTIME_NOT_THERE;
	else if (!err && !status.complete)
		err = RUNTIME_SOCKET_MISSING;
	status_clear(&status);
	state_close(&status.state);
	return err;
}

static int print_all(const struct runtime_options *options, FILE *out)
{
	autofree struct brief_status *all = NULL;
	autofree uint64_t *cookies = NULL;
	autoclose int root = -1;
	size_t count = 0;
	int err = state_open_root(options, &root);

	if (!err && root >= 0)
		err = state_list(options->report, root, &cookies, &count);
	if (err)
		return err;
	all = calloc(count + 1, sizeof(*all));
	if (!all)
		return fail(options->report, ENOMEM, "list the network namespaces");
	for (size_t i = 0; i < count; i++) {
		struct state state = {.report = options->report, .bpffs = -1, .root = -1};

		all[i].cookie = cookies[i];
		all[i].error = state_open_listed(root, cookies[i], &state);
		if (!all[i].error)
			brief_read(&state, &all[i]);
		close_fd(&state.folder);
		if (all[i].error == -ENOENT)
			all[i].error = 0; /* it was removed meanwhile */
		if (all[i].error)
			err = fail(
				options->report, all[i].error,
				"read the state of the network namespace with the cookie %" PRIu64,
				cookies[i]);
	}
	if (!options->json)
		brief_print_text(all, count, out);
	else if (brief_print_json(options->report, all, count, out))
		return -EIO;
	return err;
}

int runtime_status(const struct runtime_options *options, FILE *out)
{
	return options->all ? print_all(options, out) : print_one(options, out);
}
