/* The queue of diagnostics from within: what diag.c fills, and the printers read. */
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
	size_t number; /* in the order of finding */
	const char *message;
	const char *details;  /* lines to show below; NULL: none */
	enum diag_kind kind;  /* as it counts: a warning may be an error */
	enum warning warning; /* WARNING_COUNT: none that has a name */
	struct diag_note *notes;
	size_t note_count, note_capacity;
};

struct diag {
	struct arena *arena;
	const struct sources *sources;
	struct diag_item *items;
	size_t count, capacity;
	struct hash_table table; /* of items, by span and message */
	size_t errors;           /* all of them, those that are not kept too */
	size_t printed;          /* items */
	bool limit_said;         /* that there are more errors, or may be */
	bool last_kept;          /* whether a note finds the item it belongs to */
	bool disabled[WARNING_COUNT], as_error[WARNING_COUNT];
	bool quiet; /* of the others, only those are wanted that are errors */
};

/* "error", "warning", "note" */
const char *diag_kind_word(enum diag_kind kind);

const char *warning_name(enum warning warning);

/* Where the file that SPAN is in was included from; {0, 0} if the command line names it. */
struct span diag_included_from(const struct diag *diag, struct span span);

#endif
