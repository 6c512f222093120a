/* Reports a syntax error: what was expected (by kind, since a list of forty words helps nobody), what was
 * found, and which word was probably meant. Then finds where the next statement begins, so that the parser can
 * go on there. */
#include "failure.h"

#include "compiler/base/nearest.h"
#include "skl.tab.h"

#include <stdio.h>
#include <string.h>

enum { MESSAGE = 512, TRIES_MAX = 4 };

enum { FIRST = TOKEN_START_RULES };

static const int verdicts[] = {TOKEN_PASS,   TOKEN_ACCEPT,   TOKEN_DROP,
			       TOKEN_REJECT, TOKEN_REDIRECT, TOKEN_JUMP,
			       TOKEN_GOTO,   TOKEN_RETURN,   0};
/* The words that may begin a match: not `nfproto`, which stands after `meta`. */
#define FIELD_TOKEN(constant, ...) TOKEN_##constant,
static const int matches[] = {TOKEN_TCP, TOKEN_UDP, TOKEN_META, TOKEN_L4PROTO,
			      TOKEN_TH,  TOKEN_IP,  TOKEN_IP6,  VALUE_FIELDS(FIELD_TOKEN) TOKEN_IIF,
			      0};
#undef FIELD_TOKEN
static const int statements[] = {TOKEN_DEFINE, TOKEN_INCLUDE, TOKEN_POLICY, TOKEN_OPTION, TOKEN_SET,
				 TOKEN_MAP,    TOKEN_SOCKET,  TOKEN_CHAIN,  TOKEN_EXPECT, 0};
static const int values[] = {TOKEN_ADDRESS,       TOKEN_NUMBER, TOKEN_NAME,       TOKEN_WILDCARD,
			     TOKEN_STRING,        TOKEN_TCP,    TOKEN_UDP,        TOKEN_DEFINED,
			     TOKEN_SET_NAME,      TOKEN_LESS,   TOKEN_LESS_EQUAL, TOKEN_GREATER,
			     TOKEN_GREATER_EQUAL, TOKEN_EQUAL,  TOKEN_UNEQUAL,    TOKEN_BRACE_OPEN,
			     TOKEN_DOT,           TOKEN_MAP,    TOKEN_VMAP,       0};

bool is_expected(const struct failure *f, int token)
{
	return token >= FIRST && f->expected[token - FIRST];
}

static bool is_among(int token, const int *tokens)
{
	while (*tokens && *tokens != token)
		tokens++;
	return *tokens;
}

bool is_definition(int token)
{
	return is_among(token, statements);
}

static bool is_keyword(int token)
{
	return token >= TOKEN_DEFINE;
}

/* Lists PHRASE once, instead of each of these tokens; NULL: lists nothing for them. */
static void say(struct failure *f, const char *phrase, const int *tokens)
{
	for (; *tokens; tokens++)
		f->expected[*tokens - FIRST] = false;
	if (phrase && f->phrase_count < PHRASES_MAX)
		f->phrases[f->phrase_count++] = phrase;
}

enum field field_of_token(int token)
{
	switch (token) {
#define FIELD_TOKEN(constant, ...)                                                                 \
	case TOKEN_##constant:                                                                     \
		return FIELD_##constant;
		VALUE_FIELDS(FIELD_TOKEN)
		OTHER_FIELDS(FIELD_TOKEN)
#undef FIELD_TOKEN
	default:
		return FIELD_NONE;
	}
}

static const char *value_phrase(const struct failure *f)
{
	if (f->p->several_fields && is_expected(f, TOKEN_MAP))
		return "'.', 'map', a @name or values with '.' between";
	return f->p->field == FIELD_NONE ? "a value" : type_phrase(field_type(f->p->field));
}

static bool asks_for_interface(const struct failure *f)
{
	return f->p->field != FIELD_NONE && field_type(f->p->field) == TYPE_INTERFACE;
}

bool takes_any_name(const struct failure *f)
{
	return is_expected(f, TOKEN_OPTION) && is_expected(f, TOKEN_ELSE);
}

static void say_any_name(struct failure *f)
{
	bool or_value = is_expected(f, TOKEN_ADDRESS);
	int token;

	for (token = TOKEN_DEFINE; token - FIRST < TOKENS; token++)
		f->expected[token - FIRST] = false;
	f->expected[TOKEN_NAME - FIRST] = false;
	if (or_value)
		say(f, "a value", values);
	else
		say(f, is_expected(f, TOKEN_DEFINED) ? "a label" : "a name",
		    (const int[]){TOKEN_DEFINED, 0});
}

static void say_rule_parts(struct failure *f)
{
	if (is_expected(f, TOKEN_DEFINE)) {
		say(f, "a rule or a definition ('define', 'set', 'chain', …)", statements);
		say(f, NULL, matches);
		say(f, NULL, verdicts);
	} else if (is_expected(f, TOKEN_META) && is_expected(f, TOKEN_NEWLINE)) {
		say(f, "a rule", matches);
		say(f, NULL, verdicts);
	} else if (is_expected(f, TOKEN_META) && is_expected(f, TOKEN_COUNTER)) {
		say(f, "a match ('tcp', 'daddr', 'dport', …)", matches);
		say(f, "a verdict ('pass', 'drop', 'redirect', …)", verdicts);
	} else if (is_expected(f, TOKEN_JUMP)) {
		say(f, "a verdict ('pass', 'drop', 'redirect', …)", verdicts);
		say(f, NULL, matches);
	} else if (is_expected(f, TOKEN_META) || is_expected(f, TOKEN_TH)) {
		say(f, "a field ('daddr', 'dport', …)", matches);
	} else {
		return;
	}
	say(f, NULL, (const int[]){TOKEN_COUNTER, 0});
}

/* Lists each token that is left. The end of the statement is left out between statements, the end of the block
 * within one; so is a dash, since any value could go on as a range, and what is only there for files of nft. */
static void say_rest(struct failure *f)
{
	static const int newline[] = {TOKEN_NEWLINE, 0}, brace[] = {TOKEN_BRACE_CLOSE, 0};
	static const int dash[] = {TOKEN_DASH, 0};
	static const int of_nft[] = {TOKEN_FLAGS, TOKEN_AUTO_MERGE, TOKEN_PACKETS, 0};
	char *quoted;
	int token;

	if (is_expected(f, TOKEN_NEWLINE))
		say(f, NULL, f->p->token_count > 1 ? brace : newline);
	say(f, NULL, dash);
	say(f, NULL, of_nft);
	for (token = FIRST; token - FIRST < TOKENS; token++) {
		if (!is_expected(f, token) || f->phrase_count == PHRASES_MAX)
			continue;
		quoted = arena_printf(f->p->arena, "'%s'", skl_word(token));
		if (token >= TOKEN_BRACE_OPEN)
			f->phrases[f->phrase_count++] = quoted;
		else
			f->phrases[f->phrase_count++] = skl_word(token);
	}
}

static void collect_phrases(struct failure *f)
{
	if (takes_any_name(f))
		say_any_name(f);
	say_rule_parts(f);
	if (is_expected(f, TOKEN_ADDRESS) && is_expected(f, TOKEN_NUMBER))
		say(f, value_phrase(f), values);
	say_rest(f);
}

/* "A, B or C", cut to the size of a message. */
static const char *join_phrases(const struct failure *f, char text[MESSAGE])
{
	size_t length = 0, i;
	const char *between;

	if (!f->phrase_count)
		return "nothing more";
	text[0] = '\0';
	for (i = 0; i < f->phrase_count && length < MESSAGE - 1; i++) {
		between = i == 0 ? "" : i + 1 < f->phrase_count ? ", " : " or ";
		length += (size_t)snprintf(text + length, MESSAGE - length, "%s%s", between,
					   f->phrases[i]);
	}
	return text;
}

const char *found_text(const struct failure *f)
{
	const char *text = source_text(f->p->sources, f->span);
	size_t length = f->span.end - f->span.first;

	if (f->found == TOKEN_END)
		return "the end of the file";
	if (f->found == TOKEN_NEWLINE && (!length || text[0] == '\n'))
		return "the end of the line";
	if (length > FOUND_MAX)
		return arena_printf(f->p->arena, "'%.*s…'", FOUND_MAX, text);
	if (f->found == TOKEN_STRING)
		return arena_printf(f->p->arena, "%.*s", (int)length, text);
	return arena_printf(f->p->arena, "'%.*s'", (int)length, text);
}

bool found_is_word(const struct failure *f)
{
	return f->found == TOKEN_NAME || is_keyword(f->found);
}

/* The expected keyword that the found word resembles; 0 if there is none. */
static int nearest_keyword(const struct failure *f)
{
	const char *text = source_text(f->p->sources, f->span);
	const char *words[TOKENS], *nearest;
	size_t count = 0;
	int token;

	if (f->found == TOKEN_ASSIGN && is_expected(f, TOKEN_EQUAL))
		return TOKEN_EQUAL;
	if (found_is(f, "!") && is_expected(f, TOKEN_UNEQUAL))
		return TOKEN_UNEQUAL;
	if ((f->found == TOKEN_ASSIGN || f->found == TOKEN_ARROW) && is_expected(f, TOKEN_COLON))
		return TOKEN_COLON;
	if (!found_is_word(f) || takes_any_name(f))
		return 0;
	for (token = TOKEN_DEFINE; token - FIRST < TOKENS; token++)
		if (is_expected(f, token))
			words[count++] = skl_word(token);
	nearest = nearest_word(text, f->span.end - f->span.first, words, count);
	return nearest ? skl_keyword(nearest, strlen(nearest)) : 0;
}

bool found_is(const struct failure *f, const char *word)
{
	size_t length = strlen(word);

	return f->span.end - f->span.first == length &&
	       !memcmp(source_text(f->p->sources, f->span), word, length);
}

/* Reports an address without a port where an endpoint is expected. */
static bool say_without_port(const struct failure *f)
{
	const char *text = source_text(f->p->sources, f->span), *found = found_text(f);
	size_t length = f->span.end - f->span.first;

	if (!is_expected(f, TOKEN_ENDPOINT) || f->found != TOKEN_ADDRESS)
		return false;
	if (memchr(text, '/', length))
		diag_error(f->p->diag, f->span, "one address with its port stands here, not %s",
			   found);
	else if (memchr(text, ':', length))
		diag_error(f->p->diag, f->span,
			   "an IPv6 address with a port is written as in '[::1]:80', not %s",
			   found);
	else
		diag_error(f->p->diag, f->span, "%s has no port, as '%.*s:80' has", found,
			   length < FOUND_MAX ? (int)length : FOUND_MAX, text);
	return true;
}

/* Reports common mistakes with a hint, where a list of what is expected would say less. */
static bool say_misplaced(const struct failure *f)
{
	struct diag *diag = f->p->diag;
	bool in_rule = is_expected(f, TOKEN_JUMP) && is_expected(f, TOKEN_META) &&
		       !is_expected(f, TOKEN_NEWLINE) && !takes_any_name(f);

	if (in_rule && (f->found == TOKEN_NEWLINE || f->found == TOKEN_BRACE_CLOSE))
		diag_error(
			diag, f->span,
			"the rule has no verdict: expected 'pass', 'drop', 'redirect', …, found %s",
			found_text(f));
	else if (in_rule && f->found == TOKEN_COMMENT)
		diag_error(diag, f->span, "a comment stands after the verdict");
	else if (in_rule && found_is(f, "*") && asks_for_interface(f))
		diag_error(
			diag, f->span,
			"'*' stands at the end of a name, for interfaces whose names begin alike, "
			"like 'ppp*'");
	else if (in_rule && f->found == TOKEN_COMMA)
		diag_error(diag, f->span, "a list stands in braces, like '{ 80, 443 }'; found ','");
	else if (f->found == TOKEN_BRACE_CLOSE && is_expected(f, TOKEN_NEWLINE) &&
		 !is_expected(f, TOKEN_BRACE_CLOSE))
		diag_error(diag, f->span, "there is no '{' that this '}' closes");
	else
		return say_without_port(f);
	return true;
}

bool is_hook(const struct failure *f)
{
	return f->found == TOKEN_TYPE && f->p->token_count == 1 && is_expected(f, TOKEN_META) &&
	       is_expected(f, TOKEN_PASS);
}

bool found_is_any(const struct failure *f, const char *const *words)
{
	while (*words && !found_is(f, *words))
		words++;
	return *words;
}

bool is_in_rule(const struct failure *f)
{
	return is_expected(f, TOKEN_PASS) && is_expected(f, TOKEN_META) && !takes_any_name(f);
}

static bool say_after_verdict(const struct failure *f)
{
	if (!is_expected(f, TOKEN_COMMENT) || !is_expected(f, TOKEN_NEWLINE))
		return false;
	if (f->found == TOKEN_COUNTER)
		diag_error(f->p->diag, f->span, "'counter' stands before the verdict");
	else
		diag_error(f->p->diag, f->span,
			   "the verdict ends a rule, but for a 'comment'; found %s", found_text(f));
	return true;
}

/* Whether the word is an expected one but for capital letters. */
static bool has_capitals(const struct failure *f)
{
	char *word = arena_printf(f->p->arena, "%.*s", (int)(f->span.end - f->span.first),
				  source_text(f->p->sources, f->span));
	int token;
	size_t i;

	for (i = 0; word[i]; i++)
		if (word[i] >= 'A' && word[i] <= 'Z')
			word[i] = (char)(word[i] - 'A' + 'a');
	token = skl_keyword(word, i);
	return f->found == TOKEN_NAME && token && is_expected(f, token);
}

static void say_expected(struct failure *f, int nearest)
{
	const char *found = found_text(f), *meant,
		   *why = has_capitals(f) ? "; words have small letters" : "";
	char phrases[MESSAGE];

	meant = match_meant(f);
	if (meant) {
		diag_error(f->p->diag, f->span, "unknown match %s; did you mean '%s'?", found,
			   meant);
		return;
	}
	if (nearest && is_among(nearest, matches) && is_expected(f, TOKEN_META)) {
		diag_error(f->p->diag, f->span, "unknown match %s; did you mean '%s'?", found,
			   skl_word(nearest));
		return;
	}
	if (nearest && is_among(nearest, verdicts) && is_expected(f, TOKEN_JUMP)) {
		diag_error(f->p->diag, f->span,
			   "expected a verdict ('pass', 'drop', 'redirect', …), found %s; "
			   "did you mean '%s'?",
			   found, skl_word(nearest));
		return;
	}
	collect_phrases(f);
	if (nearest)
		diag_error(f->p->diag, f->span, "expected %s, found %s; did you mean '%s'?",
			   join_phrases(f, phrases), found, skl_word(nearest));
	else
		diag_error(f->p->diag, f->span, "expected %s, found %s%s", join_phrases(f, phrases),
			   found, why);
}

/* A keyword after an element: the closing brace of the list is missing, and the rule goes on. */
static bool list_was_left_open(const struct failure *f)
{
	return f->p->list_depth && is_expected(f, TOKEN_COMMA) &&
	       (is_keyword(f->found) || f->found == TOKEN_END);
}

/* Whether the closing brace of the block is missing: a definition follows, or a rule in a block that has no
 * rules. */
static bool block_was_left_open(const struct failure *f)
{
	const bool begins_rule = is_among(f->found, matches) || is_among(f->found, verdicts);
	const bool in_socket = is_expected(f, TOKEN_ENDPOINT);

	if (!f->p->block_depth || f->p->list_depth)
		return false;
	return f->found == TOKEN_END || is_among(f->found, statements) ||
	       (begins_rule && !is_expected(f, TOKEN_META) &&
		(is_expected(f, TOKEN_BRACE_CLOSE) || in_socket));
}

/* Whether the open block was reported already, and this error follows from it. A definition inside a chain is
 * reported each time, since each may be a mistake of its own. */
static bool is_said_of_block(const struct failure *f)
{
	return f->p->block_said && block_was_left_open(f) &&
	       !(is_expected(f, TOKEN_META) && is_among(f->found, statements));
}

/* Adds a note with another location or a hint. */
static void say_more(struct failure *f)
{
	if (list_was_left_open(f) || (f->p->list_depth && f->found == TOKEN_END)) {
		diag_note(f->p->diag, f->p->list, "the list opens here");
	} else if (block_was_left_open(f)) {
		diag_note(f->p->diag, f->p->block, "the block opens here");
		f->p->block_said = true;
	} else if (is_expected(f, TOKEN_STRING) && is_keyword(f->found) && asks_for_interface(f)) {
		diag_note(f->p->diag, (struct span){0, 0},
			  "an interface with the name of a word of the rules stands in quotes");
	}
}

bool blank_between(const struct parser *p, uint32_t from, uint32_t to, const char *ends)
{
	const char *text = source_text(p->sources, (struct span){from, from});
	uint32_t at;

	for (at = 0; from + at < to; at++)
		if (text[at] == '#')
			while (from + at + 1 < to && text[at + 1] != '\n')
				at++;
		else if (text[at] != ' ' && text[at] != '\t' && text[at] != '\r' &&
			 !strchr(ends, text[at]))
			return false;
	return true;
}

static bool is_nearly_keyword(const char *text)
{
	int token;

	for (token = TOKEN_DEFINE; token - FIRST < TOKENS; token++)
		if (strlen(text) > 1 &&
		    (!strcmp(text, skl_word(token)) || is_one_edit_away(text, skl_word(token))))
			return true;
	return false;
}

/* Whether a word of this statement was refused, or one before it that was none. */
static bool follows_refused(const struct parser *p)
{
	return p->refused.end &&
	       (p->refused.first >= p->first || blank_between(p, p->refused.end, p->first, ""));
}

/* Whether the word was cut in two, by a newline or a semicolon: both parts together are nearly a keyword. */
static bool is_cut_word(const struct failure *f)
{
	const char *text = source_text(f->p->sources, f->span), *next;
	size_t length = f->span.end - f->span.first, rest;

	next = text + length;
	next += strspn(next, " \t\r");
	if (!found_is_word(f) || !*next || !strchr("\n;", *next))
		return false;
	next += strspn(next, " \t\r\n;");
	rest = strspn(next, "abcdefghijklmnopqrstuvwxyz0123456789");
	text = arena_printf(f->p->arena, "%.*s%.*s", (int)length, text, (int)rest, next);
	return rest && is_nearly_keyword(text);
}

/* Whether the error before was at the end of a statement, and this one is at the first word of the next: then the
 * statement was cut in two. */
static bool follows_cut(const struct failure *f)
{
	return f->p->cut && f->p->token_count == 1 && f->span.first >= f->p->cut &&
	       blank_between(f->p, f->p->cut, f->span.first, "\n;");
}

static bool found_is_literal(const struct failure *f)
{
	return f->found == TOKEN_ADDRESS || f->found == TOKEN_ENDPOINT;
}

/* Takes down where a statement ended in an error: after a word, or a word that may be the first of one, or the colon
 * of an endpoint. */
static void note_cut(const struct failure *f)
{
	const char *text = source_text(f->p->sources, f->span);
	uint32_t at = f->span.end - f->span.first;
	const bool maybe_first = found_is_word(f) && is_nearly_keyword(text_of(f, f->span));

	at += text[at] == ':' && found_is_literal(f);
	f->p->cut = f->span.first + at;
	while (text[at] == ' ' || text[at] == '\t' || text[at] == '\r')
		at++;
	if (f->found != TOKEN_NEWLINE && !is_cut_word(f) &&
	    (!strchr("\n;", text[at]) || (f->p->token_count == 1 && !maybe_first)))
		f->p->cut = 0;
}

/* Where the literal that was found cannot be read either, one error is enough: the literal's where it knows what
 * was meant, else that it stands here. Returns whether the literal's was reported. */
static bool literal_is_said(const struct failure *f)
{
	struct parser_fault fault = f->p->fault;

	if (!fault.message || fault.literal.first != f->span.first)
		return false;
	f->p->fault.message = NULL;
	if (!strstr(fault.message, "; write '") ||
	    checked_offer(f->p, fault.span, fault.message) != fault.message)
		return false;
	diag_error(f->p->diag, fault.span, "%s", fault.message);
	return true;
}

/* The nearest keyword with which the statement has no error; 0: none of the nearest few. */
static int keyword_meant(const struct failure *f)
{
	struct failure left = *f;
	int nearest = verdict_meant(f), tries;

	if (nearest && mend_parses(f, f->span, skl_word(nearest)))
		return nearest;
	for (tries = 0; tries < TRIES_MAX && !is_cut_word(f); tries++) {
		nearest = nearest_keyword(&left);
		if (!nearest || mend_parses(f, f->span, skl_word(nearest)))
			return nearest;
		left.expected[nearest - FIRST] = false;
	}
	return 0;
}

void syntax_error(struct parser *p, struct span span, int found, const int *expected,
		  size_t expected_count)
{
	struct failure f = {.p = p, .span = span, .found = found};
	int nearest;
	size_t i;

	for (i = 0; i < expected_count; i++)
		if (expected[i] >= FIRST)
			f.expected[expected[i] - FIRST] = true;
	if (p->is_trial) {
		diag_error(p->diag, span, "a syntax error");
		return;
	}
	if (follows_refused(p) || is_said_of_block(&f) || follows_cut(&f)) {
		p->fault.message = NULL;
		pass_over(&f, list_was_left_open(&f));
		return;
	}
	if (literal_is_said(&f)) {
		pass_over(&f, list_was_left_open(&f));
		return;
	}
	nearest = keyword_meant(&f);
	if (!say_foreign(&f) && !say_pasted(&f) && !say_misplaced(&f) &&
	    (nearest || !say_after_verdict(&f))) {
		struct failure said = f;

		say_expected(&said, nearest);
		say_more(&f);
	}
	note_cut(&f);
	pass_over(&f, list_was_left_open(&f));
}
