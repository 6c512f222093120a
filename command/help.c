/* Prints help from the tables of verbs, options and exit statuses. */
#include "help.h"

#include "verbs.h"

#include "compiler/base/arena.h"

#include <string.h>

enum {
	LINE_COLUMNS = 80,
	OPTION_COLUMN = 30, /* where the meaning of an option begins */
	VERB_COLUMN = 46,   /* of a verb */
};

/* Goes to a column, on the next line if the text of WIDTH columns reaches it. */
static void go_to(FILE *out, int width, int column)
{
	if (width + 2 > column)
		fprintf(out, "\n%*s", column, "");
	else
		fprintf(out, "%*s", column - width, "");
}

/* Prints words in lines that begin at COLUMN, where the first one already is. */
static void print_wrapped(FILE *out, const char *text, int column)
{
	int at = column, length;

	while (*text) {
		length = (int)strcspn(text, " ");
		if (at > column && at + 1 + length > LINE_COLUMNS) {
			fprintf(out, "\n%*s", column, "");
			at = column;
		} else if (at > column) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", length, text);
		at += length;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void print_options(uint64_t set, FILE *out)
{
	enum option_id i;
	int width;

	for (i = 0; i < OPTION_COUNT; i++) {
		if (!(set >> i & 1))
			continue;
		width = option_letter(i) ? fprintf(out, "  -%c, ", option_letter(i))
					 : fprintf(out, "      ");
		width += fprintf(out, "%s%s%s", option_word(i), option_argument(i) ? " " : "",
				 option_argument(i) ? option_argument(i) : "");
		go_to(out, width, OPTION_COLUMN);
		print_wrapped(out, option_meaning(i), OPTION_COLUMN);
	}
}

static void print_exit_statuses(FILE *out)
{
	fputs("\nExit status:\n", out);
#define PRINT_STATUS(constant, status, meaning) fprintf(out, "  %d  %s\n", status, meaning);
	EXIT_STATUSES(PRINT_STATUS)
#undef PRINT_STATUS
}

void help_overview(struct arena *arena, FILE *out)
{
	const struct verb *verb;
	size_t i;

	fputs("sklc decides by rules which socket gets a new connection or datagram\n\n", out);
	for (i = 0; (verb = verb_at(i)); i++) {
		go_to(out, fprintf(out, "  %s", verb_synopsis(arena, verb, false)), VERB_COLUMN);
		print_wrapped(out, verb->meaning, VERB_COLUMN);
	}
	fputs("\nOptions, before and after all words; `sklc help VERB` shows those of a verb:\n",
	      out);
	print_options((UINT64_C(1) << OPTION_COUNT) - 1, out);
	print_exit_statuses(out);
	fputs("\nThe rules are described in sklc.conf(5), the rest in sklc(1).\n", out);
}

void help_verb(struct arena *arena, const struct verb *verb, FILE *out)
{
	fprintf(out, "usage: %s [options]\n", verb_synopsis(arena, verb, false));
	if (verb->action)
		fprintf(out, "       %s [options]\n", verb_synopsis(arena, verb, true));
	fprintf(out, "\n%s: ", verb->word);
	print_wrapped(out, verb->meaning, (int)strlen(verb->word) + 2);
	fputs("\nOptions:\n", out);
	print_options(verb->takes | verb->needs, out);
}

int help(struct session *s)
{
	const char *word = s->operands[0].text;

	if (word)
		help_verb(s->c.arena, verb_named(word), stdout);
	else
		help_overview(s->c.arena, stdout);
	return EXIT_DONE;
}
