/* The grammar of rules: tokens in, the tree of ast.h out. Every action is one constructor call; what
 * a name means, and whether the parts fit each other, is for the pass that follows.
 *
 * Words are reserved only where they could be read as one: wherever a name is expected, `name` takes
 * all of them. */
%require "3.8"
%expect 0
%locations
%define api.pure full
%define api.prefix {skl_}
%define api.token.prefix {TOKEN_}
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%param {void *scanner}
%parse-param {struct parser *p}
%initial-action { @$ = (struct span){p->position, p->position}; }

%code requires {
#include "compiler/ast/parser.h"

/* The span of a part: from its first word to its last. Empty parts have none and do not count. */
#define YYLLOC_DEFAULT(current, rhs, count)                                                   \
	((current) = rhs_span((count), &YYRHSLOC(rhs, 0)))

struct span rhs_span(int count, const struct span *parts);
}

%union {
	struct literal literal;
	struct ast_name name;
	struct ast_value value;
	struct ast_values *values;
	struct ast_field_name field;
	struct ast_match *match;
	struct ast_matches matches;
	struct ast_verdict *verdict;
	struct ast_lookup *lookup;
	struct ast_keys keys;
	struct ast_elements *elements;
	struct ast_types *types;
	struct ast_property property;
	struct ast_properties *properties;
	struct ast_item *item;
	struct ast_items *items;
	struct packet_ends ends;
	enum ast_compare compare;
	enum verdict_kind kind;
	enum fallback fallback;
	enum protocol protocol;
	bool flag;
}

%code {
#include "skl.lex.h"

static void skl_error(struct span *span, void *scanner, struct parser *p, const char *message);
}

%token END 0 "the end of the file"
%token START_RULES "a file of rules"
%token START_DEFINITION "a definition of the command line"
%token START_VERDICT "a lone verdict"
%token NEWLINE "the end of the statement"
%token NAME "a name"
%token <literal> ADDRESS "an address"
%token <literal> NUMBER "a number"
%token WILDCARD "a wildcard"
%token STRING "a text in quotes"
%token DEFINED "a $name"
%token SET_NAME "a @name"
%token ENDPOINT "an address and port"
%token INVALID "a character that has no meaning"
%token BRACE_OPEN "{" COMMA "," BRACE_CLOSE "}" DOT "." COLON ":" DASH "-" ARROW "->"
%token ASSIGN "=" EQUAL "==" UNEQUAL "!=" LESS "<" LESS_EQUAL "<=" GREATER ">" GREATER_EQUAL ">="

%token DEFINE "define" INCLUDE "include" POLICY "policy" OPTION "option" SET "set" MAP "map"
%token SOCKET "socket" CHAIN "chain" EXPECT "expect"
%token TCP "tcp" UDP "udp" TYPE "type" ELEMENTS "elements" FILE_WORD "file" UID "uid" CGROUP "cgroup"
%token DEV "dev" FLAGS "flags" AUTO_MERGE "auto-merge"
%token META "meta" L4PROTO "l4proto" NFPROTO "nfproto" TH "th" IP "ip" IP6 "ip6"
%token DADDR "daddr" DPORT "dport" SADDR "saddr" SPORT "sport" IIF "iif" IIFNAME "iifname"
%token VMAP "vmap" COUNTER "counter" PACKETS "packets" BYTES "bytes" COMMENT "comment"
%token PASS "pass" ACCEPT "accept" DROP "drop" REJECT "reject" REDIRECT "redirect" TO "to"
%token NO_REUSEPORT "no-reuseport" ELSE "else" CONTINUE "continue"
%token JUMP "jump" GOTO "goto" RETURN "return"

%type <name> name string defined set_name comment interface expect_interface
%type <value> value label
%type <values> values list value_list defined_value
%type <field> field address port address_or_port key
%type <match> match
%type <matches> matches
%type <compare> compare
%type <verdict> verdict simple_verdict
%type <lookup> lookup fields
%type <keys> element_key keys
%type <elements> elements element_list key_lists key_list element_keys element_key_list
%type <types> types
%type <property> set_property map_property socket_property
%type <properties> set_properties map_properties socket_properties
%type <item> item define include policy option set map socket chain expect rule
%type <items> body rules
%type <ends> ends
%type <kind> end_verdict
%type <fallback> fallback
%type <protocol> protocol
%type <flag> no_reuseport

%%

start:
	START_RULES body
|	START_DEFINITION name ASSIGN defined_value NEWLINE	{ ast_define(p, @$, $2, $4); }
|	START_VERDICT simple_verdict NEWLINE	{ p->verdict = $2; }
;

body:
	%empty	{ $$ = p->items; }
|	body NEWLINE
|	body item NEWLINE	{ $$ = ast_items_add(p, $1, $2); }
|	body error NEWLINE	{ yyerrok; }
;

item:
	define | include | policy | option | set | map | socket | chain | expect | rule
;

define:
	DEFINE name ASSIGN defined_value	{ $$ = ast_define(p, @$, $2, $4); }
;

defined_value:
	value	{ $$ = ast_single(p, $1); }
|	keyword	{ $$ = ast_single(p, ast_named(AST_VALUE_WORD, ast_name(p, @1), @1)); }
|	list
;

include:
	INCLUDE string	{ $$ = ast_include(p, @$, $2); }
;

policy:
	POLICY end_verdict	{ $$ = ast_policy(p, @$, $2); }
;

end_verdict:
	PASS	{ $$ = VERDICT_PASS; }
|	ACCEPT	{ $$ = VERDICT_PASS; }
|	DROP	{ $$ = VERDICT_DROP; }
|	REJECT	{ $$ = VERDICT_DROP; }
;

option:
	OPTION name	{ $$ = ast_option(p, @$, $2); }
;

/* Sets, maps and sockets: a block with one property a line. */

set:
	SET name BRACE_OPEN set_properties BRACE_CLOSE	{ $$ = ast_set(p, @$, $2, $4); }
|	SET name BRACE_OPEN set_properties set_property BRACE_CLOSE	{ $$ = ast_set(p, @$, $2, ast_properties_add(p, $4, $5)); }
|	SET name BRACE_OPEN set_properties error BRACE_CLOSE	{ $$ = ast_set(p, @$, $2, $4); }
;

set_properties:
	%empty	{ $$ = ast_properties(p); }
|	set_properties NEWLINE
|	set_properties set_property NEWLINE	{ $$ = ast_properties_add(p, $1, $2); }
|	set_properties error NEWLINE	{ yyerrok; }
;

set_property:
	TYPE types	{ $$ = ast_type_property(@$, $2); }
|	ELEMENTS ASSIGN list	{ $$ = ast_values_property(@$, $3); }
|	ELEMENTS ASSIGN key_lists	{ $$ = ast_elements_property(PROPERTY_KEY_LISTS, @$, $3); }
|	FILE_WORD string	{ $$ = ast_name_property(PROPERTY_FILE, @$, $2); }
|	FLAGS flags	{ $$ = ast_property(PROPERTY_FLAGS, @$); }
|	AUTO_MERGE	{ $$ = ast_property(PROPERTY_AUTO_MERGE, @$); }
;

map:
	MAP name BRACE_OPEN map_properties BRACE_CLOSE	{ $$ = ast_map(p, @$, $2, $4); }
|	MAP name BRACE_OPEN map_properties map_property BRACE_CLOSE	{ $$ = ast_map(p, @$, $2, ast_properties_add(p, $4, $5)); }
|	MAP name BRACE_OPEN map_properties error BRACE_CLOSE	{ $$ = ast_map(p, @$, $2, $4); }
;

map_properties:
	%empty	{ $$ = ast_properties(p); }
|	map_properties NEWLINE
|	map_properties map_property NEWLINE	{ $$ = ast_properties_add(p, $1, $2); }
|	map_properties error NEWLINE	{ yyerrok; }
;

map_property:
	TYPE types COLON name	{ $$ = ast_type_property(@$, ast_types_verdict($2, $4)); }
|	ELEMENTS ASSIGN elements	{ $$ = ast_elements_property(PROPERTY_ELEMENTS, @$, $3); }
|	FILE_WORD string	{ $$ = ast_name_property(PROPERTY_FILE, @$, $2); }
|	FLAGS flags	{ $$ = ast_property(PROPERTY_FLAGS, @$); }
;

/* What nft says of a set, and always holds here. */
flags:
	name	{ ast_flag(p, $1); }
|	flags COMMA name	{ ast_flag(p, $3); }
;

types:
	name	{ $$ = ast_types(p, $1); }
|	types DOT name	{ $$ = ast_types_add(p, $1, $3); }
;

elements:
	BRACE_OPEN BRACE_CLOSE	{ $$ = ast_elements_close(ast_elements(p), @$); }
|	BRACE_OPEN element_list BRACE_CLOSE	{ $$ = ast_elements_close($2, @$); }
|	BRACE_OPEN element_list COMMA BRACE_CLOSE	{ $$ = ast_elements_close($2, @$); }
;

element_list:
	element_key COLON simple_verdict	{ $$ = ast_elements_add(p, ast_elements(p), @$, $1, $3); }
|	element_list COMMA element_key COLON simple_verdict	{ $$ = ast_elements_add(p, $1, span_join(@3, @5), $3, $5); }
;

element_key:
	value	{ $$ = ast_keys(p, $1); }
|	keys
;

/* Two keys or more: an element of a set of several fields. */
keys:
	value DOT value	{ $$ = ast_keys_add(p, ast_keys(p, $1), $3); }
|	keys DOT value	{ $$ = ast_keys_add(p, $1, $3); }
;

key_lists:
	BRACE_OPEN key_list BRACE_CLOSE	{ $$ = ast_elements_close($2, @$); }
|	BRACE_OPEN key_list COMMA BRACE_CLOSE	{ $$ = ast_elements_close($2, @$); }
;

key_list:
	keys	{ $$ = ast_elements_add(p, ast_elements(p), @$, $1, NULL); }
|	key_list COMMA element_key	{ $$ = ast_elements_add(p, $1, @3, $3, NULL); }
;

element_keys:
	BRACE_OPEN BRACE_CLOSE	{ $$ = ast_elements_close(ast_elements(p), @$); }
|	BRACE_OPEN element_key_list BRACE_CLOSE	{ $$ = ast_elements_close($2, @$); }
|	BRACE_OPEN element_key_list COMMA BRACE_CLOSE	{ $$ = ast_elements_close($2, @$); }
;

element_key_list:
	element_key	{ $$ = ast_elements_add(p, ast_elements(p), @$, $1, NULL); }
|	element_key_list COMMA element_key	{ $$ = ast_elements_add(p, $1, @3, $3, NULL); }
;

socket:
	SOCKET name BRACE_OPEN socket_properties BRACE_CLOSE	{ $$ = ast_socket(p, @$, $2, $4); }
|	SOCKET name BRACE_OPEN socket_properties socket_property BRACE_CLOSE	{ $$ = ast_socket(p, @$, $2, ast_properties_add(p, $4, $5)); }
|	SOCKET name BRACE_OPEN socket_properties error BRACE_CLOSE	{ $$ = ast_socket(p, @$, $2, $4); }
;

socket_properties:
	%empty	{ $$ = ast_properties(p); }
|	socket_properties NEWLINE
|	socket_properties socket_property NEWLINE	{ $$ = ast_properties_add(p, $1, $2); }
|	socket_properties error NEWLINE	{ yyerrok; }
;

socket_property:
	protocol ENDPOINT	{ $$ = ast_endpoint_property(p, @$, $1, @2, (struct ast_name){NULL, {0, 0}}); }
|	protocol ENDPOINT DEV interface	{ $$ = ast_endpoint_property(p, @$, $1, @2, $4); }
|	UID string	{ $$ = ast_name_property(PROPERTY_UID, @$, $2); }
|	UID NUMBER	{ $$ = ast_name_property(PROPERTY_UID, @$, ast_name(p, @2)); }
|	CGROUP string	{ $$ = ast_name_property(PROPERTY_CGROUP, @$, $2); }
;

chain:
	CHAIN name BRACE_OPEN rules BRACE_CLOSE	{ $$ = ast_chain(p, @$, $2, $4); }
|	CHAIN name BRACE_OPEN rules rule BRACE_CLOSE	{ $$ = ast_chain(p, @$, $2, ast_items_add(p, $4, $5)); }
|	CHAIN name BRACE_OPEN rules error BRACE_CLOSE	{ $$ = ast_chain(p, @$, $2, $4); }
;

rules:
	%empty	{ $$ = ast_items(p); }
|	rules NEWLINE
|	rules rule NEWLINE	{ $$ = ast_items_add(p, $1, $2); }
|	rules error NEWLINE	{ yyerrok; }
;

expect:
	EXPECT protocol ends expect_interface simple_verdict	{ $$ = ast_expect(p, @$, $2, $3, $4, $5); }
;

ends:
	ENDPOINT	{ $$ = ast_ends((struct span){0, 0}, @1); }
|	ARROW ENDPOINT	{ $$ = ast_ends((struct span){0, 0}, @2); }
|	ENDPOINT ARROW ENDPOINT	{ $$ = ast_ends(@1, @3); }
;

expect_interface:
	%empty	{ $$ = (struct ast_name){NULL, {0, 0}}; }
|	IIF interface	{ $$ = $2; }
|	IIFNAME interface	{ $$ = $2; }
;

interface:
	name
|	string
;

/* Rules. */

rule:
	matches verdict comment	{ $$ = ast_rule(p, @$, $1, false, $2, $3); }
|	matches counter verdict comment	{ $$ = ast_rule(p, @$, $1, true, $3, $4); }
;

/* With the numbers that nft lists; counting begins at 0. */
counter:
	COUNTER
|	COUNTER PACKETS NUMBER BYTES NUMBER
;

matches:
	%empty	{ $$ = (struct ast_matches){NULL, NULL}; }
|	matches match	{ $$ = ast_matches_add($1, $2); }
;

match:
	protocol	{ $$ = ast_protocol_match(p, @1); }
|	field compare values	{ $$ = ast_match(p, @$, $1, $2, $3); }
|	fields compare set_name	{ $$ = ast_keys_match(p, @$, $1, $2, $3, NULL); }
|	fields compare element_key	{ $$ = ast_keys_match(p, @$, $1, $2, (struct ast_name){NULL, @3}, ast_element_alone(p, $3, @3)); }
|	fields compare element_keys	{ $$ = ast_keys_match(p, @$, $1, $2, (struct ast_name){NULL, @3}, $3); }
;

protocol:
	TCP	{ $$ = PROTOCOL_TCP; }
|	UDP	{ $$ = PROTOCOL_UDP; }
;

/* `tcp dport` at the start of a match is a match and a field; only after a dot is it one key. */
field:
	address_or_port
|	TH port	{ $$ = ast_field_spelled($2, @$); }
|	IP address	{ $$ = ast_field_of_family($2, FAMILY_IPV4, @$); }
|	IP6 address	{ $$ = ast_field_of_family($2, FAMILY_IPV6, @$); }
|	L4PROTO	{ $$ = ast_field(FIELD_L4PROTO, @1); }
|	META L4PROTO	{ $$ = ast_field(FIELD_L4PROTO, @$); }
|	META NFPROTO	{ $$ = ast_field(FIELD_NFPROTO, @$); }
|	IIF	{ $$ = ast_field(FIELD_IIF, @1); }
|	META IIF	{ $$ = ast_field(FIELD_IIF, @$); }
|	IIFNAME	{ $$ = ast_field(FIELD_IIFNAME, @1); }
|	META IIFNAME	{ $$ = ast_field(FIELD_IIFNAME, @$); }
;

address_or_port:
	address | port
;

address:
	DADDR	{ $$ = ast_field(FIELD_DADDR, @1); }
|	SADDR	{ $$ = ast_field(FIELD_SADDR, @1); }
;

port:
	DPORT	{ $$ = ast_field(FIELD_DPORT, @1); }
|	SPORT	{ $$ = ast_field(FIELD_SPORT, @1); }
;

compare:
	%empty	{ $$ = AST_COMPARE_EQUAL; }
|	EQUAL	{ $$ = AST_COMPARE_EQUAL; }
|	UNEQUAL	{ $$ = AST_COMPARE_UNEQUAL; }
|	LESS	{ $$ = AST_COMPARE_LESS; }
|	LESS_EQUAL	{ $$ = AST_COMPARE_LESS_EQUAL; }
|	GREATER	{ $$ = AST_COMPARE_GREATER; }
|	GREATER_EQUAL	{ $$ = AST_COMPARE_GREATER_EQUAL; }
;

values:
	value	{ $$ = ast_single(p, $1); }
|	set_name	{ $$ = ast_single(p, ast_named(AST_VALUE_SET, $1, @1)); }
|	list
;

list:
	BRACE_OPEN BRACE_CLOSE	{ $$ = ast_list_close(ast_list(p), @$); }
|	BRACE_OPEN value_list BRACE_CLOSE	{ $$ = ast_list_close($2, @$); }
|	BRACE_OPEN value_list COMMA BRACE_CLOSE	{ $$ = ast_list_close($2, @$); }
;

value_list:
	value	{ $$ = ast_list_add(p, ast_list(p), $1); }
|	value_list COMMA value	{ $$ = ast_list_add(p, $1, $3); }
;

value:
	ADDRESS	{ $$ = ast_literal(&$1, @1); }
|	ADDRESS DASH ADDRESS	{ $$ = ast_range(p, @$, &$1, &$3); }
|	NUMBER	{ $$ = ast_literal(&$1, @1); }
|	NUMBER DASH NUMBER	{ $$ = ast_range(p, @$, &$1, &$3); }
|	value_word	{ $$ = ast_word(p, @1); }
|	WILDCARD	{ $$ = ast_named(AST_VALUE_WORD, ast_name(p, @1), @1); }
|	string	{ $$ = ast_named(AST_VALUE_STRING, $1, @1); }
|	defined	{ $$ = ast_named(AST_VALUE_DEFINED, $1, @1); }
;

verdict:
	simple_verdict
|	lookup map_word set_name	{ $$ = ast_map_verdict(p, @$, $1, $3, NULL); }
|	lookup map_word elements	{ $$ = ast_map_verdict(p, @$, $1, (struct ast_name){NULL, @3}, $3); }
;

map_word:
	MAP | VMAP
;

lookup:
	field	{ $$ = ast_lookup(p, $1); }
|	fields
;

fields:
	field DOT key	{ $$ = ast_lookup_add(p, ast_lookup(p, $1), $3); }
|	fields DOT key	{ $$ = ast_lookup_add(p, $1, $3); }
;

key:
	field
|	TCP port	{ $$ = ast_field_of_protocol($2, PROTOCOL_TCP, @$); }
|	UDP port	{ $$ = ast_field_of_protocol($2, PROTOCOL_UDP, @$); }
;

simple_verdict:
	PASS	{ $$ = ast_verdict(p, VERDICT_PASS, @1); }
|	ACCEPT	{ $$ = ast_verdict(p, VERDICT_PASS, @1); }
|	DROP	{ $$ = ast_verdict(p, VERDICT_DROP, @1); }
|	REJECT	{ $$ = ast_verdict(p, VERDICT_DROP, @1); }
|	REDIRECT TO label no_reuseport fallback	{ $$ = ast_redirect(p, @$, $3, $4, $5); }
|	JUMP name	{ $$ = ast_call(p, VERDICT_JUMP, @$, $2); }
|	GOTO name	{ $$ = ast_call(p, VERDICT_GOTO, @$, $2); }
|	RETURN	{ $$ = ast_verdict(p, VERDICT_RETURN, @1); }
;

label:
	name	{ $$ = ast_named(AST_VALUE_WORD, $1, @1); }
|	defined	{ $$ = ast_named(AST_VALUE_DEFINED, $1, @1); }
;

no_reuseport:
	%empty	{ $$ = false; }
|	NO_REUSEPORT	{ $$ = true; }
;

fallback:
	%empty	{ $$ = FALLBACK_DROP; }
|	ELSE DROP	{ $$ = FALLBACK_DROP; }
|	ELSE REJECT	{ $$ = FALLBACK_DROP; }
|	ELSE PASS	{ $$ = FALLBACK_PASS; }
|	ELSE ACCEPT	{ $$ = FALLBACK_PASS; }
|	ELSE CONTINUE	{ $$ = FALLBACK_CONTINUE; }
;

comment:
	%empty	{ $$ = (struct ast_name){NULL, {0, 0}}; }
|	COMMENT string	{ $$ = $2; }
;

/* Names. */

defined:
	DEFINED	{ $$ = ast_unmarked(p, @1); }
;

set_name:
	SET_NAME	{ $$ = ast_unmarked(p, @1); }
;

string:
	STRING	{ $$ = ast_unquoted(p, @1); }
;

name:
	value_word	{ $$ = ast_name(p, @1); }
|	keyword	{ $$ = ast_name(p, @1); }
;

value_word:
	NAME | TCP | UDP
;

keyword:
	DEFINE | INCLUDE | POLICY | OPTION | SET | MAP | SOCKET | CHAIN | EXPECT | TYPE | ELEMENTS
|	FILE_WORD | UID | CGROUP | DEV | FLAGS | AUTO_MERGE | META | L4PROTO | NFPROTO | TH | IP | IP6 | DADDR | DPORT | SADDR
|	SPORT | IIF | IIFNAME | VMAP | COUNTER | PACKETS | BYTES | COMMENT | PASS | ACCEPT | DROP | REJECT | REDIRECT
|	TO | NO_REUSEPORT | ELSE | CONTINUE | JUMP | GOTO | RETURN
;

%%

struct span rhs_span(int count, const struct span *parts)
{
	struct span span = {0, 0};
	int i;

	if (!count)
		return (struct span){parts[0].end, parts[0].end};
	span.first = span.end = parts[1].first;
	for (i = 1; i <= count; i++) {
		if (parts[i].first == parts[i].end)
			continue;
		if (span.first == span.end)
			span.first = parts[i].first;
		span.end = parts[i].end;
	}
	return span;
}

/* Tokens are numbered in the order of their declarations, after all characters. */
enum { TOKEN_FIRST = TOKEN_START_RULES, TOKEN_LAST = YYMAXUTOK };

const char *skl_word(int token)
{
	return yysymbol_name(YYTRANSLATE(token));
}

int skl_keyword(const char *text, size_t length)
{
	const char *word;
	int token;

	for (token = TOKEN_DEFINE; token <= TOKEN_LAST; token++) {
		word = skl_word(token);
		if (word[0] == text[0] && !strncmp(word, text, length) && !word[length])
			return token;
	}
	return 0;
}

static int token_of(yysymbol_kind_t symbol)
{
	int token;

	for (token = TOKEN_FIRST; token <= TOKEN_LAST; token++)
		if (YYTRANSLATE(token) == symbol)
			return token;
	return TOKEN_END;
}

static int yyreport_syntax_error(const yypcontext_t *context, void *scanner, struct parser *p)
{
	yysymbol_kind_t symbols[YYNTOKENS];
	int expected[YYNTOKENS];
	int count = yypcontext_expected_tokens(context, symbols, YYNTOKENS), i;

	(void)scanner;
	for (i = 0; i < count; i++)
		expected[i] = token_of(symbols[i]);
	syntax_error(p, *yypcontext_location(context), token_of(yypcontext_token(context)),
		     expected, (size_t)(count < 0 ? 0 : count));
	return 0;
}

/* Reports that bison's stack is full, the only error that bison words itself. Left-recursive lists keep this
 * from happening. */
static void skl_error(struct span *span, void *scanner, struct parser *p, const char *message)
{
	(void)scanner;
	diag_error(p->diag, *span, "%s", message);
}

int skl_run(struct parser *p)
{
	void *scanner;
	int result;

	if (skl_lex_init_extra(p, &scanner))
		return 2;
	result = skl_parse(scanner, p);
	skl_lex_destroy(scanner);
	return result;
}
