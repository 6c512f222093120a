/* Writes parts of a policy as in a rules file; policy_dump puts them together. */
#ifndef SKLC_POLICY_RULE_TEXT_H
#define SKLC_POLICY_RULE_TEXT_H

#include "policy.h"

#include <stdio.h>

struct arena;

/* Where text is written: in large pieces to a file, or (OUT is NULL) all to memory. */
struct writer {
	struct arena *arena;
	FILE *out;
	char *bytes;
	size_t count, capacity;
};

void write_string(struct writer *to, const char *string);
void write_quoted(struct writer *to, const char *string);
void writer_flush(struct writer *to);

/* The values of one field in a match. If the set cannot be written as it is, NEGATED is true and the sets are
 * the complement. */
struct value_list {
	enum field field;
	bool negated;
	struct range_set sets[FAMILY_COUNT]; /* ports: only the first */
	size_t count;
	uint64_t hash; /* of the values; names the set if the list is long */
};

/* Returns false if the match does not limit the field. */
bool value_list_of(struct arena *arena, const struct match *match, enum field field,
		   struct value_list *list);
bool value_list_is_long(const struct value_list *list);
void write_set_name(struct writer *to, const struct value_list *list);
void write_elements(struct writer *to, const struct value_list *list, const char *separator);

void write_endpoint(struct writer *to, enum family family, u128 address, u128 port);
void write_verdict(struct writer *to, const struct policy *policy, const struct verdict *verdict);

/* A map that is written in a rule gets a name that has its number. */
void write_map_name(struct writer *to, const struct policy *policy, uint32_t map);
void write_map_keys(struct writer *to, const struct policy *policy, const struct map *map);

/* A key set has a name of its own like a map's, or stands in the rule if it was written there and is short. */
bool key_set_is_inline(const struct map *set);
void write_key_set_name(struct writer *to, const struct policy *policy, uint32_t set);
void write_element_keys(struct writer *to, const struct policy *policy, const struct map *map,
			size_t element);

void write_rule(struct writer *to, const struct policy *policy, const struct rule *rule);

#endif
