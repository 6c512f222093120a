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

static void grow(struct hash_table *table, struct arena *arena)
{
	struct hash_table larger = {NULL, table->count,
				    table->capacity ? table->capacity * 2 : FIRST_CAPACITY};
	size_t i;

	larger.slots = arena_alloc(arena, larger.capacity, sizeof(*larger.slots));
	for (i = 0; i < table->capacity; i++)
		if (table->slots[i].entry)
			put(&larger, table->slots[i]);
	*table = larger;
}

void hash_add(struct hash_table *table, struct arena *arena, uint32_t hash, uint32_t index)
{
	if (table->count * 2 >= table->capacity)
		grow(table, arena);
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
