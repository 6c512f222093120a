/* What the commands that change rules say afterwards. */
#ifndef SKLC_OUTCOME_H
#define SKLC_OUTCOME_H

#include <stdint.h>
#include <stdio.h>

struct runtime_options;
struct transaction;

/* Output that fails no longer changes what is in force: it is a warning. */
void report_applied(const struct transaction *transaction, const struct runtime_options *options,
		    FILE *out);

/* One line, or as JSON {"version":1,"result":RESULT,"generation":N}. */
void report_result(const char *result, uint32_t generation, const struct runtime_options *options,
		   FILE *out);

#endif
