/* Warns of rules that do nothing. A rule that is not reached is shadowed; a rule that is reached
 * but not needed is redundant. Of two equal rules the later one is shadowed, and because of it the
 * earlier one is not needed; only one of them should be warned of. So a rule is called redundant
 * only if it is still not needed when all shadowed rules are gone. */
#include "lint.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/pipeline.h"

#include <string.h>

/* The effort is EFFORT_MIN, and EFFORT_FOR_INTERVAL more for each interval of the decision, but at
 * most EFFORT_MAX, which takes a few seconds. It is EFFORT_OF_PARTS if the decision has several parts: it
 * then has them since one diagram of all rules, which the lint needs, takes too much effort. */
enum {
	EFFORT_FOR_INTERVAL = 16,
	EFFORT_MIN = 1 << 22,
	EFFORT_MAX = 1 << 24,
	EFFORT_OF_PARTS = 1 << 20
};

bool lint_spend(struct lint *lint, size_t effort)
{
	bool enough = effort <= lint->effort;

	lint->effort = enough ? lint->effort - effort : 0;
	lint->cut_short |= !enough;
	return enough;
}

struct packet example_packet(const struct policy *policy, enum family family,
			     enum protocol protocol)
{
	struct packet packet = {family, protocol, {0}};
	u128 prefix = (u128)0x20010db8 << 96;

	packet.values[FIELD_DADDR] = family == FAMILY_IPV4 ? 0xc0000207 : (prefix | 7);
	packet.values[FIELD_SADDR] = family == FAMILY_IPV4 ? 0xc6336409
							   : (prefix | (u128)1 << 64 | 9);
	packet.values[FIELD_DPORT] = 80;
	packet.values[FIELD_SPORT] = 4242;
	packet.values[FIELD_IIFNAME] = class_other(policy);
	return packet;
}

uint32_t first_label(const struct action *actions, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (actions[i].kind == ACTION_ATTEMPT)
			return actions[i].index;
	return NO_INDEX;
}

struct subset subset_of(struct arena *arena, const struct lint *lint, const uint32_t *numbers,
			uint32_t count)
{
	struct subset subset = {*lint->policy, arena_alloc(arena, count, sizeof(*subset.rules)),
				numbers, count};
	struct chain *chains = arena_alloc(arena, lint->policy->chain_count, sizeof(*chains));
	uint32_t i = 0, chain;

	memcpy(chains, lint->policy->chains, lint->policy->chain_count * sizeof(*chains));
	for (chain = 0; chain < lint->policy->chain_count; chain++) {
		chains[chain].rules = &subset.rules[i];
		chains[chain].count = 0;
		for (; i < count && lint->rule_chains[numbers[i]] == chain; i++) {
			subset.rules[i] = *lint->rules[numbers[i]];
			chains[chain].count++;
		}
	}
	subset.policy.chains = chains;
	return subset;
}

/* Numbers the rules. */
static void start(struct lint *lint)
{
	const struct policy *policy = lint->policy;
	size_t i, j, count = 0;

	for (i = 0; i < policy->chain_count; i++)
		count += policy->chains[i].count;
	lint->rules = arena_alloc(lint->arena, count, sizeof(*lint->rules));
	lint->rule_chains = arena_alloc(lint->arena, count, sizeof(*lint->rule_chains));
	lint->known.states = arena_alloc(lint->arena, count, sizeof(*lint->known.states));
	lint->known.witnesses = arena_alloc(lint->arena, count, sizeof(*lint->known.witnesses));
	for (i = 0; i < policy->chain_count; i++)
		for (j = 0; j < policy->chains[i].count; j++) {
			lint->rule_chains[lint->rule_count] = (uint32_t)i;
			lint->rules[lint->rule_count++] = &policy->chains[i].rules[j];
		}
}

/* The numbers of the rules whose state has one of the bits. */
static uint32_t *numbers_of(const struct lint *lint, unsigned bits, uint32_t *count)
{
	uint32_t *numbers = arena_alloc(lint->arena, lint->rule_count, sizeof(*numbers));
	uint32_t i;

	*count = 0;
	for (i = 0; i < lint->rule_count; i++)
		if (lint->known.states[i] & bits)
			numbers[(*count)++] = i;
	return numbers;
}

static bool seems_redundant(uint8_t state)
{
	return state & RULE_REACHED && !(state & (RULE_NEEDED | RULE_UNKNOWN));
}

/* Asks again whether the rules that seem redundant are needed, now without the rules that are never
 * reached. */
static void ask_without_shadowed(struct lint *lint)
{
	uint8_t *states = arena_alloc(lint->arena, lint->rule_count, sizeof(*states));
	const struct knowledge known = {states, lint->known.witnesses};
	uint32_t redundant = 0, count, i;
	uint32_t *numbers = numbers_of(lint, RULE_REACHED | RULE_UNKNOWN, &count);
	struct subset subset;

	for (i = 0; i < lint->rule_count; i++) {
		states[i] = seems_redundant(lint->known.states[i]) ? RULE_ASKED | RULE_WITNESS : 0;
		redundant += states[i] != 0;
	}
	if (!redundant || count == lint->rule_count)
		return;
	subset = subset_of(lint->arena, lint, numbers, count);
	lint_diagrams(lint, &subset, &known);
	for (i = 0; i < lint->rule_count; i++)
		lint->known.states[i] |= states[i] & (RULE_NEEDED | RULE_UNKNOWN);
}

/* Finds out whether rules are reached and needed, for all rules whose matches can hold together. */
static void find_out(struct lint *lint)
{
	uint32_t *numbers, count, i;
	struct subset subset;

	lint_probe(lint);
	for (i = 0; i < lint->rule_count; i++)
		if (!(lint->known.states[i] & RULE_NEEDED))
			lint->known.states[i] = rule_flow_classes(lint->policy, lint->rules[i])
							? RULE_ASKED
							: 0;
	numbers = numbers_of(lint, RULE_ASKED, &count);
	if (!count)
		return;
	numbers = numbers_of(lint, RULE_ASKED | RULE_NEEDED, &count);
	subset = subset_of(lint->arena, lint, numbers, count);
	lint_diagrams(lint, &subset, &lint->known);
	ask_without_shadowed(lint);
}

/* Sets NAMED for each chain that some rule names in a verdict, and ENTERED for each that a rule
 * names which may be reached. Both are set for the top level. */
static void mark_entered(const struct lint *lint, bool *named, bool *entered)
{
	const struct policy *policy = lint->policy;
	const struct verdict *verdict;
	uint32_t i, verdict_count, j;

	for (i = 0; i < lint->rule_count; i++) {
		bool is_reached = lint->known.states[i] & (RULE_REACHED | RULE_UNKNOWN);

		verdict = &lint->rules[i]->verdict;
		verdict_count = 1;
		if (verdict->kind == VERDICT_MAP) {
			verdict_count = (uint32_t)policy->maps[verdict->target].verdict_count;
			verdict = policy->maps[verdict->target].verdicts;
		}
		for (j = 0; j < verdict_count; j++)
			if (verdict[j].kind == VERDICT_JUMP || verdict[j].kind == VERDICT_GOTO) {
				named[verdict[j].target] = true;
				entered[verdict[j].target] |= is_reached;
			}
	}
	named[0] = entered[0] = true;
}

static void warn_never(struct lint *lint, const struct rule *rule)
{
	const struct match *match = &rule->match;
	enum field field;
	bool is_empty;
	size_t i;

	diag_warning(lint->diag, WARNING_NEVER, rule->span, "this rule can never match");
	for (field = 0; field < VALUE_FIELD_COUNT; field++) {
		const struct range_set *ipv4 = match->values[FAMILY_IPV4][field];
		const struct range_set *ipv6 = match->values[FAMILY_IPV6][field];

		is_empty = match->families & 1u << FAMILY_IPV4 && ipv4 && !ipv4->count;
		is_empty |= match->families & 1u << FAMILY_IPV6 && ipv6 && !ipv6->count;
		if (is_empty)
			diag_note(lint->diag, (struct span){0, 0}, "its matches leave no '%s'",
				  field_word(field));
	}
	if (!match->families)
		diag_note(lint->diag, (struct span){0, 0},
			  "its matches leave no family of addresses");
	if (!match->protocols)
		diag_note(lint->diag, (struct span){0, 0}, "its matches leave no protocol");
	if (rule->verdict.kind == VERDICT_MAP)
		diag_note(lint->diag, lint->policy->maps[rule->verdict.target].span,
			  "none of the keys of this map can hold together with them");
	for (i = 0; i < match->key_match_count; i++)
		diag_note(lint->diag, lint->policy->key_sets[match->key_matches[i].set].span,
			  match->key_matches[i].negated
				  ? "nor may an element of this set hold"
				  : "one of the elements of this set must hold together with them");
}

/* Whether the matches of a rule can hold together, where some are of several fields; true if it takes too long to
 * say. */
static bool keys_can_hold(struct lint *lint, const struct rule *rule)
{
	unsigned flow_classes = rule_flow_classes(lint->policy, rule), flow_class;
	bool can_hold = false;

	for (flow_class = 0; flow_class < FLOW_CLASSES && !can_hold; flow_class++) {
		enum family family = flow_class_family(flow_class);
		enum protocol protocol = flow_class_protocol(flow_class);
		struct arena *arena = arena_new();
		struct builder *builder;

		builder = builder_new(arena, lint->decision->parts[0].orders[family][protocol],
				      lint->effort);
		can_hold = flow_classes & 1u << flow_class &&
			   matches_to_diagram(arena, builder, lint->policy, rule, family,
					      protocol) != REF_NEXT;
		can_hold |= builder_is_exhausted(builder);
		lint_spend(lint, builder_effort(builder));
		arena_free(arena);
	}
	return can_hold;
}

static void warn_of_rule(struct lint *lint, uint32_t number)
{
	const struct rule *rule = lint->rules[number];
	uint8_t state = lint->known.states[number];

	if (!rule_flow_classes(lint->policy, rule)) {
		warn_never(lint, rule);
	} else if (state & RULE_UNKNOWN) {
		return;
	} else if (!(state & RULE_REACHED)) {
		if (rule->match.key_match_count && !keys_can_hold(lint, rule))
			warn_never(lint, rule);
		else if (diag_wants(lint->diag, WARNING_SHADOWED))
			lint_explain_shadowed(lint, number);
	} else if (seems_redundant(state) && diag_wants(lint->diag, WARNING_REDUNDANT)) {
		lint_explain_redundant(lint, number);
	}
}

static void lint_rules(struct lint *lint)
{
	const struct policy *policy = lint->policy;
	bool *named = arena_alloc(lint->arena, policy->chain_count, sizeof(*named));
	bool *entered = arena_alloc(lint->arena, policy->chain_count, sizeof(*entered));
	uint32_t i;

	find_out(lint);
	mark_entered(lint, named, entered);
	for (i = 0; i < policy->chain_count; i++)
		if (!named[i])
			diag_warning(lint->diag, WARNING_SHADOWED, policy->chains[i].span,
				     "nothing jumps to chain '%s'", policy->chains[i].name);
	for (i = 0; i < lint->rule_count; i++)
		if (entered[lint->rule_chains[i]])
			warn_of_rule(lint, i);
}

static void warn_cut_short(const struct lint *lint)
{
	uint32_t unknown = 0, i;

	for (i = 0; i < lint->rule_count; i++)
		unknown += (lint->known.states[i] & RULE_UNKNOWN) != 0;
	if (unknown)
		diag_warning(
			lint->diag, WARNING_LINT_TIME, (struct span){0, 0},
			"%u of %u rules were not checked for whether they decide: it would take "
			"longer than compiling them",
			unknown, lint->rule_count);
	else if (lint->cut_short)
		diag_warning(lint->diag, WARNING_LINT_TIME, (struct span){0, 0},
			     "not all warnings were looked for or explained: it would take longer "
			     "than compiling");
	if (lint->decision->part_count > 1)
		diag_note(lint->diag, (struct span){0, 0},
			  "of rules that are decided in parts, 'ssh', 'udp-replies' and the "
			  "devices of 'label' are not looked for");
}

void policy_lint(const struct policy *policy, const struct decision *decision, struct diag *diag)
{
	struct lint lint = {
		.arena = arena_new(),
		.policy = policy,
		.decision = decision,
		.diag = diag,
		.effort = EFFORT_MIN + decision->interval_count * EFFORT_FOR_INTERVAL,
	};

	if (decision->part_count > 1)
		lint.effort = EFFORT_OF_PARTS;
	else if (lint.effort > EFFORT_MAX)
		lint.effort = EFFORT_MAX;
	start(&lint);
	lint_labels(&lint);
	if (decision->part_count == 1) {
		lint_lockout(&lint);
		lint_devices(&lint);
	} else {
		lint.cut_short = true; /* no diagram knows all rules */
	}
	if (diag_wants(diag, WARNING_SHADOWED) || diag_wants(diag, WARNING_REDUNDANT) ||
	    diag_wants(diag, WARNING_NEVER))
		lint_rules(&lint);
	warn_cut_short(&lint);
	arena_free(lint.arena);
}
