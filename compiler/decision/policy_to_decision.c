/* Makes the decision of a policy: for each flow class a diagram, or one for each of several parts, each in the
 * order of fields that makes it small. Each is built in a builder of its own and then copied into one that
 * all share. */
#include "compiler/pipeline.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/diagram/diagram.h"
#include "compiler/policy/policy.h"
#include "decision.h"
#include "orders.h"
#include "parts.h"

#include <stdlib.h>
#include <string.h>

/* An order of fields is given up after FIRST_EFFORT, and EFFORT_FOR_VALUE more for each value in
 * the rules: a good order needs an effort in proportion to these. (For the unit see builder_new.)
 * If all orders were given up, all are tried again with EFFORT_GROWTH times the effort, up to
 * UNDIVIDED_EFFORT. Then the rules are cut into parts. Where that is of no help, the effort grows further,
 * up to LAST_EFFORT. */
enum {
	FIRST_EFFORT = 1 << 20,
	EFFORT_FOR_VALUE = 16,
	EFFORT_GROWTH = 4,
	UNDIVIDED_EFFORT = 1 << 23,
	LAST_EFFORT = 1 << 24
};

/* Once one order of an undivided diagram is done, another may take this for each interval of the first. */
enum { EFFORT_FOR_INTERVAL = 32 };

/* A decision in the making. */
struct making {
	const struct policy *policy;
	enum parts parts;
	bool is_first_effort;  /* no other is spent */
	struct builder *whole; /* the diagrams that are done */
	struct decision *decision;
	struct most longest; /* of the undivided flow class with the most actions for a packet */
	struct most uncut;   /* what parts might do that were not made for this */
};

/* The rules of a flow class. */
struct flow_class_rules {
	const struct policy *policy;
	enum family family;
	enum protocol protocol;
};

static diagram_ref build_undivided(const void *data, struct arena *arena, struct builder *builder)
{
	const struct flow_class_rules *rules = data;

	return rules_to_diagram(arena, builder, rules->policy, rules->family, rules->protocol);
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

/* Keeps the diagram of a part that is done. */
static void keep(struct making *making, const struct flow_class_rules *rules, size_t index,
		 struct trial *done)
{
	struct decision_part *part = &making->decision->parts[index];

	part->roots[rules->family][rules->protocol] = builder_import(making->whole, done->builder,
								     done->root);
	memcpy(part->orders[rules->family][rules->protocol], done->order, sizeof(done->order));
	arena_free(done->arena);
}

/* Tries one diagram for all rules. */
static bool decide_undivided(struct making *making, struct flow_class_rules rules, size_t effort)
{
	struct subject subject = {build_undivided, &rules, making->policy->interface_count,
				  EFFORT_FOR_INTERVAL, 0};
	struct most most = {0, 0};
	struct trial best;

	if (!best_order(&subject, effort, &best))
		return false;
	most_add(&most, best.builder, best.root);
	if (most.actions > making->longest.actions)
		making->longest = most;
	keep(making, &rules, 0, &best);
	return true;
}

/* Leaves a flow class without diagrams. */
static void forget(struct decision *decision, enum family family, enum protocol protocol)
{
	struct decision_part *part;

	for (part = decision->parts; part < &decision->parts[PARTS_MAX]; part++) {
		part->roots[family][protocol] = REF_NEXT;
		usual_order(part->orders[family][protocol]);
	}
}

/* Tries to cut the rules into parts. */
static bool decide_divided(struct making *making, const struct flow_class_rules *rules,
			   size_t values)
{
	struct trial done[PARTS_MAX];
	struct most most = {0, 0};
	size_t count, i;

	count = decide_parts(making->policy, rules->family, rules->protocol, values,
			     making->parts != PARTS_ALWAYS, done, &most);
	if (!count)
		making->uncut = most;
	for (i = 0; i < count; i++)
		keep(making, rules, i, &done[i]);
	if (making->decision->part_count < count)
		making->decision->part_count = count;
	return count;
}

/* The effort after EFFORT for each order of fields; 0 after the last one. */
static size_t more_effort(size_t effort)
{
	if (effort > LAST_EFFORT / 2) /* LAST_EFFORT was spent, or is hardly more */
		return 0;
	return effort < LAST_EFFORT / EFFORT_GROWTH ? effort * EFFORT_GROWTH : LAST_EFFORT;
}

static bool decide_flow_class(struct making *making, enum family family, enum protocol protocol)
{
	struct flow_class_rules rules = {making->policy, family, protocol};
	size_t values = count_values(making->policy);
	size_t effort = FIRST_EFFORT + values * EFFORT_FOR_VALUE;
	bool tries_parts = making->parts != PARTS_NEVER;

	if (making->parts == PARTS_ALWAYS && decide_divided(making, &rules, values))
		return true;
	while (!decide_undivided(making, rules, effort)) {
		effort = making->is_first_effort ? 0 : more_effort(effort);
		if (tries_parts && (!effort || effort > UNDIVIDED_EFFORT)) {
			if (decide_divided(making, &rules, values))
				return true;
			tries_parts = false;
		}
		if (!effort)
			return false;
	}
	return true;
}

static bool arrive_at_too_long(void *argument, const struct packet *packet, diagram_ref ref)
{
	const struct making *making = argument;

	(void)packet;
	return !outcome_is_too_long(builder_outcome(making->whole, ref));
}

/* Finds a packet whose outcome is too long; false if there is none. No outcome of several parts is. */
static bool find_too_long(const struct making *making, struct packet *found)
{
	struct diagram_walk walk = {.arrive = arrive_at_too_long, .argument = (void *)making};
	unsigned flow_class;

	walk.nodes = builder_nodes(making->whole, &walk.node_count);
	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++) {
		walk.packet = (struct packet){
			flow_class_family(flow_class), flow_class_protocol(flow_class), {0}};
		if (diagram_walk(&walk, making->decision->parts[0]
						.roots[walk.packet.family][walk.packet.protocol]))
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

static bool check_outcomes(const struct making *making, struct diag *diag)
{
	const struct diagram_outcome *outcomes;
	struct packet packet;
	size_t count, i;

	outcomes = builder_outcomes(making->whole, &count);
	for (i = 0; i < count && !outcome_is_too_long(&outcomes[i]); i++)
		;
	if (i == count || !find_too_long(making, &packet))
		return true;
	report_too_long(making, &packet, diag);
	return false;
}

static void finish(struct decision *decision, const struct builder *whole)
{
	decision->nodes = builder_nodes(whole, &decision->node_count);
	decision->outcomes = builder_outcomes(whole, &decision->outcome_count);
	decision->interval_count = builder_interval_count(whole);
}

static void start(struct decision *decision)
{
	unsigned flow_class;

	decision->part_count = 1;
	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++)
		forget(decision, flow_class_family(flow_class), flow_class_protocol(flow_class));
}

/* Lets UDP have the diagrams of TCP. */
static void copy_tcp(struct decision *decision, enum family family)
{
	struct decision_part *part;

	for (part = decision->parts; part < &decision->parts[PARTS_MAX]; part++) {
		part->roots[family][PROTOCOL_UDP] = part->roots[family][PROTOCOL_TCP];
		memcpy(part->orders[family][PROTOCOL_UDP], part->orders[family][PROTOCOL_TCP],
		       sizeof(part->orders[family][PROTOCOL_TCP]));
	}
}

/* Makes the diagrams of all flow classes. FAMILY becomes that of the first one that is too large; false then. */
static bool make_diagrams(struct making *making, struct arena *arena, enum family *family)
{
	struct decision *decision = making->decision;
	enum field order[VALUE_FIELD_COUNT];
	enum protocol protocol;

	usual_order(order);
	making->whole = builder_new(arena, order, SIZE_MAX - 1);
	making->longest = (struct most){0, 0};
	decision->policy = making->policy;
	start(decision);
	for (*family = 0; *family < FAMILY_COUNT; ++*family)
		for (protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
			if (protocol == PROTOCOL_UDP &&
			    protocols_are_alike(making->policy, *family))
				copy_tcp(decision, *family);
			else if (!decide_flow_class(making, *family, protocol))
				return false;
		}
	return true;
}

/* Says why the rules were not cut into parts, where that is known. */
static void note_uncut(const struct making *making, const struct compile_options *options,
		       struct diag *diag)
{
	if (options->parts == PARTS_NEVER)
		diag_note(diag, (struct span){0, 0},
			  "without '--parts never', rules are cut where they match one of the two "
			  "fields alone");
	else if (making->uncut.actions)
		diag_note(
			diag, (struct span){0, 0},
			"the rules are not cut into parts ('--parts'): these may have %d attempts "
			"for one packet, and %d attempts and counters, and might have %zu, and "
			"%zu",
			ATTEMPTS_MAX, PARTS_ACTIONS_MAX, making->uncut.attempts,
			making->uncut.actions);
}

/* What limits parts limits an undivided flow class, too, if another flow class is cut: the same code carries out the
 * rows of both. */
struct decision *policy_to_decision(struct arena *arena, const struct policy *policy,
				    struct diag *diag, const struct compile_options *options)
{
	struct decision *decision = arena_alloc(arena, 1, sizeof(*decision));
	struct making making = {.policy = policy, .parts = options->parts, .decision = decision};
	enum family family;
	bool done;

	done = make_diagrams(&making, arena, &family);
	if (done && decision->part_count > 1 && making.longest.actions > PARTS_ACTIONS_MAX) {
		making.parts = PARTS_NEVER;
		making.uncut = making.longest;
		done = make_diagrams(&making, arena, &family);
	}
	if (!done) {
		report_decision_too_large(policy, family, "the effort that the compiler spends",
					  diag);
		note_uncut(&making, options, diag);
		return NULL;
	}
	if (!check_outcomes(&making, diag))
		return NULL;
	finish(decision, making.whole);
	return decision;
}

struct decision *policy_to_small_decision(struct arena *arena, const struct policy *policy)
{
	struct decision *decision = arena_alloc(arena, 1, sizeof(*decision));
	struct making making = {.policy = policy,
				.parts = PARTS_NEVER,
				.is_first_effort = true,
				.decision = decision};
	enum family family;

	if (!make_diagrams(&making, arena, &family))
		return NULL;
	finish(decision, making.whole);
	return decision;
}
