/* Messages of the compiler, the runtime and the command line go into one queue, and from there to standard error. */
#include "messages.h"

#include "compiler/base/diag.h"
#include "compiler/base/memory_stream.h"
#include "runtime/base/fail.h"

#include <stdlib.h>
#include <string.h>

static enum diag_color diag_color(const struct options *options)
{
	const char *no_color = getenv("NO_COLOR");

	if (options->color == COLOR_AUTO)
		return isatty(STDERR_FILENO) && !(no_color && *no_color) ? DIAG_COLOR_ALWAYS
									 : DIAG_COLOR_NEVER;
	return options->color == COLOR_ALWAYS ? DIAG_COLOR_ALWAYS : DIAG_COLOR_NEVER;
}

static void print_json(const struct session *s, FILE *out)
{
	diag_print_json(s->c.diag, out);
}

static void print_new(const struct session *s, FILE *out)
{
	diag_print(s->c.diag, out, diag_color(&s->options));
}

static void print_all(const struct session *s, FILE *out)
{
	print_new(s, out);
	diag_print_left_out(s->c.diag, out);
}

/* Prints in one write, so that the messages of several processes do not mix. */
static void print(const struct session *s, void (*print_to)(const struct session *s, FILE *out))
{
	struct memory_text text = {0};
	FILE *out = memory_stream_open(&text);

	print_to(s, out);
	fclose(out);
	if (text.size)
		fwrite(text.text, 1, text.size, stderr);
	free(text.text);
}

void say(const struct session *s)
{
	if (!option_given(&s->options, OPTION_JSON))
		print(s, print_all);
}

static struct span span_of(struct sources *sources, const struct excerpt *excerpt)
{
	const struct source_file *line = excerpt ? source_add_line(sources, excerpt->file,
								   excerpt->line, excerpt->text)
						 : NULL;

	if (!line)
		return (struct span){0, 0};
	return (struct span){line->base + (uint32_t)excerpt->first,
			     line->base + (uint32_t)excerpt->end};
}

bool take_message(struct report *report, const struct message *message)
{
	static const enum diag_kind kinds[] = {[SEVERITY_NOTE] = DIAG_NOTE,
					       [SEVERITY_WARNING] = DIAG_WARNING,
					       [SEVERITY_ERROR] = DIAG_ERROR};
	struct session *s = (struct session *)report;
	bool is_error = diag_message(s->c.diag, kinds[message->severity], message->name,
				     span_of(s->c.sources, message->excerpt), message->text,
				     message->details);

	if (!option_given(&s->options, OPTION_JSON))
		print(s, print_new);
	return is_error;
}

int system_error(struct session *s, int error, const char *tried, const char *what)
{
	fail(&s->report, error, "%s '%s'", tried, what);
	return EXIT_SYSTEM;
}

void finish_messages(const struct session *s)
{
	bool is_silent = option_given(&s->options, OPTION_QUIET) && diag_is_empty(s->c.diag);

	say(s);
	if (option_given(&s->options, OPTION_JSON) && !is_silent)
		print(s, print_json);
}
