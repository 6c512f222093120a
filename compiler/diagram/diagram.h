/* Decision diagrams, and the builder that makes them. A node asks for one variable of the packet
 * and has a child for each interval of its values. The builder stores each node and each outcome
 * once, so that equal diagrams have equal references, and it does each operation on the same
 * references once.
 *
 * An outcome may be open: OUTCOME_NEXT says that the rules that follow decide. Under "first a, then b"
 * (builder_then) diagrams form a monoid with REF_NEXT as its identity, so any run of rules can be
 * built apart from the rules around it. */
#ifndef SKLC_DIAGRAM_H
#define SKLC_DIAGRAM_H

#include "compiler/base/net.h"
#include "compiler/policy/policy.h"

struct arena;

/* A reference: the index of a node or, with this bit, of an outcome. */
enum { REF_TERMINAL = (int)0x80000000 };
typedef uint32_t diagram_ref;

static inline bool ref_is_terminal(diagram_ref ref)
{
	return ref & (uint32_t)REF_TERMINAL;
}

static inline uint32_t ref_index(diagram_ref ref)
{
	return ref & ~(uint32_t)REF_TERMINAL;
}

struct diagram_node {
	uint32_t variable;  /* a field; in a layout, what layout.h says */
	uint32_t count;     /* of intervals, at least 2 */
	const u128 *starts; /* of each interval; starts[0] is 0; the last interval has no end */
	const diagram_ref *children;
};

/* How an outcome ends. PASS and DROP are final; the others are replaced before the decision is
 * done. */
enum outcome_end {
	OUTCOME_PASS,
	OUTCOME_DROP,
	OUTCOME_NEXT,   /* the next rule decides */
	OUTCOME_RETURN, /* the chain that jumped here goes on */
	OUTCOME_MATCH, /* a condition holds; in a map: no other element decides, the next rule does */
	OUTCOME_ENDS
};

struct diagram_outcome {
	const struct action *actions;
	size_t action_count;
	enum outcome_end end;
	/* In a part of a decision (compiler/decision/decision.h): the number of each action, and after these that
	 * of the end, 0 where it is open. Elsewhere NULL, which is as all 0. */
	const uint32_t *numbers;
};

/* The number of an action, or, of the index after the last one, that of the end. */
static inline uint32_t outcome_number(const struct diagram_outcome *outcome, size_t index)
{
	return outcome->numbers ? outcome->numbers[index] : 0;
}

/* Outcomes without actions, which every builder has at these references. */
#define REF_PASS   ((diagram_ref)REF_TERMINAL | OUTCOME_PASS)
#define REF_DROP   ((diagram_ref)REF_TERMINAL | OUTCOME_DROP)
#define REF_NEXT   ((diagram_ref)REF_TERMINAL | OUTCOME_NEXT)
#define REF_RETURN ((diagram_ref)REF_TERMINAL | OUTCOME_RETURN)
#define REF_MATCH  ((diagram_ref)REF_TERMINAL | OUTCOME_MATCH)

/* Refers to nothing; for tables of references that are not known yet. */
#define REF_NONE ((diagram_ref)0xffffffff)

bool action_equal(const struct action *a, const struct action *b);

/* Whether an outcome has more attempts or counts than are allowed; its actions are then cut
 * short. */
bool outcome_is_too_long(const struct diagram_outcome *outcome);

/* The index of the interval of a node that a value is in. */
uint32_t diagram_interval(const struct diagram_node *node, u128 value);

/* Sets REACHED, by index, for each node that ROOT leads to, and OUTCOMES, unless it is NULL, for
 * each outcome. Both must be false before. In NODES, children come before their parents, as they do
 * in a builder. */
void diagram_mark_reached(const struct diagram_node *nodes, diagram_ref root, bool *reached,
			  bool *outcomes);

/* A walk over the paths that packets can take. */
struct diagram_walk {
	const struct diagram_node *nodes;
	size_t node_count;
	/* Whether to go into the children of a node that the packet does not take; NULL: always. */
	bool (*varies)(const struct diagram_node *node);
	/* Called at each terminal that a path leads to, with a packet that takes the path. False ends the walk. */
	bool (*arrive)(void *argument, const struct packet *packet, diagram_ref terminal);
	void *argument;
	/* Where the walk begins; it keeps what no node of a path asks for. Where the walk was ended,
	 * the packet that it was ended with. */
	struct packet packet;
	bool *seen; /* the walk's own */
};

/* Returns false if the walk was ended. Goes into each node at most twice, so it takes an effort in
 * proportion to the diagram, not to its paths. */
bool diagram_walk(struct diagram_walk *walk, diagram_ref root);

struct builder;

/* ORDER is the order of the fields on each path. An interval that is put into a node takes an effort of 1, whether
 * the node is kept or not; a new outcome takes more. Once the effort is more than EFFORT_MAX, the builder is
 * exhausted: its operations still return, but what they build is wrong. */
struct builder *builder_new(struct arena *arena, const enum field order[VALUE_FIELD_COUNT],
			    size_t effort_max);
bool builder_is_exhausted(const struct builder *builder);

/* Limits the results of operations that the builder remembers to about OPERATIONS. It computes forgotten results again,
 * which takes less memory and more effort. */
void builder_remember_at_most(struct builder *builder, size_t operations);

const enum field *builder_order(const struct builder *builder);

/* The number of intervals of all nodes. */
size_t builder_interval_count(const struct builder *builder);

/* The effort spent so far, in intervals; builder_spend adds to it. */
size_t builder_effort(const struct builder *builder);
void builder_spend(struct builder *builder, size_t effort);

/* What the builder's operations do with terminals that hold more than an outcome: the same as
 * builder_is_closed, builder_terminal, builder_then and builder_replace_ends, for terminals alone. The
 * references REF_PASS to REF_MATCH must be among these terminals, and mean the same. */
struct terminal_operations {
	bool (*is_closed)(const void *terminals, diagram_ref terminal);
	diagram_ref (*make)(void *terminals, const struct rule *rule, const struct verdict *verdict,
			    struct diagram_outcome outcome);
	diagram_ref (*then)(void *terminals, diagram_ref a, diagram_ref b);
	diagram_ref (*replace_ends)(void *terminals, diagram_ref terminal, enum outcome_end next,
				    enum outcome_end returned);
};

/* Replaces the terminals of a new builder, which are its outcomes. */
void builder_use_terminals(struct builder *builder, const struct terminal_operations *operations,
			   void *terminals);

/* The terminal for a rule that matches. VERDICT is the rule's verdict, or that of an element of its
 * map. OUTCOME is what the rule does; for a jump, what it does before the chain. */
diagram_ref builder_terminal(struct builder *builder, const struct rule *rule,
			     const struct verdict *verdict, struct diagram_outcome outcome);

/* Whether the reference is a terminal that stays the same, whatever comes after it. */
bool builder_is_closed(const struct builder *builder, diagram_ref ref);

const struct diagram_node *builder_node(const struct builder *builder, diagram_ref ref);
const struct diagram_outcome *builder_outcome(const struct builder *builder, diagram_ref ref);

/* The reference of an outcome, whose actions are copied if it is new. */
diagram_ref builder_add_outcome(struct builder *builder, struct diagram_outcome outcome);

/* Make a node interval by interval, in ascending order of the starts. Between the beginning and the
 * end of one node, other nodes may be begun and ended. builder_end gives the node, or its child if
 * all intervals have the same one. */
void builder_begin(struct builder *builder);
void builder_interval(struct builder *builder, u128 start, diagram_ref child);
diagram_ref builder_end(struct builder *builder, uint32_t variable);

/* A, and where A ends with OUTCOME_NEXT, B after it. */
diagram_ref builder_then(struct builder *builder, diagram_ref a, diagram_ref b);

/* A where CONDITION is REF_MATCH, else REF_NEXT. */
diagram_ref builder_where(struct builder *builder, diagram_ref condition, diagram_ref a);

/* A with the ends OUTCOME_NEXT and OUTCOME_RETURN replaced by these, and OUTCOME_MATCH by OUTCOME_NEXT. */
diagram_ref builder_replace_ends(struct builder *builder, diagram_ref a, enum outcome_end next,
				 enum outcome_end returned);

/* The number of intervals of the nodes that a reference leads to, and a lower bound of that number
 * in any order of the fields: for each field, every start in its largest node is a start in any
 * order. */
struct builder_extent {
	size_t intervals, least_intervals;
};
struct builder_extent builder_extent(const struct builder *builder, diagram_ref root);

/* Copies into TO the diagram that begins at ROOT in FROM. Gives its root in TO. */
diagram_ref builder_import(struct builder *to, const struct builder *from, diagram_ref root);

/* All nodes, children before their parents, and all outcomes, for as long as the builder's arena
 * lives. */
const struct diagram_node *builder_nodes(const struct builder *builder, size_t *count);
const struct diagram_outcome *builder_outcomes(const struct builder *builder, size_t *count);

#endif
