/* Reads the lines of element files, whose text came with the AST. There is no generated parser
 * for them, because a file may have a million elements. [at, end) is what is left of the
 * current line, without white space around it and without the comment. */
#include "ast_to_policy.h"

#include "compiler/base/lookalike.h"
#include "compiler/base/utf8.h"

#include <string.h>

struct element_lines element_lines(const struct sources *sources, const struct source_file *file)
{
	struct element_lines lines = {.sources = sources, .file = file};

	if (file)
		lines.next = utf8_mark_length(file->text, file->length);
	return lines;
}

size_t element_lines_bound(const struct source_file *file)
{
	const char *at = file ? file->text : NULL, *end = file ? at + file->length : NULL;
	size_t lines = 1;

	while (at && (at = memchr(at, '\n', (size_t)(end - at)))) {
		lines++;
		at++;
	}
	return lines;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_space(struct element_lines *lines)
{
	while (lines->at < lines->end && is_space(lines->file->text[lines->at]))
		lines->at++;
}

/* Where the comment of the line begins, or the line's end: `#` and `;` begin one, but not in quotes. */
static size_t comment_start(const struct element_lines *lines)
{
	const char *text = lines->file->text;
	bool in_quotes = false;
	size_t at;

	for (at = lines->at; at < lines->end; at++) {
		if (text[at] == '"')
			in_quotes = !in_quotes;
		else if ((text[at] == '#' || text[at] == ';') && !in_quotes)
			break;
	}
	return at;
}

bool element_next_line(struct element_lines *lines)
{
	const char *text = lines->file ? lines->file->text : "", *found;
	size_t length = lines->file ? lines->file->length : 0;

	while (lines->next < length) {
		lines->at = lines->next;
		found = memchr(text + lines->at, '\n', length - lines->at);
		lines->end = found ? (size_t)(found - text) : length;
		lines->next = lines->end + 1;
		lines->end = comment_start(lines);
		while (lines->end > lines->at && is_space(text[lines->end - 1]))
			lines->end--;
		skip_space(lines);
		if (lines->at < lines->end)
			return true;
	}
	return false;
}

struct span element_span(const struct element_lines *lines, size_t first, size_t end)
{
	return (struct span){lines->file->base + (uint32_t)first,
			     lines->file->base + (uint32_t)end};
}

/* The end of the next word: white space, a comma, or (unless HAS_DASHES) the dash of a range. */
static size_t word_end(const struct element_lines *lines, bool has_dashes)
{
	const char *text = lines->file->text;
	size_t end = lines->at;

	while (end < lines->end && !is_space(text[end]) && text[end] != ',' &&
	       (has_dashes || text[end] != '-'))
		end++;
	return end;
}

/* Reports the first character of a word that looks like another one, or like nothing. */
static bool has_lookalike(struct translation *t, const struct element_lines *lines, size_t first,
			  size_t end)
{
	const char *text = lines->file->text;
	size_t next;

	for (; first < end; first = next) {
		for (next = first + 1; next < end && utf8_is_continuation(text[next]);)
			next++;
		if (lookalike_report(t->diag, element_span(lines, first, next), text + first))
			return true;
	}
	return false;
}

static bool expected(struct translation *t, struct element_lines *lines, const char *what)
{
	size_t end = word_end(lines, true);
	struct span span = element_span(lines, lines->at,
					end + (end == lines->at && end < lines->end));

	if (has_lookalike(t, lines, lines->at, end))
		return false;
	if (lines->at == lines->end)
		diag_error(t->diag, span, "expected %s, found the end of the line", what);
	else
		diag_error(t->diag, span, "expected %s, found '%.*s'", what, quoted_length(span),
			   lines->file->text + lines->at);
	return false;
}

static bool read_literal(struct translation *t, struct element_lines *lines,
			 struct literal *literal)
{
	size_t first = lines->at, end = word_end(lines, false);
	struct literal_fault fault;

	lines->at = end;
	if (literal_read(lines->file->text + first, end - first, literal, &fault))
		return true;
	if (has_lookalike(t, lines, first, end))
		return false;
	diag_error(t->diag, element_span(lines, first + fault.first, first + fault.end), "%s",
		   fault.message);
	return false;
}

static void reversed(struct translation *t, const struct element_lines *lines, struct span span,
		     const struct literal *first, u128 last)
{
	const struct range range = {first->range.first, last};
	char mended[RANGE_TEXT];

	if (first->kind == LITERAL_ADDRESS)
		address_range_format(first->family, range, mended);
	else
		port_range_format(range, mended);
	diag_error(t->diag, span, "the range '%.*s' is reversed; write '%s'", quoted_length(span),
		   lines->file->text + (span.first - lines->file->base), mended);
}

/* Reads what follows the first literal: nothing, or a dash and the end of the range. */
static bool read_range_end(struct translation *t, struct element_lines *lines, size_t start,
			   struct literal *literal)
{
	struct literal last;
	struct span span;
	bool is_plain;

	skip_space(lines);
	if (lines->at == lines->end || lines->file->text[lines->at] != '-')
		return true;
	lines->at++;
	skip_space(lines);
	if (lines->at == lines->end)
		return expected(t, lines, "the end of the range");
	if (!read_literal(t, lines, &last))
		return false;
	span = element_span(lines, start, lines->at);
	is_plain = !literal->is_prefix && !last.is_prefix && literal->kind == last.kind &&
		   literal->family == last.family;
	if (is_plain && literal->range.first <= last.range.first) {
		literal->range.last = last.range.last;
		return true;
	}
	if (is_plain)
		reversed(t, lines, span, &last, literal->range.first);
	else
		diag_error(t->diag, span, "'%.*s' is not a range", quoted_length(span),
			   lines->file->text + start);
	return false;
}

static bool read_word(struct translation *t, struct element_lines *lines, enum value_type type,
		      enum family *family, struct range *range)
{
	const char *text = lines->file->text;
	size_t first = lines->at, end = word_end(lines, true);
	struct ast_value value = {.kind = AST_VALUE_WORD, .span = element_span(lines, first, end)};

	bool is_good;

	if (has_lookalike(t, lines, first, end))
		return false;
	if (text[first] == '"' && end - first > 2 && text[end - 1] == '"') {
		value.kind = AST_VALUE_STRING;
		value.text = arena_string(t->arena, text + first + 1, end - first - 2);
	} else {
		value.text = arena_string(t->arena, text + first, end - first);
	}
	lines->at = end;
	t->in_elements = true;
	is_good = value_range(t, &value, type, family, range);
	t->in_elements = false;
	return is_good;
}

static bool read_number_or_address(struct translation *t, struct element_lines *lines,
				   enum value_type type, enum family *family, struct range *range)
{
	struct ast_value value = {.kind = AST_VALUE_ADDRESS};
	size_t start = lines->at;
	struct literal literal;

	if (!read_literal(t, lines, &literal) || !read_range_end(t, lines, start, &literal))
		return false;
	if (literal.kind == LITERAL_NUMBER)
		value.kind = AST_VALUE_NUMBER;
	value.span = element_span(lines, start, lines->at);
	value.family = literal.family;
	value.range = literal.range;
	return value_range(t, &value, type, family, range);
}

/* Whether the next value is a word: numbers and addresses begin with a digit or contain a colon. */
static bool begins_word(const struct element_lines *lines)
{
	const char *text = lines->file->text + lines->at;

	return (*text < '0' || *text > '9') &&
	       !memchr(text, ':', word_end(lines, true) - lines->at);
}

/* Reads the next word of the line as a name, with or without quotes, and skips white space after it. */
bool element_name(struct translation *t, struct element_lines *lines, struct ast_value *value)
{
	const char *text = lines->file->text + lines->at, *quote = NULL;
	size_t first = lines->at, end = word_end(lines, true);
	bool is_quoted = first < lines->end && *text == '"';

	if (is_quoted) {
		quote = memchr(text + 1, '"', lines->end - first - 1);
		end = quote ? first + (size_t)(quote - text) + 1 : lines->end;
	}
	if (end == first)
		return expected(t, lines, type_meaning(TYPE_INTERFACE));
	*value = (struct ast_value){
		.kind = is_quoted ? AST_VALUE_STRING : AST_VALUE_WORD,
		.span = element_span(lines, first, end),
	};
	if (is_quoted && !quote) {
		diag_error(t->diag, value->span, "the text in quotes does not end in this line");
		return false;
	}
	value->text = arena_string(t->arena, text + is_quoted, end - first - 2u * is_quoted);
	lines->at = end;
	skip_space(lines);
	return true;
}

/* Reads the next value of the line, and skips white space after it. */
bool element_value(struct translation *t, struct element_lines *lines, enum value_type type,
		   enum family *family, struct range *range)
{
	char c = lines->file->text[lines->at];
	bool is_read;

	if (lines->at == lines->end || c == ',' || c == '-')
		return expected(t, lines, type_meaning(type));
	if (begins_word(lines))
		is_read = read_word(t, lines, type, family, range);
	else
		is_read = read_number_or_address(t, lines, type, family, range);
	skip_space(lines);
	return is_read;
}

bool element_mark(struct translation *t, struct element_lines *lines, char mark)
{
	const char quoted[] = {'\'', mark, '\'', '\0'};

	if (lines->at == lines->end || lines->file->text[lines->at] != mark)
		return expected(t, lines, quoted);
	lines->at++;
	skip_space(lines);
	return true;
}

bool element_line_end(struct translation *t, struct element_lines *lines)
{
	if (lines->at == lines->end)
		return true;
	if (lines->file->text[lines->at] == ',' && lines->at + 1 == lines->end)
		diag_error(t->diag, element_span(lines, lines->at, lines->end),
			   "an element file has one element a line, without commas");
	else
		expected(t, lines, "the end of the line");
	return false;
}
