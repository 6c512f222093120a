/* Lists the turns of a flow class's rules, by going through the rules as an evaluation does that takes
 * every jump and every element. */
#include "turns.h"

#include "compiler/base/arena.h"
#include "rules.h"

#include <stdlib.h>
#include <string.h>

/* How many turns there may be, and how much effort may be spent on finding them: a chain that is jumped to from many
 * places is looked at for each of them, also where no turn comes of it. To look at a range takes an effort of 1. */
enum {
	TURNS_MAX = 1 << 20,
	EFFORT_MAX = 1 << 26,
	CLAUSE_EFFORT = 4, /* to look at a rule or an element */
	RANGE_EFFORT = 8   /* to keep a range */
};

struct listing {
	struct arena *arena;
	const struct policy *policy;
	enum family family;
	enum protocol protocol;
	struct turns *turns;
	enum outcome_end returned; /* how a turn ends that returns from the chain being listed */
	size_t effort;             /* what is left of it */
	bool too_many;
};

static bool list_chain(struct listing *listing, uint32_t chain, const struct clause *outer);

static void spend(struct listing *listing, size_t effort)
{
	listing->too_many |= effort > listing->effort;
	listing->effort -= listing->too_many ? listing->effort : effort;
}

/* The values that are in both sets. */
static struct range_set intersect(struct listing *listing, struct range_set a, struct range_set b)
{
	struct arena *scratch = arena_new();
	struct range_set wide = range_set_intersect(scratch, a, b);
	struct range_set both = {arena_alloc(listing->arena, wide.count, sizeof(*wide.ranges)),
				 wide.count};

	if (wide.count)
		memcpy(both.ranges, wide.ranges, wide.count * sizeof(*wide.ranges));
	spend(listing, a.count + b.count + RANGE_EFFORT * both.count);
	arena_free(scratch);
	return both;
}

/* The set of the values that meet both conditions; A where there is only that one. */
static struct range_set both(struct listing *listing, const struct clause *a,
			     const struct clause *b, enum field field)
{
	struct range_set first = {(struct range *)a->ranges[field], a->counts[field]};
	struct range_set second = {(struct range *)b->ranges[field], b->counts[field]};

	if (!b->ranges[field])
		return first;
	return a->ranges[field] ? intersect(listing, first, second) : second;
}

/* Adds the conditions of OUTER to those of a clause. False if no packet meets all of them. */
static bool narrow(struct listing *listing, struct clause *clause, const struct clause *outer)
{
	enum field field;

	for (field = 0; field < VALUE_FIELD_COUNT; field++) {
		bool is_asked = clause->ranges[field] || outer->ranges[field];
		struct range_set values = both(listing, clause, outer, field);

		clause->ranges[field] = values.ranges;
		clause->counts[field] = (uint32_t)values.count;
		if (is_asked && !values.count)
			return false;
	}
	return true;
}

static struct turn *add_turn(struct listing *listing, const struct clause *clause,
			     enum outcome_end end)
{
	struct turns *turns = listing->turns;
	struct turn *turn;

	listing->too_many |= turns->count == TURNS_MAX;
	if (listing->too_many)
		turns->count = 0; /* the list is of no use any more */
	turn = ARENA_APPEND(listing->arena, turns->items, turns->count, turns->capacity);
	*turn = (struct turn){.clause = *clause, .end = end};
	return turn;
}

static void add_action(struct turn *turn, enum action_kind kind, uint32_t index, bool no_reuseport)
{
	turn->actions[turn->action_count++] = (struct action){kind, index, no_reuseport};
}

/* Makes the turns from FIRST on a scope, if one of them leaves it. */
static void add_scope(struct listing *listing, size_t first, bool is_left, bool is_map)
{
	struct turns *turns = listing->turns;

	if (is_left)
		*ARENA_APPEND(listing->arena, turns->scopes, turns->scope_count,
			      turns->scope_capacity) = (struct scope){
			(uint32_t)first, (uint32_t)turns->count, is_map};
}

static void list_call(struct listing *listing, uint32_t chain, const struct clause *clause)
{
	enum outcome_end returned = listing->returned;
	size_t first = listing->turns->count;
	bool returns;

	listing->returned = OUTCOME_RETURN;
	returns = list_chain(listing, chain, clause);
	listing->returned = returned;
	add_scope(listing, first, returns, false);
}

/* Lists what a verdict does where the clause is met. NEXT is where a packet goes on that it leaves
 * open. Gives whether a turn returns from the chain of the rule. */
static bool list_verdict(struct listing *listing, const struct rule *rule,
			 const struct verdict *verdict, const struct clause *clause,
			 enum outcome_end next)
{
	bool calls = verdict->kind == VERDICT_JUMP || verdict->kind == VERDICT_GOTO;
	enum outcome_end end = verdict->kind == VERDICT_PASS       ? OUTCOME_PASS
			       : verdict->kind == VERDICT_DROP     ? OUTCOME_DROP
			       : verdict->kind == VERDICT_REDIRECT ? redirect_end(verdict->fallback)
			       : verdict->kind == VERDICT_RETURN   ? listing->returned
								   : OUTCOME_NEXT;
	struct turn *turn;

	if (!calls || rule->counter != NO_INDEX) {
		if (end == OUTCOME_NEXT && !calls)
			end = next;
		turn = add_turn(listing, clause, end);
		if (rule->counter != NO_INDEX)
			add_action(turn, ACTION_COUNT, rule->counter, false);
		if (verdict->kind == VERDICT_REDIRECT)
			add_action(turn, ACTION_ATTEMPT, verdict->target, verdict->no_reuseport);
	}
	if (calls)
		list_call(listing, verdict->target, clause);
	if (verdict->kind == VERDICT_GOTO)
		add_turn(listing, clause, listing->returned);
	else if (calls && next != OUTCOME_NEXT)
		add_turn(listing, clause, next);
	return verdict->kind == VERDICT_GOTO || verdict->kind == VERDICT_RETURN;
}

/* Whether packets that the verdict leaves open go behind its map. */
static bool leaves_map(const struct verdict *verdict)
{
	return verdict->kind == VERDICT_JUMP ||
	       (verdict->kind == VERDICT_REDIRECT && verdict->fallback == FALLBACK_CONTINUE);
}

static bool list_map(struct listing *listing, const struct rule *rule, const struct clause *outer)
{
	const struct map *map = &listing->policy->maps[rule->verdict.target];
	size_t first = listing->turns->count, count, i;
	uint32_t *order = elements_in_order(listing->arena, map, listing->family, listing->protocol,
					    &count);
	bool is_left = false, returns = false;

	spend(listing, CLAUSE_EFFORT * map->element_count);
	for (i = 0; i < count && !listing->too_many; i++) {
		const struct verdict *verdict = &map->verdicts[map->elements[order[i]].verdict];
		struct clause clause = element_clause(map, order[i]);

		if (!narrow(listing, &clause, outer))
			continue;
		returns |= list_verdict(listing, rule, verdict, &clause, OUTCOME_MATCH);
		is_left |= leaves_map(verdict);
	}
	add_scope(listing, first, is_left, true);
	return returns;
}

static bool list_rule(struct listing *listing, const struct rule *rule, const struct clause *clause)
{
	if (rule->verdict.kind == VERDICT_MAP)
		return list_map(listing, rule, clause);
	return list_verdict(listing, rule, &rule->verdict, clause, OUTCOME_NEXT);
}

/* Whether a packet that a verdict is carried out for may come to the next turn. One that a `goto` comes back to leaves
 * the chain. */
static bool may_go_on(const struct verdict *verdict)
{
	return verdict->kind == VERDICT_MAP || leaves_map(verdict);
}

/* Lists a rule for packets that meet the conditions of OUTER, and its matches of several fields from number AT on. A
 * packet goes behind the set, as behind a map, with the first element that it meets; if the match is negated, without
 * coming to the rule. */
static bool list_keys(struct listing *listing, const struct rule *rule, const struct clause *outer,
		      size_t at)
{
	size_t first = listing->turns->count, count, i;
	const struct key_match *match;
	const struct map *set;
	uint32_t *order;
	bool returns = false;

	if (at == rule->match.key_match_count)
		return list_rule(listing, rule, outer);
	match = &rule->match.key_matches[at];
	set = &listing->policy->key_sets[match->set];
	order = elements_in_order(listing->arena, set, listing->family, listing->protocol, &count);
	spend(listing, CLAUSE_EFFORT * set->element_count);
	for (i = 0; i < count && !listing->too_many; i++) {
		struct clause clause = element_clause(set, order[i]);

		if (!narrow(listing, &clause, outer))
			continue;
		if (!match->negated)
			returns |= list_keys(listing, rule, &clause, at + 1);
		if (match->negated || may_go_on(&rule->verdict))
			add_turn(listing, &clause, OUTCOME_MATCH);
	}
	if (match->negated)
		returns |= list_keys(listing, rule, outer, at + 1);
	add_scope(listing, first, match->negated || may_go_on(&rule->verdict), true);
	return returns;
}

/* Lists the turns of a chain for packets that meet the conditions of OUTER. Gives whether a turn returns
 * from it. */
static bool list_chain(struct listing *listing, uint32_t index, const struct clause *outer)
{
	const struct chain *chain = &listing->policy->chains[index];
	bool returns = false;
	size_t i;

	for (i = 0; i < chain->count && !listing->too_many; i++) {
		const struct rule *rule = &chain->rules[i];
		struct clause clause = match_clause(&rule->match, listing->family);

		spend(listing, CLAUSE_EFFORT);
		if (!match_concerns(&rule->match, listing->family, listing->protocol) ||
		    !narrow(listing, &clause, outer))
			continue;
		returns |= list_keys(listing, rule, &clause, 0);
	}
	return returns;
}

static int compare_scopes(const void *a, const void *b)
{
	const struct scope *first = a, *second = b;

	if (first->first != second->first)
		return first->first < second->first ? -1 : 1;
	return first->end > second->end ? -1 : first->end < second->end;
}

bool turns_of(struct arena *arena, const struct policy *policy, enum family family,
	      enum protocol protocol, struct turns *turns)
{
	struct listing listing = {
		.arena = arena,
		.policy = policy,
		.family = family,
		.protocol = protocol,
		.turns = turns,
		.effort = EFFORT_MAX,
		.returned = policy->end == VERDICT_PASS ? OUTCOME_PASS : OUTCOME_DROP,
	};
	const struct clause all = {.body = REF_NEXT};

	*turns = (struct turns){0};
	list_chain(&listing, 0, &all);
	if (turns->scope_count)
		qsort(turns->scopes, turns->scope_count, sizeof(*turns->scopes), compare_scopes);
	return !listing.too_many;
}
