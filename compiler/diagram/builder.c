/* Hash-consing: a node or an outcome that equals an earlier one is that one, so equality is equality of
 * references, and an operation on two references is done once. Both tables are open addressed. */
#include "diagram.h"

#include "compiler/base/arena.h"
#include "compiler/base/hash.h"

#include <string.h>

/* What an operation is remembered by. */
enum operation { OPERATION_THEN, OPERATION_WHERE, OPERATION_REPLACE_ENDS };

struct memo {
	uint32_t operation;
	diagram_ref a, b, result;
};

struct interval {
	u128 start;
	diagram_ref child;
} __attribute__((packed, aligned(4)));

/* An outcome weighs as much as so many intervals. */
enum { OUTCOME_EFFORT = 16 };

struct builder {
	struct arena *arena;
	const struct leaf_operations *operations;
	void *leaves;
	uint32_t position[FIELD_COUNT];

	struct diagram_node *nodes;
	size_t node_count, node_capacity;
	struct hash_table node_table;

	struct diagram_outcome *outcomes;
	size_t outcome_count, outcome_capacity;
	struct hash_table outcome_table;

	struct memo *memos;
	size_t memo_count, memo_capacity;
	struct hash_table memo_table;

	struct interval *stack; /* of the nodes being made */
	size_t stack_count, stack_capacity;
	size_t *marks; /* where each of them begins */
	size_t mark_count, mark_capacity;

	size_t intervals;
	size_t effort, effort_max;
};

static bool outcome_equal(const struct diagram_outcome *outcome, const struct action *actions,
			  size_t count, enum end end)
{
	size_t i;

	if (outcome->action_count != count || outcome->end != end)
		return false;
	for (i = 0; i < count; i++)
		if (outcome->actions[i].kind != actions[i].kind ||
		    outcome->actions[i].index != actions[i].index ||
		    outcome->actions[i].no_reuseport != actions[i].no_reuseport)
			return false;
	return true;
}

static uint32_t outcome_hash(const struct action *actions, size_t count, enum end end)
{
	uint64_t hash = hash_mix(count, end);
	size_t i;

	for (i = 0; i < count; i++)
		hash = hash_mix(hash, (uint64_t)actions[i].index << 2 |
					      (uint64_t)actions[i].kind << 1 |
					      actions[i].no_reuseport);
	return (uint32_t)(hash >> 32);
}

struct builder *builder_new(struct arena *arena, const enum field order[FIELD_COUNT],
			    size_t effort_max)
{
	struct builder *builder = arena_alloc(arena, 1, sizeof(*builder));
	uint32_t i;

	builder->arena = arena;
	builder->operations = &outcome_operations;
	builder->leaves = builder;
	builder->effort_max = effort_max;
	for (i = 0; i < FIELD_COUNT; i++)
		builder->position[order[i]] = i;
	for (i = END_PASS; i <= END_MATCH; i++)
		builder_outcome_of(builder, NULL, 0, (enum end)i);
	return builder;
}

void builder_use_leaves(struct builder *builder, const struct leaf_operations *operations,
			void *leaves)
{
	builder->operations = operations;
	builder->leaves = leaves;
}

void builder_spend(struct builder *builder, size_t effort)
{
	builder->effort += effort;
}

bool builder_is_exhausted(const struct builder *builder)
{
	return builder->effort > builder->effort_max;
}

size_t builder_intervals(const struct builder *builder)
{
	return builder->intervals;
}

size_t builder_effort(const struct builder *builder)
{
	return builder->effort;
}

const struct diagram_node *builder_node(const struct builder *builder, diagram_ref ref)
{
	return &builder->nodes[ref_index(ref)];
}

const struct diagram_outcome *builder_outcome(const struct builder *builder, diagram_ref ref)
{
	return &builder->outcomes[ref_index(ref)];
}

const struct diagram_node *builder_nodes(const struct builder *builder, size_t *count)
{
	*count = builder->node_count;
	return builder->nodes;
}

const struct diagram_outcome *builder_outcomes(const struct builder *builder, size_t *count)
{
	*count = builder->outcome_count;
	return builder->outcomes;
}

diagram_ref builder_outcome_of(struct builder *builder, const struct action *actions, size_t count,
			       enum end end)
{
	const struct hash_table *table = &builder->outcome_table;
	uint32_t hash = outcome_hash(actions, count, end);
	const struct hash_slot *slot;
	struct action *copy;

	for (slot = hash_first(table, hash); slot->entry; slot = hash_next(table, slot))
		if (outcome_equal(&builder->outcomes[slot->entry - 1], actions, count, end))
			return (uint32_t)REF_OUTCOME | (slot->entry - 1);
	builder->effort += OUTCOME_EFFORT;
	copy = arena_alloc(builder->arena, count, sizeof(*copy));
	if (count)
		memcpy(copy, actions, count * sizeof(*copy));
	hash_add(&builder->outcome_table, builder->arena, hash, (uint32_t)builder->outcome_count);
	*ARENA_PUSH(builder->arena, builder->outcomes, builder->outcome_count,
		    builder->outcome_capacity) = (struct diagram_outcome){copy, count, end};
	return (uint32_t)REF_OUTCOME | (uint32_t)(builder->outcome_count - 1);
}

void builder_begin(struct builder *builder)
{
	*ARENA_PUSH(builder->arena, builder->marks, builder->mark_count,
		    builder->mark_capacity) = builder->stack_count;
}

void builder_interval(struct builder *builder, u128 start, diagram_ref child)
{
	size_t mark = builder->marks[builder->mark_count - 1];

	builder->effort++;
	if (builder->stack_count > mark && builder->stack[builder->stack_count - 1].child == child)
		return;
	*ARENA_APPEND(builder->arena, builder->stack, builder->stack_count,
		      builder->stack_capacity) = (struct interval){start, child};
}

/* The node on top of the stack as arrays of its own. */
static struct diagram_node node_on_stack(struct builder *builder, uint32_t variable, size_t mark)
{
	size_t count = builder->stack_count - mark;
	u128 *starts = arena_alloc(builder->arena, count, sizeof(*starts));
	diagram_ref *children = arena_alloc(builder->arena, count, sizeof(*children));
	size_t i;

	for (i = 0; i < count; i++) {
		starts[i] = builder->stack[mark + i].start;
		children[i] = builder->stack[mark + i].child;
	}
	return (struct diagram_node){variable, (uint32_t)count, starts, children};
}

static bool node_is_on_stack(const struct builder *builder, const struct diagram_node *node,
			     uint32_t variable, size_t mark)
{
	size_t i;

	if (node->variable != variable || node->count != builder->stack_count - mark)
		return false;
	for (i = 0; i < node->count; i++)
		if (node->starts[i] != builder->stack[mark + i].start ||
		    node->children[i] != builder->stack[mark + i].child)
			return false;
	return true;
}

static uint32_t stack_hash(const struct builder *builder, uint32_t variable, size_t mark)
{
	uint64_t hash = hash_mix(variable, builder->stack_count - mark);
	size_t i;

	for (i = mark; i < builder->stack_count; i++) {
		u128 start = builder->stack[i].start;

		hash = hash_mix(hash_mix(hash, (uint64_t)start ^ builder->stack[i].child),
				(uint64_t)(start >> 64));
	}
	return (uint32_t)(hash >> 32);
}

static diagram_ref node_of_stack(struct builder *builder, uint32_t variable, size_t mark)
{
	const struct hash_table *table = &builder->node_table;
	uint32_t hash = stack_hash(builder, variable, mark);
	const struct hash_slot *slot;

	for (slot = hash_first(table, hash); slot->entry; slot = hash_next(table, slot))
		if (node_is_on_stack(builder, &builder->nodes[slot->entry - 1], variable, mark))
			return slot->entry - 1;
	hash_add(&builder->node_table, builder->arena, hash, (uint32_t)builder->node_count);
	*ARENA_PUSH(builder->arena, builder->nodes, builder->node_count,
		    builder->node_capacity) = node_on_stack(builder, variable, mark);
	builder->intervals += builder->stack_count - mark;
	return (diagram_ref)builder->node_count - 1;
}

diagram_ref builder_end(struct builder *builder, uint32_t variable)
{
	size_t mark = builder->marks[--builder->mark_count];
	diagram_ref ref;

	if (builder->stack_count - mark == 1)
		ref = builder->stack[mark].child;
	else if (builder_is_exhausted(builder))
		ref = REF_NEXT;
	else
		ref = node_of_stack(builder, variable, mark);
	builder->stack_count = mark;
	return ref;
}

static uint32_t memo_hash(enum operation operation, diagram_ref a, diagram_ref b)
{
	return (uint32_t)(hash_mix(hash_mix(operation, a), b) >> 20);
}

static bool recall(const struct builder *builder, enum operation operation, diagram_ref a,
		   diagram_ref b, diagram_ref *result)
{
	const struct hash_slot *slot;
	const struct memo *memo;

	for (slot = hash_first(&builder->memo_table, memo_hash(operation, a, b)); slot->entry;
	     slot = hash_next(&builder->memo_table, slot)) {
		memo = &builder->memos[slot->entry - 1];
		*result = memo->result;
		if (memo->operation == operation && memo->a == a && memo->b == b)
			return true;
	}
	return false;
}

static diagram_ref remember(struct builder *builder, enum operation operation, diagram_ref a,
			    diagram_ref b, diagram_ref result)
{
	hash_add(&builder->memo_table, builder->arena, memo_hash(operation, a, b),
		 (uint32_t)builder->memo_count);
	*ARENA_APPEND(builder->arena, builder->memos, builder->memo_count,
		      builder->memo_capacity) = (struct memo){operation, a, b, result};
	return result;
}

/* The position of what a reference asks for first; outcomes come after all. */
static uint32_t position_of(const struct builder *builder, diagram_ref ref)
{
	uint32_t variable;

	if (ref_is_outcome(ref))
		return UINT32_MAX;
	variable = builder->nodes[ref].variable;
	return variable < FIELD_COUNT ? builder->position[variable] : variable;
}

/* One side of a walk along two nodes at once: the intervals of a node, or a single one for a reference
 * that does not ask for the variable. */
struct walk {
	struct diagram_node node;
	diagram_ref alone;
	u128 start_alone;
	size_t at;
};

static void walk_start(struct walk *walk, const struct builder *builder, diagram_ref ref, bool asks)
{
	walk->at = 0;
	walk->alone = ref;
	walk->start_alone = 0;
	walk->node = asks ? *builder_node(builder, ref)
			  : (struct diagram_node){0, 1, &walk->start_alone, &walk->alone};
}

/* Moves on to the interval that begins next; false at the end of both. */
static bool walk_next(struct walk *a, struct walk *b, u128 *start)
{
	bool more_a = a->at + 1 < a->node.count, more_b = b->at + 1 < b->node.count;
	u128 start_a, start_b;

	if (!more_a && !more_b)
		return false;
	start_a = more_a ? a->node.starts[a->at + 1] : 0;
	start_b = more_b ? b->node.starts[b->at + 1] : 0;
	*start = !more_b || (more_a && start_a < start_b) ? start_a : start_b;
	a->at += more_a && start_a == *start;
	b->at += more_b && start_b == *start;
	return true;
}

typedef diagram_ref operation_function(struct builder *builder, diagram_ref a, diagram_ref b);

/* Does an operation on each pair of intervals of the variable that comes first. */
static diagram_ref by_intervals(struct builder *builder, operation_function *operate, diagram_ref a,
				diagram_ref b)
{
	uint32_t position_a = position_of(builder, a), position_b = position_of(builder, b);
	uint32_t variable = builder->nodes[position_a <= position_b ? a : b].variable;
	struct walk walk_a, walk_b;
	u128 start = 0;

	walk_start(&walk_a, builder, a, position_a <= position_b);
	walk_start(&walk_b, builder, b, position_b <= position_a);
	builder_begin(builder);
	do {
		builder_interval(builder, start,
				 operate(builder, walk_a.node.children[walk_a.at],
					 walk_b.node.children[walk_b.at]));
	} while (!builder_is_exhausted(builder) && walk_next(&walk_a, &walk_b, &start));
	return builder_end(builder, variable);
}

diagram_ref builder_leaf(struct builder *builder, const struct rule *rule,
			 const struct verdict *verdict, const struct action *actions, size_t count,
			 enum end end)
{
	return builder->operations->of(builder->leaves, rule, verdict, actions, count, end);
}

bool builder_is_closed(const struct builder *builder, diagram_ref ref)
{
	return ref_is_outcome(ref) && builder->operations->is_closed(builder->leaves, ref);
}

diagram_ref builder_then(struct builder *builder, diagram_ref a, diagram_ref b)
{
	diagram_ref result;

	if (b == REF_NEXT)
		return a;
	if (a == REF_NEXT)
		return b;
	if (builder_is_closed(builder, a))
		return a;
	if (ref_is_outcome(a) && ref_is_outcome(b))
		return builder->operations->then(builder->leaves, a, b);
	if (recall(builder, OPERATION_THEN, a, b, &result))
		return result;
	return remember(builder, OPERATION_THEN, a, b, by_intervals(builder, builder_then, a, b));
}

diagram_ref builder_where(struct builder *builder, diagram_ref condition, diagram_ref a)
{
	diagram_ref result;

	if (condition == REF_MATCH)
		return a;
	if (condition == REF_NEXT || a == REF_NEXT)
		return REF_NEXT;
	if (recall(builder, OPERATION_WHERE, condition, a, &result))
		return result;
	return remember(builder, OPERATION_WHERE, condition, a,
			by_intervals(builder, builder_where, condition, a));
}

diagram_ref builder_replace_ends(struct builder *builder, diagram_ref a, enum end next,
				 enum end returned)
{
	diagram_ref result, ends = (diagram_ref)(next << 4 | returned);
	struct diagram_node node;
	size_t i;

	if (ref_is_outcome(a))
		return builder->operations->replace_ends(builder->leaves, a, next, returned);
	if (recall(builder, OPERATION_REPLACE_ENDS, a, ends, &result))
		return result;
	node = *builder_node(builder, a);
	builder_begin(builder);
	for (i = 0; i < node.count; i++)
		builder_interval(builder, node.starts[i],
				 builder_replace_ends(builder, node.children[i], next, returned));
	return remember(builder, OPERATION_REPLACE_ENDS, a, ends,
			builder_end(builder, node.variable));
}

static void add_extent(const struct builder *builder, diagram_ref ref, bool *seen,
		       uint32_t largest[FIELD_COUNT], size_t *intervals)
{
	const struct diagram_node *node;
	uint32_t i;

	if (ref_is_outcome(ref) || seen[ref])
		return;
	seen[ref] = true;
	node = builder_node(builder, ref);
	*intervals += node->count;
	if (node->variable < FIELD_COUNT && node->count > largest[node->variable])
		largest[node->variable] = node->count;
	for (i = 0; i < node->count; i++)
		add_extent(builder, node->children[i], seen, largest, intervals);
}

struct builder_extent builder_extent(const struct builder *builder, diagram_ref root)
{
	bool *seen = arena_alloc(builder->arena, builder->node_count + 1, sizeof(*seen));
	uint32_t largest[FIELD_COUNT] = {0};
	struct builder_extent extent = {0, 0};
	size_t i;

	add_extent(builder, root, seen, largest, &extent.intervals);
	for (i = 0; i < FIELD_COUNT; i++)
		extent.least_intervals += largest[i];
	return extent;
}

struct import {
	struct builder *to;
	const struct builder *from;
	diagram_ref *copies; /* of each node of FROM; REF_MATCH where there is none yet */
};

static diagram_ref import_ref(struct import *import, diagram_ref ref)
{
	const struct diagram_outcome *outcome;
	const struct diagram_node *node;
	size_t i;

	if (ref_is_outcome(ref)) {
		outcome = builder_outcome(import->from, ref);
		return builder_outcome_of(import->to, outcome->actions, outcome->action_count,
					  outcome->end);
	}
	if (import->copies[ref] != REF_MATCH)
		return import->copies[ref];
	node = builder_node(import->from, ref);
	builder_begin(import->to);
	for (i = 0; i < node->count; i++)
		builder_interval(import->to, node->starts[i],
				 import_ref(import, node->children[i]));
	import->copies[ref] = builder_end(import->to, node->variable);
	return import->copies[ref];
}

diagram_ref builder_import(struct builder *to, const struct builder *from, diagram_ref root)
{
	struct import import = {to, from, NULL};
	size_t i;

	import.copies = arena_alloc(from->arena, from->node_count, sizeof(*import.copies));
	for (i = 0; i < from->node_count; i++)
		import.copies[i] = REF_MATCH;
	return import_ref(&import, root);
}
