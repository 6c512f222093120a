/* The strings section: each text stored once, known by its offset. */
#ifndef SKLC_OBJECT_STRINGS_H
#define SKLC_OBJECT_STRINGS_H

#include "compiler/base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct object_strings {
	struct arena *arena;
	char *bytes;
	size_t count, capacity;
	struct hash_table table; /* of offsets, by text */
	bool full;               /* offsets no longer fit into 32 bits */
};

/* The offset of a text of LENGTH bytes; one that holds a NUL is stored up to it. */
uint32_t object_strings_add(struct object_strings *strings, const char *text, size_t length);

/* The same for a C string; NULL gives ABI_NO_STRING. */
uint32_t object_strings_add_name(struct object_strings *strings, const char *text);

#endif
