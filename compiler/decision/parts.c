/* A turn's home is the part that does it. A turn that leaves a scope is also known to each part that has
 * later turns in the scope: there it has no actions, but it ends the same. */
#include "parts.h"

#include "compiler/base/arena.h"
#include "compiler/base/sort.h"

#include <string.h>

/* Which fields a turn asks for, as bits; PARTS_MAX signatures. */
enum { ASKS_FIRST = 1, ASKS_SECOND = 2 };

/* How many values begin a range of the field in some turn. */
static size_t count_values(const struct turns *turns, enum field field)
{
	struct arena *scratch = arena_new();
	size_t count = 0, different = 0, i;
	u128 *values;
	uint32_t r;

	for (i = 0; i < turns->count; i++)
		count += turns->items[i].clause.counts[field];
	values = arena_alloc(scratch, count, sizeof(*values));
	count = 0;
	for (i = 0; i < turns->count; i++)
		for (r = 0; r < turns->items[i].clause.counts[field]; r++)
			values[count++] = turns->items[i].clause.ranges[field][r].first;
	sort_by_key(values, count, sizeof(*values));
	for (i = 0; i < count; i++)
		different += i == 0 || values[i] != values[i - 1];
	arena_free(scratch);
	return different;
}

/* The two fields with the most values, in the order of enum field. False if fewer than two have any. */
static bool find_fields(const struct turns *turns, enum field fields[2])
{
	size_t counts[VALUE_FIELD_COUNT];
	enum field field, best = 0, second = VALUE_FIELD_COUNT;

	for (field = 0; field < VALUE_FIELD_COUNT; field++)
		counts[field] = count_values(turns, field);
	for (field = 1; field < VALUE_FIELD_COUNT; field++)
		if (counts[field] > counts[best])
			best = field;
	for (field = 0; field < VALUE_FIELD_COUNT; field++)
		if (field != best &&
		    (second == VALUE_FIELD_COUNT || counts[field] > counts[second]))
			second = field;
	fields[0] = best < second ? best : second;
	fields[1] = best < second ? second : best;
	return counts[best] && counts[second];
}

/* Whether a turn does something in its part that other parts must keep to. */
static bool has_number(const struct turn *turn)
{
	return turn->action_count || turn->end <= OUTCOME_DROP;
}

/* The part of the rules that ask for most comes first. A turn that only leaves a scope needs no home. */
static void find_homes(struct cut *cut, const enum field fields[2])
{
	uint8_t parts[PARTS_MAX] = {0}, signature;
	bool is_used[PARTS_MAX] = {false};
	size_t i;

	for (i = 0; i < cut->turns.count; i++) {
		const struct clause *clause = &cut->turns.items[i].clause;

		cut->homes[i] = (uint8_t)((clause->ranges[fields[0]] ? ASKS_FIRST : 0) |
					  (clause->ranges[fields[1]] ? ASKS_SECOND : 0));
		is_used[cut->homes[i]] |= has_number(&cut->turns.items[i]);
	}
	for (signature = PARTS_MAX; signature-- > 0;)
		if (is_used[signature])
			parts[signature] = (uint8_t)cut->part_count++;
	for (i = 0; i < cut->turns.count; i++)
		cut->homes[i] = parts[cut->homes[i]];
}

/* Numbers begin at 1, so that they differ from those of a flow class in one part. */
static void number_turns(struct cut *cut)
{
	uint32_t number = 0;
	uint8_t part = PARTS_MAX;
	size_t i;

	for (i = 0; i < cut->turns.count; i++) {
		if (!has_number(&cut->turns.items[i]))
			continue;
		number += cut->homes[i] != part;
		part = cut->homes[i];
		cut->numbers[i] = number;
	}
}

/* The end of the scope that each turn leaves, and of all others 0. */
static uint32_t *scope_ends(struct arena *arena, const struct turns *turns)
{
	uint32_t *ends = arena_alloc(arena, turns->count, sizeof(*ends));
	size_t i;
	uint32_t at;

	/* Inner scopes come after the outer ones, and overwrite them. */
	for (i = 0; i < turns->scope_count; i++)
		for (at = turns->scopes[i].first; at < turns->scopes[i].end; at++)
			if (turns->items[at].end ==
			    (turns->scopes[i].is_map ? OUTCOME_MATCH : OUTCOME_RETURN))
				ends[at] = turns->scopes[i].end;
	return ends;
}

/* Goes from the last turn to the first. A part that knows a turn must also know by which turns before it
 * packets pass over it. */
static void find_knowers(struct arena *arena, struct cut *cut)
{
	const uint32_t *ends = scope_ends(arena, &cut->turns);
	size_t nearest[PARTS_MAX]; /* the turn of each part that was met last */
	uint32_t part;
	size_t i;

	for (part = 0; part < PARTS_MAX; part++)
		nearest[part] = cut->turns.count;
	for (i = cut->turns.count; i-- > 0;) {
		for (part = 0; part < cut->part_count; part++)
			if (nearest[part] < ends[i]) {
				cut->knowers[i] |= (uint8_t)(1u << part);
				nearest[part] = i;
			}
		if (has_number(&cut->turns.items[i]))
			nearest[cut->homes[i]] = i;
	}
}

bool cut_turns(struct arena *arena, struct turns turns, struct cut *cut)
{
	enum field fields[2];

	*cut = (struct cut){.turns = turns};
	if (!find_fields(&turns, fields))
		return false;
	cut->homes = arena_alloc(arena, turns.count, sizeof(*cut->homes));
	cut->knowers = arena_alloc(arena, turns.count, sizeof(*cut->knowers));
	cut->numbers = arena_alloc(arena, turns.count, sizeof(*cut->numbers));
	find_homes(cut, fields);
	number_turns(cut);
	find_knowers(arena, cut);
	return cut->part_count > 1;
}

struct building {
	struct arena *arena;
	struct builder *builder;
	const struct cut *cut;
	enum family family;
	uint32_t parts; /* bits 1 << part */
	size_t scope;   /* the index of the next scope to be entered */
};

/* Whether one of the parts does the turn. */
static bool is_at_home(const struct building *building, size_t index)
{
	const struct cut *cut = building->cut;

	return building->parts & 1u << cut->homes[index] && has_number(&cut->turns.items[index]);
}

/* What a turn does in the parts, as a terminal. */
static diagram_ref turn_body(const struct building *building, size_t index)
{
	const struct cut *cut = building->cut;
	const struct turn *turn = &cut->turns.items[index];
	uint32_t numbers[3] = {0}, number = cut->numbers[index];
	struct diagram_outcome outcome = {turn->actions, 0, turn->end, NULL};
	size_t i;

	if (is_at_home(building, index)) {
		outcome.action_count = turn->action_count;
		for (i = 0; i < turn->action_count; i++)
			numbers[i] = number;
		numbers[i] = turn->end <= OUTCOME_DROP ? number : 0;
		outcome.numbers = numbers;
	}
	return builder_add_outcome(building->builder, outcome);
}

static bool is_in_parts(const struct building *building, size_t index)
{
	return building->cut->knowers[index] & building->parts || is_at_home(building, index);
}

static diagram_ref build_turns(struct building *building, size_t first, size_t end);

/* The diagram of a scope, which nothing leaves any more. */
static diagram_ref build_scope(struct building *building, const struct scope *scope)
{
	diagram_ref inside = build_turns(building, scope->first, scope->end);

	return builder_replace_ends(building->builder, inside, OUTCOME_NEXT,
				    scope->is_map ? OUTCOME_RETURN : OUTCOME_NEXT);
}

/* Runs of turns are swept; scopes are built one by one between them. */
static diagram_ref build_turns(struct building *building, size_t first, size_t end)
{
	const struct turns *turns = &building->cut->turns;
	struct clause *clauses = arena_alloc(building->arena, end - first, sizeof(*clauses));
	diagram_ref *diagrams = NULL;
	size_t count = 0, diagram_count = 0, capacity = 0;
	size_t i = first;

	while (i < end && !builder_is_exhausted(building->builder)) {
		const struct scope *scope = building->scope < turns->scope_count
						    ? &turns->scopes[building->scope]
						    : NULL;

		if (!scope || scope->first != i) {
			if (is_in_parts(building, i)) {
				clauses[count] = turns->items[i].clause;
				clauses[count++].body = turn_body(building, i);
			}
			i++;
			continue;
		}
		building->scope++;
		i = scope->end;
		*ARENA_APPEND(building->arena, diagrams, diagram_count, capacity) = sweep_clauses(
			building->arena, building->builder, building->family, clauses, count);
		*ARENA_APPEND(building->arena, diagrams, diagram_count,
			      capacity) = build_scope(building, scope);
		count = 0;
	}
	*ARENA_APPEND(building->arena, diagrams, diagram_count, capacity) = sweep_clauses(
		building->arena, building->builder, building->family, clauses, count);
	return join_diagrams(building->builder, diagrams, diagram_count);
}

diagram_ref parts_to_diagram(struct arena *arena, struct builder *builder, const struct cut *cut,
			     enum family family, uint32_t parts)
{
	struct building building = {arena, builder, cut, family, parts, 0};

	return build_turns(&building, 0, cut->turns.count);
}

bool most_is_allowed(const struct most *most, size_t labels)
{
	size_t attempts = most->attempts < labels ? most->attempts : labels;

	return most->actions <= PARTS_ACTIONS_MAX && attempts <= ATTEMPTS_MAX;
}

void most_add(struct most *most, const struct builder *builder, diagram_ref root)
{
	struct arena *scratch = arena_new();
	size_t node_count, outcome_count, actions = 0, attempts = 0, i, j;
	const struct diagram_node *nodes = builder_nodes(builder, &node_count);
	const struct diagram_outcome *outcomes = builder_outcomes(builder, &outcome_count);
	bool *reached = arena_alloc(scratch, node_count + 1, sizeof(*reached));
	bool *has = arena_alloc(scratch, outcome_count, sizeof(*has));

	diagram_mark_reached(nodes, root, reached, has);
	for (i = 0; i < outcome_count; i++) {
		size_t count = 0;

		if (!has[i])
			continue;
		for (j = 0; j < outcomes[i].action_count; j++)
			count += outcomes[i].actions[j].kind == ACTION_ATTEMPT;
		if (count > attempts)
			attempts = count;
		if (outcomes[i].action_count > actions)
			actions = outcomes[i].action_count;
	}
	most->actions += actions;
	most->attempts += attempts;
	arena_free(scratch);
}
