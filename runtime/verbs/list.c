/* Prints the rules in an object, as they were written: the object contains their text. */
#include "runtime/base/document.h"
#include "runtime/base/fail.h"
#include "runtime/base/text.h"
#include "runtime/object/object.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <string.h>

/* Prints a definition of the command line as a comment. */
static void print_definition(const char *text, size_t size, FILE *out)
{
	autofree char *definition = strndup(text, size);

	fprintf(out, "# -D ");
	text_print(out, definition ? definition : "");
	fprintf(out, "\n");
}

/* Prints the text of one file, after a comment with its name if there are several. */
static void print_file(const struct object *object, size_t file, const char *text, FILE *out)
{
	if (!strcmp(object_string(object, object->texts[file].name), ABI_COMMAND_LINE)) {
		print_definition(text, object->texts[file].bytes, out);
		return;
	}
	if (object->text_count > 1) {
		fprintf(out, file ? "\n# " : "# ");
		text_print(out, object_string(object, object->texts[file].name));
		fprintf(out, "\n");
	}
	text_print_lines(out, text, object->texts[file].bytes);
}

/* The text is as it was written, control characters too. */
static json_t *file_to_json(const struct object *object, size_t file, const char *text)
{
	size_t size = object->texts[file].bytes;

	return json_pack("{s:o, s:o}", "name",
			 json_text(object_string(object, object->texts[file].name)), "text",
			 text_is_utf8(text, size) ? json_stringn(text, size)
						  : json_bytes(text, size));
}

static int print_json(const struct object *object, const char *text, FILE *out)
{
	json_t *files = json_array();

	for (size_t i = 0; i < object->text_count; i++) {
		json_array_append_new(files, file_to_json(object, i, text));
		text += object->texts[i].bytes;
	}
	return document_print_indented(object->report,
				       json_pack("{s:i, s:o}", "version", 1, "files", files), out);
}

static int print_rules(const struct object *object, const struct runtime_options *options,
		       FILE *out)
{
	autofree char *text = NULL;
	const char *at;
	int err = object_text(object, &text);

	if (err)
		return err;
	if (options->json)
		return print_json(object, text, out);
	at = text;
	for (size_t i = 0; i < object->text_count; i++) {
		print_file(object, i, at, out);
		at += object->texts[i].bytes;
	}
	return 0;
}

int runtime_list(const struct object_image *image, const struct runtime_options *options, FILE *out)
{
	struct object object;
	int err = object_read(options->report, image, &object);

	if (err)
		return err;
	err = print_rules(&object, options, out);
	object_free(&object);
	return err;
}
