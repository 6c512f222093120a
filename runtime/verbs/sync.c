/* Looks for declared sockets again, and puts them behind their labels. */
#include "result.h"
#include "with_rules.h"

#include "runtime/transaction/transaction.h"

static int sync(struct state *state, struct standing *standing,
		const struct runtime_options *options, FILE *out)
{
	int err = sync_all(state, standing, options->quiet);

	if (err)
		return err;
	report_result("in sync", standing->current, options, out);
	return 0;
}

int runtime_sync(const struct runtime_options *options, FILE *out)
{
	return with_rules(options, sync, out);
}
