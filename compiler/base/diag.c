/* The queue that the passes fill: each message once, in the order in which they are found, errors up to a
 * limit. Texts are kept as given; the printers escape them. */
#include "diag_queue.h"

#include "arena.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct diag *diag_new(struct arena *arena, const struct sources *sources)
{
	struct diag *diag = arena_alloc(arena, 1, sizeof(*diag));

	diag->arena = arena;
	diag->sources = sources;
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

static uint32_t item_hash(const struct diag_item *item)
{
	uint64_t hash = hash_text(item->message, strlen(item->message));

	return (uint32_t)hash_mix(hash, (uint64_t)item->span.first << 32 | item->span.end);
}

static bool is_queued(const struct diag *diag, const struct diag_item *item)
{
	const struct diag_item *other;
	const struct hash_slot *slot;

	for (slot = hash_first(&diag->table, item_hash(item)); slot->entry;
	     slot = hash_next(&diag->table, slot)) {
		other = &diag->items[slot->entry - 1];
		if (other->span.first == item->span.first && other->span.end == item->span.end &&
		    !strcmp(other->message, item->message))
			return true;
	}
	return false;
}

/* Queues an item, unless it is queued already or there are errors enough. */
static void add_item(struct diag *diag, struct diag_item item)
{
	diag->last_kept = false;
	if (is_queued(diag, &item))
		return;
	diag->errors += item.kind == DIAG_ERROR;
	if (item.kind == DIAG_ERROR && diag->errors > DIAG_ERRORS_MAX)
		return;
	item.number = diag->count;
	hash_add(&diag->table, diag->arena, item_hash(&item), (uint32_t)diag->count);
	*ARENA_PUSH(diag->arena, diag->items, diag->count, diag->capacity) = item;
	diag->last_kept = true;
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
	} else if (kind == DIAG_WARNING && diag->quiet) {
		return false;
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

/* Moves two spans of different files up to the includes of one file that lead to them. */
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
	size_t i;

	if (diag->count > diag->printed)
		qsort_r(diag->items + diag->printed, diag->count - diag->printed,
			sizeof(*diag->items), compare_locations, diag);
	diag->last_kept = false;
	diag->table = (struct hash_table){0};
	for (i = 0; i < diag->count; i++)
		hash_add(&diag->table, diag->arena, item_hash(&diag->items[i]), (uint32_t)i);
}
