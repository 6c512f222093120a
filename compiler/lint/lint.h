/* What the files of the lint share. The number of a rule is its index among the rules of all chains
 * in turn.
 *
 * A rule is REACHED if some packet comes to it and matches, and NEEDED if without it some packet
 * would have another outcome. That holds also of packets whose interface is not known, as they are
 * to a loader that does not fill the program's table of interfaces; but no example is one of
 * these. */
#ifndef SKLC_LINT_H
#define SKLC_LINT_H

#include "compiler/decision/decision.h"
#include "compiler/policy/policy.h"

struct arena;
struct diag;

enum rule_state {
	RULE_ASKED = 1, /* the question is whether it is reached and needed */
	RULE_REACHED = 2,
	RULE_NEEDED = 4,
	RULE_UNKNOWN = 8,  /* the effort was spent before all packets were seen */
	RULE_WITNESS = 16, /* its witness is set: a packet that comes to it and matches */
};

/* What is known of each rule, by number. */
struct knowledge {
	uint8_t *states; /* bits of enum rule_state */
	struct packet *witnesses;
};

struct lint {
	struct arena *arena;
	const struct policy *policy;
	const struct decision *decision;
	struct diag *diag;
	size_t effort;  /* what is left of it, in intervals looked at */
	bool cut_short; /* something was not done because the effort was spent */
	uint32_t rule_count;
	const struct rule **rules; /* by number */
	uint32_t *rule_chains;     /* the chain of each rule */
	struct knowledge known;
};

/* Takes EFFORT from what is left. If less is left, takes all of it and returns false. */
bool lint_spend(struct lint *lint, size_t effort);

/* The flow classes, as bits 1 << flow class, in which a rule's matches can hold together; where it
 * has a map, together with one of the map's elements. */
unsigned rule_flow_classes(const struct policy *policy, const struct rule *rule);

/* Those in which its matches can hold together, whatever its verdict. */
unsigned match_flow_classes(const struct policy *policy, const struct rule *rule);

/* Those of some flow classes in which this element, of the rule's map or of a set that it matches,
 * can hold together with its matches of single fields. */
unsigned element_flow_classes(const struct rule *rule, const struct map *map, size_t element,
			      unsigned flow_classes);

/* A policy with some of the rules. */
struct subset {
	struct policy policy;
	struct rule *rules;      /* those of all chains in turn */
	const uint32_t *numbers; /* of these rules in the whole policy; ascending */
	uint32_t count;
};

/* NUMBERS must be ascending. */
struct subset subset_of(struct arena *arena, const struct lint *lint, const uint32_t *numbers,
			uint32_t count);

/* Builds diagrams to find out whether the rules of the subset that are ASKED in KNOWN are REACHED
 * and NEEDED there, and adds the answers to KNOWN. */
void lint_diagrams(struct lint *lint, const struct subset *subset, const struct knowledge *known);

/* Tries single packets to find some of the rules that are NEEDED, where that takes little
 * effort. */
void lint_probe(struct lint *lint);

/* Warns of a rule that is never reached, and adds notes on the rules that cover it. */
void lint_explain_shadowed(struct lint *lint, uint32_t number);

/* Warns of a rule that is not needed, and adds a note on what decides the same without it. */
void lint_explain_redundant(struct lint *lint, uint32_t number);

/* The decision of the rules for packets to one place, in one part: the local values are those of the packet, the others
 * any. NULL if that takes too much effort. Only the roots of the packet's family are of use. */
struct decision *decision_restricted(struct arena *arena, const struct policy *policy,
				     const struct packet *packet);

/* A packet with usual addresses and ports, which comes in by an interface that no rule names. */
struct packet example_packet(const struct policy *policy, enum family family,
			     enum protocol protocol);

/* The label that is attempted first, or NO_INDEX. */
uint32_t first_label(const struct action *actions, size_t count);

/* Warns of labels that no declared socket can fill, and of likely misspelt ones. */
void lint_labels(struct lint *lint);

/* Warns of labels whose sockets are of devices, and which get packets of other interfaces. */
void lint_devices(struct lint *lint);

/* Warns where logins by ssh, or replies to the host's own UDP sockets, are redirected or dropped on
 * every address. */
void lint_lockout(struct lint *lint);

#endif
