/* Unpacks the whole text to read one line, which is fast enough for error messages. */
#include "object.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <string.h>

/* Where a line of the text begins; END if the text has fewer lines. */
static const char *find_line(const char *text, const char *end, uint32_t line)
{
	while (--line && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		text = newline ? newline + 1 : end;
	}
	return text;
}

static char *copy_line(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	if (newline)
		end = newline;
	if (end > line && end[-1] == '\r')
		end--;
	return strndup(line, (size_t)(end - line));
}

int rules_line_read(const struct object *object, uint32_t file, uint32_t line,
		    struct rules_line *rules_line)
{
	autofree char *all = NULL;
	const char *text;
	int err = object_text(object, &all);

	*rules_line = (struct rules_line){0};
	if (err)
		return err;
	text = all;
	for (uint32_t i = 0; i < file; i++)
		text += object->texts[i].bytes;
	rules_line->text = copy_line(find_line(text, text + object->texts[file].bytes, line),
				     text + object->texts[file].bytes);
	if (!rules_line->text)
		return fail(object->report, ENOMEM, "show a line of the rules");
	rules_line->excerpt = (struct excerpt){
		.file = object_string(object, object->texts[file].name),
		.line = line,
		.text = rules_line->text,
		.end = strlen(rules_line->text),
	};
	return 0;
}

void rules_line_free(struct rules_line *rules_line)
{
	free(rules_line->text);
	rules_line->text = NULL;
}

void excerpt_mark(struct excerpt *excerpt, const char *words)
{
	const char *found = strstr(excerpt->text, words);

	if (!found) {
		excerpt->first = strspn(excerpt->text, " \t");
		return;
	}
	excerpt->first = (size_t)(found - excerpt->text);
	excerpt->end = excerpt->first + strlen(words);
}
