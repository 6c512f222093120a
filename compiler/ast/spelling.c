/* Reports signs, quotes and places of values that other languages have, and what is written here instead. */
#include "failure.h"

#include "compiler/base/literal.h"
#include "skl.tab.h"

#include <string.h>

/* Signs. */

static const struct {
	const char *word, *sign;
} words_for_signs[] = {
	{"not", "!="}, {"ne", "!="}, {"neq", "!="}, {"eq", "=="}, {"is", "=="},
	{"in", "=="},  {"lt", "<"},  {"le", "<="},  {"gt", ">"},  {"ge", ">="},
};

static const char *sign_of_word(const struct failure *f, struct span span)
{
	size_t i;

	for (i = 0; i < sizeof(words_for_signs) / sizeof(words_for_signs[0]); i++)
		if (span_is(f, span, words_for_signs[i].word))
			return words_for_signs[i].sign;
	return NULL;
}

static bool is_field(const struct failure *f, struct span span)
{
	return field_of_token(skl_keyword(source_text(f->p->sources, span),
					  span.end - span.first)) != FIELD_NONE;
}

/* `dport not 80`: the word was read as a value. */
static bool say_word_for_sign(const struct failure *f)
{
	struct span word = word_before(f, f->span);
	const char *sign = is_in_rule(f) ? sign_of_word(f, word) : NULL;

	if (!sign || !is_field(f, word_before(f, word)))
		return false;
	say_mend(f, word, sign, "values are compared by a sign");
	return true;
}

/* `=>`, `=<`, `=!` and `<>`. */
static bool say_two_signs(const struct failure *f)
{
	const char *text = source_text(f->p->sources, f->span);
	struct span both = {f->span.first, f->span.first + 2};
	const char *sign = NULL;

	if (f->found == TOKEN_ASSIGN && is_expected(f, TOKEN_UNEQUAL))
		sign = text[1] == '!' ? "!=" : text[1] == '<' ? "<=" : text[1] == '>' ? ">=" : NULL;
	if (f->found == TOKEN_GREATER && f->span.first > f->p->first && text[-1] == '<') {
		both = (struct span){f->span.first - 1, f->span.end};
		sign = "!=";
	}
	if (!sign)
		return false;
	say_mend(f, both, sign, "there is no such sign");
	return true;
}

/* `dport 80 and saddr …`, `dport 80 or 443`. */
static bool say_joined(const struct failure *f)
{
	static const char *const ands[] = {"and", "&", NULL}, *const ors[] = {"or", "|", NULL};
	struct span word = word_at(f, f->span.first), next = word_after(f, word);

	if (!is_in_rule(f) || f->p->token_count < 2)
		return false;
	if (found_is_any(f, ands)) {
		say_mend(f, (struct span){f->span.first, next.end}, text_of(f, next),
			 "matches stand side by side, and all of them must hold");
		return true;
	}
	if (!found_is_any(f, ors))
		return false;
	diag_error(f->p->diag, word, "a list stands in braces, like '{ 80, 443 }'; found '%s'",
		   text_of(f, word));
	return true;
}

static bool is_digit_at(const struct failure *f, struct span span)
{
	const char c = *source_text(f->p->sources, span);

	return span.first < span.end && c >= '0' && c <= '9';
}

/* `1024:` and `:1023`, ranges with one end. */
static bool say_open_range(const struct failure *f)
{
	const struct parser *p = f->p;
	struct span before = word_before(f, f->span), after = word_at(f, f->span.end);

	if (f->found != TOKEN_COLON || p->list_depth || p->field == FIELD_NONE ||
	    field_type(p->field) != TYPE_PORT)
		return false;
	if (is_expected(f, TOKEN_NUMBER) && is_digit_at(f, after))
		say_mend(f, (struct span){f->span.first, after.end},
			 arena_printf(p->arena, "0-%s", text_of(f, after)),
			 "a range has two ends, with a dash between");
	else if (is_in_rule(f) && before.end == f->span.first && is_digit_at(f, before))
		say_mend(f, (struct span){before.first, f->span.end},
			 arena_printf(p->arena, "%s-65535", text_of(f, before)),
			 "a range has two ends, with a dash between");
	else
		return false;
	return true;
}

bool say_sign(const struct failure *f)
{
	return say_word_for_sign(f) || say_two_signs(f) || say_joined(f) || say_open_range(f);
}

/* Quotes and names. */

static bool say_without_quotes(const struct failure *f)
{
	struct span word = word_at(f, f->span.first);
	const char *text = source_text(f->p->sources, f->span);
	bool is_comment = span_is(f, word_before(f, f->span), "comment");
	const char *quoted;

	if (!is_expected(f, TOKEN_STRING) || is_expected(f, TOKEN_ADDRESS) || takes_any_name(f) ||
	    f->found == TOKEN_STRING || word.first == word.end ||
	    (!found_is_word(f) && !strchr("/.~0123456789", *text)))
		return false;
	if (is_comment)
		word = rest_from(f, f->span.first);
	quoted = arena_printf(f->p->arena, "\"%s\"", text_of(f, word));
	if (!mend_parses(f, word, quoted))
		return false;
	say_mend(f, word, quoted, "this text stands in quotes");
	return true;
}

/* `$x` or `@x` where a name is given, and `x = 80`. */
static bool say_name(const struct failure *f)
{
	const char *text = source_text(f->p->sources, f->span), *name;
	size_t length = f->span.end - f->span.first;
	const bool is_marked = f->found == TOKEN_DEFINED || f->found == TOKEN_SET_NAME;

	name = arena_printf(f->p->arena, "%.*s", (int)length - is_marked, text + is_marked);
	if (is_marked && takes_any_name(f) && !is_expected(f, TOKEN_ADDRESS)) {
		say_mend(f, f->span, name,
			 *text == '$' ? "a name stands here, without '$'"
				      : "a name stands here, without '@'");
		return true;
	}
	while (is_blank(text[length]))
		length++;
	if (!is_expected(f, TOKEN_DEFINE) || text[length] != '=' || text[length + 1] == '=' ||
	    !(f->found == TOKEN_DEFINED || f->found == TOKEN_NAME))
		return false;
	if (!strncmp(name, "define", strlen("define")) && name[strlen("define")])
		name += strlen("define"); /* the blank between is missing */
	say_mend(f, f->span, arena_printf(f->p->arena, "define %s", name),
		 "a value gets a name by 'define'");
	return true;
}

/* Values. */

/* Reports an address with a port, or in brackets, in a rule: BEFORE is what is to be written before the address. */
static bool say_endpoint_in_rule(const struct failure *f, const char *before,
				 const char *port_field)
{
	const char *text = source_text(f->p->sources, f->span), *address;
	const size_t length = f->span.end - f->span.first;
	const bool in_brackets = *text == '[';
	struct literal_fault fault;
	struct endpoint endpoint;
	size_t end;

	if (text[length - 1] == ']') {
		say_mend(f, f->span,
			 arena_printf(f->p->arena, "%s%.*s", before, (int)length - 2, text + 1),
			 "an address of a rule stands without brackets");
		return true;
	}
	if (!endpoint_read(text, length, &endpoint, &fault) || endpoint.any || endpoint.device_end)
		return false;
	end = (size_t)((const char *)memrchr(text, ':', length) - text);
	address = arena_printf(f->p->arena, "%.*s", (int)(end - 2 * in_brackets),
			       text + in_brackets);
	say_mend(
		f, f->span,
		arena_printf(f->p->arena, "%s%s %s %u", before, address, port_field, endpoint.port),
		"an address and a port are two matches of a rule");
	return true;
}

static bool say_value(const struct failure *f)
{
	const bool is_value = is_expected(f, TOKEN_ADDRESS);
	struct span before = word_before(f, f->span);
	const bool after_protocol = span_is(f, before, "tcp") || span_is(f, before, "udp");

	if (f->p->list_depth || f->p->several_fields)
		return false;
	if (f->found == TOKEN_ENDPOINT && is_value && f->p->field == FIELD_SADDR)
		return say_endpoint_in_rule(f, "", "sport");
	if (f->found == TOKEN_ENDPOINT && is_value && f->p->field == FIELD_DADDR)
		return say_endpoint_in_rule(f, "", "dport");
	if (!is_in_rule(f) || !after_protocol)
		return false;
	if (f->found == TOKEN_ENDPOINT)
		return say_endpoint_in_rule(f, "daddr ", "dport");
	if (f->found != TOKEN_NUMBER && f->found != TOKEN_ADDRESS)
		return false;
	say_mend(f, f->span,
		 arena_printf(f->p->arena, f->found == TOKEN_NUMBER ? "dport %s" : "daddr %s",
			      text_of(f, f->span)),
		 f->found == TOKEN_NUMBER ? "a port stands after 'dport' or 'sport'"
					  : "an address stands after 'daddr' or 'saddr'");
	return true;
}

/* The interface of a declared socket. */
static bool say_device(const struct failure *f)
{
	if (!is_expected(f, TOKEN_DEV) || (f->found != TOKEN_IIF && f->found != TOKEN_IIFNAME))
		return false;
	say_mend(f, f->span, "dev", "the interface of a socket stands after 'dev'");
	return true;
}

/* `set s { type addr : verdict; … }` */
static bool say_set_of_verdicts(const struct failure *f)
{
	if (f->found != TOKEN_COLON || f->p->first_token != TOKEN_TYPE || !f->p->block_depth ||
	    f->p->list_depth)
		return false;
	diag_error(f->p->diag, f->span, "verdicts stand in a map, not in a set");
	return true;
}

bool say_spelling(const struct failure *f)
{
	return say_set_of_verdicts(f) || say_without_quotes(f) || say_name(f) || say_value(f) ||
	       say_device(f);
}
