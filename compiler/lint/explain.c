/* Explains why a rule, the target, does nothing. Counterexamples lead to the rules that cover it.
 * At first the target is alone with the rules that lead to its chain. While some packet still comes
 * to the target, the rules that this packet matches in the whole policy are added as covers. In the
 * end each cover that is not needed is removed again. */
#include "lint.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/base/sort.h"

#include <string.h>

enum { COVERS_MAX = 64, COVERS_SHOWN = 6, TRACE_MAX = 64 };

/* The rules found so far that cover a target. */
struct cover {
	struct lint *lint;
	struct arena *arena;
	uint32_t target;
	uint8_t *states;   /* of all rules: only the target is ASKED */
	bool *leads;       /* by chain: it is the target's, or jumps lead from it to the target's */
	uint32_t *callers; /* the rules whose jumps lead to the target's chain */
	uint32_t caller_count;
	uint32_t covers[COVERS_MAX + TRACE_MAX];
	uint32_t cover_count;
};

/* Whether a packet comes to the target: none does; an example was found; or it is not known. */
enum answer { ANSWER_NEVER, ANSWER_PACKET, ANSWER_UNKNOWN };

/* The effort of a loop over all rules; a rule takes far less than an interval. */
static size_t scan_effort(const struct lint *lint)
{
	return 1 + lint->rule_count / 16;
}

/* Whether a verdict, or one in its map, jumps to one of the chains. */
static bool enters(const struct policy *policy, const struct verdict *verdict, const bool *chains)
{
	const struct map *map;
	size_t i;

	if (verdict->kind == VERDICT_JUMP || verdict->kind == VERDICT_GOTO)
		return chains[verdict->target];
	if (verdict->kind != VERDICT_MAP)
		return false;
	map = &policy->maps[verdict->target];
	for (i = 0; i < map->verdict_count; i++)
		if (enters(policy, &map->verdicts[i], chains))
			return true;
	return false;
}

/* Finds the rules that lead to the target's chain, by one jump or more. */
static void find_callers(struct cover *cover)
{
	const struct lint *lint = cover->lint;
	bool changed = lint->rule_chains[cover->target] != 0;
	uint32_t i;

	cover->leads = arena_alloc(cover->arena, lint->policy->chain_count, sizeof(bool));
	cover->callers = arena_alloc(cover->arena, lint->rule_count, sizeof(*cover->callers));
	cover->leads[lint->rule_chains[cover->target]] = true;
	while (changed) {
		changed = false;
		cover->caller_count = 0;
		lint_spend(cover->lint, scan_effort(lint));
		for (i = 0; i < lint->rule_count; i++) {
			bool *leads = &cover->leads[lint->rule_chains[i]];

			if (!enters(lint->policy, &lint->rules[i]->verdict, cover->leads))
				continue;
			cover->callers[cover->caller_count++] = i;
			changed |= !*leads;
			*leads = true;
		}
	}
}

/* Asks whether a packet comes to the target if the only other rules are the callers and the covers,
 * except covers[WITHOUT]. */
static enum answer ask(struct cover *cover, uint32_t without, struct packet *packet)
{
	uint32_t most = cover->caller_count + cover->cover_count + 1, count = 0, unique = 0, i;
	uint32_t *numbers = arena_alloc(cover->arena, most, sizeof(*numbers));
	struct packet *witnesses = cover->lint->known.witnesses;
	struct knowledge known = {cover->states, witnesses};
	struct subset subset;
	uint8_t state;

	for (i = 0; i < cover->caller_count; i++)
		numbers[count++] = cover->callers[i];
	for (i = 0; i < cover->cover_count; i++)
		if (i != without)
			numbers[count++] = cover->covers[i];
	numbers[count++] = cover->target;
	sort_numbers(numbers, count);
	for (i = 0; i < count; i++)
		if (i == 0 || numbers[i] != numbers[i - 1])
			numbers[unique++] = numbers[i];
	subset = subset_of(cover->arena, cover->lint, numbers, unique);
	cover->states[cover->target] = RULE_ASKED;
	lint_diagrams(cover->lint, &subset, &known);
	state = cover->states[cover->target];
	*packet = witnesses[cover->target];
	if (state & RULE_UNKNOWN || (state & RULE_REACHED && !(state & RULE_WITNESS)))
		return ANSWER_UNKNOWN;
	return state & RULE_REACHED ? ANSWER_PACKET : ANSWER_NEVER;
}

static uint32_t number_of(const struct lint *lint, const struct rule *rule)
{
	uint32_t first = 0, chain = 0;
	const struct chain *chains = lint->policy->chains;

	for (; chain < lint->policy->chain_count; first += (uint32_t)chains[chain++].count)
		if (rule >= chains[chain].rules && rule < chains[chain].rules + chains[chain].count)
			return first + (uint32_t)(rule - chains[chain].rules);
	return NO_INDEX;
}

/* Adds to the covers the rules that the packet matches in the whole policy. False if there are too
 * many covers, or none is new. */
static bool add_covers(struct cover *cover, const struct packet *packet)
{
	const struct lint *lint = cover->lint;
	const struct rule *trace[TRACE_MAX];
	size_t count = policy_trace(lint->policy, packet, trace, TRACE_MAX);
	uint32_t before = cover->cover_count, i, j, number;

	if (count > TRACE_MAX || !lint_spend(cover->lint, scan_effort(lint)))
		return false;
	for (i = 0; i < count; i++) {
		number = number_of(lint, trace[i]);
		for (j = 0; j < cover->cover_count; j++)
			if (cover->covers[j] == number)
				break;
		if (j == cover->cover_count && number != cover->target)
			cover->covers[cover->cover_count++] = number;
	}
	return cover->cover_count > before && cover->cover_count <= COVERS_MAX;
}

/* False if the covers were not found. */
static bool find_covers(struct cover *cover)
{
	enum answer answer;
	struct packet packet;
	uint32_t i;

	while ((answer = ask(cover, NO_INDEX, &packet)) == ANSWER_PACKET)
		if (!add_covers(cover, &packet))
			return false;
	if (answer == ANSWER_UNKNOWN)
		return false;
	for (i = cover->cover_count; i-- > 0;) {
		if (ask(cover, i, &packet) != ANSWER_NEVER)
			continue;
		cover->cover_count--;
		memmove(&cover->covers[i], &cover->covers[i + 1],
			(cover->cover_count - i) * sizeof(*cover->covers));
	}
	sort_numbers(cover->covers, cover->cover_count);
	return true;
}

static bool jumps(const struct rule *rule)
{
	return rule->verdict.kind == VERDICT_JUMP || rule->verdict.kind == VERDICT_GOTO;
}

static void note_covers(const struct cover *cover)
{
	const struct lint *lint = cover->lint;
	uint32_t count = cover->cover_count, deciding = 0, i;

	for (i = 0; i < count; i++)
		deciding += !jumps(lint->rules[cover->covers[i]]);
	for (i = 0; i < count && i < COVERS_SHOWN; i++) {
		const struct rule *rule = lint->rules[cover->covers[i]];

		diag_note(lint->diag, rule->span,
			  jumps(rule)     ? "this rule leads to what covers it"
			  : deciding == 1 ? "this rule covers it"
					  : "this rule covers a part of it");
	}
	if (count > COVERS_SHOWN)
		diag_note(lint->diag, (struct span){0, 0}, "and %u more, which cover it together",
			  count - COVERS_SHOWN);
}

static void note_callers(const struct cover *cover)
{
	const struct lint *lint = cover->lint;
	uint32_t chain = lint->rule_chains[cover->target], shown = 0, i;
	bool *only = arena_alloc(cover->arena, lint->policy->chain_count, sizeof(*only));

	only[chain] = true;
	for (i = 0; i < cover->caller_count && shown < COVERS_SHOWN; i++) {
		const struct rule *rule = lint->rules[cover->callers[i]];

		if (!enters(lint->policy, &rule->verdict, only))
			continue;
		diag_note(lint->diag, rule->span, "chain '%s' is entered from here",
			  lint->policy->chains[chain].name);
		shown++;
	}
}

void lint_explain_shadowed(struct lint *lint, uint32_t number)
{
	struct cover cover = {.lint = lint, .arena = arena_new(), .target = number};
	const struct rule *rule = lint->rules[number];
	bool is_explained = false;

	if (lint->effort && diag_shows(lint->diag, WARNING_SHADOWED, rule->span)) {
		cover.states = arena_alloc(cover.arena, lint->rule_count, sizeof(*cover.states));
		find_callers(&cover);
		is_explained = find_covers(&cover);
	}
	if (is_explained && !cover.cover_count) {
		diag_warning(
			lint->diag, WARNING_SHADOWED, rule->span,
			"this rule can never decide: nothing that it matches comes to its chain");
		note_callers(&cover);
	} else {
		diag_warning(lint->diag, WARNING_SHADOWED, rule->span,
			     "this rule can never decide: earlier rules cover it");
		if (is_explained)
			note_covers(&cover);
	}
	arena_free(cover.arena);
}

/* All rules but one. */
static struct subset rules_without(const struct lint *lint, struct arena *arena, uint32_t number)
{
	uint32_t *numbers = arena_alloc(arena, lint->rule_count, sizeof(*numbers)), count = 0, i;

	for (i = 0; i < lint->rule_count; i++)
		if (i != number)
			numbers[count++] = i;
	return subset_of(arena, lint, numbers, count);
}

/* Whether the packet comes to the rule and matches. */
static bool meets(const struct lint *lint, uint32_t number, const struct packet *packet)
{
	const struct rule *trace[TRACE_MAX];
	size_t count = policy_trace(lint->policy, packet, trace, TRACE_MAX), i;

	for (i = 0; i < count && i < TRACE_MAX; i++)
		if (trace[i] == lint->rules[number])
			return true;
	return false;
}

/* The rule that decides for the packet if this one is taken away; NULL: the policy's end does. */
static const struct rule *instead_of(const struct lint *lint, uint32_t number,
				     const struct packet *packet)
{
	struct arena *arena = arena_new();
	struct subset subset = rules_without(lint, arena, number);
	const struct rule *deciding;
	struct outcome outcome;

	policy_eval(&subset.policy, packet, &outcome, &deciding);
	if (deciding)
		deciding = lint->rules[subset.numbers[deciding - subset.rules]];
	arena_free(arena);
	return deciding;
}

static void note_instead(struct lint *lint, uint32_t number, const struct packet *packet)
{
	const char *text = packet_text(lint->arena, lint->policy, packet);
	const struct rule *before, *without = instead_of(lint, number, packet);
	struct outcome outcome;

	policy_eval(lint->policy, packet, &outcome, &before);
	if (!without && !lint->policy->end_span.first)
		diag_note(lint->diag, (struct span){0, 0},
			  "for '%s', as an example, the policy '%s' decides the same", text,
			  verdict_word(lint->policy->end));
	else
		diag_note(lint->diag, without ? without->span : lint->policy->end_span,
			  before == without
				  ? "for '%s', as an example, this decides with it and without it"
				  : "for '%s', as an example, this would decide the same instead",
			  text);
}

void lint_explain_redundant(struct lint *lint, uint32_t number)
{
	const struct packet *packet = &lint->known.witnesses[number];
	bool shows = diag_shows(lint->diag, WARNING_REDUNDANT, lint->rules[number]->span);

	diag_warning(lint->diag, WARNING_REDUNDANT, lint->rules[number]->span,
		     "without this rule nothing would change");
	if (shows && lint->known.states[number] & RULE_WITNESS &&
	    lint_spend(lint, 4 * scan_effort(lint)) && meets(lint, number, packet))
		note_instead(lint, number, packet);
}
