/* The result that commands print after they changed the rules. */
#ifndef SKLC_RESULT_H
#define SKLC_RESULT_H

#include <stdint.h>
#include <stdio.h>

struct record;
struct runtime_options;
struct transaction;

/* Prints the result of an apply, with a note on other programs on the hook. */
void report_applied(const struct transaction *transaction, FILE *out);

/* Prints RESULT, or "unchanged", with the generation, what it is a copy of, and its hash. */
void report_transaction(const char *result, const struct transaction *transaction, FILE *out);

/* Prints RESULT with the generation of a record, which the command did not make, and its hash. Number
 * 0: no generation, and no hash. */
void report_record(const char *result, const struct record *record,
		   const struct runtime_options *options, FILE *out);

/* Prints one line, or as JSON {"version":1,"result":RESULT,"generation":N}. A failure of the output
 * is only a note, since the change is in force. */
void report_result(const char *result, uint32_t generation, const struct runtime_options *options,
		   FILE *out);

#endif
