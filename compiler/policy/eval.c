/* Defines the language: rules from top to bottom, and the first rule whose every match holds decides. As plain
 * as can be, and slow: all else is tested against it. */
#include "policy.h"

struct evaluation {
	const struct policy *policy;
	const struct packet *packet;
	struct outcome *outcome;
	const struct rule *deciding;
	size_t attempts, counts;
	bool too_long;
	const struct rule **trace; /* the first trace_max rules that matched */
	size_t trace_count, trace_max;
};

static u128 key_value(const struct packet *packet, enum field key)
{
	return key == FIELD_L4PROTO ? (u128)packet->protocol : packet->values[key];
}

static bool element_matches(const struct map *map, size_t element, const struct packet *packet)
{
	size_t k;

	if (!(map->elements[element].families & 1u << packet->family))
		return false;
	for (k = 0; k < map->key_count; k++) {
		struct range key = map->keys[element * map->key_count + k];
		u128 value = key_value(packet, map->key_fields[k]);

		if (value < key.first || value > key.last)
			return false;
	}
	return true;
}

static bool key_match_holds(const struct evaluation *ev, const struct key_match *match)
{
	const struct map *set = &ev->policy->key_sets[match->set];
	bool is_one = false;
	size_t i;

	for (i = 0; i < set->element_count; i++)
		is_one |= element_matches(set, i, ev->packet);
	return is_one != match->negated;
}

static bool rule_matches(const struct evaluation *ev, const struct match *match)
{
	const struct packet *packet = ev->packet;
	enum field field;
	size_t i;

	if (!(match->families & 1u << packet->family))
		return false;
	if (!(match->protocols & 1u << packet->protocol))
		return false;
	for (field = 0; field < VALUE_FIELD_COUNT; field++) {
		const struct range_set *values = match->values[packet->family][field];

		if (values && !range_set_contains(*values, packet->values[field]))
			return false;
	}
	for (i = 0; i < match->key_match_count; i++)
		if (!key_match_holds(ev, &match->key_matches[i]))
			return false;
	return true;
}

/* Whether A wins of two elements that both hold for a packet: at the first key in which they differ, the range of one
 * lies inside that of the other, and that one wins. Where neither does, the map is refused. */
static bool wins(const struct map *map, size_t a, size_t b)
{
	size_t k;

	for (k = 0; k < map->key_count; k++) {
		struct range key_a = map->keys[a * map->key_count + k];
		struct range key_b = map->keys[b * map->key_count + k];

		if (key_a.first != key_b.first || key_a.last != key_b.last)
			return key_a.first >= key_b.first && key_a.last <= key_b.last;
	}
	return false;
}

static const struct verdict *map_verdict(const struct map *map, const struct packet *packet)
{
	const struct verdict *verdict = NULL;
	size_t best = 0;
	size_t i;

	for (i = 0; i < map->element_count; i++) {
		if (!element_matches(map, i, packet) || (verdict && !wins(map, i, best)))
			continue;
		best = i;
		verdict = &map->verdicts[map->elements[i].verdict];
	}
	return verdict;
}

static bool was_attempted(const struct outcome *outcome, uint32_t label)
{
	size_t i;

	for (i = 0; i < outcome->action_count; i++)
		if (outcome->actions[i].kind == ACTION_ATTEMPT &&
		    outcome->actions[i].index == label)
			return true;
	return false;
}

static void add_step(struct evaluation *ev, struct action action, const struct rule *rule)
{
	bool is_attempt = action.kind == ACTION_ATTEMPT;

	if (ev->too_long || (is_attempt && was_attempted(ev->outcome, action.index)))
		return;
	ev->outcome->rules[ev->outcome->action_count] = rule;
	if (is_attempt ? ev->attempts == ATTEMPTS_MAX : ev->counts == COUNTS_MAX) {
		ev->too_long = true;
		return;
	}
	ev->attempts += is_attempt;
	ev->counts += !is_attempt;
	ev->outcome->actions[ev->outcome->action_count++] = action;
}

static enum end eval_redirect(struct evaluation *ev, const struct verdict *verdict,
			      const struct rule *rule)
{
	add_step(ev, (struct action){ACTION_ATTEMPT, verdict->target, verdict->no_reuseport}, rule);
	switch (verdict->fallback) {
	case FALLBACK_DROP:
		return END_DROP;
	case FALLBACK_PASS:
		return END_PASS;
	default:
		return END_NEXT;
	}
}

static enum end eval_chain(struct evaluation *ev, const struct chain *chain);

/* Applies a rule that matches. END_NEXT: the next rule of its chain is tried. */
static enum end eval_rule(struct evaluation *ev, const struct rule *rule)
{
	const struct chain *chains = ev->policy->chains;
	const struct verdict *verdict = &rule->verdict;
	enum end end;

	if (verdict->kind == VERDICT_MAP)
		verdict = map_verdict(&ev->policy->maps[verdict->target], ev->packet);
	if (!verdict)
		return END_NEXT;
	if (ev->trace_count < ev->trace_max)
		ev->trace[ev->trace_count] = rule;
	ev->trace_count++;
	if (rule->counter != NO_INDEX)
		add_step(ev, (struct action){ACTION_COUNT, rule->counter, false}, rule);
	if (!ev->deciding && verdict->kind <= VERDICT_REDIRECT)
		ev->deciding = rule;
	switch (verdict->kind) {
	case VERDICT_PASS:
		return END_PASS;
	case VERDICT_DROP:
		return END_DROP;
	case VERDICT_REDIRECT:
		return eval_redirect(ev, verdict, rule);
	case VERDICT_JUMP:
		end = eval_chain(ev, &chains[verdict->target]);
		return end == END_RETURN ? END_NEXT : end;
	case VERDICT_GOTO:
		end = eval_chain(ev, &chains[verdict->target]);
		return end == END_NEXT ? END_RETURN : end;
	default:
		return END_RETURN;
	}
}

static enum end eval_chain(struct evaluation *ev, const struct chain *chain)
{
	size_t i;

	for (i = 0; i < chain->count; i++) {
		const struct rule *rule = &chain->rules[i];
		enum end end;

		if (!rule_matches(ev, &rule->match))
			continue;
		end = eval_rule(ev, rule);
		if (end != END_NEXT)
			return end;
	}
	return END_NEXT;
}

bool policy_eval(const struct policy *policy, const struct packet *packet, struct outcome *outcome,
		 const struct rule **deciding)
{
	struct evaluation ev = {.policy = policy, .packet = packet, .outcome = outcome};
	enum end end;

	outcome->action_count = 0;
	end = eval_chain(&ev, &policy->chains[0]);
	if (end == END_NEXT || end == END_RETURN)
		end = policy->end == VERDICT_PASS ? END_PASS : END_DROP;
	outcome->end = end;
	*deciding = ev.deciding;
	return !ev.too_long;
}

size_t policy_trace(const struct policy *policy, const struct packet *packet,
		    const struct rule **rules, size_t max)
{
	struct outcome outcome = {.action_count = 0};
	struct evaluation ev = {.policy = policy,
				.packet = packet,
				.outcome = &outcome,
				.trace = rules,
				.trace_max = max};

	eval_chain(&ev, &policy->chains[0]);
	return ev.trace_count;
}
