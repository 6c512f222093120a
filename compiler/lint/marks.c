/* Stores each marked terminal once. As soon as the outcome without a rule is certain to differ from the
 * one with the rule, REF_OTHER replaces it, so that there are fewer different terminals. */
#include "marks.h"

#include "compiler/base/arena.h"
#include "compiler/base/hash.h"

#include <string.h>

struct terminals {
	struct arena *arena;
	struct builder *outcomes; /* stores the outcomes that terminals refer to; it has no nodes */
	struct builder *builder;  /* the one whose terminals these are */
	const struct subset *subset;
	const uint8_t *states; /* bits of enum rule_state, by number */
	bool *rule_is_single;  /* by number: no packet comes to the rule twice */
	bool *label_continues; /* by label: some redirect to it leaves the decision open */
	struct marked *items;
	size_t count, capacity;
	struct hash_table table; /* of items */
	struct mark *scratch;
	size_t scratch_capacity;
};

static uint32_t marked_hash(const struct marked *marked)
{
	uint64_t hash = marked->outcome;
	uint32_t i;

	for (i = 0; i < marked->count; i++)
		hash = hash_mix(hash,
				(uint64_t)marked->marks[i].number << 32 | marked->marks[i].without);
	return (uint32_t)(hash ^ hash >> 32);
}

static bool marked_equal(const struct marked *a, const struct marked *b)
{
	uint32_t i;

	if (a->outcome != b->outcome || a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
		if (a->marks[i].number != b->marks[i].number ||
		    a->marks[i].without != b->marks[i].without)
			return false;
	return true;
}

/* The terminal with this outcome and these marks, which are copied. */
static diagram_ref terminal_of(struct terminals *terminals, diagram_ref outcome,
			       const struct mark *marks, uint32_t count)
{
	struct marked marked = {outcome, marks, count};
	uint32_t hash = marked_hash(&marked);
	const struct hash_slot *slot;
	struct mark *copy;

	for (slot = hash_first(&terminals->table, hash); slot->entry;
	     slot = hash_next(&terminals->table, slot))
		if (marked_equal(&terminals->items[slot->entry - 1], &marked))
			return (uint32_t)REF_TERMINAL | (slot->entry - 1);
	copy = arena_alloc(terminals->arena, count, sizeof(*copy));
	if (count)
		memcpy(copy, marks, count * sizeof(*copy));
	marked.marks = copy;
	hash_add(&terminals->table, terminals->arena, hash, (uint32_t)terminals->count);
	*ARENA_PUSH(terminals->arena, terminals->items, terminals->count,
		    terminals->capacity) = marked;
	return (uint32_t)REF_TERMINAL | (uint32_t)(terminals->count - 1);
}

const struct marked *terminals_at(const struct terminals *terminals, diagram_ref terminal)
{
	return &terminals->items[ref_index(terminal)];
}

size_t terminals_count(const struct terminals *terminals)
{
	return terminals->count;
}

static struct mark *scratch_for(struct terminals *terminals, size_t count)
{
	while (terminals->scratch_capacity < count)
		terminals->scratch = arena_grow(terminals->arena, NULL, 0,
						arena_grown_capacity(&terminals->scratch_capacity),
						sizeof(*terminals->scratch));
	return terminals->scratch;
}

static const struct diagram_outcome *outcome_at(const struct terminals *terminals,
						diagram_ref outcome)
{
	return builder_outcome(terminals->outcomes, outcome);
}

/* The next action from AT on that is done whatever came before. An attempt is left out if the label
 * was attempted before; only a redirect that leaves the decision open can have done that. */
static const struct action *lasting_action(const struct terminals *terminals,
					   const struct diagram_outcome *outcome, size_t *at)
{
	const struct action *action;

	for (; *at < outcome->action_count; ++*at) {
		action = &outcome->actions[*at];
		if (action->kind == ACTION_COUNT || !terminals->label_continues[action->index])
			return action;
	}
	return NULL;
}

/* Whether two outcomes are final and differ, whatever labels were attempted before them. */
static bool differ_for_good(const struct terminals *terminals, const struct diagram_outcome *a,
			    const struct diagram_outcome *b)
{
	const struct action *x, *y;
	size_t i = 0, j = 0;

	if (a->end > OUTCOME_DROP || b->end > OUTCOME_DROP)
		return false;
	if (a->end != b->end || outcome_is_too_long(a) || outcome_is_too_long(b))
		return true;
	for (;; i++, j++) {
		x = lasting_action(terminals, a, &i);
		y = lasting_action(terminals, b, &j);
		if (!x || !y)
			return x != y;
		if (!action_equal(x, y))
			return true;
	}
}

/* WITHOUT, the outcome without a rule, or REF_OTHER if it is certain to differ from OUTCOME. */
static diagram_ref settle(const struct terminals *terminals, uint32_t number, diagram_ref outcome,
			  diagram_ref without)
{
	if (without == outcome || without == REF_OTHER || !terminals->rule_is_single[number])
		return without;
	return differ_for_good(terminals, outcome_at(terminals, outcome),
			       outcome_at(terminals, without))
		       ? REF_OTHER
		       : without;
}

/* "First A, then B", for outcomes or REF_OTHER. */
static diagram_ref product(struct terminals *terminals, diagram_ref a, diagram_ref b)
{
	if (a == REF_OTHER || builder_is_closed(terminals->outcomes, a))
		return a;
	return b == REF_OTHER ? b : builder_then(terminals->outcomes, a, b);
}

static diagram_ref marked_then(void *data, diagram_ref a, diagram_ref b)
{
	struct terminals *terminals = data;
	struct marked x = *terminals_at(terminals, a), y = *terminals_at(terminals, b);
	struct mark *marks = scratch_for(terminals, x.count + y.count);
	diagram_ref outcome = product(terminals, x.outcome, y.outcome), without;
	bool is_closed = builder_is_closed(terminals->outcomes, x.outcome);
	uint32_t i = 0, j = 0, count = 0, number;

	builder_spend(terminals->builder, 1 + x.count + y.count);
	while (i < x.count || j < y.count) {
		bool in_x = i < x.count && (j == y.count || x.marks[i].number <= y.marks[j].number);
		bool in_y = j < y.count && (i == x.count || y.marks[j].number <= x.marks[i].number);

		number = in_x ? x.marks[i].number : y.marks[j].number;
		without = product(terminals, in_x ? x.marks[i].without : x.outcome,
				  in_y ? y.marks[j].without : y.outcome);
		i += in_x;
		j += in_y;
		if (in_x || !is_closed)
			marks[count++] = (struct mark){number,
						       settle(terminals, number, outcome, without)};
	}
	return terminal_of(terminals, outcome, marks, count);
}

static bool marked_is_closed(const void *data, diagram_ref terminal)
{
	const struct terminals *terminals = data;
	const struct marked *marked = terminals_at(terminals, terminal);
	uint32_t i;

	if (!builder_is_closed(terminals->outcomes, marked->outcome))
		return false;
	for (i = 0; i < marked->count; i++)
		if (marked->marks[i].without != REF_OTHER &&
		    !builder_is_closed(terminals->outcomes, marked->marks[i].without))
			return false;
	return true;
}

/* Without a rule that jumps, packets do not enter its chain. So what the chain does must not follow
 * in the outcome without the rule: it ends with OUTCOME_MATCH, so that it is closed until
 * builder_replace_ends is called for the jump, after the chain was added. */
static diagram_ref marked_make(void *data, const struct rule *rule, const struct verdict *verdict,
			       struct diagram_outcome outcome)
{
	struct terminals *terminals = data;
	diagram_ref ref = builder_add_outcome(terminals->outcomes, outcome);
	bool jumps = verdict->kind == VERDICT_JUMP || verdict->kind == VERDICT_GOTO;
	uint32_t number = terminals->subset->numbers[rule - terminals->subset->rules];
	struct mark mark = {number, jumps ? REF_MATCH : REF_NEXT};

	return terminal_of(terminals, ref, &mark, terminals->states[number] & RULE_ASKED ? 1 : 0);
}

static diagram_ref marked_replace_ends(void *data, diagram_ref terminal, enum outcome_end next,
				       enum outcome_end returned)
{
	struct terminals *terminals = data;
	struct marked marked = *terminals_at(terminals, terminal);
	struct mark *marks = scratch_for(terminals, marked.count);
	diagram_ref outcome = builder_replace_ends(terminals->outcomes, marked.outcome, next,
						   returned);
	diagram_ref without;
	uint32_t i;

	builder_spend(terminals->builder, marked.count);
	for (i = 0; i < marked.count; i++) {
		marks[i] = marked.marks[i];
		if (marks[i].without == REF_OTHER)
			continue;
		without = builder_replace_ends(terminals->outcomes, marks[i].without, next,
					       returned);
		marks[i].without = settle(terminals, marks[i].number, outcome, without);
	}
	return terminal_of(terminals, outcome, marks, marked.count);
}

static const struct terminal_operations MARKED = {marked_is_closed, marked_make, marked_then,
						  marked_replace_ends};

static void note_continues(struct terminals *terminals, const struct verdict *verdict)
{
	if (verdict->kind == VERDICT_REDIRECT && verdict->fallback == FALLBACK_CONTINUE)
		terminals->label_continues[verdict->target] = true;
}

static void count_references(uint32_t *references, const struct verdict *verdict, uint32_t times)
{
	if (verdict->kind == VERDICT_JUMP || verdict->kind == VERDICT_GOTO)
		references[verdict->target] += times;
}

/* Finds label_continues, and counts how many rules name each chain. A rule that names it in a map
 * counts twice, since several elements may have the verdict. */
static void look_at_rules(struct terminals *terminals, uint32_t *references)
{
	const struct policy *policy = &terminals->subset->policy;
	uint32_t i;
	size_t j;

	for (i = 0; i < terminals->subset->count; i++) {
		const struct verdict *verdict = &terminals->subset->rules[i].verdict;
		const struct map *map;

		note_continues(terminals, verdict);
		count_references(references, verdict, 1);
		if (verdict->kind != VERDICT_MAP)
			continue;
		map = &policy->maps[verdict->target];
		for (j = 0; j < map->verdict_count; j++) {
			note_continues(terminals, &map->verdicts[j]);
			count_references(references, &map->verdicts[j], 2);
		}
	}
}

/* A packet enters a chain at most once if one rule names the chain, and packets enter that rule's
 * own chain at most once. A chain that may be entered more than once counts as named twice. Each
 * round passes this on to the chains of one more level of jumps, of which there are at most 16. */
static void find_single_rules(struct terminals *terminals, uint32_t *references)
{
	const struct subset *subset = terminals->subset;
	const struct policy *policy = &subset->policy;
	size_t chain, i;
	bool changed = true;

	while (changed) {
		changed = false;
		for (chain = 1; chain < policy->chain_count; chain++)
			for (i = 0; references[chain] > 1 && i < policy->chains[chain].count; i++) {
				const struct verdict *verdict =
					&policy->chains[chain].rules[i].verdict;

				if ((verdict->kind != VERDICT_JUMP &&
				     verdict->kind != VERDICT_GOTO) ||
				    references[verdict->target] > 1)
					continue;
				references[verdict->target] = 2;
				changed = true;
			}
	}
	for (chain = 0; chain < policy->chain_count; chain++)
		for (i = 0; i < policy->chains[chain].count; i++) {
			ptrdiff_t index = &policy->chains[chain].rules[i] - subset->rules;

			terminals->rule_is_single[subset->numbers[index]] = references[chain] < 2;
		}
}

struct terminals *terminals_new(struct arena *arena, struct builder *builder,
				const struct subset *subset, const uint8_t *states)
{
	const struct policy *policy = &subset->policy;
	struct terminals *terminals = arena_alloc(arena, 1, sizeof(*terminals));
	uint32_t *references = arena_alloc(arena, policy->chain_count, sizeof(*references));
	uint32_t i, numbers = subset->count ? subset->numbers[subset->count - 1] + 1 : 0;
	enum field order[VALUE_FIELD_COUNT];

	for (i = 0; i < VALUE_FIELD_COUNT; i++)
		order[i] = (enum field)i; /* any will do: outcomes have no fields */
	terminals->arena = arena;
	terminals->outcomes = builder_new(arena, order, SIZE_MAX - 1);
	terminals->builder = builder;
	terminals->subset = subset;
	terminals->states = states;
	terminals->rule_is_single = arena_alloc(arena, numbers, sizeof(bool));
	terminals->label_continues = arena_alloc(arena, policy->label_count, sizeof(bool));
	look_at_rules(terminals, references);
	find_single_rules(terminals, references);
	for (i = OUTCOME_PASS; i < OUTCOME_ENDS; i++)
		terminal_of(terminals, (uint32_t)REF_TERMINAL | i, NULL, 0);
	builder_use_terminals(builder, &MARKED, terminals);
	return terminals;
}
