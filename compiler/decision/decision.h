/* How to decide: a decision diagram for each flow class. The diagrams are reduced: equal nodes are
 * stored once, also if they are in different diagrams; neighbouring intervals with equal children
 * are one; and there is no node whose children are all equal. So two rules files that mean the same
 * give the same diagrams, if the orders of the variables are the same.
 *
 * Where thousands of rules ask for one field alone, and thousands for another alone, one diagram would
 * have a node for each pair of them. The rules of such a flow class are cut into parts, by which of the
 * two fields they ask for: both, the first, the second, or neither; and two of these are one part where that
 * is hardly larger. Each part has a diagram of its own.
 * A packet has an outcome in each part: the actions of the part's rules that it matches, in order, up to
 * its first final rule; or, where no rule of the part is final, an open end.
 *
 * Each action and each final end of a part has a number, its place in the order of evaluation. The
 * numbers of a packet's outcomes in all parts say what the rules together do to it: all actions in the
 * order of their numbers, up to the least number of a final end, which decides. What has a greater
 * number is dropped, so no rule counts a packet that a rule of another part decided before it. The
 * policy's end decides where all ends are open. (Actions that follow each other without one of another
 * part between them have the same number.)
 *
 * A chain that is jumped to from two rules is evaluated at two places, so its actions there have two
 * numbers. Where a rule returns from a chain, the chain's other rules are no longer evaluated, in
 * whichever part they are; so the part of each of these knows the rule that returns, too (turns.h). */
#ifndef SKLC_DECISION_H
#define SKLC_DECISION_H

#include "compiler/diagram/diagram.h"
#include "compiler/policy/policy.h"

struct diag;

enum { PARTS_MAX = 4, DECIDED_ACTIONS_MAX = PARTS_MAX * ACTIONS_MAX };

/* The most actions that the outcomes of all parts may have together for a packet. */
enum { PARTS_ACTIONS_MAX = 32 };

struct decision_part {
	/* REF_NEXT: the part has no rules for the flow class, whose rules are in fewer parts. */
	diagram_ref roots[FAMILY_COUNT][PROTOCOL_COUNT];
	/* The order of the fields on each path. */
	enum field orders[FAMILY_COUNT][PROTOCOL_COUNT][VALUE_FIELD_COUNT];
};

struct decision {
	const struct diagram_node *nodes; /* children come before their parents */
	size_t node_count;
	/* What a root leads to ends with PASS or DROP; if there are several parts, it may end with NEXT. */
	const struct diagram_outcome *outcomes;
	size_t outcome_count;
	struct decision_part parts[PARTS_MAX];
	size_t part_count;
	size_t interval_count; /* of all nodes */
	const struct policy *policy;
};

/* The decision of a policy in one part; NULL, without a message, where that takes more than the effort that is spent
 * first on any policy. */
struct decision *policy_to_small_decision(struct arena *arena, const struct policy *policy);

/* The index of the interval of a node that a packet is in. */
uint32_t decision_branch(const struct diagram_node *node, const struct packet *packet);

/* What the rules do to a packet: the outcomes of all parts together, without numbers. It ends with
 * PASS or DROP. ACTIONS has the actions. */
struct diagram_outcome decision_eval(const struct decision *decision, const struct packet *packet,
				     struct action actions[DECIDED_ACTIONS_MAX]);

/* For each label, the flow classes of the packets that are offered to it, as bits 1 << flow
 * class. If there are several parts, also of those that some part alone would offer to it. */
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

/* Reports the same of a decision of several parts, which grows with the sum of the intervals in each. */
void report_parts_too_large(const struct policy *policy, enum family family, const char *limit,
			    struct diag *diag);

/* Reports that the verifier would walk NEEDED instructions of the program, and LEAST with the kind of tables that
 * takes the fewest, more than the budget of MOST. Each interval that the rules tell apart takes instructions, so the
 * error lists how many intervals there are in each field. */
void report_program_too_large(const struct policy *policy, enum family family, size_t needed,
			      size_t most, size_t least, struct diag *diag);

#endif
