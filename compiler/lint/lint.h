/* What the parts of the lint share. A rule is known by its number here: all chains' rules in turn.
 *
 * A rule is REACHED if some packet comes to it and matches, and NEEDED if the function would be
 * another without it: some packet would be counted, offered to labels or ended differently.
 * Interfaces are independent of each other, as in the diagram. */
#ifndef SKLC_POLICY_LINT_H
#define SKLC_POLICY_LINT_H

#include "compiler/decision/decision.h"
#include "compiler/policy/policy.h"

struct arena;
struct diag;

enum rule_state {
	RULE_ASKED = 1, /* to be found out about */
	RULE_REACHED = 2,
	RULE_NEEDED = 4,
	RULE_UNKNOWN = 8,  /* the effort ran out before all was seen */
	RULE_WITNESS = 16, /* its packet comes to it */
};

/* What is known of each rule. */
struct knowledge {
	uint8_t *states;
	struct packet *witnesses;
};

struct lint {
	struct arena *arena;
	const struct policy *policy;
	const struct decision *decision;
	struct diag *diag;
	size_t effort; /* left: about as many as intervals were looked at to compile */
	bool cut_short;
	uint32_t rule_count;
	const struct rule **rules; /* by number */
	uint32_t *rule_chains;     /* the chain of each */
	struct knowledge known;
	struct environment environment; /* in which every interface is there */
};

/* Takes from the effort; false, and nothing is left, if there is not so much. */
bool lint_spend(struct lint *lint, size_t effort);

static inline unsigned context_of(enum family family, enum protocol protocol)
{
	return (unsigned)family * PROTOCOL_COUNT + (unsigned)protocol;
}

enum { CONTEXT_COUNT = FAMILY_COUNT * PROTOCOL_COUNT };

/* The families and protocols, bits 1 << context, in which a rule's matches (and one of its map's
 * keys) can hold together. */
unsigned rule_contexts(const struct policy *policy, const struct rule *rule);

/* The same of one element of the map of a rule. */
unsigned element_contexts(const struct rule *rule, const struct map *map, size_t element);

/* A policy of some of the rules, in the order of their numbers. */
struct subset {
	struct policy policy;
	struct rule *rules; /* all chains' in turn */
	const uint32_t *numbers;
	uint32_t count;
};

struct subset subset_of(struct arena *arena, const struct lint *lint, const uint32_t *numbers,
			uint32_t count);

/* Finds out, by diagrams, whether the rules that are ASKED for are REACHED and NEEDED in the
 * subset. */
void lint_diagrams(struct lint *lint, const struct subset *subset, const struct knowledge *known);

/* Finds rules that are NEEDED by trying single packets, if that is cheap. */
void lint_probe(struct lint *lint);

/* Notes to the warning of a rule that is never reached: what covers it. */
void lint_explain_shadowed(struct lint *lint, uint32_t number);

/* Notes to the warning of a rule that is not needed: what would decide the same. */
void lint_explain_redundant(struct lint *lint, uint32_t number);

/* A packet of no special kind. */
struct packet example_packet(enum family family, enum protocol protocol);

/* The label that is attempted first, or NO_INDEX. */
uint32_t first_label(const struct action *actions, size_t count);

void lint_labels(struct lint *lint);
void lint_taken(struct lint *lint);

#endif
