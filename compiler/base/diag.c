/* The queue that the passes fill: each message once, in the order of finding, errors up to a limit.
 * Texts are kept as they are; the printers escape them. */
#include "diag_queue.h"

#include "arena.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64 };

struct diag *diag_new(struct arena *arena, const struct sources *sources)
{
	struct diag *diag = arena_alloc(arena, 1, sizeof(*diag));

	diag->arena = arena;
	diag->sources = sources;
	diag->slot_count = FIRST_SLOTS;
	diag->slots = arena_alloc(arena, FIRST_SLOTS, sizeof(*diag->slots));
	return diag;
}

const char *diag_kind_word(enum diag_kind kind)
{
	static const char *const words[] = {
		[DIAG_ERROR] = "error", [DIAG_WARNING] = "warning", [DIAG_NOTE] = "note"};

	return words[kind];
}

const char *warning_name(enum warning warning)
{
	static const char *const names[] = {
#define WARNING_NAME(constant, name, meaning) [WARNING_##constant] = name,
		WARNINGS(WARNING_NAME)
#undef WARNING_NAME
	};

	return names[warning];
}

static __attribute__((format(printf, 2, 0))) const char *
format_message(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	text = arena_alloc(arena, (size_t)length + 1, 1);
	vsnprintf(text, (size_t)length + 1, format, args);
	return text;
}

/* The slot of an item with this span and message, or the free one where it would stand. */
static uint32_t *find_slot(const struct diag *diag, struct span span, const char *message)
{
	uint64_t hash = ((uint64_t)span.first << 32 | span.end) ^ 0xcbf29ce484222325;
	const struct diag_item *item;
	const char *c;
	size_t slot;

	for (c = message; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	for (slot = hash ^ hash >> 32;; slot++) {
		slot &= diag->slot_count - 1;
		if (!diag->slots[slot])
			return &diag->slots[slot];
		item = &diag->items[diag->slots[slot] - 1];
		if (item->span.first == span.first && item->span.end == span.end &&
		    !strcmp(item->message, message))
			return &diag->slots[slot];
	}
}

static void fill_slots(struct diag *diag, size_t slot_count)
{
	size_t i;

	diag->slot_count = slot_count;
	diag->slots = arena_alloc(diag->arena, slot_count, sizeof(*diag->slots));
	for (i = 0; i < diag->count; i++)
		*find_slot(diag, diag->items[i].span, diag->items[i].message) = (uint32_t)i + 1;
}

/* Queues an item, unless it stands already or there are errors enough. */
static void add_item(struct diag *diag, struct diag_item item)
{
	uint32_t *slot = find_slot(diag, item.span, item.message);

	diag->last_kept = false;
	if (*slot)
		return;
	diag->errors += item.kind == DIAG_ERROR;
	if (item.kind == DIAG_ERROR && diag->errors > DIAG_ERRORS_MAX)
		return;
	item.number = diag->count;
	*ARENA_PUSH(diag->arena, diag->items, diag->count, diag->capacity) = item;
	*slot = (uint32_t)diag->count;
	diag->last_kept = true;
	if (diag->count * 2 > diag->slot_count)
		fill_slots(diag, 2 * diag->slot_count);
}

void diag_error(struct diag *diag, struct span span, const char *format, ...)
{
	struct diag_item item = {.span = span, .kind = DIAG_ERROR, .warning = WARNING_COUNT};
	va_list args;

	va_start(args, format);
	item.message = format_message(diag->arena, format, args);
	va_end(args);
	add_item(diag, item);
}

static enum diag_kind warning_kind(const struct diag *diag, enum warning warning)
{
	return diag_is_error(diag, warning) ? DIAG_ERROR : DIAG_WARNING;
}

void diag_warning(struct diag *diag, enum warning warning, struct span span, const char *format,
		  ...)
{
	struct diag_item item = {
		.span = span, .kind = warning_kind(diag, warning), .warning = warning};
	va_list args;

	diag->last_kept = false;
	if (!diag_wants(diag, warning))
		return;
	va_start(args, format);
	item.message = format_message(diag->arena, format, args);
	va_end(args);
	add_item(diag, item);
}

void diag_note(struct diag *diag, struct span span, const char *format, ...)
{
	struct diag_item *item;
	struct diag_note note = {span, NULL};
	va_list args;

	if (!diag->last_kept)
		return;
	va_start(args, format);
	note.message = format_message(diag->arena, format, args);
	va_end(args);
	item = &diag->items[diag->count - 1];
	*ARENA_PUSH(diag->arena, item->notes, item->note_count, item->note_capacity) = note;
}

static enum warning find_warning(const char *name)
{
	enum warning warning;

	for (warning = 0; warning < WARNING_COUNT; warning++)
		if (!strcmp(warning_name(warning), name))
			break;
	return warning;
}

static const char *copy_text(struct arena *arena, const char *text)
{
	return text ? arena_string(arena, text, strlen(text)) : NULL;
}

bool diag_message(struct diag *diag, enum diag_kind kind, const char *name, struct span span,
		  const char *text, const char *details)
{
	struct diag_item item = {.span = span,
				 .message = copy_text(diag->arena, text),
				 .details = copy_text(diag->arena, details),
				 .kind = kind,
				 .warning = name ? find_warning(name) : WARNING_COUNT};

	if (item.warning != WARNING_COUNT) {
		if (!diag_wants(diag, item.warning))
			return false;
		item.kind = warning_kind(diag, item.warning);
	}
	add_item(diag, item);
	return item.kind == DIAG_ERROR;
}

bool diag_option(struct diag *diag, const char *argument)
{
	bool is_off = !strncmp(argument, "no-", 3);
	bool is_error = !strncmp(argument, "error=", 6);
	enum warning warning;

	if (!strcmp(argument, "error")) {
		memset(diag->as_error, true, sizeof(diag->as_error));
		return true;
	}
	warning = find_warning(argument + (is_off ? 3 : is_error ? 6 : 0));
	if (warning == WARNING_COUNT)
		return false;
	diag->disabled[warning] = is_off;
	if (is_error)
		diag->as_error[warning] = true;
	return true;
}

void diag_be_quiet(struct diag *diag)
{
	diag->quiet = true;
}

bool diag_wants(const struct diag *diag, enum warning warning)
{
	return !diag->disabled[warning] && (!diag->quiet || diag->as_error[warning]);
}

bool diag_is_error(const struct diag *diag, enum warning warning)
{
	return diag->as_error[warning];
}

size_t diag_error_count(const struct diag *diag)
{
	return diag->errors;
}

bool diag_is_empty(const struct diag *diag)
{
	return !diag->count;
}

bool diag_is_full(const struct diag *diag)
{
	return diag->errors >= DIAG_ERRORS_MAX;
}

struct span diag_included_from(const struct diag *diag, struct span span)
{
	const struct source_file *file = source_of(diag->sources, span);

	return file ? file->included : (struct span){0, 0};
}

static size_t include_depth(const struct diag *diag, struct span span)
{
	size_t depth = 0;

	for (span = diag_included_from(diag, span); span.first; depth++)
		span = diag_included_from(diag, span);
	return depth;
}

/* Of two places in different files, the includes of one file that lead to them. */
static void go_to_common_file(const struct diag *diag, struct span *a, struct span *b)
{
	size_t a_depth = include_depth(diag, *a), b_depth = include_depth(diag, *b);

	for (; a_depth > b_depth; a_depth--)
		*a = diag_included_from(diag, *a);
	for (; b_depth > a_depth; b_depth--)
		*b = diag_included_from(diag, *b);
	for (; a_depth && source_of(diag->sources, *a) != source_of(diag->sources, *b); a_depth--) {
		*a = diag_included_from(diag, *a);
		*b = diag_included_from(diag, *b);
	}
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_locations(const void *left, const void *right, void *argument)
{
	const struct diag_item *a = left, *b = right;
	const struct diag *diag = argument;
	struct span from_a = a->span, from_b = b->span;
	int order;

	if (!a->span.first || !b->span.first)
		order = compare_numbers(!a->span.first, !b->span.first);
	else {
		go_to_common_file(diag, &from_a, &from_b);
		order = compare_numbers(from_a.first, from_b.first);
		if (!order)
			order = compare_numbers(include_depth(diag, a->span),
						include_depth(diag, b->span));
	}
	return order ? order : compare_numbers(a->number, b->number);
}

void diag_sort(struct diag *diag)
{
	if (diag->count > diag->printed)
		qsort_r(diag->items + diag->printed, diag->count - diag->printed,
			sizeof(*diag->items), compare_locations, diag);
	diag->last_kept = false;
	fill_slots(diag, diag->slot_count);
}
