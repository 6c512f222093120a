/* What an object says of how it was made, for the command, which can make it again. */
#include "runtime/base/fail.h"
#include "runtime/object/object.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <string.h>

static int list_definitions(const struct object *object, struct runtime_origin *origin)
{
	origin->definition_count = object->definition_count;
	origin->definitions = calloc(object->definition_count + 1, sizeof(*origin->definitions));
	if (!origin->definitions)
		return fail(object->report, ENOMEM, "read object '%s'", object->image->name);
	for (size_t i = 0; i < object->definition_count; i++)
		origin->definitions[i] = object_string(object, object->definitions[i]);
	return 0;
}

/* Lists the files. The texts before them are those of the command line, which are the definitions
 * once more. */
static int list_files(const struct object *object, struct runtime_origin *origin)
{
	size_t definitions = object->definition_count;
	const char *text = origin->text;

	if (definitions >= object->text_count)
		return refuse(object->report, EINVAL, "object '%s' has no rules",
			      object->image->name);
	origin->file_count = object->text_count - definitions;
	origin->files = calloc(origin->file_count, sizeof(*origin->files));
	if (!origin->files)
		return fail(object->report, ENOMEM, "read object '%s'", object->image->name);
	for (size_t i = 0; i < object->text_count; i++) {
		size_t size = (size_t)object->texts[i].bytes;

		if (i >= definitions)
			origin->files[i - definitions] = (struct runtime_file){
				object_string(object, object->texts[i].name), text, size};
		text += size;
	}
	return 0;
}

static int read_origin(struct object *object, struct runtime_origin *origin)
{
	const struct abi_header *header = &object->header;
	int err = object_text(object, &origin->text);

	if (!err)
		err = list_definitions(object, origin);
	if (!err)
		err = list_files(object, origin);
	origin->compiler = object_string(object, header->compiler);
	origin->backend = object_string(object, header->backend);
	origin->tables = object_string(object, header->tables);
	origin->is_of_this_format = header->version == ABI_VERSION;
	origin->is_of_this_version = origin->compiler &&
				     strcmp(origin->compiler, ABI_COMPILER) == 0;
	origin->instructions_max = header->instructions_max;
	origin->tables_max = header->tables_max;
	origin->tables_frozen = header->tables_frozen;
	origin->parts = header->parts;
	origin->strings = object->strings;
	object->strings = NULL;
	return err;
}

int runtime_origin(struct report *report, const struct object_image *image,
		   struct runtime_origin *origin)
{
	struct object object;
	int err = object_read(report, image, &object);

	*origin = (struct runtime_origin){0};
	if (err)
		return err;
	err = read_origin(&object, origin);
	object_free(&object);
	if (err)
		runtime_origin_free(origin);
	return err;
}

void runtime_origin_free(struct runtime_origin *origin)
{
	free(origin->strings);
	free(origin->text);
	free(origin->definitions);
	free(origin->files);
	*origin = (struct runtime_origin){0};
}

int runtime_compare(struct report *report, const struct object_image *image,
		    const struct object_image *again)
{
	struct object object;
	int err = object_read(report, image, &object);

	if (err)
		return err;
	err = object_compare(&object, again);
	object_free(&object);
	return err;
}
