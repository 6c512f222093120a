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

/* What has a limit of its own: each warning that has a name, and the errors. */
enum diag_group { DIAG_GROUP_ERRORS = WARNING_COUNT, DIAG_GROUP_COUNT };

struct diag_group_state {
	size_t found; /* all of the group */
	size_t kept;  /* of them those in the queue */
	size_t last; /* of those not printed yet the last in the files, or SIZE_MAX; where KEPT is shown_max */
	size_t said; /* of those not kept: how many diag_print_left_out has told of */
};

struct diag {
	struct arena *arena;
	const struct sources *sources;
	struct diag_item *items;
	size_t count, capacity;
	size_t numbers;          /* of items so far, also of those not kept */
	struct hash_table table; /* of `seen` */
	uint64_t *seen;          /* the span and message of each item so far, as one hash */
	size_t seen_count, seen_capacity;
	struct diag_group_state groups[DIAG_GROUP_COUNT];
	size_t shown_max; /* DIAG_SHOWN_MAX, but for tests that look at all messages */
	size_t printed;   /* items */
	size_t last;      /* the item that notes are added to */
	bool last_kept;   /* there is one: the last message was queued */
	bool disabled[WARNING_COUNT], as_error[WARNING_COUNT];
	bool quiet;    /* no warnings but those that count as errors */
	char *scratch; /* for a message that may not be kept */
	size_t scratch_size;
};

/* Where two items stand, as if each file stood where it is included: negative if the first is before the second. */
int diag_compare(const struct diag *diag, const struct diag_item *a, const struct diag_item *b);

/* Finds the last of each group again, after items were moved or printed. */
void diag_find_last(struct diag *diag);

/* How many of a group were found but are not in the queue. */
size_t diag_left_out(const struct diag *diag, enum diag_group group);

/* "error", "warning", "note" */
const char *diag_kind_word(enum diag_kind kind);

const char *warning_name(enum warning warning);

/* The include that named the file of SPAN; {0, 0} if the command line names it. */
struct span diag_included_from(const struct diag *diag, struct span span);

#endif
