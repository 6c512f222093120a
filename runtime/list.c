/* Prints the rules that are applied, as they were written: the files that the object was made of. */
#include "fail.h"
#include "object.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

enum { SCHEMA_VERSION = 1 };

/* An object may come from anywhere: what would steer a terminal is shown, not sent. */
static void print_text(FILE *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (iscntrl((unsigned char)text[i]) && !strchr("\t\r\n", text[i]))
			fprintf(out, "\\x%02x", (unsigned)text[i]);
		else
			fputc(text[i], out);
	}
}

/* Each file after a line that names it, where there are several. */
static void list_text(const struct object *object, const char *text, FILE *out)
{
	for (size_t i = 0; i < object->text_count; i++) {
		const struct abi_text *file = &object->texts[i];

		if (object->text_count > 1) {
			fputs("# ", out);
			print_text(out, object_string(object, file->name),
				   strlen(object_string(object, file->name)));
			fputc('\n', out);
		}
		print_text(out, text, file->bytes);
		if (file->bytes && text[file->bytes - 1] != '\n')
			fputc('\n', out);
		text += file->bytes;
	}
}

static int list_json(const struct object *object, const char *text, FILE *out)
{
	json_t *files = json_array(), *list;
	int err;

	for (size_t i = 0; i < object->text_count; i++) {
		const struct abi_text *file = &object->texts[i];

		json_array_append_new(files, json_pack("{s:s, s:s%}", "name",
						       object_string(object, file->name), "text",
						       text, (size_t)file->bytes));
		text += file->bytes;
	}
	list = json_pack("{s:i, s:o}", "version", SCHEMA_VERSION, "files", files);
	err = list ? json_dumpf(list, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : -1;
	fputc('\n', out);
	json_decref(list);
	return err ? fail(ENOMEM, "print the applied rules") : 0;
}

int runtime_list(const struct runtime_options *options, FILE *out)
{
	struct object_image image = {.name = "of the applied rules"};
	autofree char *text = NULL;
	autofree void *bytes = NULL;
	struct object object;
	int err = runtime_read_applied(options, &bytes, &image.size);

	if (err)
		return err;
	image.bytes = bytes;
	err = object_read(&image, &object);
	if (err)
		return err;
	err = object_text(&object, &text);
	if (!err && options->json)
		err = list_json(&object, text, out);
	else if (!err)
		list_text(&object, text, out);
	object_free(&object);
	return err;
}
