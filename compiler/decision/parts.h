/* Cuts the turns of a flow class into parts, and builds their diagrams. decision.h says what parts are. */
#ifndef SKLC_DECISION_PARTS_H
#define SKLC_DECISION_PARTS_H

#include "decision.h"
#include "orders.h"
#include "turns.h"

struct cut {
	struct turns turns;
	uint8_t *homes;    /* the part of each turn */
	uint8_t *knowers;  /* of each turn that leaves a scope: bits 1 << part, which knows it */
	uint32_t *numbers; /* of each turn */
	uint32_t part_count;
};

/* Cuts the turns by the two fields in which they tell the most values apart. Fails where there are not two
 * such fields, or where all turns ask for the same of them. */
bool cut_turns(struct arena *arena, struct turns turns, struct cut *cut);

/* What the parts of a flow class may do to one packet, as the sum of the most that each does. */
struct most {
	size_t actions, attempts;
};

/* Whether that is as much as is allowed. Where it is not, it may still be that no packet gets so much: the parts do not
 * know of each other. LABELS is how many labels there are; none is attempted twice. */
bool most_is_allowed(const struct most *most, size_t labels);

/* Adds the most that a part, or an undivided flow class, does. */
void most_add(struct most *most, const struct builder *builder, diagram_ref root);

/* The diagram of some parts as one; PARTS are bits 1 << part. It is wrong if the builder is exhausted afterwards. ARENA
 * is for scratch memory. */
diagram_ref parts_to_diagram(struct arena *arena, struct builder *builder, const struct cut *cut,
			     enum family family, uint32_t parts);

/* decide_parts.c: Decides the rules of a flow class in parts. If AS_FEW_AS_FIT, two of them become one where that is
 * hardly larger. VALUES is how many ranges and elements all rules have. Writes the diagrams to DONE, and returns how
 * many there are; 0 if the rules cannot be cut, if a part takes too much effort, or if the parts may do too much to
 * one packet, which MOST then says. */
size_t decide_parts(const struct policy *policy, enum family family, enum protocol protocol,
		    size_t values, bool as_few_as_fit, struct trial done[PARTS_MAX],
		    struct most *most);

#endif
