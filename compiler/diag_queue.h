/* The queue of diagnostics from within: what diag.c fills, and the printers read. */
#ifndef SKLC_DIAG_QUEUE_H
#define SKLC_DIAG_QUEUE_H

#include "diag.h"

struct diag_note {
	struct span span;
	const char *message;
};

struct diag_item {
	struct span span;
	const char *message;
	bool is_error;
	enum warning warning; /* WARNING_COUNT: an error by nature */
	struct diag_note *notes;
	size_t note_count, note_capacity;
};

struct diag {
	struct arena *arena;
	const struct sources *sources;
	struct diag_item *items;
	size_t count, capacity;
	uint32_t *slots; /* open addressing by span and message: 1 + index of an item, or 0 */
	size_t slot_count;
	size_t errors;  /* all of them, those that are not kept too */
	bool last_kept; /* whether a note finds the item it belongs to */
	bool disabled[WARNING_COUNT], as_error[WARNING_COUNT];
};

const char *warning_name(enum warning warning);

/* Where the file that SPAN is in was included from; {0, 0} if the command line names it. */
struct span diag_included_from(const struct diag *diag, struct span span);

#endif
