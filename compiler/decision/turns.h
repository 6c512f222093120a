/* The rules of a flow class as one list of turns, for the decision of rules in parts. A turn is one
 * thing that the rules do at one place in the order of evaluation: where its conditions are met, its
 * actions, then its end. A chain's rules are turns wherever a rule jumps to it, each with the conditions
 * of that rule as well; a map's elements are turns, those that win before the others. The elements
 * of a set of several fields are turns, too: each of the rule that asks for it, with the conditions of both, or, of
 * one that asks for what is not in it, each as a turn that passes over the rule. So each turn is a clause, and what is
 * left of chains and maps is where a packet goes on:
 *
 *     OUTCOME_NEXT    at the next turn
 *     OUTCOME_RETURN  behind the chain: the innermost scope of a chain that the turn is in
 *     OUTCOME_MATCH   behind the map: the innermost scope of a map, or of a set of several fields, that it is in
 *
 * A `goto` is a jump, and then a turn that returns. An element whose verdict leaves the decision open has, last, a
 * turn that goes behind the map, since no other element is tried; so has an element of a set. A return at the top
 * level is the policy's end, and so it is final. */
#ifndef SKLC_DECISION_TURNS_H
#define SKLC_DECISION_TURNS_H

#include "sweep.h"

struct turn {
	struct clause clause; /* the conditions; its body is not used */
	struct action actions[2];
	size_t action_count;
	enum outcome_end end;
};

/* Turns [first, end), which some turn among them leaves. Two scopes are disjoint or nested. */
struct scope {
	uint32_t first, end;
	bool is_map;
};

struct turns {
	struct turn *items;
	size_t count, capacity;
	struct scope *scopes; /* the outer ones before the inner ones */
	size_t scope_count, scope_capacity;
};

/* Fails where chains that are jumped to from many places make more turns than are worth the memory. */
bool turns_of(struct arena *arena, const struct policy *policy, enum family family,
	      enum protocol protocol, struct turns *turns);

#endif
