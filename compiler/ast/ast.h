/* The form that says what was written: the rules as a tree of names and literals, each with its span. Nothing
 * is resolved here: `$name` is a name, and `tcp dport 80` are two matches. */
#ifndef SKLC_AST_H
#define SKLC_AST_H

#include "compiler/base/fields.h"
#include "compiler/base/literal.h"
#include "compiler/base/source.h"
#include "compiler/base/verdict.h"

struct arena;
struct diag;
struct compile_options;

#define AST_COMPARES(X)                                                                            \
	X(EQUAL, "==")                                                                             \
	X(UNEQUAL, "!=") X(LESS, "<") X(LESS_EQUAL, "<=") X(GREATER, ">") X(GREATER_EQUAL, ">=")

enum ast_compare {
#define AST_COMPARE_ENUM(constant, word) AST_COMPARE_##constant,
	AST_COMPARES(AST_COMPARE_ENUM)
#undef AST_COMPARE_ENUM
};

#define AST_VALUES(X)                                                                              \
	X(ADDRESS, "address") /* an address, prefix or range of addresses */                       \
	X(NUMBER, "number")   /* a number or range of numbers */                                   \
	X(WORD, "word")       /* a word, whose meaning depends on the field */                     \
	X(STRING, "string")                                                                        \
	X(DEFINED, "$") /* $name */                                                                \
	X(SET, "@")     /* @name */

enum ast_value_kind {
#define AST_VALUE_ENUM(constant, word) AST_VALUE_##constant,
	AST_VALUES(AST_VALUE_ENUM)
#undef AST_VALUE_ENUM
};

/* A name as written; the span is that of the name alone, without `$`, `@` or quotes. */
struct ast_name {
	const char *text; /* NULL: no name */
	struct span span;
};

struct ast_value {
	struct span span;
	enum ast_value_kind kind;
	enum family family; /* of an address */
	union {
		struct range range; /* of an address or number */
		const char *text;   /* of any other */
	};
};

/* A single value, or a list in braces: an array, since there may be a million. */
struct ast_values {
	struct span span;
	bool is_list;
	struct ast_value *values;
	size_t count, capacity;
};

/* A field as written: `daddr`, `ip daddr`, `tcp dport`. */
struct ast_field_name {
	struct span span;
	enum field field;
	uint8_t families; /* what the spelling fixes, as bits 1 << enum family or protocol; 0: nothing */
	uint8_t protocols;
};

struct ast_match {
	struct ast_match *next;
	struct span span;
	enum ast_compare compare;
	struct ast_field_name field;
	const struct ast_values *values;
	const struct ast_lookup *lookup; /* of several fields together; NULL: FIELD alone */
};

/* An element of a map, or of a set of several keys; its keys are ast->keys[first_key ...]. */
struct ast_element {
	struct span span;
	uint32_t first_key, key_count;
	const struct ast_verdict *verdict; /* NULL: of a set */
};

struct ast_elements {
	struct span span;
	struct ast_element *elements;
	size_t count, capacity;
};

/* `KEY . KEY map @NAME` or `KEY . KEY @NAME`, or a map or set with its elements written in the rule. */
struct ast_lookup {
	const struct ast_field_name *keys;
	size_t key_count, key_capacity;
	struct ast_name name; /* of the map or set; no text: the elements are in the rule */
	const struct ast_elements *elements;
};

struct ast_verdict {
	struct span span;
	enum verdict_kind kind;
	enum fallback fallback;
	bool no_reuseport;
	bool is_defined;        /* the target is a $name, which stands for a label */
	struct ast_name target; /* a label or chain */
	const struct ast_lookup *lookup;
};

/* clang-format off */
#define AST_ITEMS(X) \
	X(DEFINE, "define") \
	X(INCLUDE, "include") \
	X(POLICY, "policy") \
	X(OPTION, "option") \
	X(SET, "set") \
	X(MAP, "map") \
	X(SOCKET, "socket") \
	X(CHAIN, "chain") \
	X(EXPECT, "expect") \
	X(RULE, "rule")
/* clang-format on */

enum ast_item_kind {
#define AST_ITEM_ENUM(constant, word) AST_ITEM_##constant,
	AST_ITEMS(AST_ITEM_ENUM)
#undef AST_ITEM_ENUM
};

/* What each of the items below begins with. */
struct ast_item {
	enum ast_item_kind kind;
	struct span span;
};

struct ast_items {
	struct ast_item **items;
	size_t count, capacity;
};

struct ast_define {
	struct ast_item item;
	struct ast_name name;
	const struct ast_values *value;
};

/* A rules file that the command line or an include names. */
struct ast_file {
	const struct source_file *source;
	struct ast_items *items;
};

struct ast_include {
	struct ast_item item;
	struct ast_name pattern;
	struct ast_file *files;
	size_t file_count;
};

struct ast_policy {
	struct ast_item item;
	enum verdict_kind verdict;
};

struct ast_option {
	struct ast_item item;
	struct ast_name name;
};

/* A `file "…"` line of a set or map. */
struct ast_element_file {
	struct ast_element_file *next;
	struct ast_name name;
	const struct source_file *source; /* NULL: it could not be read, which was reported */
};

/* The names of a `type` line, one for each key. */
struct ast_types {
	struct span span;
	struct ast_name names[MAP_KEYS_MAX];
	size_t count;
	struct ast_name verdict; /* of a map: what follows the colon; no text: none */
};

struct ast_set {
	struct ast_item item;
	struct ast_name name;
	const struct ast_types *type;         /* NULL: the block has no `type` */
	const struct ast_values *elements;    /* of one key each */
	const struct ast_elements *key_lists; /* of several keys each; the other one is NULL then */
	struct ast_element_file *files;
};

struct ast_map {
	struct ast_item item;
	struct ast_name name;
	const struct ast_types *type;
	const struct ast_elements *elements;
	struct ast_element_file *files;
};

struct ast_endpoint {
	struct ast_endpoint *next;
	struct span span;
	enum protocol protocol;
	struct endpoint endpoint;
	struct ast_name device; /* without text: none */
};

struct ast_socket {
	struct ast_item item;
	struct ast_name label;
	struct ast_endpoint *endpoints;
	struct ast_name uid, cgroup;
};

struct ast_chain {
	struct ast_item item;
	struct ast_name name;
	const struct ast_items *rules;
};

struct ast_expect {
	struct ast_item item;
	enum protocol protocol;
	bool has_source;
	struct endpoint source, destination;
	struct span source_span, destination_span;
	struct ast_name interface;
	const struct ast_verdict *verdict;
};

struct ast_rule {
	struct ast_item item;
	const struct ast_match *matches;
	const struct ast_verdict *verdict;
	bool counter;
	struct ast_name comment;
};

struct ast {
	const struct sources *sources;
	struct ast_define **definitions; /* -D, in order */
	size_t definition_count;
	struct ast_file *files; /* of the command line */
	size_t file_count;
	struct ast_value *keys; /* of all elements of maps, and of sets of several keys */
	size_t key_count, key_capacity;
};

/* Parses one file that was added to SOURCES before. NODES is for what the AST points to, without its texts. Reads no
 * other file: `include` and `file` are errors. Uses only the definitions of OPTIONS, which may be NULL. Returns NULL
 * after reporting errors. */
struct ast *text_to_ast(struct arena *arena, struct arena *nodes, struct sources *sources,
			const struct source_file *file, struct diag *diag,
			const struct compile_options *options);

/* Parses a span of an added file as a verdict, as element files of maps have it; NULL after reporting. */
const struct ast_verdict *text_to_verdict(struct arena *arena, const struct sources *sources,
					  struct span span, struct diag *diag);

#endif
