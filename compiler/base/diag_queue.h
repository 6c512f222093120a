/* What diag.c, which fills the queue of diagnostics, and the two printers share. */
#ifndef SKLC_DIAG_QUEUE_H
#define SKLC_DIAG_QUEUE_H

#include "diag.h"
#include "hash.h"

struct diag_note {
	struct span span;
	const char *message;
};

struct diag_item {
	struct span span;
	size_t number; /* in the order in which they were found */
	const char *message;
	const char *details;  /* lines to show below; NULL: none */
	enum diag_kind kind;  /* DIAG_ERROR for a warning that counts as one */
	enum warning warning; /* WARNING_COUNT: it has no name */
	struct diag_note *notes;
	size_t note_count, note_capacity;
};

struct diag {
	struct arena *arena;
	const struct sources *sources;
	struct diag_item *items;
	size_t count, capacity;
	struct hash_table table; /* of items, by span and message */
	size_t errors;           /* including those that were not kept */
	size_t printed;          /* items */
	bool limit_said;         /* print_limit has printed its line */
	bool last_kept;          /* the last message was queued, so a note can be added to it */
	bool disabled[WARNING_COUNT], as_error[WARNING_COUNT];
	bool quiet; /* no warnings but those that count as errors */
};

/* "error", "warning", "note" */
const char *diag_kind_word(enum diag_kind kind);

const char *warning_name(enum warning warning);

/* The include that named the file of SPAN; {0, 0} if the command line names it. */
struct span diag_included_from(const struct diag *diag, struct span span);

#endif
