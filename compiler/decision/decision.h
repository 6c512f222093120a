/* How to decide: a decision diagram for each flow class. The diagrams are reduced: equal nodes are
 * stored once, also if they are in different diagrams; neighbouring intervals with equal children
 * are one; and there is no node whose children are all equal. So two rules files that mean the same
 * give the same diagrams, if the orders of the variables are the same. */
#ifndef SKLC_DECISION_H
#define SKLC_DECISION_H

#include "compiler/diagram/diagram.h"
#include "compiler/policy/policy.h"

struct diag;

struct decision {
	const struct diagram_node *nodes; /* children come before their parents */
	size_t node_count;
	const struct diagram_outcome *outcomes; /* what a root leads to ends with PASS or DROP */
	size_t outcome_count;
	diagram_ref roots[FAMILY_COUNT][PROTOCOL_COUNT];
	/* The order of the fields on each path. */
	enum field orders[FAMILY_COUNT][PROTOCOL_COUNT][VALUE_FIELD_COUNT];
	size_t interval_count; /* of all nodes */
	const struct policy *policy;
};

/* The index of the interval of a node that a packet is in. */
uint32_t decision_branch(const struct diagram_node *node, const struct packet *packet);

/* The outcome of a packet, by walking the diagram. */
const struct diagram_outcome *decision_eval(const struct decision *decision,
					    const struct packet *packet);

/* For each label, the flow classes of the packets that are offered to it, as bits 1 << flow
 * class. */
const uint8_t *decision_attempts(struct arena *arena, const struct decision *decision);

/* Whether two decisions, which must have the same orders of fields, give each packet the same
 * outcome. Labels are compared by name; the policies must name the same interfaces. */
bool decision_equal(const struct decision *a, const struct decision *b);

/* Builds the diagram of what the policy's rules do to packets of one flow class, with the policy's
 * end where no rule decides. The diagram is wrong if the builder is exhausted afterwards. ARENA is
 * for scratch memory. */
diagram_ref rules_to_diagram(struct arena *arena, struct builder *builder,
			     const struct policy *policy, enum family family,
			     enum protocol protocol);

/* Builds, in the same way, the diagram of whether a rule's matches hold and, where it has a map, one of
 * its elements: REF_NEXT if they never do together. */
diagram_ref matches_to_diagram(struct arena *arena, struct builder *builder,
			       const struct policy *policy, const struct rule *rule,
			       enum family family, enum protocol protocol);

/* Whether no rule for the family, no map and no key set asks for the protocol: then TCP and UDP have the same
 * diagram. */
bool protocols_are_alike(const struct policy *policy, enum family family);

/* Reports that the decision for a family is too large; LIMIT is what comes after "more than" in the
 * message. A decision grows with the product of the intervals that the rules tell apart in its
 * fields; so the error names the two fields with the most intervals, and its notes show the rule
 * with the most values in each. */
void report_decision_too_large(const struct policy *policy, enum family family, const char *limit,
			       struct diag *diag);

/* Reports that the verifier would walk NEEDED instructions of the program, more than the budget of
 * MOST. Each interval that the rules tell apart takes instructions, so the error lists how many
 * intervals there are in each field. */
void report_program_too_large(const struct policy *policy, enum family family, size_t needed,
			      size_t most, struct diag *diag);

#endif
