/* What scanner, grammar, syntax_error.c and source_to_ast.c share: the state of a parser, and the functions
 * that make nodes. No other pass includes this. */
#ifndef SKLC_PARSER_H
#define SKLC_PARSER_H

#include "ast.h"
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"

/* Why the last literal could not be read. */
struct parser_fault {
	struct span literal, span; /* all of it, and what is at fault */
	const char *message;       /* NULL: nothing, or it was reported */
};

struct parser {
	struct arena *arena; /* of texts */
	struct arena *nodes;
	const struct sources *sources;
	struct diag *diag;
	struct ast *ast;
	const struct source_file *file;
	size_t next, end;  /* offsets in the file: what the scanner has yet to read */
	uint32_t position; /* of the next byte to scan */
	uint32_t word;     /* of the word that was scanned last */
	int start;  /* the token that tells the grammar what to parse; 0 after it was returned */
	int kind;   /* that token, throughout */
	bool ended; /* the newline that ends the last statement was returned */

	/* The statement that is being read. */
	size_t token_count;
	int first_token;      /* 0: none yet */
	uint32_t first;       /* where it begins */
	uint32_t block_first; /* the same of the statement that opened the block */
	enum field field;     /* the last field in the statement; FIELD_NONE: none yet */
	bool several_fields;  /* a dot stands after a field */
	unsigned list_depth, block_depth;
	struct span list, block; /* the braces that opened the list and the block */
	bool closed_list;        /* the last closing brace closed a list */
	bool closed_block;       /* the last closing brace closed a block */
	bool block_said;         /* it was reported that the block is not closed */
	uint32_t resume;         /* after an error: the scanner skips bytes before this position */
	unsigned closing;        /* after an error: how many blocks it closes before that */
	int again; /* after that: the token that it gives again, in a new statement; 0: none */
	struct span again_span;
	bool again_ended;          /* the statement before that token was ended */
	size_t looked_at;          /* bytes, to find out where to go on */
	struct span refused;       /* the last word that the scanner reported */
	uint32_t cut;              /* the last error was at the end of a statement, here; else 0 */
	struct parser_fault fault; /* not reported yet */
	size_t tried;       /* bytes parsed to find out whether a mended statement has no error */
	struct span mended; /* of such a parser: the mended words */
	bool is_trial;      /* this parser does that: what it reports is not shown */

	/* What was parsed. */
	struct ast_items *items;
	struct ast_define *definition;
	const struct ast_verdict *verdict;
};

/* What the generated scanner and parser provide. */
int skl_keyword(const char *text, size_t length); /* its token, or 0 */
const char *skl_word(int token);    /* the token as written, or what it is: "a name" */
int skl_run(struct parser *parser); /* parses; 0: no error */

/* Report a word that is wrong wherever it stands; a syntax error in the same statement, and a word directly after this
 * one, is then not reported. "; write '…'" at the end of WHY is left out if the statement would still have an error.
 * SPAN is what is at fault of WORD. */
void refuse_word(struct parser *parser, struct span span, const char *why);
void refuse_literal(struct parser *parser, struct span word, struct span span, const char *why);

/* Whether there is nothing between two positions but white space, and perhaps a comment, or one of the characters of
 * ENDS. */
bool blank_between(const struct parser *p, uint32_t from, uint32_t to, const char *ends);

/* The field that a token names; FIELD_NONE: none. */
enum field field_of_token(int token);

/* Reports what was expected and what was found, and sets where the scanner goes on. FOUND and EXPECTED are
 * tokens. */
void syntax_error(struct parser *parser, struct span span, int found, const int *expected,
		  size_t expected_count);

/* Reports a value that stands for every one, `any` or `*`; false if TEXT does not. */
bool say_any(struct parser *p, struct span span, const char *text);

/* Constructors. */
struct ast_matches {
	struct ast_match *first, *last;
};

struct ast_keys {
	uint32_t first, count;
};

/* A line of the block of a set, map or socket. */
enum ast_property_kind {
	PROPERTY_TYPE,
	PROPERTY_ELEMENTS,
	PROPERTY_KEY_LISTS,
	PROPERTY_FILE,
	PROPERTY_FLAGS,
	PROPERTY_AUTO_MERGE,
	PROPERTY_ENDPOINT,
	PROPERTY_UID,
	PROPERTY_CGROUP
};

struct ast_property {
	enum ast_property_kind kind;
	struct span span;
	union {
		struct ast_types *types;
		struct ast_values *values;
		struct ast_elements *elements;
		struct ast_name name;
		struct ast_endpoint *endpoint;
	};
};

/* The properties of a block, in order. */
struct ast_properties {
	struct ast_property *properties;
	size_t count, capacity;
};

struct packet_ends {
	struct span source_span, destination_span; /* {0, 0}: no source */
};

struct ast_name ast_name(struct parser *p, struct span span);
struct ast_name ast_unquoted(struct parser *p, struct span span);
struct ast_name ast_unmarked(struct parser *p, struct span span); /* without `$` or `@` */

struct ast_value ast_literal(const struct literal *literal, struct span span);
struct ast_value ast_range(struct parser *p, struct span span, const struct literal *first,
			   const struct literal *last);
struct ast_value ast_named(enum ast_value_kind kind, struct ast_name name, struct span span);
struct ast_value ast_word(struct parser *p, struct span span);
struct ast_values *ast_single(struct parser *p, struct ast_value value);
struct ast_values *ast_list(struct parser *p);
struct ast_values *ast_list_add(struct parser *p, struct ast_values *list, struct ast_value value);
struct ast_values *ast_list_close(struct ast_values *list, struct span span);

struct ast_field_name ast_field(enum field field, struct span span);
struct ast_field_name ast_field_of_family(struct ast_field_name field, enum family family,
					  struct span span);
struct ast_field_name ast_field_of_protocol(struct ast_field_name field, enum protocol protocol,
					    struct span span);
struct ast_field_name ast_field_spelled(struct ast_field_name field, struct span span);
struct ast_match *ast_match(struct parser *p, struct span span, struct ast_field_name field,
			    enum ast_compare compare, const struct ast_values *values);
struct ast_match *ast_keys_match(struct parser *p, struct span span, struct ast_lookup *lookup,
				 enum ast_compare compare, struct ast_name set,
				 const struct ast_elements *elements);
struct ast_match *ast_protocol_match(struct parser *p, struct span span);
struct ast_matches ast_matches_add(struct ast_matches matches, struct ast_match *match);

struct ast_verdict *ast_verdict(struct parser *p, enum verdict_kind kind, struct span span);
struct ast_verdict *ast_redirect(struct parser *p, struct span span, struct ast_value target,
				 bool no_reuseport, enum fallback fallback);
struct ast_verdict *ast_call(struct parser *p, enum verdict_kind kind, struct span span,
			     struct ast_name chain);
struct ast_verdict *ast_map_verdict(struct parser *p, struct span span, struct ast_lookup *lookup,
				    struct ast_name map, const struct ast_elements *elements);
struct ast_lookup *ast_lookup(struct parser *p, struct ast_field_name key);
struct ast_lookup *ast_lookup_add(struct parser *p, struct ast_lookup *lookup,
				  struct ast_field_name key);

struct ast_keys ast_keys(struct parser *p, struct ast_value key);
struct ast_keys ast_keys_add(struct parser *p, struct ast_keys keys, struct ast_value key);
struct ast_elements *ast_elements(struct parser *p);
struct ast_elements *ast_elements_add(struct parser *p, struct ast_elements *list, struct span span,
				      struct ast_keys keys, const struct ast_verdict *verdict);
struct ast_elements *ast_element_alone(struct parser *p, struct ast_keys keys, struct span span);
struct ast_elements *ast_elements_close(struct ast_elements *list, struct span span);

struct ast_types *ast_types(struct parser *p, struct ast_name name);
struct ast_types *ast_types_add(struct parser *p, struct ast_types *types, struct ast_name name);
struct ast_types *ast_types_verdict(struct ast_types *types, struct ast_name verdict);

struct ast_properties *ast_properties(struct parser *p);
struct ast_properties *ast_properties_add(struct parser *p, struct ast_properties *properties,
					  struct ast_property property);
void ast_flag(struct parser *p, struct ast_name flag); /* refuses flags that do not hold */
struct ast_property ast_property(enum ast_property_kind kind, struct span span);
struct ast_property ast_type_property(struct span span, struct ast_types *types);
struct ast_property ast_values_property(struct span span, struct ast_values *values);
struct ast_property ast_elements_property(enum ast_property_kind kind, struct span span,
					  struct ast_elements *elements);
struct ast_property ast_name_property(enum ast_property_kind kind, struct span span,
				      struct ast_name name);
struct ast_property ast_endpoint_property(struct parser *p, struct span span,
					  enum protocol protocol, struct span endpoint,
					  struct ast_name device);

struct packet_ends ast_ends(struct span source, struct span destination);

struct ast_items *ast_items(struct parser *p);
struct ast_items *ast_items_add(struct parser *p, struct ast_items *items, struct ast_item *item);
struct ast_item *ast_define(struct parser *p, struct span span, struct ast_name name,
			    const struct ast_values *value);
struct ast_item *ast_include(struct parser *p, struct span span, struct ast_name pattern);
struct ast_item *ast_policy(struct parser *p, struct span span, enum verdict_kind verdict);
struct ast_item *ast_option(struct parser *p, struct span span, struct ast_name name);
struct ast_item *ast_set(struct parser *p, struct span span, struct ast_name name,
			 const struct ast_properties *properties);
struct ast_item *ast_map(struct parser *p, struct span span, struct ast_name name,
			 const struct ast_properties *properties);
struct ast_item *ast_socket(struct parser *p, struct span span, struct ast_name label,
			    const struct ast_properties *properties);
struct ast_item *ast_chain(struct parser *p, struct span span, struct ast_name name,
			   const struct ast_items *rules);
struct ast_item *ast_expect(struct parser *p, struct span span, enum protocol protocol,
			    struct packet_ends ends, struct ast_name interface,
			    const struct ast_verdict *verdict);
struct ast_item *ast_rule(struct parser *p, struct span span, struct ast_matches matches,
			  bool counter, const struct ast_verdict *verdict, struct ast_name comment);

#endif
