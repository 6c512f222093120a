/* The strings section: each text stored once, known by its offset. */
#ifndef SKLC_OBJECT_STRINGS_H
#define SKLC_OBJECT_STRINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct object_strings {
	struct arena *arena;
	char *bytes;
	size_t count, capacity;
	uint32_t *table; /* offset + 1 of each text by hash; a power of two */
	size_t table_size, entries;
	bool full; /* offsets no longer fit into 32 bits */
};

/* The offset of a text of LENGTH bytes; one that holds a NUL is stored up to it. */
uint32_t object_string(struct object_strings *strings, const char *text, size_t length);

/* The same for a C string; NULL gives ABI_NO_STRING. */
uint32_t object_name(struct object_strings *strings, const char *text);

#endif
