/* A queue of errors, warnings and notes with spans; the passes fill it, the command prints it. */
#ifndef SKLC_DIAG_H
#define SKLC_DIAG_H

#include "source.h"

#include <stdbool.h>
#include <stdio.h>

struct arena;
struct diag;

enum {
	DIAG_SHOWN_MAX =
		20, /* errors that are shown, and warnings of each name: the first ones; others are counted */
	DIAG_ERRORS_COUNTED = 100000 /* passes stop after this number of errors */
};

/* Warnings: constant, name for -W, meaning. */
#define WARNINGS(X)                                                                                \
	X(SHADOWED, "shadowed", "a rule can never decide: earlier rules cover it")                 \
	X(REDUNDANT, "redundant", "without this rule nothing would change")                        \
	X(NEVER, "never", "a match can never hold")                                                \
	X(EMPTY_SET, "empty-set", "a set or list has no elements")                                 \
	X(LABEL, "label", "a label that nothing can fill, or nearly another's name")               \
	X(SSH, "ssh", "port 22 is taken or dropped on every address")                              \
	X(UDP_REPLIES, "udp-replies", "replies to the host's own UDP sockets are taken")           \
	X(UNUSED, "unused", "a definition of the command line that nothing uses")                  \
	X(INTERFACE, "interface", "an interface that is not there yet")                            \
	X(LOAD_TIME, "load-time", "a program that takes long to load")                             \
	X(LINT_TIME, "lint-time", "checks that were cut short")

enum warning {
#define WARNING_ENUM(constant, name, meaning) WARNING_##constant,
	WARNINGS(WARNING_ENUM)
#undef WARNING_ENUM
		WARNING_COUNT
};

enum diag_kind { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };
enum diag_color { DIAG_COLOR_NEVER, DIAG_COLOR_ALWAYS };

struct diag *diag_new(struct arena *arena, const struct sources *sources);

/* Each message is lower case, without a full stop, the offending text in quotes. */
void diag_error(struct diag *diag, struct span span, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void diag_warning(struct diag *diag, enum warning warning, struct span span, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

/* Adds a note to the last error or warning. Its span is another location that matters; {0, 0} if there is none. */
void diag_note(struct diag *diag, struct span span, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Queues a message that is already in words: from the runtime or about the command line. NAME is the name by
 * which -W switches a warning, DETAILS further lines; either may be NULL. Returns whether the message counts as
 * an error. */
bool diag_message(struct diag *diag, enum diag_kind kind, const char *name, struct span span,
		  const char *text, const char *details);

/* Takes the argument of a -W: "NAME", "no-NAME", "error", "error=NAME"; false if unknown. */
bool diag_option(struct diag *diag, const char *argument);

/* Switches off every warning that does not count as an error. */
void diag_be_quiet(struct diag *diag);

/* Whether a warning is switched on, so that a pass need not look for what nobody wants to know. */
bool diag_wants(const struct diag *diag, enum warning warning);

/* How many errors were queued, including warnings that count as errors. */
size_t diag_error_count(const struct diag *diag);

/* Whether the limit of errors is reached and a pass may stop looking. */
bool diag_is_full(const struct diag *diag);

/* Whether a warning at SPAN would be shown, and not only counted. */
bool diag_shows(const struct diag *diag, enum warning warning, struct span span);

/* Sorts what was not printed yet by location, as if each file stood where it is included; messages without a
 * location come last. */
void diag_sort(struct diag *diag);

/* Prints what was not printed yet: file and line, the message, the line with carets under the span, the chain
 * of includes. */
void diag_print(struct diag *diag, FILE *out, enum diag_color color);

/* Says how many errors, and warnings of each name, were found but are not shown, unless it was said before. */
void diag_print_left_out(struct diag *diag, FILE *out);

/* Whether no message was ever queued. */
bool diag_is_empty(const struct diag *diag);

/* Prints all messages as one JSON object, which sklc(1) describes. */
void diag_print_json(const struct diag *diag, FILE *out);

/* Prints such an object with one error, whose message is plain ASCII without quotes; allocates no memory. */
void diag_print_json_alone(const char *message, FILE *out);

#endif
