/* Slots keep the whole hash, so that growing does not look at keys, and keys with different hashes are never
 * compared. */
#include "hash.h"

#include "arena.h"

#include <string.h>

enum { FIRST_CAPACITY = 32 };

static void put(struct hash_table *table, struct hash_slot entry)
{
	size_t mask = table->capacity - 1, at = entry.hash & mask;

	while (table->slots[at].entry)
		at = (at + 1) & mask;
	table->slots[at] = entry;
}

/* The old slots are copied to an arena of their own, so that their memory is free afterwards. */
static void grow(struct hash_table *table, struct arena *arena)
{
	size_t before = table->capacity, i;
	struct arena *scratch = arena_new();
	struct hash_slot *old = arena_grow(scratch, table->slots, before, before, sizeof(*old));

	table->capacity = before * 2;
	table->slots = arena_resize(arena, table->slots, before, before * 2, sizeof(*old));
	memset(table->slots, 0, table->capacity * sizeof(*old));
	for (i = 0; i < before; i++)
		if (old[i].entry)
			put(table, old[i]);
	arena_free(scratch);
}

void hash_add(struct hash_table *table, struct arena *arena, uint32_t hash, uint32_t index)
{
	if (!table->capacity) {
		table->capacity = FIRST_CAPACITY;
		table->slots = arena_alloc(arena, FIRST_CAPACITY, sizeof(*table->slots));
	} else if (table->count * 2 >= table->capacity) {
		grow(table, arena);
	}
	put(table, (struct hash_slot){hash, index + 1});
	table->count++;
}

/* Mixes eight bytes at once, since texts can be megabytes. */
uint32_t hash_text(const char *text, size_t length)
{
	uint64_t hash = length, word;

	for (; length >= sizeof(word); text += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = hash_mix(hash, word);
	}
	word = 0;
	if (length)
		memcpy(&word, text, length);
	hash = hash_mix(hash, word);
	return (uint32_t)(hash ^ hash >> 32);
}
