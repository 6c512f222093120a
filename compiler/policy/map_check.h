/* What map_check.c and map_crossings.c need of each other. */
#ifndef SKLC_POLICY_MAP_CHECK_H
#define SKLC_POLICY_MAP_CHECK_H

#include "policy.h"

#include <stdbool.h>

struct arena;
struct crossings;

static inline const struct range *map_key(const struct map *map, uint32_t element, size_t key)
{
	return &map->keys[element * map->key_count + key];
}

/* Is called for two elements that one packet can match and whose ranges of a key overlap without one holding the
 * other. Returns false to end the search. */
typedef bool crossing_found(void *data, uint32_t a, uint32_t b);

/* A search in a map. Its memory is in SCRATCH. */
struct crossings *crossings_new(struct arena *scratch, const struct map *map, crossing_found *found,
				void *data);

/* Searches among COUNT elements for such pairs, by the range of KEY. The elements are sorted by the first value of
 * that range, of those with the same one the larger range first. Finds one of the pairs of each element that has some,
 * at least. */
void find_crossings(struct crossings *search, const uint32_t *elements, size_t count, size_t key);

#endif
