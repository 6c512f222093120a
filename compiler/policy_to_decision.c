/* Makes the decision diagram of a policy, apart for each family and protocol, so that each has the order of
 * fields that suits it. Runs of plain rules are built by a sweep; a chain is built once, open at its end,
 * and a jump is that chain where the rule matches: nothing is expanded. */
#include "pipeline.h"

#include "arena.h"
#include "decision.h"
#include "decision_builder.h"
#include "decision_sweep.h"
#include "diag.h"
#include "policy.h"

#include <stdlib.h>
#include <string.h>

enum { NOT_BUILT = 0xfffffffe };

/* Intervals put into nodes, for nothing included, before an order of the fields is given up in a round. */
enum { FIRST_EFFORT = 1 << 22, EFFORT_STEP = 4, LAST_EFFORT = 1 << 26 };

/* A decision of more intervals than this is worth a try in other orders, each with so much effort for every
 * interval of the best, and another order is taken if it is this many times smaller. */
enum { WORTH_A_TRY = 4096, EFFORT_FOR_INTERVAL = 32, WORTH_TAKING = 2 };

/* In the order of preference: addresses first makes the smallest tables of what people write. */
static const enum field ORDERS[][FIELD_COUNT] = {
	{FIELD_DADDR, FIELD_DPORT, FIELD_SADDR, FIELD_SPORT},
	{FIELD_DPORT, FIELD_DADDR, FIELD_SADDR, FIELD_SPORT},
	{FIELD_SADDR, FIELD_DADDR, FIELD_DPORT, FIELD_SPORT},
	{FIELD_DADDR, FIELD_SADDR, FIELD_DPORT, FIELD_SPORT},
	{FIELD_SADDR, FIELD_DPORT, FIELD_DADDR, FIELD_SPORT},
	{FIELD_SPORT, FIELD_DADDR, FIELD_DPORT, FIELD_SADDR},
};
enum { ORDER_COUNT = sizeof(ORDERS) / sizeof(ORDERS[0]) };

/* One family and protocol, built in one order. */
struct context {
	struct arena *arena;
	const struct policy *policy;
	enum family family;
	enum protocol protocol;
	const enum field *order;
	struct builder *builder;
	decision_ref *chains; /* of each chain, NOT_BUILT before; RETURN where it returns */
};

static const struct range NO_RANGES[1];

static decision_ref build_chain(struct context *cx, uint32_t chain);

static int compare_numbers(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

	return first < second ? -1 : first > second;
}

/* A match on one interface: a condition, MATCH or next; built from the last variable to the first. */
static decision_ref interface_condition(struct context *cx, const struct interface_match *match)
{
	decision_ref differs = match->negated ? REF_MATCH : REF_NEXT;
	decision_ref equals = match->negated ? REF_NEXT : REF_MATCH;
	decision_ref unknown, condition = differs;
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

static decision_ref where_interfaces(struct context *cx, const struct match *match, decision_ref body)
{
	decision_ref condition;
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

static struct item item_of(const struct context *cx, const struct match *match, decision_ref body)
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

/* What a verdict does once its rule matches. */
static decision_ref verdict_body(struct context *cx, const struct verdict *verdict, uint32_t counter)
{
	struct step steps[2];
	size_t count = 0;
	decision_ref chain;

	if (counter != NO_INDEX)
		steps[count++] = (struct step){STEP_COUNT, counter, false};
	switch (verdict->kind) {
	case VERDICT_PASS:
		return builder_outcome_of(cx->builder, steps, count, END_PASS);
	case VERDICT_DROP:
		return builder_outcome_of(cx->builder, steps, count, END_DROP);
	case VERDICT_REDIRECT:
		steps[count++] = (struct step){STEP_ATTEMPT, verdict->target, verdict->no_reuseport};
		return builder_outcome_of(cx->builder, steps, count,
					  verdict->fallback == FALLBACK_DROP   ? END_DROP
					  : verdict->fallback == FALLBACK_PASS ? END_PASS
									       : END_NEXT);
	case VERDICT_JUMP:
	case VERDICT_GOTO:
		chain = builder_replace_ends(cx->builder, build_chain(cx, verdict->target),
					     verdict->kind == VERDICT_JUMP ? END_NEXT : END_RETURN,
					     verdict->kind == VERDICT_JUMP ? END_NEXT : END_RETURN);
		return builder_then(cx->builder,
				    builder_outcome_of(cx->builder, steps, count, END_NEXT), chain);
	default:
		return builder_outcome_of(cx->builder, steps, count, END_RETURN);
	}
}

static bool is_plain(const struct verdict *verdict)
{
	return verdict->kind != VERDICT_JUMP && verdict->kind != VERDICT_GOTO &&
	       verdict->kind != VERDICT_MAP;
}

/* A diagram where a match holds, else next. */
static decision_ref where_match(struct context *cx, const struct match *match, decision_ref body)
{
	struct item item = item_of(cx, match, where_interfaces(cx, match, REF_MATCH));
	decision_ref condition =
		sweep_items(cx->arena, cx->builder, cx->family, cx->order, &item, 1);

	return builder_where(cx->builder, condition, body);
}

/* Parts in turn, joined in pairs, so that none is copied more than log n times. */
static decision_ref join(struct context *cx, const decision_ref *parts, size_t count)
{
	size_t half = count / 2;

	if (count == 0)
		return REF_NEXT;
	if (count == 1)
		return parts[0];
	return builder_then(cx->builder, join(cx, parts, half), join(cx, parts + half, count - half));
}

/* Which key is asked of which field; the protocol is not: it is fixed here. */
static enum field key_field(enum map_key key)
{
	switch (key) {
	case MAP_KEY_DADDR:
		return FIELD_DADDR;
	case MAP_KEY_DPORT:
		return FIELD_DPORT;
	case MAP_KEY_SADDR:
		return FIELD_SADDR;
	default:
		return FIELD_SPORT;
	}
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

		if (map->key_fields[k] == MAP_KEY_L4PROTO &&
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

static struct item element_item(const struct map *map, size_t element, decision_ref body)
{
	struct item item = {.body = body};
	size_t k;

	for (k = 0; k < map->key_count; k++) {
		enum field field = key_field(map->key_fields[k]);

		if (map->key_fields[k] == MAP_KEY_L4PROTO)
			continue;
		item.ranges[field] = &map->keys[element * map->key_count + k];
		item.counts[field] = 1;
	}
	return item;
}

static decision_ref build_map(struct context *cx, const struct map *map, uint32_t counter)
{
	decision_ref *bodies = arena_alloc(cx->arena, map->verdict_count, sizeof(*bodies));
	decision_ref *parts, whole;
	struct item *items;
	size_t count, part_count = 0, first = 0;
	uint32_t *order = sorted_elements(cx, map, &count);
	size_t i;

	for (i = 0; i < map->verdict_count; i++)
		bodies[i] = verdict_body(cx, &map->verdicts[i], counter);
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
	parts[part_count++] = sweep_items(cx->arena, cx->builder, cx->family, cx->order, &items[first],
					  count - first);
	return join(cx, parts, part_count);
}

static decision_ref build_rule(struct context *cx, const struct rule *rule)
{
	const struct verdict *verdict = &rule->verdict;
	decision_ref body;

	if (verdict->kind == VERDICT_MAP)
		body = build_map(cx, &cx->policy->maps[verdict->target], rule->counter);
	else
		body = verdict_body(cx, verdict, rule->counter);
	return where_match(cx, &rule->match, body);
}

/* Runs of plain rules are swept; the others are built one by one between them. */
static decision_ref build_rules(struct context *cx, const struct chain *chain)
{
	struct item *items = arena_alloc(cx->arena, chain->count, sizeof(*items));
	decision_ref *parts = arena_alloc(cx->arena, 2 * chain->count + 1, sizeof(*parts));
	size_t item_count = 0, part_count = 0;
	size_t i;

	for (i = 0; i < chain->count && !builder_is_exhausted(cx->builder); i++) {
		const struct rule *rule = &chain->rules[i];
		decision_ref body;

		if (!speaks_of(cx, &rule->match))
			continue;
		if (is_plain(&rule->verdict)) {
			body = verdict_body(cx, &rule->verdict, rule->counter);
			body = where_interfaces(cx, &rule->match, body);
			items[item_count++] = item_of(cx, &rule->match, body);
			continue;
		}
		parts[part_count++] = sweep_items(cx->arena, cx->builder, cx->family, cx->order, items,
						  item_count);
		parts[part_count++] = build_rule(cx, rule);
		item_count = 0;
	}
	parts[part_count++] =
		sweep_items(cx->arena, cx->builder, cx->family, cx->order, items, item_count);
	return join(cx, parts, part_count);
}

static decision_ref build_chain(struct context *cx, uint32_t chain)
{
	if (cx->chains[chain] == NOT_BUILT)
		cx->chains[chain] = build_rules(cx, &cx->policy->chains[chain]);
	return cx->chains[chain];
}

/* The decision of one family and protocol in one order; false when it took more than EFFORT. */
static bool build_context(struct context *cx, size_t effort, decision_ref *root)
{
	enum end end = cx->policy->end == VERDICT_PASS ? END_PASS : END_DROP;
	size_t i;

	cx->builder = builder_new(cx->arena, cx->order, effort);
	cx->chains = arena_alloc(cx->arena, cx->policy->chain_count, sizeof(*cx->chains));
	for (i = 0; i < cx->policy->chain_count; i++)
		cx->chains[i] = NOT_BUILT;
	*root = builder_replace_ends(cx->builder, build_chain(cx, 0), end, end);
	return !builder_is_exhausted(cx->builder);
}

/* A decision in the making: what was built of each family and protocol goes into one builder. */
struct making {
	const struct policy *policy;
	struct builder *whole;
	struct decision *decision;
};

/* One order tried: its root and size in a builder and an arena of its own. */
struct attempt {
	struct arena *arena;
	struct builder *builder;
	decision_ref root;
	size_t intervals;
	const enum field *order;
};

static bool attempt_order(const struct making *making, enum family family, enum protocol protocol,
			  const enum field *order, size_t effort, struct attempt *attempt)
{
	struct arena *arena = arena_new();
	struct context cx = {arena, making->policy, family, protocol, order, NULL, NULL};
	struct builder *reached;
	decision_ref root;

	if (!build_context(&cx, effort, &root)) {
		arena_free(arena);
		return false;
	}
	reached = builder_new(arena, order, SIZE_MAX - 1);
	root = builder_import(reached, cx.builder, root);
	*attempt = (struct attempt){arena, reached, root, builder_intervals(reached), order};
	return true;
}

/* The first order unless another is much smaller. False where none fits within the effort. */
static bool best_attempt(const struct making *making, enum family family, enum protocol protocol,
			 size_t effort, struct attempt *best)
{
	bool found = false;
	struct attempt attempt;
	size_t i;

	for (i = 0; i < ORDER_COUNT; i++) {
		if (found && best->intervals < WORTH_A_TRY)
			return true;
		if (found)
			effort = best->intervals * EFFORT_FOR_INTERVAL;
		if (!attempt_order(making, family, protocol, ORDERS[i], effort, &attempt))
			continue;
		if (found && attempt.intervals * WORTH_TAKING > best->intervals) {
			arena_free(attempt.arena);
			continue;
		}
		if (found)
			arena_free(best->arena);
		*best = attempt;
		found = true;
	}
	return found;
}

static bool decide_context(struct making *making, enum family family, enum protocol protocol)
{
	struct attempt best;
	size_t effort;

	for (effort = FIRST_EFFORT; effort <= LAST_EFFORT; effort *= EFFORT_STEP) {
		if (!best_attempt(making, family, protocol, effort, &best))
			continue;
		making->decision->roots[family][protocol] =
			builder_import(making->whole, best.builder, best.root);
		memcpy(making->decision->orders[family][protocol], best.order,
		       sizeof(making->decision->orders[family][protocol]));
		arena_free(best.arena);
		return true;
	}
	return false;
}

/* Whether no rule of a family tells the protocols apart, so that one decision is both's. */
static bool protocols_are_alike(const struct policy *policy, enum family family)
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
			if (policy->maps[i].key_fields[j] == MAP_KEY_L4PROTO)
				return false;
	return true;
}

/* Some packet that comes to an outcome; false if none of those below REF does. */
static bool witness_of(const struct builder *builder, decision_ref ref, uint32_t outcome,
		       struct packet *packet)
{
	const struct decision_node *node;
	size_t i;

	if (ref_is_outcome(ref))
		return ref_index(ref) == outcome;
	node = builder_node(builder, ref);
	for (i = 0; i < node->count; i++) {
		if (!witness_of(builder, node->children[i], outcome, packet))
			continue;
		if (node->variable < FIELD_COUNT)
			packet->values[node->variable] = node->starts[i];
		else if (node->starts[i] == INTERFACE_EQUALS)
			packet->interface = node->variable - VARIABLE_INTERFACES;
		return true;
	}
	return false;
}

/* The error of a packet with more attempts or counts than are allowed, shown by the rules that make them. */
static void report_too_long(const struct making *making, uint32_t index, struct diag *diag)
{
	const struct decision *decision = making->decision;
	bool *known = calloc(making->policy->interface_count + 1, sizeof(*known));
	struct environment environment = {known};
	const struct rule *deciding;
	struct outcome outcome;
	struct packet packet;
	unsigned context;
	size_t i;

	memset(known, true, making->policy->interface_count);
	for (context = 0; context < FAMILY_COUNT * PROTOCOL_COUNT; context++) {
		packet = (struct packet){context / 2, context % 2, {0}, NO_INDEX};
		if (witness_of(making->whole, decision->roots[context / 2][context % 2], index,
			       &packet))
			break;
	}
	policy_eval(making->policy, &environment, &packet, &outcome, &deciding);
	diag_error(diag, outcome.rules[outcome.step_count - 1]->span,
		   "more than %d labels to attempt, or %d counters, for one packet", ATTEMPTS_MAX,
		   COUNTS_MAX);
	for (i = 0; i + 1 < outcome.step_count; i++)
		if (i == 0 || outcome.rules[i] != outcome.rules[i - 1])
			diag_note(diag, outcome.rules[i]->span, "this rule comes before it");
	free(known);
}

static bool check_outcomes(const struct making *making, struct diag *diag)
{
	const struct decision_outcome *outcomes;
	size_t count;
	uint32_t i;

	outcomes = builder_outcomes(making->whole, &count);
	for (i = 0; i < count; i++) {
		if (!outcome_is_too_long(&outcomes[i]))
			continue;
		report_too_long(making, i, diag);
		return false;
	}
	return true;
}

/* The rules with the most values each, which multiply each other. */
static void report_too_large(const struct policy *policy, enum family family, struct diag *diag)
{
	const struct rule *widest[2] = {NULL, NULL};
	size_t values[2] = {0, 0};
	size_t i, j, field;

	for (i = 0; i < policy->chain_count; i++)
		for (j = 0; j < policy->chains[i].count; j++) {
			const struct rule *rule = &policy->chains[i].rules[j];
			size_t sum = 0;

			for (field = 0; field < FIELD_COUNT; field++)
				if (rule->match.values[family][field])
					sum += rule->match.values[family][field]->count;
			if (rule->verdict.kind == VERDICT_MAP)
				sum += policy->maps[rule->verdict.target].element_count;
			if (sum > values[0]) {
				widest[1] = widest[0];
				values[1] = values[0];
				widest[0] = rule;
				values[0] = sum;
			} else if (sum > values[1]) {
				widest[1] = rule;
				values[1] = sum;
			}
		}
	diag_error(diag, widest[0] ? widest[0]->span : policy->chains[0].span,
		   "the decision for %s needs more than %d table entries: rules multiply each other",
		   family_word(family), LAST_EFFORT);
	if (widest[1])
		diag_note(diag, widest[1]->span, "with this rule, among others");
}

static void finish(struct decision *decision, const struct builder *whole)
{
	decision->nodes = builder_nodes(whole, &decision->node_count);
	decision->outcomes = builder_outcomes(whole, &decision->outcome_count);
	decision->interval_count = builder_intervals(whole);
}

struct decision *policy_to_decision(struct arena *arena, const struct policy *policy,
				    struct diag *diag, const struct compile_options *options)
{
	struct decision *decision = arena_alloc(arena, 1, sizeof(*decision));
	struct making making = {policy, builder_new(arena, ORDERS[0], SIZE_MAX - 1), decision};
	enum family family;
	enum protocol protocol;

	(void)options;
	decision->policy = policy;
	for (family = 0; family < FAMILY_COUNT; family++)
		for (protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
			if (protocol == PROTOCOL_UDP && protocols_are_alike(policy, family)) {
				decision->roots[family][protocol] = decision->roots[family][0];
				memcpy(decision->orders[family][protocol], decision->orders[family][0],
				       sizeof(decision->orders[family][0]));
				continue;
			}
			if (decide_context(&making, family, protocol))
				continue;
			report_too_large(policy, family, diag);
			return NULL;
		}
	if (!check_outcomes(&making, diag))
		return NULL;
	finish(decision, making.whole);
	return decision;
}
