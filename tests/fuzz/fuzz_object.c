/* Reads damaged objects, which must not crash. The input is a list of changes to a good object, each an offset and a
 * byte, so that the fuzzer need not discover the ELF format. */
#include "runtime/object/object.h"
#include "tests/lib/sample_object.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	CHANGE_BYTES = 3,
	/* The header is the first section of the sample. */
	CHECKSUM_OFFSET = sizeof(Elf64_Ehdr) + offsetof(struct abi_header, checksum),
};

int LLVMFuzzerTestOneInput(const unsigned char *changes, size_t size);

/* Drops the messages, but for the checksum that one says. */
struct listener {
	struct report report;
	uint32_t checksum; /* 0: none was said */
};

static bool listen_to(struct report *report, const struct message *message)
{
	static const char words[] = "the checksum of what is in it is ";
	const char *said = strstr(message->text, words);

	if (said)
		((struct listener *)report)->checksum = (uint32_t)strtoul(said + sizeof(words) - 1,
									  NULL, 16);
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

/* Reads an object, and uses it if it is one. Returns the checksum that it should have had, or 0. */
static uint32_t read_image(const struct object_image *image)
{
	struct listener listener = {{listen_to}, 0};
	struct object object;

	if (object_read(&listener.report, image, &object) == 0) {
		use(&object);
		object_free(&object);
	}
	return listener.checksum;
}

/* An object whose checksum is wrong is read again with the right one, so that the changes come to all other checks. */
static void read_changed(const struct sample *sample, const unsigned char *changes, size_t size)
{
	unsigned char *bytes = malloc(SAMPLE_SIZE_MAX);
	struct object_image image = {bytes, 0, "fuzz"};
	uint32_t checksum;

	if (!bytes)
		abort();
	image.size = sample_write(sample, bytes);
	for (; size >= CHANGE_BYTES; size -= CHANGE_BYTES, changes += CHANGE_BYTES)
		bytes[(size_t)(changes[0] << 8 | changes[1]) % image.size] = changes[2];
	bytes = realloc(bytes, image.size);
	image.bytes = bytes;
	checksum = read_image(&image);
	if (checksum) {
		memcpy(bytes + CHECKSUM_OFFSET, &checksum, sizeof(checksum));
		read_image(&image);
	}
	free(bytes);
}

/* Also as version 3, whose records and sections are others. */
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
