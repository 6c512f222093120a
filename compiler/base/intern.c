/* A hash table of numbers, with open addressing, at most half full. */
#include "intern.h"

#include "arena.h"

#include <string.h>

enum { FIRST_SLOTS = 16 };

static size_t hash_of(const char *text, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a, then mixed for the low bits */
	size_t i;

	for (i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3;
	return (size_t)(hash ^ hash >> 32);
}

/* The slot of the name, or the free one where it would stand. */
static uint32_t *slot_of(const struct names *names, const char *text, size_t length)
{
	size_t mask = names->slot_count - 1, at = hash_of(text, length) & mask;
	uint32_t number;

	for (; (number = names->slots[at]); at = (at + 1) & mask)
		if (names->lengths[number - 1] == length &&
		    !memcmp(names->texts[number - 1], text, length))
			break;
	return &names->slots[at];
}

uint32_t names_find(const struct names *names, const char *text, size_t length)
{
	uint32_t number = names->slot_count ? *slot_of(names, text, length) : 0;

	return number ? number - 1 : (uint32_t)NO_NAME;
}

static void grow_slots(struct names *names, struct arena *arena)
{
	size_t i;

	names->slot_count = names->slot_count ? names->slot_count * 2 : FIRST_SLOTS;
	names->slots = arena_alloc(arena, names->slot_count, sizeof(*names->slots));
	for (i = 0; i < names->count; i++)
		*slot_of(names, names->texts[i], names->lengths[i]) = (uint32_t)i + 1;
}

uint32_t names_add(struct names *names, struct arena *arena, const char *text, size_t length)
{
	size_t capacity = names->capacity, number = names->count;

	if (2 * (names->count + 1) > names->slot_count)
		grow_slots(names, arena);
	if (names->count == names->capacity)
		names->lengths = arena_grow(arena, names->lengths, names->count,
					    arena_grown_capacity(&capacity),
					    sizeof(*names->lengths));
	*ARENA_PUSH(arena, names->texts, names->count, names->capacity) = arena_string(arena, text,
										       length);
	names->lengths[number] = length;
	*slot_of(names, text, length) = (uint32_t)number + 1;
	return (uint32_t)number;
}
