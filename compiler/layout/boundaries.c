/* Collects the ends of all ranges in rules, and in the keys of maps and of sets of several keys. */
#include "boundaries.h"

#include "compiler/base/arena.h"
#include "compiler/base/lower_bound.h"
#include "compiler/base/sort.h"
#include "compiler/policy/policy.h"

struct collecting {
	struct arena *arena;
	bool wanted[OPERAND_COUNT];
	struct boundaries found;
};

static void add_boundary(struct collecting *c, enum operand operand, uint64_t value)
{
	struct boundaries *found = &c->found;

	*ARENA_PUSH(c->arena, found->values[operand], found->counts[operand],
		    found->capacities[operand]) = (struct boundary){value};
}

/* A half of a field's value begins anew where a range begins or ends within it, and behind that. */
static void add_value(struct collecting *c, enum operand operand, uint64_t value)
{
	add_boundary(c, operand, value);
	if (value < operand_last(operand))
		add_boundary(c, operand, value + 1);
}

static void add_range(struct collecting *c, enum field field, enum family family,
		      struct range range)
{
	enum operand operand, end;

	end = operands_of(field, family, &operand);
	for (end += operand; operand < end; operand++) {
		if (!c->wanted[operand])
			continue;
		add_value(c, operand, operand_get(operand, range.first));
		add_value(c, operand, operand_get(operand, range.last));
	}
}

static void add_match(struct collecting *c, const struct match *match)
{
	enum family family;
	enum field field;
	size_t i;

	for (family = 0; family < FAMILY_COUNT; family++)
		for (field = 0; field < VALUE_FIELD_COUNT; field++) {
			const struct range_set *set = match->values[family][field];

			for (i = 0; set && i < set->count; i++)
				add_range(c, field, family, set->ranges[i]);
		}
}

static void add_map(struct collecting *c, const struct map *map)
{
	enum family family;
	size_t i, k;

	for (i = 0; i < map->element_count; i++)
		for (k = 0; k < map->key_count; k++)
			for (family = 0; family < FAMILY_COUNT; family++)
				if (map->elements[i].families & 1u << family &&
				    map->key_fields[k] < VALUE_FIELD_COUNT)
					add_range(c, map->key_fields[k], family,
						  map->keys[i * map->key_count + k]);
}

static void find_wanted(struct collecting *c, const struct layout *layout)
{
	size_t i;

	for (i = 0; i < layout->node_count; i++) {
		enum operand operand = variable_operand(layout->nodes[i].variable);

		if (layout->forms[i] == FORM_CODE && operand < OPERAND_COUNT)
			c->wanted[operand] = true;
	}
}

struct boundaries boundaries_of(struct arena *arena, const struct layout *layout)
{
	const struct policy *policy = layout->policy;
	struct collecting c = {.arena = arena};
	enum operand operand;
	size_t i, j;

	find_wanted(&c, layout);
	for (i = 0; i < policy->chain_count; i++)
		for (j = 0; j < policy->chains[i].count; j++)
			add_match(&c, &policy->chains[i].rules[j].match);
	for (i = 0; i < policy->map_count; i++)
		add_map(&c, &policy->maps[i]);
	for (i = 0; i < policy->key_set_count; i++)
		add_map(&c, &policy->key_sets[i]);
	for (operand = 0; operand < OPERAND_COUNT; operand++)
		if (c.found.counts[operand])
			sort_by_key(c.found.values[operand], c.found.counts[operand],
				    sizeof(struct boundary));
	return c.found;
}

uint64_t boundaries_last(const struct boundaries *boundaries, enum operand operand, uint64_t first,
			 uint64_t last)
{
	const struct boundary *values = boundaries->values[operand];
	size_t count = boundaries->counts[operand];
	size_t next = LOWER_BOUND(i, 0, count, values[i].value > first);

	return next < count && values[next].value <= last ? (uint64_t)values[next].value - 1 : last;
}
