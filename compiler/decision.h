/* How to decide: a reduced, shared decision diagram. A node asks for one variable of the packet and
 * has a child for each interval of its values; equal nodes are stored once, neighbours with equal
 * children are one interval, and a node whose children are all equal is not there. So for one order of
 * the variables, two rules files that mean the same give the same diagram. */
#ifndef SKLC_DECISION_H
#define SKLC_DECISION_H

#include "net.h"
#include "policy.h"

struct arena;

/* Variables: the fields, then one for each interface. An interface's value says how the packet's own
 * interface compares with it. */
enum { VARIABLE_INTERFACES = FIELD_COUNT };
enum { INTERFACE_UNKNOWN, INTERFACE_DIFFERS, INTERFACE_EQUALS, INTERFACE_VALUES };

/* A reference: a node's index, or with this bit an outcome's. */
enum { REF_OUTCOME = (int)0x80000000 };
typedef uint32_t decision_ref;

static inline bool ref_is_outcome(decision_ref ref)
{
	return ref & (uint32_t)REF_OUTCOME;
}

static inline uint32_t ref_index(decision_ref ref)
{
	return ref & ~(uint32_t)REF_OUTCOME;
}

struct decision_node {
	uint32_t variable;
	uint32_t count;     /* of intervals, at least 2 */
	const u128 *starts; /* of each interval; starts[0] is 0; the last one has no end */
	const decision_ref *children;
};

/* An outcome as stored: as struct outcome, without the room for more. */
struct decision_outcome {
	const struct step *steps;
	size_t step_count;
	enum end end;
};

struct decision {
	const struct decision_node *nodes; /* children stand before their parents */
	size_t node_count;
	const struct decision_outcome *outcomes;
	size_t outcome_count;
	decision_ref roots[FAMILY_COUNT][PROTOCOL_COUNT];
	/* The fields in the order in which they are asked; interfaces follow after the last. */
	enum field orders[FAMILY_COUNT][PROTOCOL_COUNT][FIELD_COUNT];
	size_t interval_count; /* of all nodes: the size that budgets are held against */
	const struct policy *policy;
};

/* The interval of a node that a packet is in. */
size_t decision_branch(const struct decision_node *node, const struct environment *environment,
		       const struct packet *packet);

/* The index of the interval of a node that a value is in. */
uint32_t decision_interval(const struct decision_node *node, u128 value);

/* The outcome of a packet, by walking the diagram. */
const struct decision_outcome *decision_eval(const struct decision *decision,
					     const struct environment *environment,
					     const struct packet *packet);

/* Whether two decisions of one field order are the same function; labels are compared by name. */
bool decision_equal(const struct decision *a, const struct decision *b);

#endif
