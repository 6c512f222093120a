/* Diagnostics for programs: one JSON object. Lines and columns count from 1, columns in characters. All texts
 * are escaped as for the terminal, because JSON must be UTF-8. */
#include "diag_queue.h"

#include "escape.h"

#include <jansson.h>
#include <string.h>

enum { SCHEMA_VERSION = 1, TEXT_BYTES = 400 };

static json_t *text_json(const struct diag *diag, const char *text, size_t length)
{
	return json_string(escape_text(diag->arena, text, length));
}

static void add_location(json_t *object, const char *line, const char *column,
			 struct source_location location)
{
	json_object_set_new(object, line, json_integer(location.line));
	json_object_set_new(object, column, json_integer(location.column));
}

static void add_file(const struct diag *diag, json_t *object, struct source_location location)
{
	json_object_set_new(object, "file",
			    text_json(diag, location.file->name, strlen(location.file->name)));
	add_location(object, "line", "column", location);
}

/* The includes that led to a file, the outermost first. */
static void add_includes(const struct diag *diag, json_t *list, struct span span)
{
	struct span from = diag_included_from(diag, span);
	json_t *object;

	if (!from.first)
		return;
	add_includes(diag, list, from);
	object = json_object();
	add_file(diag, object, source_location(diag->sources, from.first));
	json_array_append_new(list, object);
}

/* Adds the location of a span, if it has one. The end is one past the last character. */
static void add_span(const struct diag *diag, json_t *object, struct span span)
{
	struct source_location location = source_location(diag->sources, span.first);
	json_t *includes = json_array();
	size_t length = span.end > span.first ? span.end - span.first : 0;

	if (location.file) {
		add_file(diag, object, location);
		add_location(object, "end_line", "end_column",
			     source_location(diag->sources, span.first + (uint32_t)length));
		json_object_set_new(object, "text",
				    text_json(diag, source_text(diag->sources, span),
					      length < TEXT_BYTES ? length : TEXT_BYTES));
		add_includes(diag, includes, span);
	}
	json_object_set_new(object, "included_from", includes);
}

static json_t *message_json(const struct diag *diag, const char *severity, const char *message)
{
	json_t *object = json_object();

	json_object_set_new(object, "severity", json_string(severity));
	json_object_set_new(object, "message", text_json(diag, message, strlen(message)));
	return object;
}

static json_t *details_json(const struct diag *diag, const char *details)
{
	return json_string(escape_lines(diag->arena, details, strlen(details)));
}

static json_t *item_json(const struct diag *diag, const struct diag_item *item)
{
	json_t *object = message_json(diag, diag_kind_word(item->kind), item->message);
	json_t *notes = json_array(), *note;
	size_t i;

	if (item->warning != WARNING_COUNT)
		json_object_set_new(object, "name", json_string(warning_name(item->warning)));
	add_span(diag, object, item->span);
	if (item->details)
		json_object_set_new(object, "details", details_json(diag, item->details));
	for (i = 0; i < item->note_count; i++) {
		note = message_json(diag, "note", item->notes[i].message);
		add_span(diag, note, item->notes[i].span);
		json_array_append_new(notes, note);
	}
	json_object_set_new(object, "notes", notes);
	return object;
}

/* How many of each name, and of the errors, are not among the diagnostics; NULL: none. */
static json_t *left_out_json(const struct diag *diag)
{
	json_t *object = NULL;
	enum diag_group group;

	for (group = 0; group < DIAG_GROUP_COUNT; group++) {
		if (!diag_left_out(diag, group))
			continue;
		object = object ? object : json_object();
		json_object_set_new(object,
				    group == DIAG_GROUP_ERRORS ? diag_kind_word(DIAG_ERROR)
							       : warning_name((enum warning)group),
				    json_integer((json_int_t)diag_left_out(diag, group)));
	}
	return object;
}

static json_int_t count_warnings(const struct diag *diag)
{
	size_t count = 0, i;

	for (i = 0; i < diag->count; i++)
		count += diag->items[i].kind == DIAG_WARNING;
	for (i = 0; i < DIAG_GROUP_ERRORS; i++)
		count += diag_left_out(diag, (enum diag_group)i);
	return (json_int_t)count;
}

void diag_print_json(const struct diag *diag, FILE *out)
{
	json_t *object = json_object(), *list = json_array(), *left_out = left_out_json(diag);
	size_t i;

	json_object_set_new(object, "version", json_integer(SCHEMA_VERSION));
	for (i = 0; i < diag->count; i++)
		json_array_append_new(list, item_json(diag, &diag->items[i]));
	json_object_set_new(object, "diagnostics", list);
	json_object_set_new(object, "errors", json_integer((json_int_t)diag_error_count(diag)));
	json_object_set_new(object, "warnings", json_integer(count_warnings(diag)));
	if (left_out)
		json_object_set_new(object, "left_out", left_out);
	json_dumpf(object, out, JSON_INDENT(2));
	putc('\n', out);
	json_decref(object);
}

void diag_print_json_alone(const char *message, FILE *out)
{
	fprintf(out,
		"{\n"
		"  \"version\": %d,\n"
		"  \"diagnostics\": [\n"
		"    {\n"
		"      \"severity\": \"error\",\n"
		"      \"message\": \"%s\",\n"
		"      \"included_from\": [],\n"
		"      \"notes\": []\n"
		"    }\n"
		"  ],\n"
		"  \"errors\": 1,\n"
		"  \"warnings\": 0\n"
		"}\n",
		SCHEMA_VERSION, message);
}
