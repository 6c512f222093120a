/* Checks that the most specific key of a map is always one: sorts the elements, so that those that a
 * value encloses follow it, and walks them once. Values of a field must be apart or one inside the
 * other, among the elements that agree in the fields before it. */
#include "ast_to_policy.h"

#include "compiler/base/lower_bound.h"
#include "compiler/base/sort.h"

#include <stdlib.h>

/* An element, and a number in whose order its family and first key come. */
struct spot {
	u128 order;
	uint32_t element;
};

struct check {
	struct translation *t;
	const struct map *map;
	struct arena *scratch;
	struct spot *spots;
	uint32_t *enclosing[MAP_KEYS_MAX]; /* a stack of spots for each key */
};

static const struct range *key_of(const struct check *check, uint32_t element, size_t k)
{
	return &check->map->keys[element * check->map->key_count + k];
}

/* IPv6 after IPv4; of an IPv6 address all but the last bit. */
static u128 order_of(const struct check *check, uint32_t element)
{
	u128 is_six = check->map->elements[element].families == 1 << FAMILY_IPV6;
	u128 first = key_of(check, element, 0)->first;

	return is_six << 127 | first >> is_six;
}

/* Of spots with one order number: by each key's start, where they start together the larger one first. */
static int compare_spots(const void *a, const void *b, void *data)
{
	const struct spot *left = a, *right = b;
	const struct check *check = data;
	const struct range *x = key_of(check, left->element, 0);
	const struct range *y = key_of(check, right->element, 0);
	size_t k;

	for (k = 0; k < check->map->key_count; k++) {
		if (x[k].first != y[k].first)
			return x[k].first < y[k].first ? -1 : 1;
		if (x[k].last != y[k].last)
			return x[k].last > y[k].last ? -1 : 1;
	}
	return left->element < right->element ? -1 : left->element > right->element;
}

static void sort_spots(struct check *check, size_t count)
{
	size_t first = 0, end;

	sort_by_key(check->spots, count, sizeof(*check->spots));
	for (; first < count; first = end) {
		for (end = first + 1; end < count; end++)
			if (check->spots[end].order != check->spots[first].order)
				break;
		if (end - first > 1)
			qsort_r(check->spots + first, end - first, sizeof(*check->spots),
				compare_spots, check);
	}
}

/* Reports the element that was written later, and shows the other. */
static void report(struct check *check, size_t a, size_t b, const char *message, const char *note)
{
	uint32_t first = check->spots[a].element, second = check->spots[b].element, swap;

	if (first > second) {
		swap = first;
		first = second;
		second = swap;
	}
	diag_error(check->t->diag, map_element_span(&check->map->elements[second]), "%s", message);
	diag_note(check->t->diag, map_element_span(&check->map->elements[first]), "%s", note);
}

static bool same_key(const struct check *check, size_t a, size_t b, size_t k)
{
	const struct range *x = key_of(check, check->spots[a].element, k);
	const struct range *y = key_of(check, check->spots[b].element, k);

	return x->first == y->first && x->last == y->last;
}

static void check_same(struct check *check, size_t first, size_t end)
{
	size_t i;

	for (i = first + 1; i < end && !diag_is_full(check->t->diag); i++)
		report(check, first, i, "a second verdict for one key", "the first one is here");
}

/* Pushes a value on the stack of those that enclose it; reports one that it only overlaps. */
static void enclose(struct check *check, size_t k, size_t *depth, size_t spot)
{
	const struct range *key = key_of(check, check->spots[spot].element, k), *outer;
	uint32_t *stack = check->enclosing[k];

	for (; *depth; --*depth) {
		outer = key_of(check, check->spots[stack[*depth - 1]].element, k);
		if (key->first > outer->last)
			continue;
		if (key->last > outer->last)
			report(check, stack[*depth - 1], spot,
			       "the key overlaps another without being inside it, so neither is "
			       "the "
			       "more specific one",
			       "the other one is here");
		break;
	}
	stack[(*depth)++] = (uint32_t)spot;
}

/* The spots [first, end) agree in the keys before K. */
static void check_keys(struct check *check, size_t first, size_t end, size_t k)
{
	size_t depth = 0, next;

	if (k == check->map->key_count) {
		check_same(check, first, end);
		return;
	}
	for (; first < end && !diag_is_full(check->t->diag); first = next) {
		enclose(check, k, &depth, first);
		for (next = first + 1; next < end && same_key(check, first, next, k); next++)
			;
		if (next - first > 1)
			check_keys(check, first, next, k + 1);
	}
}

void check_map(struct translation *t, const struct map *map)
{
	struct check check = {.t = t, .map = map, .scratch = arena_new()};
	size_t count = map->element_count, split, k;
	uint32_t i;

	check.spots = arena_alloc(check.scratch, count, sizeof(*check.spots));
	for (i = 0; i < count; i++)
		check.spots[i] = (struct spot){order_of(&check, i), i};
	for (k = 0; k < map->key_count; k++)
		check.enclosing[k] = arena_alloc(check.scratch, count, sizeof(uint32_t));
	sort_spots(&check, count);
	split = LOWER_BOUND(spot, 0, count, check.spots[spot].order >> 127);
	check_keys(&check, 0, split, 0);
	check_keys(&check, split, count, 0);
	arena_free(check.scratch);
}
