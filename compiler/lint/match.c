/* Finds the flow classes in which the matches of one rule can hold together. */
#include "lint.h"

#include "compiler/base/lower_bound.h"

static unsigned match_flow_classes(const struct match *match)
{
	unsigned flow_classes = 0, flow_class;
	enum field field;

	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++) {
		const struct range_set *const *values =
			match->values[flow_class_family(flow_class)];

		if (!(match->families & 1u << flow_class_family(flow_class)) ||
		    !(match->protocols & 1u << flow_class_protocol(flow_class)))
			continue;
		for (field = 0; field < VALUE_FIELD_COUNT; field++)
			if (values[field] && !values[field]->count)
				break;
		if (field == VALUE_FIELD_COUNT)
			flow_classes |= 1u << flow_class;
	}
	return flow_classes;
}

static bool overlaps(const struct range_set *set, struct range range)
{
	size_t i = LOWER_BOUND(j, 0, set->count, set->ranges[j].last >= range.first);

	return i < set->count && set->ranges[i].first <= range.last;
}

static bool key_can_hold(const struct match *match, unsigned flow_class, enum field key,
			 struct range range)
{
	const struct range_set *values;

	if (key == FIELD_L4PROTO)
		return flow_class_protocol(flow_class) >= range.first &&
		       flow_class_protocol(flow_class) <= range.last;
	values = match->values[flow_class_family(flow_class)][key];
	return !values || overlaps(values, range);
}

/* Those of the flow classes in which the element's keys, too, can hold. */
static unsigned element_flow_classes_of(const struct rule *rule, const struct map *map,
					size_t element, unsigned flow_classes)
{
	unsigned flow_class;
	size_t k;

	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++) {
		if (!(map->elements[element].families & 1u << flow_class_family(flow_class)))
			flow_classes &= ~(1u << flow_class);
		for (k = 0; k < map->key_count && flow_classes & 1u << flow_class; k++)
			if (!key_can_hold(&rule->match, flow_class, map->key_fields[k],
					  map->keys[element * map->key_count + k]))
				flow_classes &= ~(1u << flow_class);
	}
	return flow_classes;
}

unsigned element_flow_classes(const struct rule *rule, const struct map *map, size_t element)
{
	return element_flow_classes_of(rule, map, element, match_flow_classes(&rule->match));
}

unsigned rule_flow_classes(const struct policy *policy, const struct rule *rule)
{
	unsigned possible = match_flow_classes(&rule->match), flow_classes = 0;
	const struct map *map;
	size_t i;

	if (rule->verdict.kind != VERDICT_MAP)
		return possible;
	map = &policy->maps[rule->verdict.target];
	for (i = 0; i < map->element_count && flow_classes != possible; i++)
		flow_classes |= element_flow_classes_of(rule, map, i, possible & ~flow_classes);
	return flow_classes;
}
