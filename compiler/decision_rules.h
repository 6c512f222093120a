/* The rules of a policy as a diagram in a builder, whatever its leaves are. */
#ifndef SKLC_DECISION_RULES_H
#define SKLC_DECISION_RULES_H

#include "decision_builder.h"

/* The diagram of one family and protocol, in ORDER, which the builder has too; nonsense once the builder is
 * exhausted. */
decision_ref rules_to_diagram(struct arena *arena, struct builder *builder,
			      const struct policy *policy, enum family family,
			      enum protocol protocol, const enum field *order);

/* Whether no rule of a family tells the protocols apart, so that one diagram is both's. */
bool protocols_are_alike(const struct policy *policy, enum family family);

#endif
