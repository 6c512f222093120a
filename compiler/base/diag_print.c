/* Diagnostics for people, as clang prints them: location and message, the line, carets under the words. A line
 * is drawn into terminal cells first, so that carets stand under the right characters, whatever their width. */
#include "diag_queue.h"

#include "escape.h"
#include "utf8.h"

#include <string.h>

enum {
	TAB_CELLS = 8,
	LINE_CELLS = 200,   /* a longer line is cut to a window */
	WINDOW_BEFORE = 60, /* characters of the window before the span */
	NODE_BYTES = 1200,  /* a limit, since any number of combining marks takes no cell */
	GUTTER = 5,
};

#define CUT "..."

enum paint {
	PAINT_LOCATION,
	PAINT_ERROR,
	PAINT_WARNING,
	PAINT_NOTE,
	PAINT_MESSAGE,
	PAINT_CARET,
	PAINT_NONE
};

struct printer {
	const struct diag *diag;
	FILE *out;
	bool colored;
	const struct source_file *last; /* whose includes were shown */
};

/* A drawn line, and the cells where the carets go. */
struct drawing {
	char text[NODE_BYTES * ESCAPE_CELLS + sizeof(CUT) * 2];
	size_t length;
	unsigned cells, caret_first, caret_end;
};

static void paint(const struct printer *to, enum paint paint)
{
	static const char *const codes[] = {
		[PAINT_LOCATION] = "1",  [PAINT_ERROR] = "0;1;31", [PAINT_WARNING] = "0;1;35",
		[PAINT_NOTE] = "0;1;36", [PAINT_MESSAGE] = "0;1",  [PAINT_CARET] = "0;1;32",
		[PAINT_NONE] = "0",
	};

	if (to->colored)
		fprintf(to->out, "\033[%sm", codes[paint]);
}

static void draw(struct drawing *to, const char *text, size_t length, unsigned cells)
{
	memcpy(to->text + to->length, text, length);
	to->length += length;
	to->cells += cells;
}

/* Draws the character at TEXT and returns its length. */
static size_t draw_glyph(struct drawing *to, const char *text, size_t length)
{
	char escape[ESCAPE_CELLS + 1];
	size_t bytes;
	int cells;

	if (*text == '\t') {
		cells = (int)(TAB_CELLS - to->cells % TAB_CELLS);
		draw(to, "        ", (size_t)cells, (unsigned)cells);
		return 1;
	}
	bytes = utf8_glyph(text, length, &cells);
	if (cells >= 0) {
		draw(to, text, bytes, (unsigned)cells);
		return bytes;
	}
	snprintf(escape, sizeof(escape), "\\x%02x", (unsigned char)*text);
	draw(to, escape, ESCAPE_CELLS, ESCAPE_CELLS);
	return 1;
}

/* Draws a line from byte START; returns whether it fitted to its end. */
static bool draw_from(struct drawing *to, const char *line, size_t length, size_t start,
		      struct span carets)
{
	size_t at = start, first = at;

	*to = (struct drawing){.caret_first = 0};
	if (start)
		draw(to, CUT, strlen(CUT), (unsigned)strlen(CUT));
	to->caret_first = to->caret_end = to->cells;
	while (at < length && to->cells < LINE_CELLS && at - start < NODE_BYTES) {
		first = at;
		if (first <= carets.first)
			to->caret_first = to->cells;
		at += draw_glyph(to, line + at, length - at);
		if (first < carets.end)
			to->caret_end = to->cells;
	}
	if (carets.first >= at)
		to->caret_first = to->cells;
	if (to->caret_end <= to->caret_first)
		to->caret_end = to->caret_first + 1;
	if (at == length)
		return true;
	draw(to, CUT, strlen(CUT), (unsigned)strlen(CUT));
	return false;
}

/* The byte WINDOW_BEFORE characters before FIRST. */
static size_t window_start(const char *line, size_t first)
{
	size_t start = first, characters;

	for (characters = 0; start && characters < WINDOW_BEFORE; characters++) {
		start--;
		while (start && utf8_is_continuation(line[start]))
			start--;
	}
	return start;
}

static void draw_line(struct drawing *to, const char *line, size_t length, struct span carets)
{
	if (!draw_from(to, line, length, 0, carets))
		draw_from(to, line, length, window_start(line, carets.first), carets);
}

static void repeat(FILE *out, char c, unsigned count)
{
	while (count--)
		putc(c, out);
}

/* Prints the line where SPAN begins, and carets under the part of the span that is in that line. */
static void print_line(const struct printer *to, struct span span, unsigned number)
{
	struct drawing drawing;
	struct span carets;
	uint32_t start;
	size_t length;
	const char *line = source_line(to->diag->sources, span.first, &length);
	int gutter = fprintf(to->out, "%*u", GUTTER, number);

	start = (uint32_t)(source_text(to->diag->sources, span) - line);
	carets = (struct span){start,
			       span.end > span.first ? start + (span.end - span.first) : start};
	if (carets.first > length)
		carets.first = (uint32_t)length;
	draw_line(&drawing, line, length, carets);
	fputs(" | ", to->out);
	fwrite(drawing.text, 1, drawing.length, to->out);
	fprintf(to->out, "\n%*s | ", gutter, "");
	repeat(to->out, ' ', drawing.caret_first);
	paint(to, PAINT_CARET);
	putc('^', to->out);
	repeat(to->out, '~', drawing.caret_end - drawing.caret_first - 1);
	paint(to, PAINT_NONE);
	putc('\n', to->out);
}

static void print_escaped(const struct printer *to, const char *text)
{
	fputs(escape_text(to->diag->arena, text, strlen(text)), to->out);
}

static void print_location(const struct printer *to, struct source_location location)
{
	print_escaped(to, location.file->name);
	fprintf(to->out, ":%u:%u:", location.line, location.column);
}

/* Prints the includes that led to a file, outermost first, unless they are those printed last. */
static void print_includes(const struct printer *to, struct span span)
{
	struct span from = diag_included_from(to->diag, span);

	if (!from.first)
		return;
	print_includes(to, from);
	fputs("included from ", to->out);
	print_location(to, source_location(to->diag->sources, from.first));
	putc('\n', to->out);
}

/* Prints what precedes a message, in the colour of its kind. An error without a location is about the command
 * line or the system. */
static void print_head(struct printer *to, struct span span, enum diag_kind kind)
{
	static const enum paint colors[] = {[DIAG_ERROR] = PAINT_ERROR,
					    [DIAG_WARNING] = PAINT_WARNING,
					    [DIAG_NOTE] = PAINT_NOTE};
	struct source_location location = source_location(to->diag->sources, span.first);

	if (location.file && location.file != to->last)
		print_includes(to, span);
	to->last = location.file;
	paint(to, PAINT_LOCATION);
	if (location.file)
		print_location(to, location);
	else
		fputs("sklc:", to->out);
	putc(' ', to->out);
	paint(to, colors[kind]);
	if (location.file || kind != DIAG_ERROR)
		fprintf(to->out, "%s: ", diag_kind_word(kind));
}

static void print_tail(const struct printer *to, struct span span)
{
	paint(to, PAINT_NONE);
	putc('\n', to->out);
	if (span.first)
		print_line(to, span, source_location(to->diag->sources, span.first).line);
}

/* Lines from elsewhere, such as the verifier's log. */
static void print_details(const struct printer *to, const char *details)
{
	size_t length = strlen(details);

	fputs(escape_lines(to->diag->arena, details, length), to->out);
	if (!length || details[length - 1] != '\n')
		putc('\n', to->out);
}

static void print_item(struct printer *to, const struct diag_item *item)
{
	const struct diag_note *note;
	size_t i;

	print_head(to, item->span, item->kind);
	paint(to, PAINT_MESSAGE);
	print_escaped(to, item->message);
	if (item->warning != WARNING_COUNT)
		fprintf(to->out, " [-W%s%s]", item->kind == DIAG_ERROR ? "error=" : "",
			warning_name(item->warning));
	print_tail(to, item->span);
	if (item->details)
		print_details(to, item->details);
	for (i = 0; i < item->note_count; i++) {
		note = &item->notes[i];
		print_head(to, note->span, DIAG_NOTE);
		paint(to, PAINT_NONE);
		print_escaped(to, note->message);
		print_tail(to, note->span);
	}
}

/* "9,960" */
static void print_count(FILE *out, size_t count)
{
	if (count >= 1000) {
		print_count(out, count / 1000);
		fprintf(out, ",%03zu", count % 1000);
	} else {
		fprintf(out, "%zu", count);
	}
}

static void print_left_out(const struct diag *diag, enum diag_group group, size_t more, FILE *out)
{
	fputs(group == DIAG_GROUP_ERRORS ? "sklc: and " : "sklc: warning: and ", out);
	if (group == DIAG_GROUP_ERRORS && diag_is_full(diag))
		fputs("at least ", out);
	print_count(out, more);
	if (group == DIAG_GROUP_ERRORS)
		fprintf(out, " more error%s\n", more == 1 ? "" : "s");
	else
		fprintf(out, " more [-W%s]\n", warning_name((enum warning)group));
}

void diag_print_left_out(struct diag *diag, FILE *out)
{
	enum diag_group group;

	for (group = 0; group < DIAG_GROUP_COUNT; group++) {
		size_t left_out = diag_left_out(diag, group);

		if (left_out > diag->groups[group].said)
			print_left_out(diag, group, left_out - diag->groups[group].said, out);
		diag->groups[group].said = left_out;
	}
}

void diag_print(struct diag *diag, FILE *out, enum diag_color color)
{
	struct printer to = {diag, out, color == DIAG_COLOR_ALWAYS, NULL};

	for (; diag->printed < diag->count; diag->printed++) {
		to.last = NULL;
		print_item(&to, &diag->items[diag->printed]);
	}
	diag_find_last(diag);
}
