/* Reads what is applied without the lock, while another command may change it. */
#include "state.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <string.h>

enum { READ_TRIES = 5 };

/* What one try came to. */
struct attempt {
	bool is_open, is_standing; /* the state was opened, and what is in force was read */
	int err;
};

/* Whether the error says that something is missing, which another command may have taken away: a pin, or
 * the generation whose program was on the link. */
static bool is_missing(int err)
{
	return err == -ESTALE || err == -ENOENT;
}

static struct attempt try_once(const struct reading *reading, const struct runtime_options *options)
{
	struct attempt attempt = {.err = state_open(options, STATE_READ, reading->state)};

	attempt.is_open = !attempt.err;
	if (!attempt.err)
		attempt.err = standing_read(reading->state, reading->standing);
	attempt.is_standing = !attempt.err;
	if (!attempt.err)
		attempt.err = reading->read(reading->argument);
	return attempt;
}

/* Whether the same is in force as before; opens the folder again, which may be another one by now. */
static bool is_same(const struct reading *reading, const struct attempt *attempt)
{
	const struct standing *before = reading->standing;
	struct report nothing = report_nothing();
	struct runtime_options options = *reading->options;
	struct standing now;
	struct state state;
	bool same;
	int err;

	options.report = &nothing;
	if (state_open(&options, STATE_READ, &state))
		return false;
	err = standing_read(&state, &now);
	if (err || !attempt->is_standing)
		same = err == attempt->err;
	else
		same = now.info.id == before->info.id && now.info.program == before->info.program &&
		       now.current == before->current;
	standing_close(&now);
	state_close(&state);
	return same;
}

/* Whether nothing was changed meanwhile, as far as that matters to what the try came to. */
static bool is_settled(const struct reading *reading, const struct attempt *attempt)
{
	if (!attempt->is_open || (!attempt->is_standing && !is_missing(attempt->err)))
		return true;
	return is_same(reading, attempt);
}

/* Behind the change of the link, a command goes on removing what is no longer needed. So what is
 * missing is only believed if the next try misses the same. */
static bool is_believed(const struct kept_report *kept, int err, char **missed)
{
	const char *text = kept->count ? kept->all[kept->count - 1].text : "";
	bool same = *missed && strcmp(*missed, text) == 0;

	if (!is_missing(err))
		return true;
	free(*missed);
	*missed = strdup(text);
	return same;
}

static void close_try(const struct reading *reading)
{
	reading->clear(reading->argument);
	standing_close(reading->standing);
	state_close(reading->state);
}

int state_read(const struct reading *reading)
{
	struct runtime_options options = *reading->options;
	autofree char *missed = NULL;

	report_keep(reading->kept, options.report);
	options.report = &reading->kept->report;
	for (int i = 0; i < READ_TRIES; i++) {
		struct attempt attempt;

		*reading->standing = (struct standing){.link = -1};
		attempt = try_once(reading, &options);
		if (is_settled(reading, &attempt) &&
		    is_believed(reading->kept, attempt.err, &missed)) {
			report_give_out(reading->kept);
			if (attempt.err)
				close_try(reading);
			return attempt.err;
		}
		close_try(reading);
		report_drop(reading->kept);
	}
	report_give_out(reading->kept);
	return refuse(
		reading->options->report, EAGAIN,
		"what is applied to %s was changed each of the %d times that it was read: try "
		"again when no other command of sklc changes it",
		reading->state->netns.words, READ_TRIES);
}
