/* Makes the diagram of a policy's rules. Runs of plain rules are built by a sweep; a chain is built once,
 * open at its end, and a jump is that chain where the rule matches: nothing is expanded. */
#include "decision.h"

#include "compiler/base/arena.h"
#include "sweep.h"

#include <stdlib.h>
#include <string.h>

/* One family and protocol, built in one order. */
struct context {
	struct arena *arena;
	const struct policy *policy;
	enum family family;
	enum protocol protocol;
	const enum field *order;
	struct builder *builder;
	diagram_ref *chains; /* of each chain, or REF_NONE */
};

static const struct range NO_RANGES[1];

static diagram_ref build_chain(struct context *cx, uint32_t chain);

static int compare_numbers(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

	return first < second ? -1 : first > second;
}

/* A match on one interface: a condition, MATCH or next; built from the last variable to the first. */
static diagram_ref interface_condition(struct context *cx, const struct interface_match *match)
{
	diagram_ref differs = match->negated ? REF_MATCH : REF_NEXT;
	diagram_ref equals = match->negated ? REF_NEXT : REF_MATCH;
	diagram_ref unknown, condition = differs;
	uint32_t *sorted = arena_alloc(cx->arena, match->count, sizeof(*sorted));
	size_t i;

	if (match->count)
		memcpy(sorted, match->interfaces, match->count * sizeof(*sorted));
	qsort(sorted, match->count, sizeof(*sorted), compare_numbers);
	for (i = match->count; i-- > 0;) {
		if (i + 1 < match->count && sorted[i] == sorted[i + 1])
			continue;
		unknown = match->negated ? REF_NEXT : condition;
		builder_begin(cx->builder);
		builder_interval(cx->builder, INTERFACE_UNKNOWN, unknown);
		builder_interval(cx->builder, INTERFACE_DIFFERS, condition);
		builder_interval(cx->builder, INTERFACE_EQUALS, equals);
		condition = builder_end(cx->builder, VARIABLE_INTERFACES + sorted[i]);
	}
	return condition;
}

static diagram_ref where_interfaces(struct context *cx, const struct match *match, diagram_ref body)
{
	diagram_ref condition;
	size_t i;

	for (i = match->interface_count; i-- > 0;) {
		condition = interface_condition(cx, &match->interfaces[i]);
		body = builder_where(cx->builder, condition, body);
	}
	return body;
}

static bool speaks_of(const struct context *cx, const struct match *match)
{
	return match->families & 1u << cx->family && match->protocols & 1u << cx->protocol;
}

static struct item item_of(const struct context *cx, const struct match *match, diagram_ref body)
{
	struct item item = {.body = body};
	enum field field;

	for (field = 0; field < FIELD_COUNT; field++) {
		const struct range_set *values = match->values[cx->family][field];

		if (!values)
			continue;
		item.ranges[field] = values->count ? values->ranges : NO_RANGES;
		item.counts[field] = (uint32_t)values->count;
	}
	return item;
}

static enum leaf_end redirect_end(enum fallback fallback)
{
	return fallback == FALLBACK_DROP   ? LEAF_DROP
	       : fallback == FALLBACK_PASS ? LEAF_PASS
					   : LEAF_NEXT;
}

/* What a verdict does once its rule matches. */
static diagram_ref verdict_body(struct context *cx, const struct rule *rule,
				const struct verdict *verdict)
{
	struct action actions[2];
	struct diagram_outcome outcome = {actions, 0, LEAF_RETURN};
	enum leaf_end chain_end;
	diagram_ref body;

	if (rule->counter != NO_INDEX)
		actions[outcome.action_count++] = (struct action){ACTION_COUNT, rule->counter,
								  false};
	switch (verdict->kind) {
	case VERDICT_PASS:
		outcome.end = LEAF_PASS;
		break;
	case VERDICT_DROP:
		outcome.end = LEAF_DROP;
		break;
	case VERDICT_REDIRECT:
		actions[outcome.action_count++] = (struct action){ACTION_ATTEMPT, verdict->target,
								  verdict->no_reuseport};
		outcome.end = redirect_end(verdict->fallback);
		break;
	case VERDICT_JUMP:
	case VERDICT_GOTO:
		outcome.end = LEAF_NEXT;
		chain_end = verdict->kind == VERDICT_JUMP ? LEAF_NEXT : LEAF_RETURN;
		body = builder_leaf(cx->builder, rule, verdict, outcome);
		body = builder_then(cx->builder, body, build_chain(cx, verdict->target));
		return builder_replace_ends(cx->builder, body, chain_end, chain_end);
	default:
		break;
	}
	return builder_leaf(cx->builder, rule, verdict, outcome);
}

static bool is_plain(const struct verdict *verdict)
{
	return verdict->kind != VERDICT_JUMP && verdict->kind != VERDICT_GOTO &&
	       verdict->kind != VERDICT_MAP;
}

/* A diagram where a match holds, else next. */
static diagram_ref where_match(struct context *cx, const struct match *match, diagram_ref body)
{
	struct item item = item_of(cx, match, where_interfaces(cx, match, REF_MATCH));
	diagram_ref condition = sweep_items(cx->arena, cx->builder, cx->family, cx->order, &item,
					    1);

	return builder_where(cx->builder, condition, body);
}

/* Parts in turn, joined in pairs, so that none is copied more than log n times. */
static diagram_ref join(struct context *cx, const diagram_ref *parts, size_t count)
{
	size_t half = count / 2;

	if (count == 0)
		return REF_NEXT;
	if (count == 1)
		return parts[0];
	return builder_then(cx->builder, join(cx, parts, half),
			    join(cx, parts + half, count - half));
}

static int compare_elements(const void *a, const void *b, void *data)
{
	const struct map *map = data;
	size_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
	size_t k;

	for (k = 0; k < map->key_count; k++) {
		struct range key_a = map->keys[first * map->key_count + k];
		struct range key_b = map->keys[second * map->key_count + k];
		u128 width_a = key_a.last - key_a.first, width_b = key_b.last - key_b.first;

		if (width_a != width_b)
			return width_a < width_b ? -1 : 1;
	}
	return first < second ? -1 : first > second;
}

static bool element_speaks_of(const struct context *cx, const struct map *map, size_t element)
{
	size_t k;

	if (!(map->elements[element].families & 1u << cx->family))
		return false;
	for (k = 0; k < map->key_count; k++) {
		struct range key = map->keys[element * map->key_count + k];

		if (map->key_fields[k] == FIELD_L4PROTO &&
		    (cx->protocol < key.first || cx->protocol > key.last))
			return false;
	}
	return true;
}

/* The elements of a map that speak of this family and protocol, the most specific first. */
static uint32_t *sorted_elements(struct context *cx, const struct map *map, size_t *count)
{
	uint32_t *order = arena_alloc(cx->arena, map->element_count, sizeof(*order));
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < map->element_count; i++)
		if (element_speaks_of(cx, map, i))
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), compare_elements, (void *)map);
	*count = n;
	return order;
}

static struct item element_item(const struct map *map, size_t element, diagram_ref body)
{
	struct item item = {.body = body};
	size_t k;

	for (k = 0; k < map->key_count; k++) {
		enum field field = map->key_fields[k];

		if (field == FIELD_L4PROTO) /* which is fixed here */
			continue;
		item.ranges[field] = &map->keys[element * map->key_count + k];
		item.counts[field] = 1;
	}
	return item;
}

/* What each verdict of a map does; true if one of them may leave the decision open. */
static bool map_bodies(struct context *cx, const struct rule *rule, const struct map *map,
		       diagram_ref *bodies)
{
	bool may_be_open = false;
	diagram_ref body;
	size_t i;

	for (i = 0; i < map->verdict_count; i++) {
		body = verdict_body(cx, rule, &map->verdicts[i]);
		bodies[i] = builder_replace_ends(cx->builder, body, LEAF_MATCH, LEAF_RETURN);
		may_be_open |= bodies[i] != body;
	}
	return may_be_open;
}

static diagram_ref build_map(struct context *cx, const struct rule *rule)
{
	const struct map *map = &cx->policy->maps[rule->verdict.target];
	diagram_ref *bodies = arena_alloc(cx->arena, map->verdict_count, sizeof(*bodies));
	bool may_be_open = map_bodies(cx, rule, map, bodies);
	diagram_ref *parts, whole;
	struct item *items;
	size_t count, part_count = 0, first = 0;
	uint32_t *order = sorted_elements(cx, map, &count);
	size_t i;

	items = arena_alloc(cx->arena, count, sizeof(*items));
	parts = arena_alloc(cx->arena, 2 * count + 1, sizeof(*parts));
	for (i = 0; i < count; i++) {
		uint32_t verdict = map->elements[order[i]].verdict;

		items[i] = element_item(map, order[i], bodies[verdict]);
		if (is_plain(&map->verdicts[verdict]))
			continue;
		items[i].body = REF_MATCH;
		whole = sweep_items(cx->arena, cx->builder, cx->family, cx->order, &items[i], 1);
		parts[part_count++] = sweep_items(cx->arena, cx->builder, cx->family, cx->order,
						  &items[first], i - first);
		parts[part_count++] = builder_where(cx->builder, whole, bodies[verdict]);
		first = i + 1;
	}
	parts[part_count++] = sweep_items(cx->arena, cx->builder, cx->family, cx->order,
					  &items[first], count - first);
	whole = join(cx, parts, part_count);
	return may_be_open ? builder_replace_ends(cx->builder, whole, LEAF_NEXT, LEAF_RETURN)
			   : whole;
}

static diagram_ref build_rule(struct context *cx, const struct rule *rule)
{
	const struct verdict *verdict = &rule->verdict;
	diagram_ref body;

	if (verdict->kind == VERDICT_MAP)
		body = build_map(cx, rule);
	else
		body = verdict_body(cx, rule, verdict);
	return where_match(cx, &rule->match, body);
}

/* Runs of plain rules are swept; the others are built one by one between them. */
static diagram_ref build_rules(struct context *cx, const struct chain *chain)
{
	struct item *items = arena_alloc(cx->arena, chain->count, sizeof(*items));
	diagram_ref *parts = arena_alloc(cx->arena, 2 * chain->count + 1, sizeof(*parts));
	size_t item_count = 0, part_count = 0;
	size_t i;

	for (i = 0; i < chain->count && !builder_is_exhausted(cx->builder); i++) {
		const struct rule *rule = &chain->rules[i];
		diagram_ref body;

		if (!speaks_of(cx, &rule->match))
			continue;
		if (is_plain(&rule->verdict)) {
			body = verdict_body(cx, rule, &rule->verdict);
			body = where_interfaces(cx, &rule->match, body);
			items[item_count++] = item_of(cx, &rule->match, body);
			continue;
		}
		parts[part_count++] = sweep_items(cx->arena, cx->builder, cx->family, cx->order,
						  items, item_count);
		parts[part_count++] = build_rule(cx, rule);
		item_count = 0;
	}
	parts[part_count++] = sweep_items(cx->arena, cx->builder, cx->family, cx->order, items,
					  item_count);
	return join(cx, parts, part_count);
}

static diagram_ref build_chain(struct context *cx, uint32_t chain)
{
	if (cx->chains[chain] == REF_NONE)
		cx->chains[chain] = build_rules(cx, &cx->policy->chains[chain]);
	return cx->chains[chain];
}

diagram_ref rules_to_diagram(struct arena *arena, struct builder *builder,
			     const struct policy *policy, enum family family,
			     enum protocol protocol, const enum field *order)
{
	struct context cx = {arena, policy, family, protocol, order, builder, NULL};
	enum leaf_end end = policy->end == VERDICT_PASS ? LEAF_PASS : LEAF_DROP;
	size_t i;

	cx.chains = arena_alloc(arena, policy->chain_count, sizeof(*cx.chains));
	for (i = 0; i < policy->chain_count; i++)
		cx.chains[i] = REF_NONE;
	return builder_replace_ends(builder, build_chain(&cx, 0), end, end);
}

bool protocols_are_alike(const struct policy *policy, enum family family)
{
	const uint8_t both = 1u << PROTOCOL_TCP | 1u << PROTOCOL_UDP;
	size_t i, j;

	for (i = 0; i < policy->chain_count; i++)
		for (j = 0; j < policy->chains[i].count; j++) {
			const struct match *match = &policy->chains[i].rules[j].match;

			if (match->families & 1u << family && match->protocols != both)
				return false;
		}
	for (i = 0; i < policy->map_count; i++)
		for (j = 0; j < policy->maps[i].key_count; j++)
			if (policy->maps[i].key_fields[j] == FIELD_L4PROTO)
				return false;
	return true;
}
