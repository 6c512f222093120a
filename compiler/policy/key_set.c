/* Sets of several keys: their types, and matches of several fields together. Their elements are made as those of maps,
 * in map.c. */
#include "ast_to_policy.h"

#include <string.h>

enum { ALL_FAMILIES = (1 << FAMILY_COUNT) - 1 };

/* A map with the parts of a set. */
static const struct ast_map *as_map(struct translation *t, const struct ast_set *set)
{
	struct ast_map *map = arena_alloc(t->arena, 1, sizeof(*map));

	map->item = set->item;
	map->name = set->name;
	map->type = set->type;
	map->elements = set->key_lists;
	map->files = set->files;
	return map;
}

void check_key_set_type(struct translation *t, struct set_entry *set)
{
	const struct ast_types *type = set->set->type;
	const struct ast_values *single = set->set->elements;
	struct map_entry entry = {.is_set = true,
				  .order = set->order,
				  .first_use = NO_INDEX,
				  .key_count = type->count};
	size_t k;

	for (k = 0; k < type->count; k++)
		if (!to_key_type(t, type->names[k], &entry.keys[k]))
			entry.key_count = 0;
	if (single && single->count) {
		diag_error(t->diag, single->values->span, "the set has %zu keys, this element 1",
			   type->count);
		entry.key_count = 0;
	}
	entry.map = as_map(t, set->set);
	set->key_set = (uint32_t)t->key_set_count;
	*ARENA_PUSH(t->arena, t->key_sets, t->key_set_count, t->key_set_capacity) = entry;
}

/* Finds the set of several keys that a match names; NO_INDEX after reporting. */
static uint32_t find_key_set(struct translation *t, const struct ast_lookup *lookup)
{
	const char *name = lookup->name.text;
	const struct span span = {lookup->name.span.first - 1, lookup->name.span.end};
	uint32_t index = names_find(&t->sets_named.names, name, strlen(name));
	const struct set_entry *entry;

	if (index == NO_NAME) {
		unknown_set(t, name, span);
		return NO_INDEX;
	}
	entry = &t->sets[index];
	if (entry->key_set == NO_INDEX && entry->has_type) {
		diag_error(t->diag, span, "set '%s' has 1 key, not %zu", name, lookup->key_count);
		diag_note(t->diag, entry->set->type->span, "its type is declared here");
	}
	return entry->key_set;
}

static bool check_equality(struct translation *t, const struct ast_match *match)
{
	if (match->compare == AST_COMPARE_EQUAL || match->compare == AST_COMPARE_UNEQUAL)
		return true;
	diag_error(t->diag, match->span, "only single ports are compared by order");
	return false;
}

static uint32_t add_in_place(struct translation *t, const struct ast_match *match,
			     const struct key_type *types)
{
	struct map_entry entry = map_in_place(t, match->lookup, match->lookup->elements->span,
					      types);

	entry.is_set = true;
	*ARENA_PUSH(t->arena, t->key_sets, t->key_set_count, t->key_set_capacity) = entry;
	return (uint32_t)t->key_set_count - 1;
}

/* The match holds within the families of the set's elements, negated or not. */
bool to_key_match(struct rule_draft *draft, const struct ast_match *match)
{
	struct key_match *all = (struct key_match *)draft->match->key_matches;
	const struct ast_lookup *lookup = match->lookup;
	struct key_type types[MAP_KEYS_MAX];
	struct translation *t = draft->t;
	struct map_entry *entry;
	uint32_t index;

	if (!check_equality(t, match) || !lookup_keys(draft, lookup, types))
		return false;
	index = lookup->name.text ? find_key_set(t, lookup) : add_in_place(t, match, types);
	if (index == NO_INDEX || !t->key_sets[index].key_count)
		return false;
	entry = &t->key_sets[index];
	if (!check_use(t, lookup, match->span, entry, types))
		return false;
	build_map(t, entry);
	if (entry->families && entry->families != ALL_FAMILIES)
		limit_families(draft, entry->families, match->span);
	*ARENA_PUSH(t->arena, all, draft->match->key_match_count,
		    draft->key_match_capacity) = (struct key_match){
		use_map(t, true, index, types), match->compare == AST_COMPARE_UNEQUAL};
	draft->match->key_matches = all;
	return true;
}
