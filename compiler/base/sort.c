/* A radix sort from the highest byte that differs between keys: it looks at no byte of a key twice, so a
 * million prefixes take a few passes. */
#include "sort.h"

#include "net.h"

#include <stdlib.h>
#include <string.h>

enum { SMALL_SORT = 24, BUCKETS = 256, ITEM_WORDS_MAX = 2 };

/* Items are moved by words, whatever the types of their members. An item has one or two, which is known here so that
 * moving one takes no call of memmove. */
typedef u128 __attribute__((may_alias)) word;

struct item {
	word words[ITEM_WORDS_MAX];
};

static void move(word *to, const word *from, size_t width)
{
	to[0] = from[0];
	if (width == ITEM_WORDS_MAX)
		to[1] = from[1];
}

static void sort_small(word *items, size_t count, size_t width)
{
	struct item moving = {0};
	size_t i, j;

	for (i = 1; i < count; i++) {
		move(moving.words, items + i * width, width);
		for (j = i; j && items[(j - 1) * width] > moving.words[0]; j--)
			move(items + j * width, items + (j - 1) * width, width);
		move(items + j * width, moving.words, width);
	}
}

/* Puts each item into the bucket of its byte at SHIFT; bucket b ends at ends[b]. */
static void sort_buckets(word *items, size_t count, size_t width, unsigned shift,
			 size_t ends[BUCKETS])
{
	size_t heads[BUCKETS], sum = 0, i;
	struct item moving = {0}, swapped = {0};
	unsigned bucket, from;

	memset(ends, 0, BUCKETS * sizeof(*ends));
	for (i = 0; i < count; i++)
		ends[(uint8_t)(items[i * width] >> shift)]++;
	for (bucket = 0; bucket < BUCKETS; bucket++) {
		heads[bucket] = sum;
		sum += ends[bucket];
		ends[bucket] = sum;
	}
	for (from = 0; from < BUCKETS; from++) {
		while (heads[from] < ends[from]) {
			move(moving.words, items + heads[from] * width, width);
			while ((bucket = (uint8_t)(moving.words[0] >> shift)) != from) {
				word *head = items + heads[bucket]++ * width;

				move(swapped.words, head, width);
				move(head, moving.words, width);
				move(moving.words, swapped.words, width);
			}
			move(items + heads[from]++ * width, moving.words, width);
		}
	}
}

static void sort_words(word *items, size_t count, size_t width)
{
	size_t ends[BUCKETS], start = 0;
	unsigned shift = 120, bucket;
	u128 differing = 0;
	size_t i;

	if (count <= SMALL_SORT) {
		sort_small(items, count, width);
		return;
	}
	for (i = 1; i < count; i++)
		differing |= items[i * width] ^ items[0];
	if (!differing)
		return;
	while (!(differing >> shift))
		shift -= 8;
	sort_buckets(items, count, width, shift, ends);
	for (bucket = 0; bucket < BUCKETS; start = ends[bucket++])
		if (ends[bucket] - start > 1)
			sort_words(items + start * width, ends[bucket] - start, width);
}

void sort_by_key(void *items, size_t count, size_t size)
{
	sort_words(items, count, size / sizeof(word));
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

	return first < second ? -1 : first > second;
}

void sort_numbers(uint32_t *numbers, size_t count)
{
	if (count)
		qsort(numbers, count, sizeof(*numbers), compare_numbers);
}
