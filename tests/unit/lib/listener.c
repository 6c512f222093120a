#include "listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Writes "SEVERITY: TEXT [NAME] {DETAILS} (FILE:LINE: FIRST-END of 'TEXT')", without what the message lacks. */
static bool listen_to(struct report *report, const struct message *message)
{
	static const char *const words[] = {"note", "warning", "error"};
	struct listener *listener = (struct listener *)report;
	const struct excerpt *excerpt = message->excerpt;
	FILE *out = fmemopen(listener->said, sizeof(listener->said), "a");

	assert_non_null(out);
	fprintf(out, "%s: %s", words[message->severity], message->text);
	if (message->name)
		fprintf(out, " [%s]", message->name);
	if (message->details)
		fprintf(out, " {%s}", message->details);
	if (excerpt)
		fprintf(out, " (%s:%u: %zu-%zu of '%s')", excerpt->file, excerpt->line,
			excerpt->first, excerpt->end, excerpt->text);
	fputc('\n', out);
	fclose(out);
	return message->severity == SEVERITY_ERROR;
}

struct listener listener_new(void)
{
	return (struct listener){.report = {listen_to}};
}
