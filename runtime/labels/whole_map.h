/* Reads a whole hash map of the kernel. */
#ifndef SKLC_WHOLE_MAP_H
#define SKLC_WHOLE_MAP_H

#include <stddef.h>

/* Arrays; the caller frees both. */
struct whole_map {
	void *keys, *values;
	size_t count;
};

/* Reads a hash map that others may be changing, without a key twice or one left out that stays there
 * meanwhile. MAX is how many entries the map has room for. -errno without a message. */
int whole_map_read(int map, size_t key_size, size_t value_size, size_t max,
		   struct whole_map *whole);
void whole_map_free(struct whole_map *whole);

#endif
