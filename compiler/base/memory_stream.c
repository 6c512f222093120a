/* A stream by fopencookie(3). That of open_memstream(3) leaves out what memory does not suffice for, and does not
 * always set its error indicator. */
#include "memory_stream.h"

#include "arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum { FIRST_CAPACITY = 4096 };

static void make_room(struct memory_text *text, size_t size)
{
	size_t capacity = text->capacity ? text->capacity : FIRST_CAPACITY;

	if (text->capacity - text->size >= size)
		return;
	while (capacity - text->size < size)
		capacity *= 2;
	text->text = realloc(text->text, capacity);
	if (!text->text)
		arena_out_of_memory();
	text->capacity = capacity;
}

static ssize_t add(void *cookie, const char *bytes, size_t size)
{
	struct memory_text *text = cookie;

	make_room(text, size);
	memcpy(text->text + text->size, bytes, size);
	text->size += size;
	return (ssize_t)size;
}

FILE *memory_stream_open(struct memory_text *text)
{
	FILE *stream = fopencookie(text, "w", (cookie_io_functions_t){.write = add});

	if (!stream)
		arena_out_of_memory();
	setvbuf(stream, NULL, _IONBF, 0);
	return stream;
}
