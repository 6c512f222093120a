/* Opens the state of the options' namespace for a change of applied rules. */
#include "with_rules.h"

#include "not_applied.h"

#include "runtime/base/fail.h"
#include "runtime/runtime.h"
#include "runtime/transaction/transaction.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

int with_rules(const struct runtime_options *options,
	       int (*work)(struct state *state, struct standing *standing,
			   const struct runtime_options *options, FILE *out),
	       FILE *out)
{
	struct standing standing;
	struct state state;
	int err = state_open(options, STATE_CHANGE, &state);

	if (err)
		return err;
	err = standing_begin(&state, &standing);
	if (!err && standing.link < 0)
		err = refuse_not_applied(&state);
	else if (!err)
		err = work(&state, &standing, options, out);
	standing_close(&standing);
	state_close(&state);
	return err;
}

static int check_hash(const struct state *state, const struct standing *standing,
		      const struct runtime_options *options)
{
	const char *wanted = options->if_hash;
	struct generation current;
	char hash[HASH_TEXT_MAX];
	int err = generation_require(state, standing->current, &current);

	if (err)
		return err;
	object_hash_text(current.record.hash.content, hash);
	generation_close(&current);
	if (strncasecmp(hash, wanted, strlen(wanted)) == 0)
		return 0;
	return refuse(options->report, RUNTIME_DIFFERENT,
		      "generation %" PRIu32
		      " has the hash %.12s, not %s: it has the number but not "
		      "the rules that were expected; nothing was changed",
		      standing->current, hash, wanted);
}

int check_replaceable(const struct state *state, const struct standing *standing,
		      const struct runtime_options *options)
{
	if (!options->has_if_generation)
		return 0;
	if (standing->current && standing->current != options->if_generation)
		return refuse(options->report, RUNTIME_DIFFERENT,
			      "generation %" PRIu32 " is applied, not %" PRIu32
			      ": somebody else applied meanwhile; nothing was changed",
			      standing->current, options->if_generation);
	if (standing->current != options->if_generation)
		return refuse(options->report, RUNTIME_DIFFERENT,
			      "no rules are applied, not generation %" PRIu32
			      ": somebody else detached meanwhile; nothing was changed",
			      options->if_generation);
	return options->if_hash ? check_hash(state, standing, options) : 0;
}
