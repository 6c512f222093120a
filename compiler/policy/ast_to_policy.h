/* The state of the pass ast_to_policy, and what its files need of each other. No other pass includes this. */
#ifndef SKLC_AST_TO_POLICY_H
#define SKLC_AST_TO_POLICY_H

#include "compiler/ast/ast.h"
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/base/intern.h"
#include "policy.h"

/* Values understood as values of one type: a set for each family; for ports only the first. */
struct resolved {
	uint8_t bits; /* families of the addresses; or the protocols or families themselves */
	const struct range_set *sets[FAMILY_COUNT];
	const struct range_set *complements[FAMILY_COUNT]; /* NULL until needed */
	struct ast_name *interfaces;
	size_t interface_count, interface_capacity;
};

/* A define is known only after its declaration: ORDER is the number of its item. */
struct define_entry {
	const struct ast_define *define; /* the one of the command line, if there is one */
	bool is_option;
	uint32_t order;
	unsigned depth; /* how deep defines are nested in it */
	bool is_used;
	struct resolved *resolved[TYPE_COUNT];
};

struct set_entry {
	const struct ast_set *set;
	uint32_t order;
	uint32_t key_set; /* of a set of several keys: index into key_sets; else NO_INDEX */
	bool has_type;
	enum value_type type;
	struct resolved *resolved;
};

/* A key of a map: its type, and its field if the declaration names one, else ANY_FIELD. */
struct key_type {
	enum value_type type;
	enum field field;
};

#define ANY_FIELD FIELD_NONE

/* A map, or a set of several keys, which is a map without verdicts. */
struct map_entry {
	const struct ast_map *map;
	bool is_set, is_built;
	uint32_t order;
	struct key_type keys[MAP_KEYS_MAX];
	size_t key_count; /* 0: the type is wrong, which was reported */
	bool by_iif;      /* a rule looks it up by `iif` */
	/* The interfaces in the keys, and the number of each in the policy once a rule looks the map up. */
	struct interface *interfaces;
	size_t interface_count, interface_capacity;
	struct names interface_names;
	uint32_t *interface_numbers;
	uint8_t families;   /* of all elements */
	struct map content; /* elements, keys and verdicts; fields are set for each use */
	uint32_t first_use; /* index into map_uses; NO_INDEX: none yet */
};

/* A map or key set of the policy: the elements of a map_entry, looked up by certain fields. One map_entry of a type
 * like `addr . port` may be looked up by different fields. */
struct map_use {
	bool is_set;
	uint32_t entry; /* index into maps or key_sets */
	uint32_t index; /* index of the policy's map or key set */
	uint32_t next;  /* the next use of the same entry, or NO_INDEX */
};

/* The names of one kind, and the span where each was declared. */
struct kind_names {
	struct names names;
	struct span *spans;
	size_t count, capacity;
};

struct translation {
	struct arena *arena;
	const struct ast *ast;
	struct diag *diag;
	struct policy *policy;
	uint32_t order;   /* number of the current item */
	bool in_elements; /* the value is one of an element file, where no names are known */

	struct kind_names defines_named, sets_named, maps_named, chains_named, sockets_named;
	struct names label_names, interface_names;
	struct names missing;         /* what was named but is not there, with its mark */
	struct define_entry *defines; /* these three in the order of their declarations */
	struct set_entry *sets;
	struct map_entry *maps;     /* followed by maps that are written in rules, without a name */
	struct map_entry *key_sets; /* of the sets, and of those that are written in rules */
	const struct ast_chain **chains; /* chains[i] is chain i + 1 of the policy */
	size_t define_count, define_capacity, set_count, set_capacity, map_count, map_capacity;
	size_t chain_count, chain_capacity, key_set_count, key_set_capacity;
	size_t *rule_capacities; /* for each of the policy's chains */
	struct map_use *map_uses;
	size_t map_use_count, map_use_capacity;
	const struct ast_expect **expects;
	size_t expect_count, expect_capacity;
	bool rules_failed; /* errors before the expects: a label may be missing because of one */
	size_t label_capacity, interface_capacity, policy_map_capacity, socket_capacity;
	size_t policy_key_set_capacity;
	struct span override_span; /* of `option override` */
};

/* A rule that is being made, and the spans of the matches that first limited its family and protocol. */
struct rule_draft {
	struct translation *t;
	struct match *match;
	struct span family_span, protocol_span;
	size_t interface_capacity, key_match_capacity;
};

/* Whether this is the first time that a name is asked for which is not there. MARK tells kinds of names apart. */
bool is_first_missing(struct translation *t, char mark, const char *name);

/* values.c. Each function returns NULL or false after reporting. */
int quoted_length(struct span span); /* how much of a span a message quotes */
struct resolved *resolve_values(struct translation *t, const struct ast_values *values,
				enum value_type type);
void unknown_set(struct translation *t, const char *name, struct span span);
struct resolved *resolve_set(struct translation *t, struct set_entry *entry);
const struct ast_value *resolve_single(struct translation *t, const struct ast_value *value);
bool value_range(struct translation *t, const struct ast_value *value, enum value_type type,
		 enum family *family, struct range *range);
bool check_interface(struct translation *t, const struct ast_value *value);
/* Refuses a wildcard where `iif` needs one interface; false: NAME is none. */
bool refuse_wildcard(struct translation *t, struct ast_name name);
bool interface_is_wildcard(const char *text);
const struct range_set *resolved_complement(struct translation *t, struct resolved *resolved,
					    enum family family, u128 last);
void check_define(struct translation *t, struct define_entry *entry);

/* meant.c: what a value that is of no use was probably meant to be. */
const char *name_meant(struct translation *t, const char *name, struct span span,
		       enum value_type type);
const char *value_meant(struct translation *t, const struct ast_value *value, enum value_type type);
bool text_fits(const char *text, enum value_type type);

/* element_lines.c: files with one element a line. */
struct element_lines {
	const struct sources *sources;
	const struct source_file *file;
	size_t next;    /* offset of the next line */
	size_t at, end; /* what is left of the current line */
};

struct element_lines element_lines(const struct sources *sources, const struct source_file *file);
size_t element_lines_bound(const struct source_file *file); /* at least the number of elements */
bool element_next_line(struct element_lines *lines);        /* skips empty lines */
struct span element_span(const struct element_lines *lines, size_t first, size_t end);
bool element_value(struct translation *t, struct element_lines *lines, enum value_type type,
		   enum family *family, struct range *range);
bool element_name(struct translation *t, struct element_lines *lines, struct ast_value *value);
bool element_mark(struct translation *t, struct element_lines *lines, char mark);
bool element_line_end(struct translation *t, struct element_lines *lines);

/* The other files, each named after what it makes or checks. */
bool say_type_of_nft(struct translation *t, struct ast_name name);
bool to_key_type(struct translation *t, struct ast_name name, struct key_type *key);
bool lookup_keys(struct rule_draft *draft, const struct ast_lookup *lookup, struct key_type *types);
bool check_use(struct translation *t, const struct ast_lookup *lookup, struct span span,
	       const struct map_entry *entry, const struct key_type *types);
uint32_t use_map(struct translation *t, bool is_set, uint32_t entry, const struct key_type *types);
struct map_entry map_in_place(struct translation *t, const struct ast_lookup *lookup,
			      struct span span, const struct key_type *types);
void check_key_set_type(struct translation *t, struct set_entry *entry);
bool to_key_match(struct rule_draft *draft, const struct ast_match *match);
bool to_match(struct rule_draft *draft, const struct ast_match *match);
void limit_families(struct rule_draft *draft, uint8_t families, struct span span);
void limit_protocols(struct rule_draft *draft, uint8_t protocols, struct span span);
bool to_verdict(struct translation *t, const struct ast_verdict *verdict, struct verdict *out);
bool to_lookup(struct rule_draft *draft, const struct ast_verdict *verdict, struct verdict *out);
uint32_t label_number(struct translation *t, const char *name, struct span span);
struct interface to_interface(struct translation *t, struct ast_name text);
uint32_t interface_number(struct translation *t, struct ast_name text, bool required);
const char *label_name(struct translation *t, const struct ast_verdict *verdict);
void check_map_type(struct translation *t, struct map_entry *entry);
void build_map(struct translation *t, struct map_entry *entry);
void check_map(struct translation *t, const struct map *map);
void finish_maps(struct translation *t);
void check_chains(struct translation *t);
void to_socket(struct translation *t, const struct ast_socket *socket);
void to_expects(struct translation *t);
void number_in_order(struct translation *t);
void classify_interfaces(struct translation *t);

/* Sorts *INTERFACES by name, each wildcard before the names that it matches. Returns the new index of each. */
uint32_t *sort_interfaces(struct arena *arena, struct interface **interfaces, size_t count);
/* The classes that the interface or wildcard at INDEX matches. INTERFACES are all that the policy has, sorted. */
struct range interface_classes(const struct interface *interfaces, size_t count, uint32_t index);

/* map_interfaces.c: interfaces as keys. */
bool key_interface(struct translation *t, struct map_entry *entry, const struct ast_value *value,
		   struct range *key);
void sort_key_interfaces(struct translation *t, struct map_entry *entry);
void number_key_interfaces(struct translation *t, struct map_entry *entry);
void classify_key_interfaces(struct translation *t, const uint32_t *moved);

#endif
