/* Gives jansson an allocator that ends the process where it cannot allocate. */
#include "json.h"

#include "arena.h"
#include "escape.h"

#include <stdlib.h>
#include <string.h>

static void *allocate(size_t bytes)
{
	void *memory = malloc(bytes);

	if (!memory)
		arena_out_of_memory();
	return memory;
}

void json_start(void)
{
	json_set_alloc_funcs(allocate, free);
}

json_t *json_text(const char *text)
{
	return text ? json_bytes(text, strlen(text)) : json_null();
}

json_t *json_bytes(const char *bytes, size_t size)
{
	struct arena *arena = arena_new();
	json_t *string = json_string(escape_lines(arena, bytes, size));

	arena_free(arena);
	return string;
}
