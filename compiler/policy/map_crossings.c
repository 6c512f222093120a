/* Finds elements that one packet can match and whose ranges of one key cross: they overlap, and neither holds the
 * other. A sweep along the key, with a heap of the ranges that have begun, finds ranges that cross. Elements are a
 * concern only if their ranges of each later key overlap as well. So where ranges cross, the values of a later key
 * are divided in halves, and these again. A range covers some parts whole, and reaches into the parts around these.
 * Two ranges overlap exactly if there is a part that one covers and the other one covers or reaches into; so the
 * elements of each part are searched, by the keys after this one, for pairs of which at least one covers it. A part
 * that no range covers needs no search. Of COUNT elements this takes about COUNT times the bits of a value, for each
 * later key. */
#include "map_check.h"

#include "compiler/base/arena.h"

/* So few elements are compared in pairs. */
enum { FEW = 8 };

/* An element in a part of the values of each later key; COVERS has bit k if it covers that part of key k. RANGE is that
 * of the key that is being divided or swept: so the elements are read in the order in which they stand. */
struct entry {
	struct range range;
	uint32_t element;
	uint32_t covers;
};

/* A range that has begun, by the value where it ends; the first one to end is at the top. */
struct begun {
	u128 last;
	uint32_t element;
};

struct heap {
	struct begun *items;
	size_t count, capacity;
};

struct crossings {
	struct arena *scratch;
	const struct map *map;
	crossing_found *found;
	void *data;
	bool is_over;
	size_t key;
	uint32_t later_keys;                  /* bits */
	struct heap heaps[1 << MAP_KEYS_MAX]; /* by what their elements cover */
	struct entry *entries;                /* of a part, after those of the parts around it */
	size_t count, capacity;
};

struct crossings *crossings_new(struct arena *scratch, const struct map *map, crossing_found *found,
				void *data)
{
	struct crossings *search = arena_alloc(scratch, 1, sizeof(*search));

	*search = (struct crossings){.scratch = scratch, .map = map, .found = found, .data = data};
	return search;
}

static void add_entry(struct crossings *search, uint32_t element, uint32_t covers,
		      struct range range)
{
	*ARENA_APPEND(search->scratch, search->entries, search->count,
		      search->capacity) = (struct entry){range, element, covers};
}

/* Ranges that cross. */

static void heap_push(struct heap *heap, struct arena *scratch, struct begun item)
{
	size_t at = heap->count;

	*ARENA_APPEND(scratch, heap->items, heap->count, heap->capacity) = item;
	for (; at && heap->items[(at - 1) / 2].last > item.last; at = (at - 1) / 2)
		heap->items[at] = heap->items[(at - 1) / 2];
	heap->items[at] = item;
}

static void heap_pop(struct heap *heap)
{
	struct begun moved = heap->items[--heap->count];
	size_t at = 0, child;

	for (; (child = 2 * at + 1) < heap->count; at = child) {
		if (child + 1 < heap->count &&
		    heap->items[child + 1].last < heap->items[child].last)
			child++;
		if (moved.last <= heap->items[child].last)
			break;
		heap->items[at] = heap->items[child];
	}
	heap->items[at] = moved;
}

/* Gives one of the ranges that have begun before RANGE and end inside it, and so cross it; NULL: there is none. */
static const struct begun *crossed(struct heap *heap, const struct range *range)
{
	while (heap->count && heap->items[0].last < range->first)
		heap_pop(heap);
	return heap->count && heap->items[0].last < range->last ? &heap->items[0] : NULL;
}

/* Finds among the entries [first, end) those that cross another one, where the two together cover WANTED. Returns false
 * once FOUND has. */
static bool sweep(struct crossings *search, size_t first, size_t end, uint32_t wanted,
		  crossing_found *found, void *data)
{
	const struct begun *other;
	uint32_t covers;
	size_t i;

	for (covers = 0; covers < 1 << MAP_KEYS_MAX; covers++)
		search->heaps[covers].count = 0;
	for (i = first; i < end; i++) {
		struct entry entry = search->entries[i];

		for (covers = 0; covers < 1 << MAP_KEYS_MAX; covers++) {
			if ((covers | entry.covers) != wanted)
				continue;
			other = crossed(&search->heaps[covers], &entry.range);
			if (other && !found(data, other->element, entry.element))
				return false;
		}
		heap_push(&search->heaps[entry.covers], search->scratch,
			  (struct begun){entry.range.last, entry.element});
	}
	return true;
}

static bool is_enough(void *data, uint32_t a, uint32_t b)
{
	(void)data;
	(void)a;
	(void)b;
	return false;
}

/* Parts of the values of later keys. */

static bool overlap(const struct range *a, const struct range *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/* Whether two elements are such a pair; the range of A begins first, or both begin together and it is the larger. */
static bool is_pair(const struct crossings *search, uint32_t a, uint32_t b)
{
	const struct range *x = map_key(search->map, a, search->key);
	const struct range *y = map_key(search->map, b, search->key);
	size_t k;

	if (x->last < y->first || x->last >= y->last)
		return false;
	for (k = search->key + 1; k < search->map->key_count; k++)
		if (!overlap(map_key(search->map, a, k), map_key(search->map, b, k)))
			return false;
	return true;
}

static void compare_pairs(struct crossings *search, size_t first, size_t end)
{
	const struct entry *entries = search->entries;
	size_t i, j;

	for (j = first; j < end; j++)
		for (i = first; i < j && !search->is_over; i++)
			if (is_pair(search, entries[i].element, entries[j].element))
				search->is_over = !search->found(search->data, entries[i].element,
								 entries[j].element);
}

/* The part from the first to the last value that any of the elements has in PART. */
static struct range hull_of(const struct crossings *search, size_t first, size_t end,
			    struct range part)
{
	struct range hull = {part.last, part.first};
	size_t i;

	for (i = first; i < end; i++) {
		const struct range *range = &search->entries[i].range;

		if (range->first < hull.first)
			hull.first = range->first;
		if (range->last > hull.last)
			hull.last = range->last;
	}
	return (struct range){hull.first > part.first ? hull.first : part.first,
			      hull.last < part.last ? hull.last : part.last};
}

/* Where the upper half of a part of at least two values begins: a multiple of the largest power of 2. */
static u128 middle_of(struct range part)
{
	u128 differing = part.first ^ part.last, middle = part.last;
	unsigned bit = 0;

	while (differing >>= 1)
		bit++;
	return middle >> bit << bit;
}

static bool covers(const struct range *range, struct range part)
{
	return range->first <= part.first && range->last >= part.last;
}

static void divide(struct crossings *search, size_t first, size_t key, struct range part);

/* Searches the elements that have values in PART but do not cover WHOLE, which holds it. */
static void divide_half(struct crossings *search, size_t first, size_t end, size_t key,
			struct range whole, struct range part)
{
	size_t start = search->count, i;

	for (i = first; i < end; i++) {
		struct entry entry = search->entries[i];

		if (overlap(&entry.range, &part) && !covers(&entry.range, whole))
			add_entry(search, entry.element, entry.covers, entry.range);
	}
	divide(search, start, key, part);
	search->count = start;
}

/* Searches, by the keys after KEY, for pairs of elements of which at least one covers PART. */
static void search_part(struct crossings *search, size_t first, size_t end, size_t key,
			struct range part)
{
	bool is_last = key + 1 == search->map->key_count;
	size_t start = search->count, next = is_last ? search->key : key + 1, i;

	for (i = first; i < end; i++)
		if (covers(&search->entries[i].range, part))
			break;
	if (i == end)
		return;
	for (i = first; i < end; i++) {
		struct entry entry = search->entries[i];

		entry.covers |= covers(&entry.range, part) ? 1u << key : 0;
		add_entry(search, entry.element, entry.covers,
			  *map_key(search->map, entry.element, next));
	}
	if (is_last)
		search->is_over = !sweep(search, start, search->count, search->later_keys,
					 search->found, search->data);
	else
		divide(search, start, next, (struct range){0, ~(u128)0});
	search->count = start;
}

/* Searches the last elements, from FIRST on, all of which have values in PART of the key. */
static void divide(struct crossings *search, size_t first, size_t key, struct range part)
{
	size_t end = search->count;
	u128 middle;

	if (end - first <= FEW || search->is_over) {
		compare_pairs(search, first, end);
		return;
	}
	part = hull_of(search, first, end, part);
	search_part(search, first, end, key, part);
	if (part.first == part.last)
		return;
	middle = middle_of(part);
	divide_half(search, first, end, key, part, (struct range){part.first, middle - 1});
	divide_half(search, first, end, key, part, (struct range){middle, part.last});
}

void find_crossings(struct crossings *search, const uint32_t *elements, size_t count, size_t key)
{
	size_t i;

	search->key = key;
	search->later_keys = 0;
	for (i = key + 1; i < search->map->key_count; i++)
		search->later_keys |= 1u << i;
	search->count = 0;
	for (i = 0; i < count; i++)
		add_entry(search, elements[i], 0, *map_key(search->map, elements[i], key));
	if (count <= FEW)
		compare_pairs(search, 0, count);
	else if (!search->later_keys)
		search->is_over = !sweep(search, 0, count, 0, search->found, search->data);
	else if (!sweep(search, 0, count, 0, is_enough, NULL)) {
		for (i = 0; i < count; i++)
			search->entries[i].range = *map_key(search->map, elements[i], key + 1);
		divide(search, 0, key + 1, (struct range){0, ~(u128)0});
	}
}
