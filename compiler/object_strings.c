/*
 * Texts to offsets, equal texts to equal offsets, by a hash table with open addressing: a hundred
 * thousand rules have as many texts, and labels, chains and files that come again and again.
 */
#include "object_strings.h"

#include "arena.h"

#include "../runtime/abi.h"

#include <string.h>

enum { FIRST_TABLE = 256 };

/* FNV-1a by words of eight bytes: texts can be megabytes. */
static uint64_t hash(const char *text, size_t length)
{
	uint64_t value = 0xcbf29ce484222325, word;

	for (; length >= sizeof(word); text += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		value = (value ^ word) * 0x100000001b3;
		value ^= value >> 32;
	}
	for (; length; text++, length--)
		value = (value ^ (unsigned char)*text) * 0x100000001b3;
	return value ^ value >> 29;
}

/* The entry of a text, or the free one where it would stand. */
static uint32_t *find(const struct object_strings *strings, const char *text, size_t length)
{
	size_t mask = strings->table_size - 1;
	size_t at = (size_t)hash(text, length) & mask;

	for (; strings->table[at]; at = (at + 1) & mask) {
		size_t offset = strings->table[at] - 1;

		if (offset + length < strings->count && !strings->bytes[offset + length] &&
		    !memcmp(strings->bytes + offset, text, length))
			break;
	}
	return &strings->table[at];
}

static void enlarge_table(struct object_strings *strings)
{
	uint32_t *old = strings->table;
	size_t old_size = strings->table_size, i;

	strings->table_size = old_size ? old_size * 2 : FIRST_TABLE;
	strings->table = arena_alloc(strings->arena, strings->table_size, sizeof(*old));
	for (i = 0; i < old_size; i++) {
		const char *text;

		if (!old[i])
			continue;
		text = strings->bytes + (old[i] - 1);
		*find(strings, text, strlen(text)) = old[i];
	}
}

static uint32_t append(struct object_strings *strings, const char *text, size_t length)
{
	size_t offset = strings->count;

	if (length >= ABI_NO_STRING - offset) {
		strings->full = true;
		return ABI_NO_STRING;
	}
	while (strings->capacity < offset + length + 1)
		strings->bytes = arena_grow(strings->arena, strings->bytes, strings->count,
					    arena_grown_capacity(&strings->capacity), 1);
	memcpy(strings->bytes + offset, text, length);
	strings->bytes[offset + length] = '\0';
	strings->count += length + 1;
	return (uint32_t)offset;
}

uint32_t object_string(struct object_strings *strings, const char *text, size_t length)
{
	uint32_t *entry, offset;

	length = strnlen(text, length);
	if (strings->entries * 2 >= strings->table_size)
		enlarge_table(strings);
	entry = find(strings, text, length);
	if (*entry)
		return *entry - 1;
	offset = append(strings, text, length);
	if (offset != ABI_NO_STRING) {
		*entry = offset + 1;
		strings->entries++;
	}
	return offset;
}

uint32_t object_name(struct object_strings *strings, const char *text)
{
	return text ? object_string(strings, text, strlen(text)) : ABI_NO_STRING;
}
