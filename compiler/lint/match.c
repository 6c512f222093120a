/* Finds the flow classes in which the matches of one rule can hold together. */
#include "lint.h"

#include "compiler/base/lower_bound.h"

static unsigned value_flow_classes(const struct match *match)
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

/* Whether a key of the field l4proto holds for a flow class. */
static bool holds_protocol(struct range key, unsigned flow_class)
{
	return flow_class_protocol(flow_class) >= key.first &&
	       flow_class_protocol(flow_class) <= key.last;
}

static bool key_can_hold(const struct match *match, unsigned flow_class, enum field key,
			 struct range range)
{
	const struct range_set *values;

	if (key == FIELD_L4PROTO)
		return holds_protocol(range, flow_class);
	values = match->values[flow_class_family(flow_class)][key];
	return !values || overlaps(values, range);
}

unsigned element_flow_classes(const struct rule *rule, const struct map *map, size_t element,
			      unsigned flow_classes)
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

/* Those of the flow classes in which one of the elements can hold. */
static unsigned map_flow_classes(const struct rule *rule, const struct map *map, unsigned possible)
{
	unsigned flow_classes = 0;
	size_t i;

	for (i = 0; i < map->element_count && flow_classes != possible; i++)
		flow_classes |= element_flow_classes(rule, map, i, possible & ~flow_classes);
	return flow_classes;
}

/* Those of the flow classes in which the element does not hold for every packet. */
static unsigned flow_classes_left(const struct map *set, size_t element, unsigned flow_classes)
{
	unsigned flow_class;
	size_t k;

	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++) {
		enum family family = flow_class_family(flow_class);

		if (!(set->elements[element].families & 1u << family))
			continue;
		for (k = 0; k < set->key_count; k++) {
			struct range key = set->keys[element * set->key_count + k];
			enum field field = set->key_fields[k];

			if (field == FIELD_L4PROTO
				    ? !holds_protocol(key, flow_class)
				    : key.first > 0 || key.last < field_last(field, family))
				break;
		}
		if (k == set->key_count)
			flow_classes &= ~(1u << flow_class);
	}
	return flow_classes;
}

/* Those of the flow classes in which the matches of several fields can hold, each by itself. */
static unsigned key_match_flow_classes(const struct policy *policy, const struct rule *rule,
				       unsigned flow_classes)
{
	size_t i, j;

	for (i = 0; i < rule->match.key_match_count && flow_classes; i++) {
		const struct key_match *match = &rule->match.key_matches[i];
		const struct map *set = &policy->key_sets[match->set];

		if (!match->negated)
			flow_classes = map_flow_classes(rule, set, flow_classes);
		else
			for (j = 0; j < set->element_count; j++)
				flow_classes = flow_classes_left(set, j, flow_classes);
	}
	return flow_classes;
}

unsigned match_flow_classes(const struct policy *policy, const struct rule *rule)
{
	return key_match_flow_classes(policy, rule, value_flow_classes(&rule->match));
}

unsigned rule_flow_classes(const struct policy *policy, const struct rule *rule)
{
	unsigned possible = match_flow_classes(policy, rule);

	return rule->verdict.kind == VERDICT_MAP
		       ? map_flow_classes(rule, &policy->maps[rule->verdict.target], possible)
		       : possible;
}
