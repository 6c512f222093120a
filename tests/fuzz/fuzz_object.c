/* Reads damaged objects, which must not crash. The input is a list of changes to a good object, each an offset and a
 * byte, so that the fuzzer need not discover the ELF format. */
#include "runtime/object/object.h"
#include "tests/lib/sample_object.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHANGE_BYTES = 3 };

int LLVMFuzzerTestOneInput(const unsigned char *changes, size_t size);

/* Drops the messages. */
static bool ignore(struct report *report, const struct message *message)
{
	(void)report;
	return message->severity == SEVERITY_ERROR;
}

static void use(const struct object *object)
{
	uint32_t *rules = NULL, *labels = NULL;
	char *text = NULL;

	if (identity_of_counters(object, object, &rules) ||
	    identity_of_labels(object, object, &labels))
		abort();
	for (uint32_t i = 0; i < object->header.label_count; i++)
		if (labels[i] != i)
			abort();
	object_text(object, &text);
	free(text);
	free(labels);
	free(rules);
}

static void read_changed(const struct sample *sample, const unsigned char *changes, size_t size)
{
	unsigned char *bytes = malloc(SAMPLE_SIZE_MAX);
	struct report silent = {ignore};
	struct object_image image = {bytes, 0, "fuzz"};
	struct object object;

	if (!bytes)
		abort();
	image.size = sample_write(sample, bytes);
	for (; size >= CHANGE_BYTES; size -= CHANGE_BYTES, changes += CHANGE_BYTES)
		bytes[(size_t)(changes[0] << 8 | changes[1]) % image.size] = changes[2];
	bytes = realloc(bytes, image.size);
	image.bytes = bytes;
	if (object_read(&silent, &image, &object) == 0) {
		use(&object);
		object_free(&object);
	}
	free(bytes);
}

/* Also as version 3, which has no checksum, so that the changes come to all other checks. */
int LLVMFuzzerTestOneInput(const unsigned char *changes, size_t size)
{
	struct sample sample;

	sample_fill(&sample);
	read_changed(&sample, changes, size);
	sample.header.version = 3;
	sample.header_bytes = ABI_HEADER_3_BYTES;
	read_changed(&sample, changes, size);
	return 0;
}
