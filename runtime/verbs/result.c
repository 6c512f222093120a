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

/* If the result cannot be written, says so and discards it, since the change is in force. */
static void flush_result(struct report *report, FILE *out)
{
	if (fflush(out) == 0)
		return;
	note(report, "this was done, but it could not be written to standard output");
	__fpurge(out);
	clearerr(out);
}

/* Prints the result; RECORD is that of the generation, or NULL. */
static void print_result(const char *result, uint32_t generation, const struct record *record,
			 const struct runtime_options *options, FILE *out)
{
	char hash[HASH_TEXT_MAX];

	if (options->json) {
		fprintf(out, "{\"version\":1,\"result\":\"%s\",\"generation\":%" PRIu32, result,
			generation);
		if (record && record->same_as)
			fprintf(out, ",\"same_as\":%" PRIu32, record->same_as);
		if (record) {
			object_hash_text(record->hash.content, hash);
			fprintf(out, ",\"hash\":\"%s\"", hash);
		}
		fprintf(out, "}\n");
	} else if (!options->quiet && record && record->same_as) {
		fprintf(out, "%s: generation %" PRIu32 " = %" PRIu32 "\n", result, generation,
			record->same_as);
	} else if (!options->quiet && generation) {
		fprintf(out, "%s: generation %" PRIu32 "\n", result, generation);
	} else if (!options->quiet) {
		fprintf(out, "%s\n", result);
	}
	flush_result(options->report, out);
}

void report_result(const char *result, uint32_t generation, const struct runtime_options *options,
		   FILE *out)
{
	print_result(result, generation, NULL, options, out);
}

void report_record(const char *result, const struct record *record,
		   const struct runtime_options *options, FILE *out)
{
	struct record own = *record;

	own.same_as = 0; /* this command copied nothing */
	print_result(result, own.generation, own.generation ? &own : NULL, options, out);
}

void report_transaction(const char *result, const struct transaction *t, FILE *out)
{
	struct record record = t->record;

	if (t->unchanged)
		record.same_as = 0; /* this command copied nothing */
	print_result(t->unchanged ? "unchanged" : result, record.generation, &record, t->options,
		     out);
}

void report_applied(const struct transaction *t, FILE *out)
{
	const struct runtime_options *options = t->options;

	if (!options->quiet)
		note_others(t);
	if (t->confirm_seconds && !options->quiet && t->unchanged)
		note(options->report, "these rules decide already: there is nothing to try, and no "
				      "confirming is needed");
	else if (t->confirm_seconds && !options->quiet)
		note(options->report,
		     "on trial for %" PRIu32 " second%s: `sklc confirm` makes it stay, else %s",
		     t->confirm_seconds, t->confirm_seconds == 1 ? "" : "s",
		     t->record.previous ? "the rules before come back"
					: "no rules are applied, as before");
	report_transaction(t->confirm_seconds ? "on trial" : "applied", t, out);
}
