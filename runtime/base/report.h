/* The messages of the runtime. The runtime prints none itself: it gives each to the report that its
 * caller passes in. */
#ifndef SKLC_REPORT_H
#define SKLC_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

/* The part of the rules that a message is about. */
struct excerpt {
	const char *file;  /* its name, as the object has it */
	uint32_t line;     /* from 1 */
	const char *text;  /* of that line, without the line end; NUL-terminated */
	size_t first, end; /* the message is about its bytes [first, end) */
};

struct message {
	enum severity severity;
	const char *name;              /* for -W; NULL: -W cannot switch it off */
	const char *text;              /* one line without a full stop; may have any bytes */
	const char *details;           /* several lines, such as the verifier's log; NULL: none */
	const struct excerpt *excerpt; /* NULL: it is about no part of the rules */
};

/* The receiver of messages. A caller makes it the first member of a structure of its own, to which
 * TAKE casts its argument. */
struct report {
	/* Must copy what it keeps. Returns whether the message counts as an error: an error does,
	 * and a warning with -Werror. */
	bool (*take)(struct report *report, const struct message *message);
};

/* A report that gives each message on, an error as a warning: for what fails after a change that is
 * in force by then, so that the command has succeeded. */
struct mild_report {
	struct report report;
	struct report *to;
};

void report_mildly(struct mild_report *mild, struct report *to);

/* A report that keeps its messages: for what may have to be done again, so that they must not be seen. */
struct kept_report {
	struct report report;
	struct report *to;
	struct message *all;
	size_t count;
	bool is_open; /* messages are no longer kept, but given on */
};

void report_keep(struct kept_report *kept, struct report *to);

/* Forgets the messages that are kept. */
void report_drop(struct kept_report *kept);

/* Gives on the messages that are kept, and from now on each at once. Nothing is left to free. */
void report_give_out(struct kept_report *kept);

/* A report that drops all messages. */
struct report report_nothing(void);

#endif
