/* Copies the texts, and finds them by a hash table of their numbers. */
#include "intern.h"

#include "arena.h"

#include <string.h>

uint32_t names_find(const struct names *names, const char *text, size_t length)
{
	const struct hash_slot *slot;

	for (slot = hash_first(&names->table, hash_text(text, length)); slot->entry;
	     slot = hash_next(&names->table, slot))
		if (names->lengths[slot->entry - 1] == length &&
		    !memcmp(names->texts[slot->entry - 1], text, length))
			return slot->entry - 1;
	return NO_NAME;
}

uint32_t names_add(struct names *names, struct arena *arena, const char *text, size_t length)
{
	size_t capacity = names->capacity, number = names->count;

	if (names->count == names->capacity)
		names->lengths = arena_grow(arena, names->lengths, names->count,
					    arena_grown_capacity(&capacity),
					    sizeof(*names->lengths));
	*ARENA_PUSH(arena, names->texts, names->count, names->capacity) = arena_string(arena, text,
										       length);
	names->lengths[number] = length;
	hash_add(&names->table, arena, hash_text(text, length), (uint32_t)number);
	return (uint32_t)number;
}
