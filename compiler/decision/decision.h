/* How to decide: a reduced, shared decision diagram. A node asks for one variable of the packet and
 * has a child for each interval of its values; equal nodes are stored once, neighbours with equal
 * children are one interval, and a node whose children are all equal is not there. So for one order of
 * the variables, two rules files that mean the same give the same diagram. */
#ifndef SKLC_DECISION_H
#define SKLC_DECISION_H

#include "compiler/diagram/diagram.h"
#include "compiler/policy/policy.h"

struct diag;

struct decision {
	const struct diagram_node *nodes; /* children stand before their parents */
	size_t node_count;
	const struct diagram_outcome *outcomes;
	size_t outcome_count;
	diagram_ref roots[FAMILY_COUNT][PROTOCOL_COUNT];
	/* The fields in the order in which they are asked; interfaces follow after the last. */
	enum field orders[FAMILY_COUNT][PROTOCOL_COUNT][FIELD_COUNT];
	size_t interval_count; /* of all nodes: the size that budgets are held against */
	const struct policy *policy;
};

/* The interval of a node that a packet is in. */
size_t decision_branch(const struct diagram_node *node, const struct environment *environment,
		       const struct packet *packet);

/* The outcome of a packet, by walking the diagram. */
const struct diagram_outcome *decision_eval(const struct decision *decision,
					    const struct environment *environment,
					    const struct packet *packet);

/* Whether two decisions of one field order are the same function; labels are compared by name. */
bool decision_equal(const struct decision *a, const struct decision *b);

/* The diagram of one family and protocol, in ORDER, which the builder has too; nonsense once the builder is
 * exhausted. */
diagram_ref rules_to_diagram(struct arena *arena, struct builder *builder,
			     const struct policy *policy, enum family family,
			     enum protocol protocol, const enum field *order);

/* Whether no rule of a family tells the protocols apart, so that one diagram is both's. */
bool protocols_are_alike(const struct policy *policy, enum family family);

/* Says how many values the rules of a family tell apart in the two fields with the most of them and how many
 * table entries come of it, or in the only field and how many interfaces, and shows the rule with the most values in each. LIMIT is what was exceeded, in
 * words. */
void budget_report(const struct policy *policy, enum family family, const char *limit,
		   struct diag *diag);

/* The same of a program that would have the verifier walk NEEDED instructions, of MOST: how many values are told
 * apart in each field, each of which takes its actions. */
void budget_report_program(const struct policy *policy, enum family family, size_t needed,
			   size_t most, struct diag *diag);

#endif
