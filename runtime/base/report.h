/* What the runtime has to say while it works: it prints nothing itself, but gives each message to whoever
 * called it. */
#ifndef SKLC_REPORT_H
#define SKLC_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

/* Words of the rules that a message is about. */
struct excerpt {
	const char *file;  /* its name, as it was reached when the rules were compiled */
	uint32_t line;     /* from 1 */
	const char *text;  /* of that line, without its end; NUL-terminated */
	size_t first, end; /* the bytes [first, end) of it that are meant */
};

struct message {
	enum severity severity;
	const char *name;              /* by which -W switches the warning; NULL: it cannot */
	const char *text;              /* one line of any bytes, without a full stop */
	const char *details;           /* many lines, such as the verifier's log; NULL: none */
	const struct excerpt *excerpt; /* NULL: it is about no place in the rules */
};

/* Who takes the messages: a part of something larger, which TAKE knows. */
struct report {
	/* Copies what it keeps. Whether the message counts as an error: an error does, and a warning where
	 * -Werror says so. */
	bool (*take)(struct report *report, const struct message *message);
};

#endif
