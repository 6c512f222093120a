/* The workshop in which a diagram is made: nodes and outcomes stored once, and the operations on them,
 * each remembered. Its outcomes may be open: `next` is where the rules that follow decide. Under
 * "first a, then b" (builder_then) they form a monoid with `next` as its identity, which is what lets
 * any run of rules be built apart from what surrounds it. */
#ifndef SKLC_DIAGRAM_H
#define SKLC_DIAGRAM_H

#include "compiler/base/net.h"
#include "compiler/policy/policy.h"

struct arena;

/* Variables: the fields, then one for each interface. An interface's value says how the packet's own
 * interface compares with it. */
enum { VARIABLE_INTERFACES = FIELD_COUNT };
enum { INTERFACE_UNKNOWN, INTERFACE_DIFFERS, INTERFACE_EQUALS, INTERFACE_VALUES };

/* A reference: a node's index, or with this bit an outcome's. */
enum { REF_OUTCOME = (int)0x80000000 };
typedef uint32_t diagram_ref;

static inline bool ref_is_outcome(diagram_ref ref)
{
	return ref & (uint32_t)REF_OUTCOME;
}

static inline uint32_t ref_index(diagram_ref ref)
{
	return ref & ~(uint32_t)REF_OUTCOME;
}

struct diagram_node {
	uint32_t variable;
	uint32_t count;     /* of intervals, at least 2 */
	const u128 *starts; /* of each interval; starts[0] is 0; the last one has no end */
	const diagram_ref *children;
};

/* An outcome as stored: as struct outcome, without the room for more. */
struct diagram_outcome {
	const struct action *actions;
	size_t action_count;
	enum end end;
};

/* The index of the interval of a node that a value is in. */
uint32_t diagram_interval(const struct diagram_node *node, u128 value);

/* The end of a map's key that leaves the decision open: what follows in the map is not asked, what
 * follows the map's rule is. */
#define END_MATCH ((enum end)4)

/* Outcomes without actions, which every builder has at these references. */
#define REF_NEXT   ((diagram_ref)REF_OUTCOME | END_NEXT)
#define REF_RETURN ((diagram_ref)REF_OUTCOME | END_RETURN)
#define REF_PASS   ((diagram_ref)REF_OUTCOME | END_PASS)
#define REF_DROP   ((diagram_ref)REF_OUTCOME | END_DROP)
#define REF_MATCH                                                                                  \
	((diagram_ref)REF_OUTCOME | END_MATCH) /* a condition holds; where it does not: REF_NEXT */

struct builder;

/* ORDER says the position of each field; interfaces come after. Once more than EFFORT_MAX intervals were
 * put into nodes the builder is exhausted: it goes on to answer, but with nonsense. */
struct builder *builder_new(struct arena *arena, const enum field order[FIELD_COUNT],
			    size_t effort_max);
bool builder_is_exhausted(const struct builder *builder);

/* Intervals of all nodes. */
size_t builder_intervals(const struct builder *builder);

/* What was spent of the effort; and to spend more of it. */
size_t builder_effort(const struct builder *builder);
void builder_spend(struct builder *builder, size_t effort);

/* What a diagram's leaves are, where they are more than outcomes. The references REF_PASS to REF_MATCH
 * are theirs too, and mean the same. */
struct leaf_operations {
	bool (*is_closed)(const void *leaves, diagram_ref leaf); /* whatever follows is not asked */
	diagram_ref (*of)(void *leaves, const struct rule *rule, const struct verdict *verdict,
			  const struct action *actions, size_t count, enum end end);
	diagram_ref (*then)(void *leaves, diagram_ref a, diagram_ref b);
	diagram_ref (*replace_ends)(void *leaves, diagram_ref leaf, enum end next,
				    enum end returned);
};

/* Those of a new builder, whose leaves are its outcomes. */
extern const struct leaf_operations outcome_operations;

/* To be called before anything is made. */
void builder_use_leaves(struct builder *builder, const struct leaf_operations *operations,
			void *leaves);

/* What RULE does, or one that jumps does before its chain, once it matches and its verdict (its map's)
 * is VERDICT. */
diagram_ref builder_leaf(struct builder *builder, const struct rule *rule,
			 const struct verdict *verdict, const struct action *actions, size_t count,
			 enum end end);
bool builder_is_closed(const struct builder *builder, diagram_ref ref);

const struct diagram_node *builder_node(const struct builder *builder, diagram_ref ref);
const struct diagram_outcome *builder_outcome(const struct builder *builder, diagram_ref ref);

/* Whether an outcome had more attempts or counts than are allowed; its actions are then cut short. */
bool outcome_is_too_long(const struct diagram_outcome *outcome);

diagram_ref builder_outcome_of(struct builder *builder, const struct action *actions, size_t count,
			       enum end end);

/* A node is made interval by interval, in order; while it is, others may be begun and ended. */
void builder_begin(struct builder *builder);
void builder_interval(struct builder *builder, u128 start, diagram_ref child);
diagram_ref builder_end(struct builder *builder, uint32_t variable);

/* A, and where it leaves the decision open, B. */
diagram_ref builder_then(struct builder *builder, diagram_ref a, diagram_ref b);

/* Where CONDITION matches, A; else next. */
diagram_ref builder_where(struct builder *builder, diagram_ref condition, diagram_ref a);

/* A with the ends NEXT and RETURN replaced, and MATCH by NEXT. */
enum end end_replaced(enum end end, enum end next, enum end returned);
diagram_ref builder_replace_ends(struct builder *builder, diagram_ref a, enum end next,
				 enum end returned);

/* What is reached from a reference: its size, and what no order of the fields can go below, since each start
 * of the largest node of a field stands somewhere in any of them. */
struct builder_extent {
	size_t intervals, least_intervals;
};
struct builder_extent builder_extent(const struct builder *builder, diagram_ref root);

/* The part of FROM that is reached from ROOT, copied into TO. */
diagram_ref builder_import(struct builder *to, const struct builder *from, diagram_ref root);

/* All nodes and outcomes, for as long as the builder's arena lives. */
const struct diagram_node *builder_nodes(const struct builder *builder, size_t *count);
const struct diagram_outcome *builder_outcomes(const struct builder *builder, size_t *count);

#endif
