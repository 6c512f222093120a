/* Whether matches can hold together, each rule by itself. */
#include "lint.h"

#include "compiler/base/lower_bound.h"

static bool contains(const struct interface_match *match, uint32_t interface)
{
	size_t i;

	for (i = 0; i < match->count; i++)
		if (match->interfaces[i] == interface)
			return true;
	return false;
}

static bool is_excluded(const struct match *match, uint32_t interface)
{
	size_t i;

	for (i = 0; i < match->interface_count; i++)
		if (match->interfaces[i].negated && contains(&match->interfaces[i], interface))
			return true;
	return false;
}

/* Each match that asks for an interface must be left one that no other excludes. */
static bool interfaces_can_hold(const struct match *match)
{
	size_t i, j;

	for (i = 0; i < match->interface_count; i++) {
		const struct interface_match *wanted = &match->interfaces[i];

		if (wanted->negated)
			continue;
		for (j = 0; j < wanted->count; j++)
			if (!is_excluded(match, wanted->interfaces[j]))
				break;
		if (j == wanted->count)
			return false;
	}
	return true;
}

static unsigned match_contexts(const struct match *match)
{
	unsigned contexts = 0, context;
	enum field field;

	if (!interfaces_can_hold(match))
		return 0;
	for (context = 0; context < CONTEXT_COUNT; context++) {
		const struct range_set *const *values = match->values[context / PROTOCOL_COUNT];

		if (!(match->families & 1u << context / PROTOCOL_COUNT) ||
		    !(match->protocols & 1u << context % PROTOCOL_COUNT))
			continue;
		for (field = 0; field < FIELD_COUNT; field++)
			if (values[field] && !values[field]->count)
				break;
		if (field == FIELD_COUNT)
			contexts |= 1u << context;
	}
	return contexts;
}

static bool overlaps(const struct range_set *set, struct range range)
{
	size_t i = LOWER_BOUND(j, 0, set->count, set->ranges[j].last >= range.first);

	return i < set->count && set->ranges[i].first <= range.last;
}

static bool key_can_hold(const struct match *match, unsigned context, enum field key,
			 struct range range)
{
	const struct range_set *values;

	if (key == FIELD_L4PROTO)
		return context % PROTOCOL_COUNT >= range.first &&
		       context % PROTOCOL_COUNT <= range.last;
	values = match->values[context / PROTOCOL_COUNT][key];
	return !values || overlaps(values, range);
}

static unsigned element_contexts_of(const struct rule *rule, const struct map *map, size_t element,
				    unsigned contexts)
{
	unsigned context;
	size_t k;

	for (context = 0; context < CONTEXT_COUNT; context++) {
		if (!(map->elements[element].families & 1u << context / PROTOCOL_COUNT))
			contexts &= ~(1u << context);
		for (k = 0; k < map->key_count && contexts & 1u << context; k++)
			if (!key_can_hold(&rule->match, context, map->key_fields[k],
					  map->keys[element * map->key_count + k]))
				contexts &= ~(1u << context);
	}
	return contexts;
}

unsigned element_contexts(const struct rule *rule, const struct map *map, size_t element)
{
	return element_contexts_of(rule, map, element, match_contexts(&rule->match));
}

unsigned rule_contexts(const struct policy *policy, const struct rule *rule)
{
	unsigned possible = match_contexts(&rule->match), contexts = 0;
	const struct map *map;
	size_t i;

	if (rule->verdict.kind != VERDICT_MAP)
		return possible;
	map = &policy->maps[rule->verdict.target];
	for (i = 0; i < map->element_count && contexts != possible; i++)
		contexts |= element_contexts_of(rule, map, i, possible & ~contexts);
	return contexts;
}
