/* The rules as they concern packets to one place: for checks that ask what happens to these, whatever their source is,
 * where no diagram knows all rules. */
#include "lint.h"

#include "compiler/base/arena.h"

#include <string.h>

static bool is_local(enum field field)
{
	return field != FIELD_L4PROTO && field_info(field)->side != FIELD_REMOTE;
}

/* Takes the conditions on local values out of a match. False if the packet does not meet one. */
static bool restrict_match(struct match *match, const struct packet *packet)
{
	enum field field;

	if (!(match->families & 1u << packet->family) ||
	    !(match->protocols & 1u << packet->protocol))
		return false;
	match->families = (uint8_t)(1u << packet->family);
	match->protocols = 1u << PROTOCOL_TCP | 1u << PROTOCOL_UDP;
	for (field = 0; field < VALUE_FIELD_COUNT; field++) {
		const struct range_set **values = &match->values[packet->family][field];

		if (!*values || !is_local(field))
			continue;
		if (!range_set_contains(**values, packet->values[field]))
			return false;
		*values = NULL;
	}
	return true;
}

/* Whether the packet meets the local keys of an element, and its protocol. */
static bool element_concerns(const struct map *map, size_t element, const struct packet *packet)
{
	size_t k;

	if (!(map->elements[element].families & 1u << packet->family))
		return false;
	for (k = 0; k < map->key_count; k++) {
		enum field field = map->key_fields[k];
		struct range key = map->keys[element * map->key_count + k];
		u128 value = field == FIELD_L4PROTO ? (u128)packet->protocol
						    : packet->values[field];

		if ((field == FIELD_L4PROTO || is_local(field)) &&
		    (value < key.first || value > key.last))
			return false;
	}
	return true;
}

/* A map or key set with the elements that concern the packet. Their keys stay, since they say which element wins. */
static struct map restrict_map(struct arena *arena, const struct map *map,
			       const struct packet *packet)
{
	struct map few = *map;
	size_t i;

	few.element_count = 0;
	few.elements = arena_alloc(arena, map->element_count, sizeof(*few.elements));
	few.keys = arena_alloc(arena, map->element_count * map->key_count, sizeof(*few.keys));
	for (i = 0; i < map->element_count; i++) {
		if (!element_concerns(map, i, packet))
			continue;
		few.elements[few.element_count] = map->elements[i];
		memcpy(&few.keys[few.element_count * map->key_count],
		       &map->keys[i * map->key_count], map->key_count * sizeof(*few.keys));
		few.element_count++;
	}
	return few;
}

static struct map *restrict_maps(struct arena *arena, const struct map *maps, size_t count,
				 const struct packet *packet)
{
	struct map *few = arena_alloc(arena, count, sizeof(*few));
	size_t i;

	for (i = 0; i < count; i++)
		few[i] = restrict_map(arena, &maps[i], packet);
	return few;
}

static struct chain restrict_chain(struct arena *arena, const struct chain *chain,
				   const struct packet *packet)
{
	struct chain few = *chain;
	size_t i;

	few.count = 0;
	few.rules = arena_alloc(arena, chain->count, sizeof(*few.rules));
	for (i = 0; i < chain->count; i++) {
		few.rules[few.count] = chain->rules[i];
		few.count += restrict_match(&few.rules[few.count].match, packet);
	}
	return few;
}

struct decision *decision_restricted(struct arena *arena, const struct policy *policy,
				     const struct packet *packet)
{
	struct policy *few = arena_alloc(arena, 1, sizeof(*few));
	size_t i;

	*few = *policy;
	few->chains = arena_alloc(arena, policy->chain_count, sizeof(*few->chains));
	for (i = 0; i < policy->chain_count; i++)
		few->chains[i] = restrict_chain(arena, &policy->chains[i], packet);
	few->maps = restrict_maps(arena, policy->maps, policy->map_count, packet);
	few->key_sets = restrict_maps(arena, policy->key_sets, policy->key_set_count, packet);
	return policy_to_small_decision(arena, few);
}
