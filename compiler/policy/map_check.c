/* Checks that each packet has one most specific element in a map: of elements that agree in the keys before,
 * two values of a key must be disjoint or one inside the other. Sorts the elements so that values follow those
 * that enclose them, then walks the elements once. */
#include "ast_to_policy.h"

#include "compiler/base/lower_bound.h"
#include "compiler/base/sort.h"

#include <stdlib.h>

/* An element, and a number that sorts elements by family and first key. */
struct sorted_element {
	u128 order;
	uint32_t element;
};

struct check {
	struct translation *t;
	const struct map *map;
	struct arena *scratch;
	struct sorted_element *sorted;
	uint32_t *enclosing[MAP_KEYS_MAX]; /* for each key, a stack of indices into sorted */
};

static const struct range *key_of(const struct check *check, uint32_t element, size_t k)
{
	return &check->map->keys[element * check->map->key_count + k];
}

/* IPv6 comes after IPv4. The last bit of an IPv6 address is left out to make room for that. */
static u128 order_of(const struct check *check, uint32_t element)
{
	u128 is_six = check->map->elements[element].families == 1 << FAMILY_IPV6;
	u128 first = key_of(check, element, 0)->first;

	return is_six << 127 | first >> is_six;
}

/* Compares elements with the same order number: by the start of each key; where keys start together, the larger
 * one first. */
static int compare_elements(const void *a, const void *b, void *data)
{
	const struct sorted_element *left = a, *right = b;
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

static void sort_elements(struct check *check, size_t count)
{
	size_t first = 0, end;

	sort_by_key(check->sorted, count, sizeof(*check->sorted));
	for (; first < count; first = end) {
		for (end = first + 1; end < count; end++)
			if (check->sorted[end].order != check->sorted[first].order)
				break;
		if (end - first > 1)
			qsort_r(check->sorted + first, end - first, sizeof(*check->sorted),
				compare_elements, check);
	}
}

/* Reports whichever element is later in the rules, with a note about the other. */
static void report(struct check *check, size_t a, size_t b, const char *message, const char *note)
{
	uint32_t first = check->sorted[a].element, second = check->sorted[b].element, swap;

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
	const struct range *x = key_of(check, check->sorted[a].element, k);
	const struct range *y = key_of(check, check->sorted[b].element, k);

	return x->first == y->first && x->last == y->last;
}

static void check_same(struct check *check, size_t first, size_t end)
{
	size_t i;

	for (i = first + 1; i < end && !diag_is_full(check->t->diag); i++)
		report(check, first, i, "a second verdict for one key", "the first one is here");
}

/* Pushes a value on the stack of values that enclose it; reports a value that overlaps another only in part. */
static void enclose(struct check *check, size_t k, size_t *depth, size_t index)
{
	const struct range *key = key_of(check, check->sorted[index].element, k), *outer;
	uint32_t *stack = check->enclosing[k];

	for (; *depth; --*depth) {
		outer = key_of(check, check->sorted[stack[*depth - 1]].element, k);
		if (key->first > outer->last)
			continue;
		if (key->last > outer->last)
			report(check, stack[*depth - 1], index,
			       "the key overlaps another without being inside it, so neither is "
			       "the "
			       "more specific one",
			       "the other one is here");
		break;
	}
	stack[(*depth)++] = (uint32_t)index;
}

/* Checks the sorted elements [first, end), which agree in the keys before K. */
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

	check.sorted = arena_alloc(check.scratch, count, sizeof(*check.sorted));
	for (i = 0; i < count; i++)
		check.sorted[i] = (struct sorted_element){order_of(&check, i), i};
	for (k = 0; k < map->key_count; k++)
		check.enclosing[k] = arena_alloc(check.scratch, count, sizeof(uint32_t));
	sort_elements(&check, count);
	split = LOWER_BOUND(e, 0, count, check.sorted[e].order >> 127);
	check_keys(&check, 0, split, 0);
	check_keys(&check, split, count, 0);
	arena_free(check.scratch);
}
