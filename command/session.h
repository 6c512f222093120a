/* One run of the command, and the statuses that it ends with. */
#ifndef SKLC_SESSION_H
#define SKLC_SESSION_H

#include "options.h"

#include "runtime/base/report.h"

/* clang-format off */
/* Constant, status, meaning. */
#define EXIT_STATUSES(X) \
	X(DONE, 0, "done, or equal") \
	X(RULES, 1, "the rules are at fault, or a difference, or a socket is missing") \
	X(USAGE, 2, "the command line is at fault") \
	X(SYSTEM, 3, "the system: the kernel, a permission, a file") \
	X(NOT_THERE, 4, "nothing is applied, or no such thing") \
	X(UNDECIDED, 5, "not decided within the budget")
/* clang-format on */

enum exit_status {
#define EXIT_STATUS_ENUM(constant, status, meaning) EXIT_##constant = status,
	EXIT_STATUSES(EXIT_STATUS_ENUM)
#undef EXIT_STATUS_ENUM
};

enum { OPERANDS_MAX = 4 };

/* The value of one of the verb's operands. */
struct operand_value {
	const char *text; /* NULL: not given; the first one of files */
	int number;       /* the number; for a word, its index in the operand's list of words */
};

struct session {
	struct report report; /* must be first: take_message gets the session from it */
	struct options options;
	struct operand_value operands[OPERANDS_MAX];
	struct compilation c;
	bool is_finished;
};

#endif
