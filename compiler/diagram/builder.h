/* The state of a builder. */
#ifndef SKLC_DIAGRAM_BUILDER_H
#define SKLC_DIAGRAM_BUILDER_H

#include "diagram.h"

#include "compiler/base/hash.h"

/* An interval of a node that is being made, up to the start of the next one. Packed, it takes 20
 * bytes instead of 32. */
struct interval {
	u128 start;
	diagram_ref child;
} __attribute__((packed, aligned(4)));

/* The result of an operation on two references. For OPERATION_REPLACE_ENDS, B holds the ends. */
struct memo {
	uint32_t operation; /* an enum operation; 0: a free slot */
	diagram_ref a, b, result;
};

struct builder {
	struct arena *arena;
	const struct terminal_operations *operations;
	void *terminals;
	enum field order[VALUE_FIELD_COUNT];
	uint32_t position[VALUE_FIELD_COUNT]; /* of each field in the order */

	struct diagram_node *nodes;
	size_t node_count, node_capacity;
	struct hash_table node_table;

	struct diagram_outcome *outcomes;
	size_t outcome_count, outcome_capacity;
	struct hash_table outcome_table;

	struct memo *memos; /* open addressing, at most half full */
	size_t memo_count, memo_capacity, memo_capacity_max;

	struct interval *stack; /* the intervals of all nodes that are being made */
	size_t stack_count, stack_capacity;
	size_t *begins; /* the index on the stack at which each of these nodes begins */
	size_t begin_count, begin_capacity;

	size_t intervals;          /* of all nodes */
	size_t effort, effort_max; /* in intervals; see builder_new */
};

/* The operations on the terminals of a new builder, which are its outcomes. */
extern const struct terminal_operations outcome_operations;

bool outcome_equal(const struct diagram_outcome *a, const struct diagram_outcome *b);
uint32_t outcome_hash(const struct diagram_outcome *outcome);

#endif
