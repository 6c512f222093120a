/*
 * Texts to offsets, equal texts to equal offsets, by a hash table with open addressing: a hundred
 * thousand rules have as many texts, and labels, chains and files that come again and again.
 */
#include "strings.h"

#include "compiler/base/arena.h"

#include "runtime/abi.h"

#include <string.h>

enum { FIRST_TABLE = 256 };

/* FNV-1a by words of eight bytes: texts can be megabytes. */
static uint32_t hash_of(const char *text, size_t length)
{
	uint64_t value = 0xcbf29ce484222325, word;

	for (; length >= sizeof(word); text += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		value = (value ^ word) * 0x100000001b3;
		value ^= value >> 32;
	}
	for (; length; text++, length--)
		value = (value ^ (unsigned char)*text) * 0x100000001b3;
	return (uint32_t)(value ^ value >> 32);
}

static bool stands_at(const struct object_strings *strings, size_t offset, const char *text,
		      size_t length)
{
	return offset + length < strings->count && !strings->bytes[offset + length] &&
	       !memcmp(strings->bytes + offset, text, length);
}

/* The entry of a text, or the free one where it would stand. */
static struct object_strings_entry *find(const struct object_strings *strings, uint32_t hash,
					 const char *text, size_t length)
{
	size_t mask = strings->table_size - 1, at;

	for (at = hash & mask; strings->table[at].place; at = (at + 1) & mask)
		if (strings->table[at].hash == hash &&
		    stands_at(strings, strings->table[at].place - 1, text, length))
			break;
	return &strings->table[at];
}

static void enlarge_table(struct object_strings *strings)
{
	const struct object_strings_entry *old = strings->table;
	size_t old_size = strings->table_size, mask, i, at;

	strings->table_size = old_size ? old_size * 2 : FIRST_TABLE;
	strings->table = arena_alloc(strings->arena, strings->table_size, sizeof(*old));
	mask = strings->table_size - 1;
	for (i = 0; i < old_size; i++) {
		if (!old[i].place)
			continue;
		for (at = old[i].hash & mask; strings->table[at].place;)
			at = (at + 1) & mask;
		strings->table[at] = old[i];
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

uint32_t object_strings_add(struct object_strings *strings, const char *text, size_t length)
{
	struct object_strings_entry *entry;
	uint32_t offset, hash;

	length = strnlen(text, length);
	hash = hash_of(text, length);
	if (strings->entries * 2 >= strings->table_size)
		enlarge_table(strings);
	entry = find(strings, hash, text, length);
	if (entry->place)
		return entry->place - 1;
	offset = append(strings, text, length);
	if (offset != ABI_NO_STRING) {
		*entry = (struct object_strings_entry){offset + 1, hash};
		strings->entries++;
	}
	return offset;
}

uint32_t object_strings_add_name(struct object_strings *strings, const char *text)
{
	return text ? object_strings_add(strings, text, strlen(text)) : ABI_NO_STRING;
}
