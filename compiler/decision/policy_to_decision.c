/* Makes the decision diagram of a policy, apart for each family and protocol, so that each has the order of
 * fields that suits it, and puts them together. */
#include "compiler/pipeline.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/diagram/diagram.h"
#include "compiler/policy/policy.h"
#include "decision.h"

#include <stdlib.h>
#include <string.h>

/* Intervals put into nodes, for nothing included, before an order of the fields is given up in a round: at
 * first so many, and more for each value in the rules, which is what a good order needs. */
enum { FIRST_EFFORT = 1 << 20, EFFORT_FOR_VALUE = 16, EFFORT_STEP = 4, LAST_EFFORT = 1 << 24 };

/* A decision of more intervals than this is worth a try in other orders, each with so much effort for every
 * interval of the best, and another order is taken if it is this many times smaller. */
enum { WORTH_A_TRY = 4096, EFFORT_FOR_INTERVAL = 32, WORTH_TAKING = 2 };

/* The fields that an order begins with; the others follow in the order of their table. */
struct lead {
	size_t count;
	enum field fields[2];
};

/* In the order of preference: addresses first makes the smallest tables of what people write. */
static const struct lead LEADS[] = {
	{1, {FIELD_DADDR}},
	{1, {FIELD_DPORT}},
	{1, {FIELD_SADDR}},
	{2, {FIELD_DADDR, FIELD_SADDR}},
	{2, {FIELD_SADDR, FIELD_DPORT}},
	{1, {FIELD_SPORT}},
};
enum { ORDER_COUNT = sizeof(LEADS) / sizeof(LEADS[0]) };

static void order_fields(const struct lead *lead, enum field order[FIELD_COUNT])
{
	bool leads[FIELD_COUNT] = {false};
	enum field field;
	size_t count;

	for (count = 0; count < lead->count; count++) {
		order[count] = lead->fields[count];
		leads[order[count]] = true;
	}
	for (field = 0; field < FIELD_COUNT; field++)
		if (!leads[field])
			order[count++] = field;
}

/* A decision in the making: what was built of each family and protocol goes into one builder. */
struct making {
	const struct policy *policy;
	struct builder *whole;
	struct decision *decision;
};

/* One order tried, in a builder and an arena of its own. */
struct attempt {
	struct arena *arena;
	struct builder *builder;
	diagram_ref root;
	struct builder_extent extent;
	enum field order[FIELD_COUNT];
};

static bool attempt_order(const struct making *making, enum family family, enum protocol protocol,
			  const struct lead *lead, size_t effort, struct attempt *attempt)
{
	struct arena *arena = arena_new();
	struct builder *builder;

	*attempt = (struct attempt){.arena = arena};
	order_fields(lead, attempt->order);
	builder = builder_new(arena, attempt->order, effort);
	attempt->builder = builder;
	attempt->root = rules_to_diagram(arena, builder, making->policy, family, protocol,
					 attempt->order);

	if (builder_is_exhausted(builder)) {
		arena_free(arena);
		return false;
	}
	attempt->extent = builder_extent(builder, attempt->root);
	return true;
}

/* Whether another order could be so much smaller that it were taken. */
static bool is_worth_a_try(const struct builder_extent *best)
{
	return best->intervals >= WORTH_A_TRY &&
	       best->intervals >= best->least_intervals * WORTH_TAKING;
}

/* The first order unless another is much smaller. False where none fits within the effort. */
static bool best_attempt(const struct making *making, enum family family, enum protocol protocol,
			 size_t effort, struct attempt *best)
{
	bool found = false;
	struct attempt attempt;
	size_t i;

	for (i = 0; i < ORDER_COUNT; i++) {
		if (found && !is_worth_a_try(&best->extent))
			return true;
		if (found)
			effort = best->extent.intervals * EFFORT_FOR_INTERVAL;
		if (!attempt_order(making, family, protocol, &LEADS[i], effort, &attempt))
			continue;
		if (found && attempt.extent.intervals * WORTH_TAKING > best->extent.intervals) {
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

/* How many values all rules and maps speak of. */
static size_t count_values(const struct policy *policy)
{
	size_t count = 0;
	size_t i, j, k;

	for (i = 0; i < policy->map_count; i++)
		count += policy->maps[i].element_count;
	for (i = 0; i < policy->chain_count; i++)
		for (j = 0; j < policy->chains[i].count; j++)
			for (k = 0; k < FAMILY_COUNT * FIELD_COUNT; k++) {
				const struct range_set *values =
					policy->chains[i].rules[j].match.values[k / FIELD_COUNT]
									       [k % FIELD_COUNT];

				count += values ? values->count : 0;
			}
	return count;
}

static bool decide_context(struct making *making, enum family family, enum protocol protocol)
{
	size_t effort = FIRST_EFFORT + count_values(making->policy) * EFFORT_FOR_VALUE;
	struct attempt best;

	while (!best_attempt(making, family, protocol, effort, &best)) {
		if (effort > LAST_EFFORT / 2) /* too little more to make a difference */
			return false;
		effort = effort < LAST_EFFORT / EFFORT_STEP ? effort * EFFORT_STEP : LAST_EFFORT;
	}
	making->decision->roots[family][protocol] = builder_import(making->whole, best.builder,
								   best.root);
	memcpy(making->decision->orders[family][protocol], best.order,
	       sizeof(making->decision->orders[family][protocol]));
	arena_free(best.arena);
	return true;
}

/* Some packet that comes to an outcome; false if none of those below REF does. */
static bool witness_of(const struct builder *builder, diagram_ref ref, uint32_t outcome,
		       struct packet *packet)
{
	const struct diagram_node *node;
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
	diag_error(diag, outcome.rules[outcome.action_count]->span,
		   "more than %d labels to attempt, or %d counters, for one packet", ATTEMPTS_MAX,
		   COUNTS_MAX);
	for (i = 0; i < outcome.action_count; i++)
		if (i == 0 || outcome.rules[i] != outcome.rules[i - 1])
			diag_note(diag, outcome.rules[i]->span, "this rule comes before it");
	free(known);
}

static bool check_outcomes(const struct making *making, struct diag *diag)
{
	const struct diagram_outcome *outcomes;
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

static void finish(struct decision *decision, const struct builder *whole)
{
	decision->nodes = builder_nodes(whole, &decision->node_count);
	decision->outcomes = builder_outcomes(whole, &decision->outcome_count);
	decision->interval_count = builder_interval_count(whole);
}

struct decision *policy_to_decision(struct arena *arena, const struct policy *policy,
				    struct diag *diag, const struct compile_options *options)
{
	struct decision *decision = arena_alloc(arena, 1, sizeof(*decision));
	struct making making = {.policy = policy, .decision = decision};
	enum field order[FIELD_COUNT];
	enum family family;
	enum protocol protocol;

	(void)options;
	order_fields(&LEADS[0], order);
	making.whole = builder_new(arena, order, SIZE_MAX - 1);
	decision->policy = policy;
	for (family = 0; family < FAMILY_COUNT; family++)
		for (protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
			if (protocol == PROTOCOL_UDP && protocols_are_alike(policy, family)) {
				decision->roots[family][protocol] = decision->roots[family][0];
				memcpy(decision->orders[family][protocol],
				       decision->orders[family][0],
				       sizeof(decision->orders[family][0]));
				continue;
			}
			if (decide_context(&making, family, protocol))
				continue;
			budget_report(policy, family, "the effort that the compiler spends", diag);
			return NULL;
		}
	if (!check_outcomes(&making, diag))
		return NULL;
	finish(decision, making.whole);
	return decision;
}
