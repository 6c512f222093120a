/* Stores nodes and outcomes by hash-consing: one that equals an earlier one gets the earlier one's
 * reference, so two are equal if and only if their references are. */
#include "builder.h"

#include "compiler/base/arena.h"

#include <string.h>

/* The effort that a new outcome takes, in intervals. */
enum { OUTCOME_EFFORT = 16 };

struct builder *builder_new(struct arena *arena, const enum field order[VALUE_FIELD_COUNT],
			    size_t effort_max)
{
	struct builder *builder = arena_alloc(arena, 1, sizeof(*builder));
	enum outcome_end end;
	uint32_t i;

	builder->arena = arena;
	builder->operations = &outcome_operations;
	builder->terminals = builder;
	builder->effort_max = effort_max;
	builder->memo_capacity_max = SIZE_MAX;
	memcpy(builder->order, order, sizeof(builder->order));
	for (i = 0; i < VALUE_FIELD_COUNT; i++)
		builder->position[order[i]] = i;
	for (end = OUTCOME_PASS; end < OUTCOME_ENDS; end++)
		builder_add_outcome(builder, (struct diagram_outcome){NULL, 0, end, NULL});
	return builder;
}

void builder_use_terminals(struct builder *builder, const struct terminal_operations *operations,
			   void *terminals)
{
	builder->operations = operations;
	builder->terminals = terminals;
}

void builder_spend(struct builder *builder, size_t effort)
{
	builder->effort += effort;
}

bool builder_is_exhausted(const struct builder *builder)
{
	return builder->effort > builder->effort_max;
}

const enum field *builder_order(const struct builder *builder)
{
	return builder->order;
}

size_t builder_interval_count(const struct builder *builder)
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

diagram_ref builder_add_outcome(struct builder *builder, struct diagram_outcome outcome)
{
	const struct hash_table *table = &builder->outcome_table;
	uint32_t hash = outcome_hash(&outcome);
	const struct hash_slot *slot;
	struct action *copy;
	uint32_t *numbers;

	for (slot = hash_first(table, hash); slot->entry; slot = hash_next(table, slot))
		if (outcome_equal(&builder->outcomes[slot->entry - 1], &outcome))
			return (uint32_t)REF_TERMINAL | (slot->entry - 1);
	builder->effort += OUTCOME_EFFORT;
	copy = arena_alloc(builder->arena, outcome.action_count, sizeof(*copy));
	if (outcome.action_count)
		memcpy(copy, outcome.actions, outcome.action_count * sizeof(*copy));
	outcome.actions = copy;
	if (outcome.numbers) {
		numbers = arena_alloc(builder->arena, outcome.action_count + 1, sizeof(*numbers));
		memcpy(numbers, outcome.numbers, (outcome.action_count + 1) * sizeof(*numbers));
		outcome.numbers = numbers;
	}
	hash_add(&builder->outcome_table, builder->arena, hash, (uint32_t)builder->outcome_count);
	*ARENA_PUSH(builder->arena, builder->outcomes, builder->outcome_count,
		    builder->outcome_capacity) = outcome;
	return (uint32_t)REF_TERMINAL | (uint32_t)(builder->outcome_count - 1);
}

void builder_begin(struct builder *builder)
{
	*ARENA_PUSH(builder->arena, builder->begins, builder->begin_count,
		    builder->begin_capacity) = builder->stack_count;
}

void builder_interval(struct builder *builder, u128 start, diagram_ref child)
{
	size_t begin = builder->begins[builder->begin_count - 1];

	builder->effort++;
	if (builder->stack_count > begin && builder->stack[builder->stack_count - 1].child == child)
		return;
	*ARENA_APPEND(builder->arena, builder->stack, builder->stack_count,
		      builder->stack_capacity) = (struct interval){start, child};
}

/* A node of the intervals on the stack from index MARK on, which are copied. */
static struct diagram_node node_on_stack(struct builder *builder, uint32_t variable, size_t begin)
{
	size_t count = builder->stack_count - begin;
	u128 *starts = arena_alloc(builder->arena, count, sizeof(*starts));
	diagram_ref *children = arena_alloc(builder->arena, count, sizeof(*children));
	size_t i;

	for (i = 0; i < count; i++) {
		starts[i] = builder->stack[begin + i].start;
		children[i] = builder->stack[begin + i].child;
	}
	return (struct diagram_node){variable, (uint32_t)count, starts, children};
}

static bool node_is_on_stack(const struct builder *builder, const struct diagram_node *node,
			     uint32_t variable, size_t begin)
{
	size_t i;

	if (node->variable != variable || node->count != builder->stack_count - begin)
		return false;
	for (i = 0; i < node->count; i++)
		if (node->starts[i] != builder->stack[begin + i].start ||
		    node->children[i] != builder->stack[begin + i].child)
			return false;
	return true;
}

static uint32_t stack_hash(const struct builder *builder, uint32_t variable, size_t begin)
{
	uint64_t hash = hash_mix(variable, builder->stack_count - begin);
	size_t i;

	for (i = begin; i < builder->stack_count; i++) {
		u128 start = builder->stack[i].start;

		hash = hash_mix(hash_mix(hash, (uint64_t)start ^ builder->stack[i].child),
				(uint64_t)(start >> 64));
	}
	return (uint32_t)(hash >> 32);
}

static diagram_ref node_of_stack(struct builder *builder, uint32_t variable, size_t begin)
{
	const struct hash_table *table = &builder->node_table;
	uint32_t hash = stack_hash(builder, variable, begin);
	const struct hash_slot *slot;
	struct diagram_node node;

	for (slot = hash_first(table, hash); slot->entry; slot = hash_next(table, slot))
		if (node_is_on_stack(builder, &builder->nodes[slot->entry - 1], variable, begin))
			return slot->entry - 1;
	hash_add(&builder->node_table, builder->arena, hash, (uint32_t)builder->node_count);
	node = node_on_stack(builder, variable, begin);
	*ARENA_APPEND(builder->arena, builder->nodes, builder->node_count,
		      builder->node_capacity) = node;
	builder->intervals += builder->stack_count - begin;
	return (diagram_ref)builder->node_count - 1;
}

diagram_ref builder_end(struct builder *builder, uint32_t variable)
{
	size_t begin = builder->begins[--builder->begin_count];
	diagram_ref ref;

	if (builder->stack_count - begin == 1)
		ref = builder->stack[begin].child;
	else if (builder_is_exhausted(builder))
		ref = REF_NEXT;
	else
		ref = node_of_stack(builder, variable, begin);
	builder->stack_count = begin;
	return ref;
}
