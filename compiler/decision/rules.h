/* Rules and map elements as clauses: what all that build diagrams of rules share. */
#ifndef SKLC_DECISION_RULES_H
#define SKLC_DECISION_RULES_H

#include "sweep.h"

/* Whether some packets of the flow class may meet a match. */
bool match_concerns(const struct match *match, enum family family, enum protocol protocol);

/* The conditions of a match, without a body. */
struct clause match_clause(const struct match *match, enum family family);

/* The conditions of an element, without a body. */
struct clause element_clause(const struct map *map, size_t element);

/* The elements of a map that concern a flow class, those that win over others before these. */
uint32_t *elements_in_order(struct arena *arena, const struct map *map, enum family family,
			    enum protocol protocol, size_t *count);

/* How the decision goes on where a redirect finds no socket. */
enum outcome_end redirect_end(enum fallback fallback);

#endif
