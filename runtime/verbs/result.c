/* Prints the result of a change after it is in force. */
#include "result.h"

#include "runtime/base/fail.h"
#include "runtime/transaction/transaction.h"

#include <inttypes.h>
#include <stdio_ext.h>

/* Notes the other programs on the hook, whose order matters. */
static void note_others(const struct transaction *t)
{
	struct hook hook;
	uint32_t position = 0;

	if (attach_query(&t->state->netns, &hook) || hook.count < 2)
		return;
	for (uint32_t i = 0; i < hook.count; i++)
		if (hook.programs[i] == t->standing->info.program)
			position = i + 1;
	note(t->options->report,
	     "%" PRIu32
	     " programs are on this hook and run in order of attaching, this one as number "
	     "%" PRIu32 "; %s; where none chooses a socket, a drop by any of them counts",
	     hook.count, position,
	     t->object->header.override_others ? "its redirects replace what those before it chose"
					       : "the first that chooses a socket wins");
}

/* If the result cannot be written, warns and discards it, since the change is in force. */
static void flush_result(struct report *report, FILE *out)
{
	if (fflush(out) == 0)
		return;
	warn(report, "this was done, but it could not be written to standard output");
	__fpurge(out);
	clearerr(out);
}

void report_result(const char *result, uint32_t generation, const struct runtime_options *options,
		   FILE *out)
{
	if (options->json)
		fprintf(out, "{\"version\":1,\"result\":\"%s\",\"generation\":%" PRIu32 "}\n",
			result, generation);
	else if (!options->quiet && generation)
		fprintf(out, "%s: generation %" PRIu32 "\n", result, generation);
	else if (!options->quiet)
		fprintf(out, "%s\n", result);
	flush_result(options->report, out);
}

void report_applied(const struct transaction *t, const struct runtime_options *options, FILE *out)
{
	if (!options->quiet)
		note_others(t);
	if (t->confirm_seconds && !options->quiet)
		note(options->report,
		     "on trial for %" PRIu32
		     " seconds: `sklc confirm` makes it stay, else the rules "
		     "before come back",
		     t->confirm_seconds);
	report_result(t->confirm_seconds ? "on trial" : "applied", t->about.generation, options,
		      out);
}
