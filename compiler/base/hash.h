/* A hash table from the hash of a thing to its index. The owner keeps the things in an array of its own and
 * compares their keys. Open addressing, at most half full. */
#ifndef SKLC_BASE_HASH_H
#define SKLC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct arena;

struct hash_slot {
	uint32_t hash;
	uint32_t entry; /* index + 1; 0 where the slot is free */
};

/* All zero is an empty table. */
struct hash_table {
	struct hash_slot *slots;
	size_t count, capacity; /* the capacity is 0 or a power of two */
};

/* Adds an entry, whether or not there are others of this hash. */
void hash_add(struct hash_table *table, struct arena *arena, uint32_t hash, uint32_t index);

/* The first slot from AT on that has this hash or is free. */
static inline const struct hash_slot *hash_probe(const struct hash_table *table, size_t at,
						 uint32_t hash)
{
	static const struct hash_slot free_slot;
	const struct hash_slot *slot;

	if (!table->capacity)
		return &free_slot;
	do
		slot = &table->slots[at++ & (table->capacity - 1)];
	while (slot->entry && slot->hash != hash);
	return slot;
}

/* The entries that have this hash:
 *     for (slot = hash_first(table, hash); slot->entry; slot = hash_next(table, slot)) */
static inline const struct hash_slot *hash_first(const struct hash_table *table, uint32_t hash)
{
	return hash_probe(table, hash, hash);
}

static inline const struct hash_slot *hash_next(const struct hash_table *table,
						const struct hash_slot *slot)
{
	return hash_probe(table, (size_t)(slot - table->slots) + 1, slot->hash);
}

/* Mixes one more part of a key into the hash of the parts before it. */
static inline uint64_t hash_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* The hash of a key that is a text. */
uint32_t hash_text(const char *text, size_t length);

#endif
