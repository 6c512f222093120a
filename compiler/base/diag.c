/* The queue that the passes fill: each message once, in the order in which they are found. Of too many errors, or
 * warnings of one name, the first of the files are kept and the others counted. Texts are kept as given; the printers
 * escape them. */
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
	diag->shown_max = DIAG_SHOWN_MAX;
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

/* The message is good until the next one. */
static __attribute__((format(printf, 2, 0))) const char *
format_message(struct diag *diag, const char *format, va_list args)
{
	va_list again;
	size_t size;

	va_copy(again, args);
	size = (size_t)vsnprintf(NULL, 0, format, again) + 1;
	va_end(again);
	if (size > diag->scratch_size) {
		diag->scratch_size = size + diag->scratch_size;
		diag->scratch = arena_alloc(diag->arena, diag->scratch_size, 1);
	}
	vsnprintf(diag->scratch, size, format, args);
	return diag->scratch;
}

/* Of the message and the span. That two items have the same one by chance is left out of account: it would take
 * billions. */
static uint64_t item_hash(const struct diag_item *item)
{
	uint64_t hash = (uint64_t)item->span.first << 32 | item->span.end;
	const char *c;

	for (c = item->message; *c; c++)
		hash = hash_mix(hash, (unsigned char)*c);
	return hash_mix(hash, (uint64_t)(c - item->message));
}

/* Whether there was such an item before; if not, there was from now on. */
static bool was_seen(struct diag *diag, const struct diag_item *item)
{
	const uint64_t hash = item_hash(item);
	const struct hash_slot *slot;

	for (slot = hash_first(&diag->table, (uint32_t)(hash >> 32)); slot->entry;
	     slot = hash_next(&diag->table, slot))
		if (diag->seen[slot->entry - 1] == hash)
			return true;
	hash_add(&diag->table, diag->arena, (uint32_t)(hash >> 32), (uint32_t)diag->seen_count);
	*ARENA_APPEND(diag->arena, diag->seen, diag->seen_count, diag->seen_capacity) = hash;
	return false;
}

/* DIAG_GROUP_COUNT: of none. */
static enum diag_group group_of(const struct diag_item *item)
{
	if (item->kind == DIAG_ERROR)
		return DIAG_GROUP_ERRORS;
	return item->warning == WARNING_COUNT ? DIAG_GROUP_COUNT : (enum diag_group)item->warning;
}

/* Finds the last of the group's items that were not printed yet. */
static void find_last(struct diag *diag, enum diag_group group)
{
	size_t *last = &diag->groups[group].last, i;

	*last = SIZE_MAX;
	for (i = diag->printed; i < diag->count; i++)
		if (group_of(&diag->items[i]) == group &&
		    (*last == SIZE_MAX ||
		     diag_compare(diag, &diag->items[i], &diag->items[*last]) > 0))
			*last = i;
}

/* Whether an item of the group would be queued. */
static bool is_wanted(const struct diag *diag, enum diag_group group, const struct diag_item *item)
{
	const struct diag_group_state *state;

	if (group == DIAG_GROUP_COUNT)
		return true;
	state = &diag->groups[group];
	return state->kept < diag->shown_max ||
	       (state->last != SIZE_MAX && diag_compare(diag, item, &diag->items[state->last]) < 0);
}

/* Queues an item of a group, in place of the group's last one if there are as many as there may be. */
static void queue_item(struct diag *diag, enum diag_group group, const struct diag_item *item)
{
	struct diag_group_state *state = group == DIAG_GROUP_COUNT ? NULL : &diag->groups[group];

	if (state && state->kept == diag->shown_max) {
		diag->last = state->last;
		diag->items[diag->last] = *item;
	} else {
		diag->last = diag->count;
		*ARENA_PUSH(diag->arena, diag->items, diag->count, diag->capacity) = *item;
		if (state)
			state->kept++;
	}
	if (state && state->kept == diag->shown_max)
		find_last(diag, group);
}

/* Queues or only counts an item, unless there was the same one before. */
static void add_item(struct diag *diag, struct diag_item item)
{
	enum diag_group group = group_of(&item);

	diag->last_kept = false;
	if (was_seen(diag, &item))
		return;
	item.number = diag->numbers++;
	if (group != DIAG_GROUP_COUNT)
		diag->groups[group].found++;
	if (!is_wanted(diag, group, &item))
		return;
	item.message = arena_string(diag->arena, item.message, strlen(item.message));
	queue_item(diag, group, &item);
	diag->last_kept = true;
}

void diag_error(struct diag *diag, struct span span, const char *format, ...)
{
	struct diag_item item = {.span = span, .kind = DIAG_ERROR, .warning = WARNING_COUNT};
	va_list args;

	va_start(args, format);
	item.message = format_message(diag, format, args);
	va_end(args);
	add_item(diag, item);
}

static enum diag_kind warning_kind(const struct diag *diag, enum warning warning)
{
	return diag->as_error[warning] ? DIAG_ERROR : DIAG_WARNING;
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
	item.message = format_message(diag, format, args);
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
	note.message = format_message(diag, format, args);
	va_end(args);
	note.message = arena_string(diag->arena, note.message, strlen(note.message));
	item = &diag->items[diag->last];
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
				 .message = text,
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

size_t diag_error_count(const struct diag *diag)
{
	return diag->groups[DIAG_GROUP_ERRORS].found;
}

bool diag_is_empty(const struct diag *diag)
{
	return !diag->count;
}

bool diag_is_full(const struct diag *diag)
{
	return diag_error_count(diag) >= DIAG_ERRORS_COUNTED;
}

bool diag_shows(const struct diag *diag, enum warning warning, struct span span)
{
	const struct diag_item item = {.span = span,
				       .kind = warning_kind(diag, warning),
				       .warning = warning,
				       .number = diag->numbers};

	return diag_wants(diag, warning) && is_wanted(diag, group_of(&item), &item);
}

size_t diag_left_out(const struct diag *diag, enum diag_group group)
{
	return diag->groups[group].found - diag->groups[group].kept;
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

int diag_compare(const struct diag *diag, const struct diag_item *a, const struct diag_item *b)
{
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

static int compare_items(const void *a, const void *b, void *diag)
{
	return diag_compare(diag, a, b);
}

void diag_find_last(struct diag *diag)
{
	enum diag_group group;

	for (group = 0; group < DIAG_GROUP_COUNT; group++)
		find_last(diag, group);
}

void diag_sort(struct diag *diag)
{
	if (diag->count > diag->printed)
		qsort_r(diag->items + diag->printed, diag->count - diag->printed,
			sizeof(*diag->items), compare_items, diag);
	diag->last_kept = false;
	diag_find_last(diag);
}
