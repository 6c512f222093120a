/* Parts of a policy in the words of a rules file, as policy_dump puts them together. */
#ifndef SKLC_POLICY_TEXT_H
#define SKLC_POLICY_TEXT_H

#include "policy.h"

#include <stdio.h>

struct arena;

/* Text being written: to a file by large pieces, or (OUT is NULL) kept whole in the arena. */
struct writer {
	struct arena *arena;
	FILE *out;
	char *bytes;
	size_t count, capacity;
};

void write_bytes(struct writer *to, const char *bytes, size_t count);
void write_string(struct writer *to, const char *string);
void write_quoted(struct writer *to, const char *string);
void writer_flush(struct writer *to);

/* What a match says of one field. Where the values themselves cannot be written, it is all
 * others. */
struct value_list {
	enum field field;
	bool negated;
	struct range_set sets[FAMILY_COUNT]; /* ports: the first alone */
	size_t count;
	uint64_t hash; /* of the values; it names the set, where there are too many for a line */
};

/* False if the match says nothing of the field. */
bool value_list_of(struct arena *arena, const struct match *match, enum field field,
		   struct value_list *list);
bool value_list_is_long(const struct value_list *list);
void write_set_name(struct writer *to, const struct value_list *list);
void write_elements(struct writer *to, const struct value_list *list, const char *separator);

void write_range(struct writer *to, enum field field, enum family family, struct range range);
void write_endpoint(struct writer *to, enum family family, u128 address, u128 port);
void write_verdict(struct writer *to, const struct policy *policy, const struct verdict *verdict);

/* A map written in place is given a name, by its number. */
void write_map_name(struct writer *to, const struct policy *policy, uint32_t map);
void write_map_keys(struct writer *to, const struct map *map);

void write_rule(struct writer *to, const struct policy *policy, const struct rule *rule);

#endif
