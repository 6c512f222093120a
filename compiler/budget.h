/* The error of rules whose decision would not fit: which of them multiply each other, and what they would
 * need. */
#ifndef SKLC_BUDGET_H
#define SKLC_BUDGET_H

#include "net.h"

#include <stddef.h>

struct diag;
struct policy;

/* Says how many values the rules of a family tell apart in the two fields with the most of them and how many
 * table entries come of it, or in the only field and how many interfaces, and shows the rule with the most values in each. LIMIT is what was exceeded, in
 * words. */
void budget_report(const struct policy *policy, enum family family, const char *limit,
		   struct diag *diag);

/* The same of a program that would have the verifier walk NEEDED instructions, of MOST: how many values are told
 * apart in each field, each of which takes its steps. */
void budget_report_program(const struct policy *policy, enum family family, size_t needed,
			   size_t most, struct diag *diag);

#endif
