/* Knows texts of the generators only: words have one blank between them, and names no words of the language in them. */
#include "respell.h"

#include "bundle.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct respelling {
	struct random *random;
	FILE *defines, *rules, *files;
	unsigned define_count, file_count;
	bool in_map;     /* the block that is read now is a map's, not a set's */
	char before[16]; /* the word before the one that is read now, or its first bytes */
};

static bool percent(struct respelling *r, uint32_t chance)
{
	return random_percent(r->random, chance);
}

static FILE *memory(char **text, size_t *size)
{
	FILE *out = open_memstream(text, size);

	if (!out)
		abort();
	return out;
}

static bool begins(const char *at, const char *word)
{
	return !strncmp(at, word, strlen(word));
}

/* Element files. */

/* The length of a list's element at AT: to the comma or brace that ends it. */
static size_t element_length(const char *at)
{
	size_t length = 0;

	while (at[length] && !strchr(",}", at[length]))
		length += at[length] == '"' ? 2 + strcspn(at + length + 1, "\"") : 1;
	return length;
}

static void put_element(struct respelling *r, const char *at, size_t length)
{
	static const char *const decorations[] = {"", "", "", " # so { it } was", "\t; said", "  "};

	while (length && isspace((unsigned char)*at)) {
		at++;
		length--;
	}
	while (length && isspace((unsigned char)at[length - 1]))
		length--;
	if (percent(r, 3))
		fputs(percent(r, 50) ? "# \"one\n" : "\n", r->files);
	if (length)
		fprintf(r->files, "%s%.*s%s\n", percent(r, 10) ? "  " : "", (int)length, at,
			percent(r, 20) ? decorations[random_below(r->random, 6)] : "");
}

/* Moves the elements of a list, of which AT is behind the brace, into a file. Returns what is behind the list. */
static const char *move_elements(struct respelling *r, const char *at)
{
	fprintf(r->files, BUNDLE_MARK "elements%u.txt\n%s", r->file_count,
		percent(r, 10) ? "\xef\xbb\xbf" : "");
	fprintf(r->rules, "file \"elements%u.txt\"", r->file_count++);
	for (;;) {
		size_t length = element_length(at);

		put_element(r, at, length);
		at += length;
		if (*at++ != ',')
			return at;
	}
}

/* Words. */

static bool is_before(const struct respelling *r, const char *word)
{
	return !strcmp(r->before, word);
}

/* Whether the field at AT, whose word is so long, is matched alone: no key of several, and no type. */
static bool is_match(const struct respelling *r, const char *at, size_t length)
{
	return !is_before(r, ".") && !is_before(r, "type") && !begins(at + length, " .") &&
	       !begins(at + length, " :") && !begins(at + length, " map");
}

/* Writes a match of a field with a value of its own by way of a define. Returns what is behind the value. */
static const char *define_value(struct respelling *r, const char *at, size_t length)
{
	const char *value = at + length + 1;
	size_t value_length = strcspn(value, " \n");

	fprintf(r->defines, "define d%u = %.*s\n", r->define_count, (int)value_length, value);
	fprintf(r->rules, "%.*s $d%u", (int)length, at, r->define_count++);
	return value + value_length;
}

static const char *respell_field(struct respelling *r, const char *at, size_t length)
{
	bool is_port = at[1] == 'p', is_interface = begins(at, "iifname");

	if (!is_match(r, at, length))
		return NULL;
	if (!is_interface && isxdigit((unsigned char)at[length + 1]) && percent(r, 10))
		return define_value(r, at, length);
	if (is_port && !is_before(r, "tcp") && !is_before(r, "udp") && percent(r, 20))
		fputs("th ", r->rules);
	if (is_interface && !is_before(r, "meta") && percent(r, 30))
		fputs("meta ", r->rules);
	return NULL;
}

static const char *respell_elements(struct respelling *r, const char *at)
{
	static const char words[] = "elements = {";

	if (percent(r, 30))
		fputs("flags interval; ", r->rules);
	if (!r->in_map && percent(r, 30))
		fputs("auto-merge; ", r->rules);
	if (r->file_count + 2 >= BUNDLE_FILES_MAX || !percent(r, 40))
		return NULL;
	return move_elements(r, at + strlen(words));
}

/* Writes the word at AT in another way and returns what is behind it; or writes at most words before it, and returns
 * NULL. */
static const char *respell_word(struct respelling *r, const char *at, size_t length)
{
	if (begins(at, "elements = {"))
		return respell_elements(r, at);
	if (begins(at, "counter ") && percent(r, 40)) {
		fprintf(r->rules, "counter packets %u bytes %u",
			random_below(r->random, UINT32_MAX), random_below(r->random, UINT32_MAX));
		return at + length;
	}
	if (begins(at, "map @") && percent(r, 40)) {
		fputs("vmap", r->rules);
		return at + length;
	}
	if (begins(at, "daddr ") || begins(at, "saddr ") || begins(at, "dport ") ||
	    begins(at, "sport ") || begins(at, "iifname "))
		return respell_field(r, at, length);
	return NULL;
}

static void remember(struct respelling *r, const char *at, size_t length)
{
	if ((r->before[0] == '\0' || is_before(r, "}")) && length == 3)
		r->in_map = begins(at, "map");
	snprintf(r->before, sizeof(r->before), "%.*s", (int)length, at);
}

static void respell_words(struct respelling *r, const char *at)
{
	while (*at) {
		size_t length = *at == '"' ? 2 + strcspn(at + 1, "\"") : strcspn(at, " \n\"");
		const char *behind;

		if (!length) {
			if (*at == '\n')
				r->before[0] = '\0';
			fputc(*at++, r->rules);
			continue;
		}
		behind = respell_word(r, at, length);
		if (!behind) {
			fprintf(r->rules, "%.*s", (int)length, at);
			behind = at + length;
		}
		remember(r, at, length);
		at = behind;
	}
}

/* Included files. */

/* The end of the statement at AT: of a line outside of blocks. */
static const char *statement_end(const char *at)
{
	int depth = 0;

	for (; *at; at++) {
		if (*at == '"')
			at += 1 + strcspn(at + 1, "\"");
		depth += (*at == '{') - (*at == '}');
		if (*at == '\n' && !depth)
			return at + 1;
	}
	return at;
}

/* Moves some of the statements that follow each other into a file that is included in their place. */
static void include_some(struct respelling *r, const char *rules, FILE *out)
{
	const char *at = rules, *first, *end;

	while (*at && !percent(r, 20))
		at = statement_end(at);
	first = at;
	do
		at = statement_end(at);
	while (*at && !percent(r, 20));
	end = at;
	fwrite(rules, 1, (size_t)(first - rules), out);
	if (first == end) {
		fputs(end, out);
		return;
	}
	fprintf(out, "include \"more%u.conf\"\n%s", r->file_count, end);
	fprintf(r->files, BUNDLE_MARK "more%u.conf\n", r->file_count++);
	fwrite(first, 1, (size_t)(end - first), r->files);
}

char *respell(char *text, struct random *random)
{
	struct respelling r = {.random = random};
	char *defines = NULL, *rules = NULL, *files = NULL, *bundle = NULL;
	size_t size;
	FILE *out = memory(&bundle, &size);

	r.defines = memory(&defines, &size);
	r.rules = memory(&rules, &size);
	r.files = memory(&files, &size);
	respell_words(&r, text);
	fclose(r.rules);
	fclose(r.defines);
	fputs(defines, out);
	if (percent(&r, 20))
		include_some(&r, rules, out);
	else
		fputs(rules, out);
	fclose(r.files);
	fputs(files, out);
	fclose(out);
	free(defines);
	free(rules);
	free(files);
	free(text);
	return bundle;
}
