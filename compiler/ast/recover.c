/* Finds where parsing goes on after a syntax error, so that one mistake is one error. Where the braces that follow
 * close what is open, that is the end of the statement. Else a brace is missing or too much, and parsing goes on at the
 * end of the line, if the braces after it are in order; or, at last, at the next line that begins a definition, where
 * the open blocks are closed. */
#include "failure.h"

#include "skl.tab.h"

#include <string.h>

/* The bytes that the search may read, for all errors of a file together. After that, parsing goes on at the end of the
 * line without a search. */
enum { LOOKED_AT_MAX = 1 << 24 };

static bool is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Moves past a string, a comment or another byte. Returns how the depth of braces changes. */
static int pass(const char *text, size_t end, size_t *at)
{
	char c = text[(*at)++];

	if (c == '"' || c == '#') {
		while (*at < end && text[*at] != '\n' && (c == '#' || text[*at] != '"'))
			++*at;
		*at += c == '"' && *at < end && text[*at] == '"';
	}
	if (c == '}' && *at < end && is_name_character(text[*at])) /* a slip within a word */
		return 0;
	return (c == '{') - (c == '}');
}

/* Whether a brace stands where it closes something, and not by a slip within a word. */
static bool closes(const char *text, size_t end, size_t at)
{
	return text[at] == '}' && (at + 1 == end || !is_name_character(text[at + 1]));
}

bool statement_end(const char *text, size_t end, size_t *at, unsigned depth)
{
	for (; *at < end; depth += (unsigned)pass(text, end, at))
		if (!depth && (closes(text, end, *at) || text[*at] == '\n' || text[*at] == ';'))
			return true;
	return !depth;
}

/* Whether the line from AT on begins a definition. Within braces, one that is indented may belong there. */
static bool begins_definition(const char *text, size_t end, size_t at, unsigned depth)
{
	size_t first;

	while (!depth && at < end && (text[at] == ' ' || text[at] == '\t'))
		at++;
	for (first = at; at < end && text[at] >= 'a' && text[at] <= 'z';)
		at++;
	return at > first && at < end && (text[at] == ' ' || text[at] == '\t') &&
	       is_definition(skl_keyword(text + first, at - first));
}

/* Whether a line from AT on begins a statement that is in no braces, as far as its indentation tells. */
static bool begins_statement(const char *text, size_t end, size_t at)
{
	return at < end && !strchr(" \t\r\n#}", text[at]);
}

/* Whether the braces that follow close DEPTH; where it is 0, that none closes what is not open before the next
 * statement. If not, *AT is moved to the end of the last line before a definition. */
static bool braces_close(struct parser *p, size_t *at, unsigned depth)
{
	const char *text = p->file->text;
	const bool any = depth;
	const size_t start = *at;
	bool good = true;
	int change;

	while (*at < p->end &&
	       (text[*at] != '\n' || !begins_definition(text, p->end, *at + 1, depth))) {
		if (good && !depth &&
		    (any || (text[*at] == '\n' && begins_statement(text, p->end, *at + 1))))
			break;
		change = pass(text, p->end, at);
		if (change < 0 && !depth)
			good = false;
		else
			depth += (unsigned)change;
	}
	p->looked_at += *at - start;
	return good && !depth;
}

static size_t line_end(const struct parser *p, size_t at)
{
	const char *end = memchr(p->file->text + at, '\n', p->end - at);

	return end ? (size_t)(end - p->file->text) : p->end;
}

static bool is_on_line_of(const struct parser *p, struct span brace, size_t at)
{
	const size_t first = brace.first - p->file->base;

	return first < at && !memchr(p->file->text + first, '\n', at - first);
}

static bool begins_line(const struct parser *p, struct span span)
{
	size_t at = span.first - p->file->base;

	while (at && (p->file->text[at - 1] == ' ' || p->file->text[at - 1] == '\t'))
		at--;
	return !at || p->file->text[at - 1] == '\n';
}

/* Goes on at the end of the statement, in the blocks that are open. */
static size_t pass_statement(const struct failure *f, size_t from, unsigned lists)
{
	const struct parser *p = f->p;
	size_t at = from;

	if (f->found == TOKEN_NEWLINE || (f->found == TOKEN_BRACE_CLOSE && p->closed_block))
		return from;
	return statement_end(p->file->text, p->end, &at, lists) ? at : line_end(p, from);
}

/* Words that only begin a line of a set, a map or a socket; or no statement at all. */
static bool is_out_of_place(const struct failure *f)
{
	switch (f->found) {
	case TOKEN_ADDRESS:
	case TOKEN_NUMBER:
	case TOKEN_ENDPOINT:
	case TOKEN_STRING:
	case TOKEN_DEFINED:
	case TOKEN_SET_NAME:
	case TOKEN_TYPE:
	case TOKEN_ELEMENTS:
	case TOKEN_FILE_WORD:
	case TOKEN_FLAGS:
	case TOKEN_AUTO_MERGE:
	case TOKEN_UID:
	case TOKEN_CGROUP:
		return true;
	default:
		return false;
	}
}

/* Goes on at the end of a block whose kind is wrong, as what is in it tells. */
static size_t pass_block(const struct failure *f, size_t from)
{
	struct parser *p = f->p;
	unsigned depth = 1;
	size_t at = from;

	while (at < p->end && !(depth == 1 && p->file->text[at] == '}'))
		depth += (unsigned)pass(p->file->text, p->end, &at);
	p->first = p->block_first; /* what follows the brace belongs to the same fault */
	p->refused = f->span;
	return at;
}

/* Goes on where the braces are in order again. */
static size_t pass_braces(const struct failure *f, size_t from, size_t definition)
{
	struct parser *p = f->p;
	const bool one_line = p->block_depth && is_on_line_of(p, p->block, from);
	size_t line = line_end(p, from), at = line;

	if (p->block_depth && is_definition(f->found) && begins_line(p, f->span) &&
	    !blank_between(p, f->span.end, p->file->base + (uint32_t)line, "")) {
		p->closing = p->block_depth;
		p->again = f->found;
		p->again_span = f->span;
		return from;
	}
	if (f->found != TOKEN_NEWLINE && braces_close(p, &at, p->block_depth - one_line)) {
		p->closing = one_line;
		return line;
	}
	p->closing = p->block_depth;
	return definition;
}

/* How many lists are open. Where the brace that was found closed one too early, as the braces that follow show, that
 * one is open; where it opened one too many, that one is not. Where a keyword stands in a list, the list was left open,
 * unless they close it. */
static unsigned lists_open(const struct failure *f, size_t from, bool maybe_left_open)
{
	struct parser *p = f->p;
	size_t at = from;

	if (f->found == TOKEN_BRACE_CLOSE && p->closed_list &&
	    braces_close(p, &at, p->list_depth + 1 + p->block_depth))
		return p->list_depth + 1;
	at = from;
	if (f->found == TOKEN_BRACE_OPEN && p->list_depth &&
	    !braces_close(p, &at, p->list_depth + p->block_depth)) {
		at = from;
		if (braces_close(p, &at, p->list_depth - 1 + p->block_depth))
			return p->list_depth - 1;
	}
	at = from;
	if (maybe_left_open && !braces_close(p, &at, p->list_depth + p->block_depth))
		return 0;
	return p->list_depth;
}

/* The end of the line that begins a base chain of nft, or of the chain that it is all of. */
static size_t hook_end(const struct parser *p, size_t from)
{
	const char *text = p->file->text;
	unsigned depth = 0;
	size_t at = from;

	while (at < p->end && text[at] != '\n' && (depth || !closes(text, p->end, at)))
		depth += (unsigned)pass(text, p->end, &at);
	return at;
}

void pass_over(const struct failure *f, bool maybe_left_open)
{
	struct parser *p = f->p;
	const size_t from = f->span.end - p->file->base;
	size_t at = from;
	unsigned lists;

	if (f->found == TOKEN_END) {
		p->list_depth = 0;
		return;
	}
	if (is_hook(f) || p->looked_at > LOOKED_AT_MAX) {
		at = is_hook(f)                  ? hook_end(p, from)
		     : f->found == TOKEN_NEWLINE ? from
						 : line_end(p, from);
		p->list_depth = 0;
		p->resume = p->file->base + (uint32_t)at;
		return;
	}
	lists = lists_open(f, from, maybe_left_open);
	p->list_depth = 0;
	if (!braces_close(p, &at, lists + p->block_depth))
		at = pass_braces(f, from, at);
	else if (p->block_depth && ((p->token_count == 1 && is_out_of_place(f)) ||
				    (f->found == TOKEN_COLON && p->first_token == TOKEN_TYPE)))
		at = pass_block(f, from);
	else
		at = pass_statement(f, from, lists);
	p->resume = p->file->base + (uint32_t)at;
}
