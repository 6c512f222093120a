/* Operations on diagrams. The result for each pair of references is remembered, so that an
 * operation visits each pair of nodes once. */
#include "builder.h"

#include "compiler/base/arena.h"

#include <string.h>

enum operation { OPERATION_NONE, OPERATION_THEN, OPERATION_WHERE, OPERATION_REPLACE_ENDS };

enum { FIRST_MEMOS = 256 };

static size_t memo_slot(enum operation operation, diagram_ref a, diagram_ref b)
{
	return hash_mix(hash_mix(operation, a), b) >> 20;
}

/* The memo of an operation, or the free slot for it. The slots of this table are the memos
 * themselves: a struct hash_table and an array of memos would take two cache misses for each
 * operation instead of one, which is measurably slower. */
static struct memo *find_memo(const struct builder *builder, enum operation operation,
			      diagram_ref a, diagram_ref b)
{
	size_t slot = memo_slot(operation, a, b);
	struct memo *memo;

	do
		memo = &builder->memos[slot++ & (builder->memo_capacity - 1)];
	while (memo->operation != OPERATION_NONE &&
	       (memo->operation != operation || memo->a != a || memo->b != b));
	return memo;
}

/* The old memos are copied to an arena of their own, so that their memory is free afterwards. */
static void grow_memos(struct builder *builder)
{
	size_t old_capacity = builder->memo_capacity, i;
	struct arena *scratch = arena_new();
	struct memo *old = arena_alloc(scratch, old_capacity, sizeof(*old));

	if (old_capacity)
		memcpy(old, builder->memos, old_capacity * sizeof(*old));
	builder->memo_capacity = old_capacity ? old_capacity * 2 : FIRST_MEMOS;
	builder->memos = arena_resize(builder->arena, builder->memos, old_capacity,
				      builder->memo_capacity, sizeof(*old));
	memset(builder->memos, 0, builder->memo_capacity * sizeof(*old));
	for (i = 0; i < old_capacity; i++)
		if (old[i].operation != OPERATION_NONE)
			*find_memo(builder, old[i].operation, old[i].a, old[i].b) = old[i];
	arena_free(scratch);
}

static bool recall(const struct builder *builder, enum operation operation, diagram_ref a,
		   diagram_ref b, diagram_ref *result)
{
	const struct memo *memo;

	if (!builder->memo_capacity)
		return false;
	memo = find_memo(builder, operation, a, b);
	*result = memo->result;
	return memo->operation != OPERATION_NONE;
}

static diagram_ref remember(struct builder *builder, enum operation operation, diagram_ref a,
			    diagram_ref b, diagram_ref result)
{
	const struct memo memo = {operation, a, b, result};

	if (builder->memo_count * 2 >= builder->memo_capacity) {
		if (builder->memo_capacity >= builder->memo_capacity_max) {
			/* No slot becomes free by this, so all other memos are still found. */
			builder->memos[memo_slot(operation, a, b) & (builder->memo_capacity - 1)] =
				memo;
			return result;
		}
		grow_memos(builder);
	}
	*find_memo(builder, operation, a, b) = memo;
	builder->memo_count++;
	return result;
}

void builder_remember_at_most(struct builder *builder, size_t operations)
{
	builder->memo_capacity_max = operations * 2;
}

/* The position of the variable of a reference's node; outcomes come after all variables. */
static uint32_t position_of(const struct builder *builder, diagram_ref ref)
{
	return ref_is_terminal(ref) ? UINT32_MAX : builder->position[builder->nodes[ref].variable];
}

/* A walk along the intervals of a node. A reference that does not ask for the variable takes part
 * as a node with one interval. */
struct walk {
	struct diagram_node node;
	diagram_ref alone; /* the child and the start of that one interval */
	u128 start_alone;
	size_t at; /* index of the interval */
};

static void walk_start(struct walk *walk, const struct builder *builder, diagram_ref ref, bool asks)
{
	walk->at = 0;
	walk->alone = ref;
	walk->start_alone = 0;
	walk->node = asks ? *builder_node(builder, ref)
			  : (struct diagram_node){0, 1, &walk->start_alone, &walk->alone};
}

/* Moves to the next start of either node; false at the end of both. */
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

/* Makes a node that asks for the variable of A or of B that comes first in the order. The child for
 * each interval is the result of the operation on what A and B lead to there. */
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

diagram_ref builder_terminal(struct builder *builder, const struct rule *rule,
			     const struct verdict *verdict, struct diagram_outcome outcome)
{
	return builder->operations->make(builder->terminals, rule, verdict, outcome);
}

bool builder_is_closed(const struct builder *builder, diagram_ref ref)
{
	return ref_is_terminal(ref) && builder->operations->is_closed(builder->terminals, ref);
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
	if (ref_is_terminal(a) && ref_is_terminal(b))
		return builder->operations->then(builder->terminals, a, b);
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

diagram_ref builder_replace_ends(struct builder *builder, diagram_ref a, enum outcome_end next,
				 enum outcome_end returned)
{
	diagram_ref result, ends = (diagram_ref)(next << 4 | returned);
	struct diagram_node node;
	size_t i;

	if (ref_is_terminal(a))
		return builder->operations->replace_ends(builder->terminals, a, next, returned);
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
