/* Reads by batches (Linux 5.6), which go on by the number of a bucket. A walk from key to key would begin
 * again at the first one where somebody removes the key that it stands at. */
#include "whole_map.h"

#include "runtime/base/fail.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>

void whole_map_free(struct whole_map *whole)
{
	free(whole->keys);
	free(whole->values);
	*whole = (struct whole_map){0};
}

/* Reads until the kernel says ENOENT, at the last bucket. It reads no bucket in part, so without an
 * error there is progress. */
static int read_all(int map, size_t key_size, size_t value_size, size_t max,
		    struct whole_map *whole)
{
	uint32_t bucket, *from = NULL;

	while (whole->count < max) {
		uint32_t count = (uint32_t)(max - whole->count);
		int err = bpf_map_lookup_batch(
			map, from, &bucket, (char *)whole->keys + whole->count * key_size,
			(char *)whole->values + whole->count * value_size, &count, NULL);

		if (err && err != -ENOENT)
			return err;
		whole->count += count;
		if (err)
			return 0;
		from = &bucket;
	}
	return -E2BIG;
}

int whole_map_read(int map, size_t key_size, size_t value_size, size_t max, struct whole_map *whole)
{
	int err;

	/* One more, and others may come to buckets that are not read yet while some that were go. */
	max += max / 8 + 1;
	*whole = (struct whole_map){.keys = calloc(max, key_size),
				    .values = calloc(max, value_size)};
	err = whole->keys && whole->values ? read_all(map, key_size, value_size, max, whole)
					   : -ENOMEM;
	if (err)
		whole_map_free(whole);
	return err;
}
