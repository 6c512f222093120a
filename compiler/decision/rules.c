/* Makes the diagram of a policy's rules. A rule is plain if its verdict is neither a jump nor a map and no match of
 * it is of several fields together; a sweep builds each run of plain rules at once. A chain's diagram is built once,
 * with an open end; the diagram of a jump is the chain's where the rule matches, so no rules are copied. */
#include "decision.h"

#include "compiler/base/arena.h"
#include "rules.h"
#include "sweep.h"

#include <stdlib.h>
#include <string.h>

/* The translation of a policy's rules for one flow class. */
struct translation {
	struct arena *arena;
	const struct policy *policy;
	enum family family;
	enum protocol protocol;
	struct builder *builder;
	diagram_ref *chains;   /* of each chain, or REF_NONE */
	diagram_ref *key_sets; /* of each key set, or REF_NONE */
};

static const struct range NO_RANGES[1];

static diagram_ref build_chain(struct translation *t, uint32_t chain);

bool match_concerns(const struct match *match, enum family family, enum protocol protocol)
{
	return match->families & 1u << family && match->protocols & 1u << protocol;
}

static bool concerns(const struct translation *t, const struct match *match)
{
	return match_concerns(match, t->family, t->protocol);
}

struct clause match_clause(const struct match *match, enum family family)
{
	struct clause clause = {.body = REF_NEXT};
	enum field field;

	for (field = 0; field < VALUE_FIELD_COUNT; field++) {
		const struct range_set *values = match->values[family][field];

		if (!values)
			continue;
		clause.ranges[field] = values->count ? values->ranges : NO_RANGES;
		clause.counts[field] = (uint32_t)values->count;
	}
	return clause;
}

static struct clause clause_of(const struct translation *t, const struct match *match,
			       diagram_ref body)
{
	struct clause clause = match_clause(match, t->family);

	clause.body = body;
	return clause;
}

enum outcome_end redirect_end(enum fallback fallback)
{
	return fallback == FALLBACK_DROP   ? OUTCOME_DROP
	       : fallback == FALLBACK_PASS ? OUTCOME_PASS
					   : OUTCOME_NEXT;
}

/* The diagram of what a rule with this verdict does to the packets that it matches. */
static diagram_ref verdict_body(struct translation *t, const struct rule *rule,
				const struct verdict *verdict)
{
	struct action actions[2];
	struct diagram_outcome outcome = {actions, 0, OUTCOME_RETURN, NULL};
	enum outcome_end chain_end;
	diagram_ref body;

	if (rule->counter != NO_INDEX)
		actions[outcome.action_count++] = (struct action){ACTION_COUNT, rule->counter,
								  false};
	switch (verdict->kind) {
	case VERDICT_PASS:
		outcome.end = OUTCOME_PASS;
		break;
	case VERDICT_DROP:
		outcome.end = OUTCOME_DROP;
		break;
	case VERDICT_REDIRECT:
		actions[outcome.action_count++] = (struct action){ACTION_ATTEMPT, verdict->target,
								  verdict->no_reuseport};
		outcome.end = redirect_end(verdict->fallback);
		break;
	case VERDICT_JUMP:
	case VERDICT_GOTO:
		outcome.end = OUTCOME_NEXT;
		chain_end = verdict->kind == VERDICT_JUMP ? OUTCOME_NEXT : OUTCOME_RETURN;
		body = builder_terminal(t->builder, rule, verdict, outcome);
		body = builder_then(t->builder, body, build_chain(t, verdict->target));
		return builder_replace_ends(t->builder, body, chain_end, chain_end);
	default:
		break;
	}
	return builder_terminal(t->builder, rule, verdict, outcome);
}

static bool is_plain_verdict(const struct verdict *verdict)
{
	return verdict->kind != VERDICT_JUMP && verdict->kind != VERDICT_GOTO &&
	       verdict->kind != VERDICT_MAP;
}

static bool is_plain(const struct rule *rule)
{
	return is_plain_verdict(&rule->verdict) && !rule->match.key_match_count;
}

/* Orders elements so that each comes after those that win over it: at the first key in which two that
 * one packet can match differ, the winner's range is inside the other's, so it is the smaller one.
 * Elements with the same range of a key stand together, which makes the sweep shorter. */
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
		if (key_a.first != key_b.first)
			return key_a.first < key_b.first ? -1 : 1;
	}
	return first < second ? -1 : first > second;
}

static bool element_concerns(const struct map *map, size_t element, enum family family,
			     enum protocol protocol)
{
	size_t k;

	if (!(map->elements[element].families & 1u << family))
		return false;
	for (k = 0; k < map->key_count; k++) {
		struct range key = map->keys[element * map->key_count + k];

		if (map->key_fields[k] == FIELD_L4PROTO &&
		    (protocol < key.first || protocol > key.last))
			return false;
	}
	return true;
}

uint32_t *elements_in_order(struct arena *arena, const struct map *map, enum family family,
			    enum protocol protocol, size_t *count)
{
	uint32_t *order = arena_alloc(arena, map->element_count, sizeof(*order));
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < map->element_count; i++)
		if (element_concerns(map, i, family, protocol))
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), compare_elements, (void *)map);
	*count = n;
	return order;
}

struct clause element_clause(const struct map *map, size_t element)
{
	struct clause clause = {.body = REF_NEXT};
	size_t k;

	for (k = 0; k < map->key_count; k++) {
		enum field field = map->key_fields[k];

		if (field == FIELD_L4PROTO) /* all packets of the diagram have it */
			continue;
		clause.ranges[field] = &map->keys[element * map->key_count + k];
		clause.counts[field] = 1;
	}
	return clause;
}

/* Builds what each verdict of a map does. A verdict that leaves the decision open ends with
 * OUTCOME_MATCH: no less specific element decides then, but the next rule. True if there is
 * such a verdict. */
static bool map_bodies(struct translation *t, const struct rule *rule, const struct map *map,
		       diagram_ref *bodies)
{
	bool may_be_open = false;
	diagram_ref body;
	size_t i;

	for (i = 0; i < map->verdict_count; i++) {
		body = verdict_body(t, rule, &map->verdicts[i]);
		bodies[i] = builder_replace_ends(t->builder, body, OUTCOME_MATCH, OUTCOME_RETURN);
		may_be_open |= bodies[i] != body;
	}
	return may_be_open;
}

/* Runs of elements with plain verdicts are swept; the others are built one by one between them. */
static diagram_ref build_map(struct translation *t, const struct rule *rule)
{
	const struct map *map = &t->policy->maps[rule->verdict.target];
	diagram_ref *bodies = arena_alloc(t->arena, map->verdict_count, sizeof(*bodies));
	bool may_be_open = map_bodies(t, rule, map, bodies);
	diagram_ref *diagrams, whole;
	struct clause *clauses;
	size_t count, diagram_count = 0, first = 0;
	uint32_t *order = elements_in_order(t->arena, map, t->family, t->protocol, &count);
	size_t i;

	clauses = arena_alloc(t->arena, count, sizeof(*clauses));
	diagrams = arena_alloc(t->arena, 2 * count + 1, sizeof(*diagrams));
	for (i = 0; i < count; i++) {
		uint32_t verdict = map->elements[order[i]].verdict;

		clauses[i] = element_clause(map, order[i]);
		clauses[i].body = bodies[verdict];
		if (is_plain_verdict(&map->verdicts[verdict]))
			continue;
		clauses[i].body = REF_MATCH;
		whole = sweep_clauses(t->arena, t->builder, t->family, &clauses[i], 1);
		diagrams[diagram_count++] = sweep_clauses(t->arena, t->builder, t->family,
							  &clauses[first], i - first);
		diagrams[diagram_count++] = builder_where(t->builder, whole, bodies[verdict]);
		first = i + 1;
	}
	diagrams[diagram_count++] = sweep_clauses(t->arena, t->builder, t->family, &clauses[first],
						  count - first);
	whole = join_diagrams(t->builder, diagrams, diagram_count);
	return may_be_open ? builder_replace_ends(t->builder, whole, OUTCOME_NEXT, OUTCOME_RETURN)
			   : whole;
}

/* BODY where an element holds, else REF_NEXT. */
static diagram_ref where_element(struct translation *t, const struct map *map, diagram_ref body)
{
	size_t count, i;
	uint32_t *order = elements_in_order(t->arena, map, t->family, t->protocol, &count);
	struct clause *clauses = arena_alloc(t->arena, count, sizeof(*clauses));

	for (i = 0; i < count; i++) {
		clauses[i] = element_clause(map, order[i]);
		clauses[i].body = body;
	}
	return sweep_clauses(t->arena, t->builder, t->family, clauses, count);
}

/* REF_MATCH where an element of the set holds, else REF_NEXT. */
static diagram_ref build_key_set(struct translation *t, uint32_t set)
{
	if (t->key_sets[set] == REF_NONE)
		t->key_sets[set] = where_element(t, &t->policy->key_sets[set], REF_MATCH);
	return t->key_sets[set];
}

/* BODY where all matches of several fields hold, else REF_NEXT. */
static diagram_ref where_keys(struct translation *t, const struct match *match, diagram_ref body)
{
	diagram_ref condition;
	size_t i;

	for (i = 0; i < match->key_match_count; i++) {
		const struct key_match *key_match = &match->key_matches[i];

		condition = build_key_set(t, key_match->set);
		if (key_match->negated) /* REF_MATCH becomes REF_NEXT, and the reverse */
			condition = builder_replace_ends(t->builder, condition, OUTCOME_MATCH,
							 OUTCOME_RETURN);
		body = builder_where(t->builder, condition, body);
	}
	return body;
}

/* BODY where a match holds, else REF_NEXT. */
static diagram_ref where_match(struct translation *t, const struct match *match, diagram_ref body)
{
	struct clause clause = clause_of(t, match, REF_MATCH);
	diagram_ref condition = sweep_clauses(t->arena, t->builder, t->family, &clause, 1);

	return builder_where(t->builder, condition, where_keys(t, match, body));
}

static diagram_ref build_rule(struct translation *t, const struct rule *rule)
{
	const struct verdict *verdict = &rule->verdict;
	diagram_ref body;

	if (verdict->kind == VERDICT_MAP)
		body = build_map(t, rule);
	else
		body = verdict_body(t, rule, verdict);
	return where_match(t, &rule->match, body);
}

/* Runs of plain rules are swept; the others are built one by one between them. */
static diagram_ref build_rules(struct translation *t, const struct chain *chain)
{
	struct clause *clauses = arena_alloc(t->arena, chain->count, sizeof(*clauses));
	diagram_ref *diagrams = arena_alloc(t->arena, 2 * chain->count + 1, sizeof(*diagrams));
	size_t clause_count = 0, diagram_count = 0;
	size_t i;

	for (i = 0; i < chain->count && !builder_is_exhausted(t->builder); i++) {
		const struct rule *rule = &chain->rules[i];
		diagram_ref body;

		if (!concerns(t, &rule->match))
			continue;
		if (is_plain(rule)) {
			body = verdict_body(t, rule, &rule->verdict);
			clauses[clause_count++] = clause_of(t, &rule->match, body);
			continue;
		}
		diagrams[diagram_count++] = sweep_clauses(t->arena, t->builder, t->family, clauses,
							  clause_count);
		diagrams[diagram_count++] = build_rule(t, rule);
		clause_count = 0;
	}
	diagrams[diagram_count++] = sweep_clauses(t->arena, t->builder, t->family, clauses,
						  clause_count);
	return join_diagrams(t->builder, diagrams, diagram_count);
}

static diagram_ref build_chain(struct translation *t, uint32_t chain)
{
	if (t->chains[chain] == REF_NONE)
		t->chains[chain] = build_rules(t, &t->policy->chains[chain]);
	return t->chains[chain];
}

static struct translation start(struct arena *arena, struct builder *builder,
				const struct policy *policy, enum family family,
				enum protocol protocol)
{
	struct translation t = {arena, policy, family, protocol, builder, NULL, NULL};
	size_t i;

	t.chains = arena_alloc(arena, policy->chain_count, sizeof(*t.chains));
	for (i = 0; i < policy->chain_count; i++)
		t.chains[i] = REF_NONE;
	t.key_sets = arena_alloc(arena, policy->key_set_count, sizeof(*t.key_sets));
	for (i = 0; i < policy->key_set_count; i++)
		t.key_sets[i] = REF_NONE;
	return t;
}

diagram_ref matches_to_diagram(struct arena *arena, struct builder *builder,
			       const struct policy *policy, const struct rule *rule,
			       enum family family, enum protocol protocol)
{
	struct translation t = start(arena, builder, policy, family, protocol);
	diagram_ref body = REF_MATCH;

	if (!concerns(&t, &rule->match))
		return REF_NEXT;
	if (rule->verdict.kind == VERDICT_MAP)
		body = where_element(&t, &policy->maps[rule->verdict.target], body);
	return where_match(&t, &rule->match, body);
}

diagram_ref rules_to_diagram(struct arena *arena, struct builder *builder,
			     const struct policy *policy, enum family family,
			     enum protocol protocol)
{
	struct translation t = start(arena, builder, policy, family, protocol);
	enum outcome_end end = policy->end == VERDICT_PASS ? OUTCOME_PASS : OUTCOME_DROP;

	return builder_replace_ends(builder, build_chain(&t, 0), end, end);
}

static bool names_protocol(const struct map *maps, size_t count)
{
	size_t i, k;

	for (i = 0; i < count; i++)
		for (k = 0; k < maps[i].key_count; k++)
			if (maps[i].key_fields[k] == FIELD_L4PROTO)
				return true;
	return false;
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
	return !names_protocol(policy->maps, policy->map_count) &&
	       !names_protocol(policy->key_sets, policy->key_set_count);
}
