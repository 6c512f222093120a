/* The section of strings. It stores each text once; records refer to a text by its offset. */
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
	bool full;               /* a text was left out: its offset does not fit into 32 bits */
};

/* Returns the offset of a text of LENGTH bytes, or of its part up to its first NUL. If the text no
 * longer fits, sets FULL and returns ABI_NO_STRING. */
uint32_t object_strings_add(struct object_strings *strings, const char *text, size_t length);

/* Returns the offset of a C string, and ABI_NO_STRING for NULL. */
uint32_t object_strings_add_name(struct object_strings *strings, const char *text);

#endif
