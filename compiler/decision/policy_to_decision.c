/* Makes the decision of a policy: a diagram for each flow class, each in the order of fields that
 * makes it small. Each is built in a builder of its own and then copied into one that all share. */
#include "compiler/pipeline.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/diagram/diagram.h"
#include "compiler/policy/policy.h"
#include "decision.h"

#include <stdlib.h>
#include <string.h>

/* An order of fields is given up after FIRST_EFFORT, and EFFORT_FOR_VALUE more for each value in
 * the rules: a good order needs an effort in proportion to these. (For the unit see builder_new.)
 * If all orders were given up, all are tried again with EFFORT_GROWTH times the effort, up to
 * LAST_EFFORT. */
enum { FIRST_EFFORT = 1 << 20, EFFORT_FOR_VALUE = 16, EFFORT_GROWTH = 4, LAST_EFFORT = 1 << 24 };

/* Once one order is done and its diagram has WORTH_A_TRY intervals or more, the orders after it are
 * tried too, each with an effort of EFFORT_FOR_INTERVAL for each interval of the best diagram so
 * far. Another order is taken if its diagram is WORTH_TAKING times smaller. */
enum { WORTH_A_TRY = 4096, EFFORT_FOR_INTERVAL = 32, WORTH_TAKING = 2 };

/* The fields that an order begins with; the others follow in the order of enum field. */
struct lead {
	size_t count;
	enum field fields[2];
};

/* The most preferred order first: most rules give the smallest tables with the addresses first. */
static const struct lead LEADS[] = {
	{1, {FIELD_DADDR}},
	{1, {FIELD_IIFNAME}},
	{1, {FIELD_DPORT}},
	{1, {FIELD_SADDR}},
	{2, {FIELD_DADDR, FIELD_SADDR}},
	{2, {FIELD_SADDR, FIELD_DPORT}},
	{2, {FIELD_IIFNAME, FIELD_DPORT}},
	{2, {FIELD_IIFNAME, FIELD_SADDR}},
	{1, {FIELD_SPORT}},
};
enum { ORDER_COUNT = sizeof(LEADS) / sizeof(LEADS[0]) };

static void order_fields(const struct lead *lead, enum field order[VALUE_FIELD_COUNT])
{
	bool leads[VALUE_FIELD_COUNT] = {false};
	enum field field;
	size_t count;

	for (count = 0; count < lead->count; count++) {
		order[count] = lead->fields[count];
		leads[order[count]] = true;
	}
	for (field = 0; field < VALUE_FIELD_COUNT; field++)
		if (!leads[field])
			order[count++] = field;
}

/* A decision in the making. */
struct making {
	const struct policy *policy;
	struct builder *whole; /* the diagrams that are done */
	struct decision *decision;
};

/* Whether an order can give another diagram than those before it: one that leads with interfaces cannot where no rule names
 * any. */
static bool is_of_use(const struct making *making, const struct lead *lead)
{
	return lead->fields[0] != FIELD_IIFNAME || making->policy->interface_count;
}

/* The diagram of one flow class in one order, in a builder and an arena of its own. */
struct trial {
	struct arena *arena;
	struct builder *builder;
	diagram_ref root;
	struct builder_extent extent;
	enum field order[VALUE_FIELD_COUNT];
};

static bool try_order(const struct making *making, enum family family, enum protocol protocol,
		      const struct lead *lead, size_t effort, struct trial *trial)
{
	struct arena *arena = arena_new();

	*trial = (struct trial){.arena = arena};
	order_fields(lead, trial->order);
	trial->builder = builder_new(arena, trial->order, effort);
	trial->root = rules_to_diagram(arena, trial->builder, making->policy, family, protocol);
	if (builder_is_exhausted(trial->builder)) {
		arena_free(arena);
		return false;
	}
	trial->extent = builder_extent(trial->builder, trial->root);
	return true;
}

/* Whether another order could give a diagram so much smaller that it would be taken. */
static bool is_worth_a_try(const struct builder_extent *best)
{
	return best->intervals >= WORTH_A_TRY &&
	       best->intervals >= best->least_intervals * WORTH_TAKING;
}

/* Gives in BEST the first order that is done within the effort, or a later one whose diagram is
 * much smaller. False if no order is done. */
static bool best_trial(const struct making *making, enum family family, enum protocol protocol,
		       size_t effort, struct trial *best)
{
	bool found = false;
	struct trial trial;
	size_t i;

	for (i = 0; i < ORDER_COUNT; i++) {
		if (found && !is_worth_a_try(&best->extent))
			return true;
		if (found)
			effort = best->extent.intervals * EFFORT_FOR_INTERVAL;
		if (!is_of_use(making, &LEADS[i]) ||
		    !try_order(making, family, protocol, &LEADS[i], effort, &trial))
			continue;
		if (found && trial.extent.intervals * WORTH_TAKING > best->extent.intervals) {
			arena_free(trial.arena);
			continue;
		}
		if (found)
			arena_free(best->arena);
		*best = trial;
		found = true;
	}
	return found;
}

/* The number of ranges in all rules, and of elements in all maps and key sets. */
static size_t count_values(const struct policy *policy)
{
	size_t count = 0;
	size_t i, j, k;

	for (i = 0; i < policy->map_count; i++)
		count += policy->maps[i].element_count;
	for (i = 0; i < policy->key_set_count; i++)
		count += policy->key_sets[i].element_count;
	for (i = 0; i < policy->chain_count; i++)
		for (j = 0; j < policy->chains[i].count; j++)
			for (k = 0; k < FAMILY_COUNT * VALUE_FIELD_COUNT; k++) {
				const struct range_set *values =
					policy->chains[i]
						.rules[j]
						.match.values[k / VALUE_FIELD_COUNT]
							     [k % VALUE_FIELD_COUNT];

				count += values ? values->count : 0;
			}
	return count;
}

static bool decide_flow_class(struct making *making, enum family family, enum protocol protocol)
{
	size_t effort = FIRST_EFFORT + count_values(making->policy) * EFFORT_FOR_VALUE;
	struct trial best;

	while (!best_trial(making, family, protocol, effort, &best)) {
		if (effort > LAST_EFFORT / 2) /* LAST_EFFORT was spent, or is hardly more */
			return false;
		effort = effort < LAST_EFFORT / EFFORT_GROWTH ? effort * EFFORT_GROWTH
							      : LAST_EFFORT;
	}
	making->decision->roots[family][protocol] = builder_import(making->whole, best.builder,
								   best.root);
	memcpy(making->decision->orders[family][protocol], best.order,
	       sizeof(making->decision->orders[family][protocol]));
	arena_free(best.arena);
	return true;
}

static bool arrive_at_too_long(void *argument, const struct packet *packet, diagram_ref ref)
{
	const struct making *making = argument;

	(void)packet;
	return !outcome_is_too_long(builder_outcome(making->whole, ref));
}

/* Finds a packet whose outcome is too long; false if there is none. */
static bool find_too_long(const struct making *making, struct packet *found)
{
	struct diagram_walk walk = {.arrive = arrive_at_too_long, .argument = (void *)making};
	unsigned flow_class;

	walk.nodes = builder_nodes(making->whole, &walk.node_count);
	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++) {
		walk.packet = (struct packet){
			flow_class_family(flow_class), flow_class_protocol(flow_class), {0}};
		if (diagram_walk(&walk,
				 making->decision->roots[walk.packet.family][walk.packet.protocol]))
			continue;
		*found = walk.packet;
		return true;
	}
	return false;
}

/* Reports that the packet has more attempts or counts than are allowed, and shows the rules that
 * make them. */
static void report_too_long(const struct making *making, const struct packet *packet,
			    struct diag *diag)
{
	const struct rule *deciding;
	struct outcome outcome;
	size_t i;

	policy_eval(making->policy, packet, &outcome, &deciding);
	diag_error(diag, outcome.rules[outcome.action_count]->span,
		   "more than %d labels to attempt, or %d counters, for one packet", ATTEMPTS_MAX,
		   COUNTS_MAX);
	for (i = 0; i < outcome.action_count; i++)
		if (i == 0 || outcome.rules[i] != outcome.rules[i - 1])
			diag_note(diag, outcome.rules[i]->span, "this rule comes before it");
	diag_note(diag, (struct span){0, 0},
		  "sockets that may stand in for each other can share a label: a 'socket' block "
		  "declares several, in order of preference");
}

/* An outcome may also be too long only on paths that no packet takes. */
static bool check_outcomes(const struct making *making, struct diag *diag)
{
	const struct diagram_outcome *outcomes;
	struct packet packet;
	bool found;
	size_t count;
	size_t i;

	outcomes = builder_outcomes(making->whole, &count);
	for (i = 0; i < count && !outcome_is_too_long(&outcomes[i]); i++)
		;
	if (i == count)
		return true;
	found = find_too_long(making, &packet);
	if (found)
		report_too_long(making, &packet, diag);
	return !found;
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
	enum field order[VALUE_FIELD_COUNT];
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
			if (decide_flow_class(&making, family, protocol))
				continue;
			report_decision_too_large(policy, family,
						  "the effort that the compiler spends", diag);
			return NULL;
		}
	if (!check_outcomes(&making, diag))
		return NULL;
	finish(decision, making.whole);
	return decision;
}
