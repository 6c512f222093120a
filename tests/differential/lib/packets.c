/* Collects the first and last values of all ranges in rules, maps and sets. */
#include "packets.h"

#include "compiler/base/arena.h"

struct collector {
	struct arena *arena;
	struct edges edges;
	size_t capacities[FAMILY_COUNT][VALUE_FIELD_COUNT];
};

static void add(struct collector *c, enum family family, enum field field, u128 value)
{
	*ARENA_PUSH(c->arena, c->edges.values[family][field], c->edges.counts[family][field],
		    c->capacities[family][field]) = value;
}

static void add_range(struct collector *c, enum family family, enum field field, struct range range)
{
	u128 last = field_last(field, family);

	if (range.last > last)
		return;
	add(c, family, field, range.first);
	add(c, family, field, range.last);
	if (range.first > 0)
		add(c, family, field, range.first - 1);
	if (range.last < last)
		add(c, family, field, range.last + 1);
}

static void add_match(struct collector *c, const struct match *match)
{
	enum family family;
	enum field field;
	size_t i;

	for (family = 0; family < FAMILY_COUNT; family++)
		for (field = 0; field < VALUE_FIELD_COUNT; field++) {
			const struct range_set *values = match->values[family][field];

			for (i = 0; values && i < values->count; i++)
				add_range(c, family, field, values->ranges[i]);
		}
}

static void add_map(struct collector *c, const struct map *map)
{
	enum family family;
	size_t i, k;

	for (i = 0; i < map->element_count; i++)
		for (k = 0; k < map->key_count; k++)
			for (family = 0; family < FAMILY_COUNT; family++)
				if (map->key_fields[k] != FIELD_L4PROTO &&
				    map->elements[i].families & 1u << family)
					add_range(c, family, map->key_fields[k],
						  map->keys[i * map->key_count + k]);
}

struct edges edges_of(struct arena *arena, const struct policy *policy)
{
	struct collector c = {.arena = arena};
	enum family family;
	enum field field;
	size_t i, j;

	for (family = 0; family < FAMILY_COUNT; family++)
		for (field = 0; field < VALUE_FIELD_COUNT; field++)
			add_range(&c, family, field, (struct range){0, field_last(field, family)});
	for (i = 0; i < policy->chain_count; i++)
		for (j = 0; j < policy->chains[i].count; j++)
			add_match(&c, &policy->chains[i].rules[j].match);
	for (i = 0; i < policy->map_count; i++)
		add_map(&c, &policy->maps[i]);
	for (i = 0; i < policy->key_set_count; i++)
		add_map(&c, &policy->key_sets[i]);
	return c.edges;
}

struct packet random_packet(struct random *random, const struct edges *edges)
{
	struct packet packet = {
		random_below(random, FAMILY_COUNT), random_below(random, PROTOCOL_COUNT), {0}};
	enum field field;

	for (field = 0; field < VALUE_FIELD_COUNT; field++) {
		size_t count = edges->counts[packet.family][field];
		u128 value =
			edges->values[packet.family][field][random_below(random, (uint32_t)count)];

		/* Programs compare IPv6 addresses as two words, so one of the two is made greater or less by 1. */
		if (packet.family == FAMILY_IPV6 && random_percent(random, 30))
			value += ((u128)random_below(random, 3) - 1)
				 << 64 * random_below(random, 2);
		value &= field_last(field, packet.family);
		/* A bit is flipped now and then, which gives values between the edges. */
		if (random_percent(random, 10))
			value ^= (u128)1 << random_below(
					 random, field_info(field)->members[packet.family].bits);
		packet.values[field] = value;
	}
	return packet;
}
