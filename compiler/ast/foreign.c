/* Reports what users of nft and of other programs write, where it is written in another way here or does not exist. */
#include "failure.h"

#include "compiler/base/literal.h"
#include "compiler/base/nearest.h"
#include "skl.tab.h"

#include <string.h>

enum { PORT_MAX = 65535, LABEL_TEXT = 16 };

bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_word(char c)
{
	return is_blank(c) || (c && strchr("\n;#{},\"", c)) || !c;
}

struct span word_at(const struct failure *f, uint32_t first)
{
	const char *text = source_text(f->p->sources, (struct span){first, first});
	uint32_t length = 0;

	while (!ends_word(text[length]))
		length++;
	return (struct span){first, first + length};
}

struct span word_after(const struct failure *f, struct span span)
{
	const char *text = source_text(f->p->sources, span);
	uint32_t at = span.end - span.first;

	while (is_blank(text[at]))
		at++;
	return word_at(f, span.first + at);
}

struct span word_before(const struct failure *f, struct span span)
{
	const char *text = f->p->file->text;
	size_t least = f->p->first - f->p->file->base, at = span.first - f->p->file->base, end;

	while (at > least && is_blank(text[at - 1]))
		at--;
	for (end = at; at > least && !ends_word(text[at - 1]);)
		at--;
	return (struct span){f->p->file->base + (uint32_t)at, f->p->file->base + (uint32_t)end};
}

bool span_is(const struct failure *f, struct span span, const char *word)
{
	size_t length = strlen(word);

	return span.end - span.first == length &&
	       !memcmp(source_text(f->p->sources, span), word, length);
}

struct span rest_from(const struct failure *f, uint32_t first)
{
	struct span span = {first, first}, word = word_at(f, first);

	while (word.first < word.end && !span_is(f, word, "comment")) {
		span.end = word.end;
		word = word_after(f, word);
	}
	return span;
}

const char *text_of(const struct failure *f, struct span span)
{
	return arena_printf(f->p->arena, "%.*s", (int)(span.end - span.first),
			    source_text(f->p->sources, span));
}

/* Labels. */

static bool label_is_expected(const struct failure *f)
{
	return takes_any_name(f) && is_expected(f, TOKEN_DEFINED) && !is_expected(f, TOKEN_ADDRESS);
}

/* The endpoint that a text names in some way, as a socket block has it: ":8080" is "*:8080". NULL if it names no
 * port. */
static const char *endpoint_meant(const struct failure *f, struct span span, unsigned *port)
{
	const char *text = text_of(f, span);
	struct literal_fault fault;
	struct endpoint endpoint;

	if (*text == ':')
		text = arena_printf(f->p->arena, "*%s", text);
	else if (*text >= '0' && *text <= '9' && !strpbrk(text, ".:/"))
		text = arena_printf(f->p->arena, "*:%s", text);
	if (!strchr(text, ':') || !endpoint_read(text, strlen(text), &endpoint, &fault) ||
	    !endpoint.port)
		return NULL;
	*port = endpoint.port;
	return text;
}

/* Reports SPAN, which has an address where a label belongs: BEFORE and a label are to be written instead. */
static void say_socket(const struct failure *f, struct span span, struct span address,
		       const char *before, const char *why)
{
	struct diag *diag = f->p->diag;
	char label[LABEL_TEXT];
	unsigned port;
	const char *endpoint = endpoint_meant(f, address, &port);

	if (!endpoint) {
		diag_error(diag, span, "%s", why);
		diag_note(diag, (struct span){0, 0},
			  "a block beside the rules declares the label's socket, as in "
			  "'socket web { tcp 127.0.0.1:8080 }'");
		return;
	}
	snprintf(label, sizeof(label), "port-%u", port);
	say_mend(f, span, arena_printf(f->p->arena, "%s%s", before, label), why);
	diag_note(diag, (struct span){0, 0},
		  "a line beside the rules declares the label's socket: 'socket %s { %s %s }'",
		  label, f->p->first_token == TOKEN_UDP ? "udp" : "tcp", endpoint);
}

/* The names of a list, or the name that stands alone, as redirects that follow each other. */
static void say_list_of_labels(const struct failure *f)
{
	const char *text = source_text(f->p->sources, f->span);
	size_t length = strcspn(text, "}\n");
	struct span span = {f->span.first,
			    f->span.first + (uint32_t)length + (text[length] == '}')};
	const char *first = text_of(f, word_after(f, f->span));

	say_mend(f, span, arena_printf(f->p->arena, "%s else continue", first),
		 "a packet is redirected to one label, not to a list");
	diag_note(f->p->diag, (struct span){0, 0},
		  "the rules that follow, with the same matches, redirect to the others; or one "
		  "'socket' block declares several sockets of one label, in order of preference");
}

static bool say_no_label(const struct failure *f)
{
	struct span word = word_at(f, f->span.first), inner = {f->span.first + 1, f->span.end - 1};

	if (!label_is_expected(f))
		return false;
	switch (f->found) {
	case TOKEN_STRING:
		say_mend(f, f->span, text_of(f, inner), "a label stands without quotes");
		return true;
	case TOKEN_BRACE_OPEN:
		say_list_of_labels(f);
		return true;
	case TOKEN_ENDPOINT:
	case TOKEN_ADDRESS:
	case TOKEN_NUMBER:
	case TOKEN_COLON:
		say_socket(f, word, word, "",
			   "packets are redirected to a label, not to an address");
		return true;
	default:
		return false;
	}
}

/* Verdicts. */

static bool is_end_of_redirect(const struct failure *f)
{
	return is_expected(f, TOKEN_NEWLINE) && is_expected(f, TOKEN_COMMENT) &&
	       is_expected(f, TOKEN_ELSE);
}

static void say_tproxy(const struct failure *f)
{
	struct span rest = rest_from(f, f->span.first), word = word_after(f, f->span);

	while (span_is(f, word, "ip") || span_is(f, word, "ip6") || span_is(f, word, "to"))
		word = word_after(f, word);
	say_socket(f, rest, word, "redirect to ",
		   "a 'tproxy' of nft is a 'redirect' here, to the label of a socket");
}

/* `tcp dport 80redirect to web`: "redirect" is the end of the word before. */
static bool is_joined_redirect(const struct failure *f, struct span before)
{
	const size_t length = strlen("redirect"), joined = before.end - before.first;

	return joined > length &&
	       !memcmp(source_text(f->p->sources, before) + joined - length, "redirect", length);
}

static bool say_verdict(const struct failure *f)
{
	struct span before = word_before(f, f->span), rest = rest_from(f, f->span.first);

	if (is_in_rule(f) && found_is(f, "tproxy"))
		say_tproxy(f);
	else if (is_in_rule(f) && f->found == TOKEN_TO && !is_joined_redirect(f, before))
		say_mend(f, f->span, "redirect to", "a label stands after 'redirect to'");
	else if (is_expected(f, TOKEN_TO) && !takes_any_name(f) && f->found == TOKEN_NAME &&
		 strncmp(text_of(f, f->span), "to", 2) != 0 &&
		 !is_one_edit_away("to", text_of(f, f->span)) &&
		 mend_parses(f, f->span, arena_printf(f->p->arena, "to %s", text_of(f, f->span))))
		say_mend(f, f->span, arena_printf(f->p->arena, "to %s", text_of(f, f->span)),
			 "a label stands after 'redirect to'");
	else if (f->found == TOKEN_REDIRECT && is_expected(f, TOKEN_CONTINUE) &&
		 !is_expected(f, TOKEN_META))
		say_mend(f, rest, "continue",
			 "where a label has no socket, a rule that follows redirects again");
	else if (found_is(f, "with") && span_is(f, before, "reject") &&
		 is_expected(f, TOKEN_COMMENT))
		say_mend(f, (struct span){before.first, rest.end}, "reject",
			 "a rejected packet is answered as if nobody listened, in no other way");
	else if (found_is(f, "weight") && is_end_of_redirect(f))
		say_mend(f, (struct span){before.first, rest.end}, text_of(f, before),
			 "a redirect has no weight: sockets of one SO_REUSEPORT group share its "
			 "packets evenly");
	else
		return false;
	return true;
}

int verdict_meant(const struct failure *f)
{
	static const char *const accepts[] = {"allow", "permit", "ok", NULL};
	static const char *const drops[] = {"deny", "block", "discard", "ignore", "refuse", NULL};

	if (!is_expected(f, TOKEN_JUMP))
		return 0;
	return found_is_any(f, accepts) ? TOKEN_ACCEPT : found_is_any(f, drops) ? TOKEN_DROP : 0;
}

/* Matches. */

/* What a word of a match is called here; where it can be an address or a port, the address first. */
static const struct {
	const char *word, *meant;
} other_words[] = {
	{"src", "saddr"},         {"src", "sport"},      {"source", "saddr"},
	{"source", "sport"},      {"dst", "daddr"},      {"dst", "dport"},
	{"dest", "daddr"},        {"dest", "dport"},     {"destination", "daddr"},
	{"destination", "dport"}, {"sip", "saddr"},      {"dip", "daddr"},
	{"port", "dport"},        {"proto", "l4proto"},  {"protocol", "l4proto"},
	{"if", "iifname"},        {"in", "iifname"},     {"interface", "iifname"},
	{"dev", "iifname"},       {"device", "iifname"},
};

static bool is_number(const struct failure *f, struct span span)
{
	const char *text = source_text(f->p->sources, span);

	return span.first < span.end && *text >= '0' && *text <= '9' &&
	       !memchr(text, '.', span.end - span.first) &&
	       !memchr(text, ':', span.end - span.first);
}

const char *match_meant(const struct failure *f)
{
	const struct span value = word_after(f, f->span);
	const char *meant = NULL;
	bool is_name; /* the word that follows, if it is a word */
	size_t i;

	if (!found_is_word(f) || takes_any_name(f) ||
	    (!is_expected(f, TOKEN_META) && !is_expected(f, TOKEN_SADDR)))
		return NULL;
	is_name = !skl_keyword(source_text(f->p->sources, value), value.end - value.first);
	for (i = 0; i < sizeof(other_words) / sizeof(other_words[0]); i++) {
		if (!found_is(f, other_words[i].word) || (meant && !is_number(f, value)) ||
		    (!is_name && strcmp(other_words[i].meant, "iifname") == 0) ||
		    !mend_parses(f, f->span, other_words[i].meant))
			continue;
		meant = other_words[i].meant;
	}
	return meant;
}

static const char *const other_protocols[] = {"sctp", "dccp", "udplite", "icmp", "icmpv6",
					      "esp",  "ah",   "gre",     "igmp", NULL};

/* `ip protocol tcp`, `ip6 nexthdr udp` and `meta protocol ip` of nft. */
static bool say_protocol(const struct failure *f)
{
	struct span before = word_before(f, f->span), both = {before.first, f->span.end};
	struct span value = word_after(f, f->span);
	bool is_ip6 = span_is(f, before, "ip6") || span_is(f, value, "ip6");

	if (span_is(f, before, "meta") && found_is(f, "protocol")) {
		both.end = value.end;
		say_mend(f, both, is_ip6 ? "meta nfproto ipv6" : "meta nfproto ipv4",
			 "the protocol of the network layer is 'meta nfproto' here");
		return true;
	}
	if (!is_expected(f, TOKEN_DADDR) || !(found_is(f, "protocol") || found_is(f, "nexthdr")) ||
	    !(span_is(f, before, "ip") || is_ip6))
		return false;
	say_mend(f, both,
		 is_ip6 ? "meta nfproto ipv6 meta l4proto" : "meta nfproto ipv4 meta l4proto",
		 "the protocol, 'tcp' or 'udp', is 'meta l4proto' here");
	return true;
}

static bool say_match(const struct failure *f)
{
	if (say_protocol(f))
		return true;
	if (!is_in_rule(f) || !found_is_any(f, other_protocols))
		return false;
	diag_error(f->p->diag, f->span, "rules see packets of tcp and udp, not of %s",
		   found_text(f));
	return true;
}

/* `any`, `all` and `*` as a value that every packet has. */
bool say_any(struct parser *p, struct span span, const char *text)
{
	const enum value_type type = p->field == FIELD_NONE ? TYPE_COUNT : field_type(p->field);
	const struct failure f = {.p = p, .span = span};
	struct span before;

	if ((type != TYPE_ADDRESS && type != TYPE_PORT) ||
	    (strcmp(text, "any") != 0 && strcmp(text, "all") != 0 && strcmp(text, "*") != 0))
		return false;
	before = word_before(&f, word_before(&f, span));
	say_mend(&f, span,
		 type == TYPE_PORT            ? "0-65535"
		 : span_is(&f, before, "ip6") ? "::/0"
					      : "0.0.0.0/0",
		 type == TYPE_PORT ? "a match of every port can be left out"
				   : "a match of every address can be left out");
	return true;
}

/* Sockets. */

static bool say_endpoint(const struct failure *f)
{
	struct span word = word_at(f, f->span.first);
	const char *endpoint;
	unsigned port;

	if (!is_expected(f, TOKEN_ENDPOINT) || f->p->first_token == TOKEN_EXPECT ||
	    (f->found != TOKEN_NUMBER && f->found != TOKEN_COLON))
		return false;
	endpoint = endpoint_meant(f, word, &port);
	if (!endpoint)
		return false;
	say_mend(f, word, endpoint, "a socket has an address, or '*', before its port");
	return true;
}

bool say_foreign(const struct failure *f)
{
	if (found_is(f, "*") && is_expected(f, TOKEN_ADDRESS) && say_any(f->p, f->span, "*"))
		return true;
	return say_no_label(f) || say_verdict(f) || say_match(f) || say_endpoint(f) ||
	       say_sign(f) || say_spelling(f);
}
