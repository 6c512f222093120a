/* Prints what is applied to one network namespace, or a line for each. */
#include "runtime/status/status.h"
#include "runtime/base/fail.h"
#include "runtime/runtime.h"

#include <errno.h>

static int print_one(const struct runtime_options *options, FILE *out)
{
	struct kept_report kept;
	struct status status;
	int err = status_read(options, &kept, &status);

	if (err)
		return err;
	if (options->json)
		err = status_print_json(&status, out);
	else if (!options->quiet)
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
		brief_read(options->report, root, cookies[i], &all[i]);
		err = all[i].error ? all[i].error : err;
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
