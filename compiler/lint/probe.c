/* Tries single packets. Often one shows that a rule is needed: without the rule, the definition
 * gives it another outcome. For a file with few rules and large maps this is far less work than a
 * diagram. */
#include "lint.h"

#include "compiler/base/arena.h"

#include <string.h>

/* PROBES packets are tried for each rule; none at all if the number of rules, times the number of
 * rules and elements that one packet may be compared with, is more than PROBE_EFFORT. */
enum { PROBES = 4, PROBE_EFFORT = 1 << 24 };

struct probe {
	struct lint *lint;
	struct subset subset; /* all rules */
	uint64_t random;
};

static uint64_t next(struct probe *probe, uint64_t below)
{
	probe->random = probe->random * UINT64_C(6364136223846793005) +
			UINT64_C(1442695040888963407);
	return (probe->random >> 32) % below;
}

/* The first value of a range in round 0, the last in round 1, then any. */
static u128 pick(struct probe *probe, struct range range, int round)
{
	u128 width = range.last - range.first, any = 0;
	int i;

	if (round < 2)
		return round ? range.last : range.first;
	for (i = 0; i < 4; i++)
		any = any << 32 | next(probe, UINT64_C(1) << 32);
	return width + 1 ? range.first + any % (width + 1) : any;
}

static size_t pick_index(struct probe *probe, size_t count, int round)
{
	return round == 0 ? 0 : round == 1 ? count - 1 : next(probe, count);
}

/* Gives the packet values that an element of the map or set matches. */
static void pick_element(struct probe *probe, const struct map *map, struct packet *packet,
			 int round)
{
	size_t element, k;

	if (!map->element_count)
		return;
	element = pick_index(probe, map->element_count, round);
	if (!(map->elements[element].families & 1u << packet->family))
		return;
	for (k = 0; k < map->key_count; k++) {
		struct range key = map->keys[element * map->key_count + k];

		if (map->key_fields[k] != FIELD_L4PROTO)
			packet->values[map->key_fields[k]] = pick(probe, key, round);
	}
}

/* A packet that meets the rule's own matches, or most of them. */
static struct packet pick_packet(struct probe *probe, const struct rule *rule,
				 unsigned flow_classes, int round)
{
	const struct policy *policy = probe->lint->policy;
	unsigned flow_class = (unsigned)next(probe, FLOW_CLASSES);
	struct packet packet;
	enum field field;
	size_t i;

	while (!(flow_classes & 1u << flow_class))
		flow_class = (flow_class + 1) % FLOW_CLASSES;
	packet = example_packet(probe->lint->policy, flow_class_family(flow_class),
				flow_class_protocol(flow_class));
	for (field = 0; field < VALUE_FIELD_COUNT; field++) {
		const struct range_set *values = rule->match.values[packet.family][field];
		struct range any = {0, field_last(field, packet.family)};

		if (values)
			any = values->ranges[pick_index(probe, values->count, round)];
		if (values || (round >= 2 && field_type(field) != TYPE_INTERFACE))
			packet.values[field] = pick(probe, any, round);
	}
	for (i = 0; i < rule->match.key_match_count; i++)
		if (!rule->match.key_matches[i].negated)
			pick_element(probe, &policy->key_sets[rule->match.key_matches[i].set],
				     &packet, round);
	if (rule->verdict.kind == VERDICT_MAP)
		pick_element(probe, &policy->maps[rule->verdict.target], &packet, round);
	return packet;
}

static bool same_outcome(const struct diagram_outcome *a, const struct outcome *b)
{
	size_t i;

	if (a->action_count != b->action_count ||
	    a->end != (b->end == END_PASS ? OUTCOME_PASS : OUTCOME_DROP))
		return false;
	for (i = 0; i < a->action_count; i++)
		if (!action_equal(&a->actions[i], &b->actions[i]))
			return false;
	return true;
}

/* Whether the packet's outcome changes when the rule is taken away. */
static bool changes(struct probe *probe, uint32_t number, const struct packet *packet)
{
	const struct lint *lint = probe->lint;
	struct match *match = &probe->subset.rules[number].match;
	uint8_t families = match->families;
	const struct rule *deciding;
	struct outcome without;
	struct action actions[DECIDED_ACTIONS_MAX];
	struct diagram_outcome with;
	bool is_allowed; /* not too many actions */

	match->families = 0;
	is_allowed = policy_eval(&probe->subset.policy, packet, &without, &deciding);
	match->families = families;
	with = decision_eval(lint->decision, packet, actions);
	return !is_allowed || !same_outcome(&with, &without);
}

static void probe_rule(struct probe *probe, uint32_t number)
{
	const struct lint *lint = probe->lint;
	unsigned flow_classes = rule_flow_classes(lint->policy, lint->rules[number]);
	struct packet packet;
	int round;

	for (round = 0; flow_classes && round < PROBES; round++) {
		packet = pick_packet(probe, lint->rules[number], flow_classes, round);
		if (!changes(probe, number, &packet))
			continue;
		lint->known.states[number] = RULE_REACHED | RULE_NEEDED;
		return;
	}
}

/* The elements that one packet is compared with for a rule. */
static size_t elements_of(const struct policy *policy, const struct rule *rule)
{
	size_t count = 0, i;

	if (rule->verdict.kind == VERDICT_MAP)
		count = policy->maps[rule->verdict.target].element_count;
	for (i = 0; i < rule->match.key_match_count; i++)
		count += policy->key_sets[rule->match.key_matches[i].set].element_count;
	return count;
}

void lint_probe(struct lint *lint)
{
	struct probe probe = {.lint = lint, .random = 1};
	uint32_t *numbers = arena_alloc(lint->arena, lint->rule_count, sizeof(*numbers));
	size_t effort = lint->rule_count;
	uint32_t i;

	for (i = 0; i < lint->rule_count; i++) {
		numbers[i] = i;
		effort += elements_of(lint->policy, lint->rules[i]);
	}
	if (effort * lint->rule_count > PROBE_EFFORT)
		return;
	probe.subset = subset_of(lint->arena, lint, numbers, lint->rule_count);
	for (i = 0; i < lint->rule_count; i++)
		probe_rule(&probe, i);
}
