/* The section of strings. Equal texts get equal offsets, since a hundred thousand rules name the
 * same labels, chains and files again and again. */
#include "strings.h"

#include "compiler/base/arena.h"

#include "runtime/abi.h"

#include <string.h>

/* Whether the string at OFFSET is this text. */
static bool is_at(const struct object_strings *strings, size_t offset, const char *text,
		  size_t length)
{
	return offset + length < strings->count && !strings->bytes[offset + length] &&
	       !memcmp(strings->bytes + offset, text, length);
}

static uint32_t append(struct object_strings *strings, const char *text, size_t length)
{
	size_t offset = strings->count;

	if (length >= ABI_NO_STRING - offset) {
		strings->full = true;
		return ABI_NO_STRING;
	}
	while (strings->capacity < offset + length + 1) {
		size_t before = strings->capacity;

		strings->bytes = arena_resize(strings->arena, strings->bytes, before,
					      arena_grown_capacity(&strings->capacity), 1);
	}
	memcpy(strings->bytes + offset, text, length);
	strings->bytes[offset + length] = '\0';
	strings->count += length + 1;
	return (uint32_t)offset;
}

uint32_t object_strings_add(struct object_strings *strings, const char *text, size_t length)
{
	const struct hash_slot *slot;
	uint32_t offset, hash;

	length = strnlen(text, length);
	hash = hash_text(text, length);
	for (slot = hash_first(&strings->table, hash); slot->entry;
	     slot = hash_next(&strings->table, slot))
		if (is_at(strings, slot->entry - 1, text, length))
			return slot->entry - 1;
	offset = append(strings, text, length);
	if (offset != ABI_NO_STRING)
		hash_add(&strings->table, strings->arena, hash, offset);
	return offset;
}

uint32_t object_strings_add_name(struct object_strings *strings, const char *text)
{
	return text ? object_strings_add(strings, text, strlen(text)) : ABI_NO_STRING;
}
