/* A report that keeps its messages until it is known whether they are to be seen. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

/* A copy of a text that may be NULL. Sets *DONE to false without memory. */
static char *copy_text(const char *text, bool *done)
{
	char *copy = text ? strdup(text) : NULL;

	*done = *done && (copy || !text);
	return copy;
}

static void free_message(struct message *message)
{
	free((char *)message->name);
	free((char *)message->text);
	free((char *)message->details);
}

static bool pass_on(struct kept_report *kept, const struct message *message)
{
	for (size_t i = 0; i < kept->count; i++)
		kept->to->take(kept->to, &kept->all[i]);
	report_drop(kept);
	kept->is_open = true;
	return message && kept->to->take(kept->to, message);
}

/* A message that cannot be kept is given on, and those before it: better one too many than one that
 * is lost. One about an excerpt is of rules that are compiled, and reading makes none. */
static bool keep_message(struct report *report, const struct message *message)
{
	struct kept_report *kept = (struct kept_report *)report;
	struct message *more, copy = {.severity = message->severity};
	bool done = !kept->is_open && !message->excerpt;

	if (!done)
		return pass_on(kept, message);
	copy.name = copy_text(message->name, &done);
	copy.text = copy_text(message->text, &done);
	copy.details = copy_text(message->details, &done);
	more = done ? reallocarray(kept->all, kept->count + 1, sizeof(*more)) : NULL;
	if (!more) {
		free_message(&copy);
		return pass_on(kept, message);
	}
	more[kept->count++] = copy;
	kept->all = more;
	return message->severity == SEVERITY_ERROR;
}

void report_keep(struct kept_report *kept, struct report *to)
{
	*kept = (struct kept_report){.report.take = keep_message, .to = to};
}

void report_drop(struct kept_report *kept)
{
	for (size_t i = 0; i < kept->count; i++)
		free_message(&kept->all[i]);
	free(kept->all);
	kept->all = NULL;
	kept->count = 0;
}

void report_give_out(struct kept_report *kept)
{
	pass_on(kept, NULL);
}
