/* Checks that each packet has one element of a map that wins. Of two elements that one packet can match, that one
 * wins which at the first key in which they differ has the range that lies inside the other's; it is an error if
 * neither does. So no two elements have the same keys, and of elements that agree in the keys before a key, no two
 * that one packet can match have ranges of this key that cross. Sorts the elements so that those that agree in some
 * keys stand together. */
#include "map_check.h"

#include "ast_to_policy.h"
#include "compiler/base/sort.h"

#include <stdlib.h>

/* An element, and the number by which it is being sorted. */
struct sorted_element {
	u128 order;
	uint32_t element;
};

struct check {
	struct translation *t;
	const struct map *map;
	struct sorted_element *sorted;
	uint32_t *elements; /* as sorted */
	bool *is_reported;
	struct crossings *crossings;
	size_t key; /* whose ranges are searched for crossings */
};

/* So few elements are sorted by comparing them. */
enum { FEW = 64 };

static bool is_six(const struct check *check, uint32_t element)
{
	return check->map->elements[element].families == 1 << FAMILY_IPV6;
}

/* IPv6 comes after IPv4. The last bit of an IPv6 address is left out to make room for that. */
static u128 order_of(const struct check *check, uint32_t element)
{
	u128 six = is_six(check, element);

	return six << 127 | map_key(check->map, element, 0)->first >> six;
}

/* Compares elements of one family: by the start of each key; where keys start together, the larger one first. */
static int compare_elements(const void *a, const void *b, void *data)
{
	const struct sorted_element *left = a, *right = b;
	const struct check *check = data;
	const struct range *x = map_key(check->map, left->element, 0);
	const struct range *y = map_key(check->map, right->element, 0);
	size_t k;

	for (k = 0; k < check->map->key_count; k++) {
		if (x[k].first != y[k].first)
			return x[k].first < y[k].first ? -1 : 1;
		if (x[k].last != y[k].last)
			return x[k].last > y[k].last ? -1 : 1;
	}
	return left->element < right->element ? -1 : left->element > right->element;
}

/* The first elements of [first, end) that have the same order as the first one end here. */
static size_t run_end(const struct check *check, size_t first, size_t end)
{
	size_t at = first + 1;

	while (at < end && check->sorted[at].order == check->sorted[first].order)
		at++;
	return at;
}

/* Sorts elements that compare_elements does not tell apart by the first PLACE numbers that it compares. */
static void sort_by_place(struct check *check, size_t first, size_t end, size_t place)
{
	const struct range *range;
	size_t i;

	if (end - first <= FEW || place == 2 * check->map->key_count) {
		if (end - first > 1)
			qsort_r(check->sorted + first, end - first, sizeof(*check->sorted),
				compare_elements, check);
		return;
	}
	for (i = first; i < end; i++) {
		range = map_key(check->map, check->sorted[i].element, place / 2);
		check->sorted[i].order = place % 2 ? ~range->last : range->first;
	}
	sort_by_key(check->sorted + first, end - first, sizeof(*check->sorted));
	for (; first < end; first = i) {
		i = run_end(check, first, end);
		sort_by_place(check, first, i, place + 1);
	}
}

static void sort_elements(struct check *check, size_t count)
{
	size_t first = 0, end;
	uint32_t i;

	for (i = 0; i < count; i++)
		check->sorted[i] = (struct sorted_element){order_of(check, i), i};
	sort_by_key(check->sorted, count, sizeof(*check->sorted));
	for (; first < count; first = end) {
		end = run_end(check, first, count);
		sort_by_place(check, first, end, 0);
	}
	for (i = 0; i < count; i++)
		check->elements[i] = check->sorted[i].element;
}

/* Reports whichever element is later in the rules, with a note about the other. An element is reported once. */
static void report(struct check *check, uint32_t first, uint32_t second, const char *message,
		   const char *note)
{
	uint32_t swap;

	if (first > second) {
		swap = first;
		first = second;
		second = swap;
	}
	if (check->is_reported[second])
		return;
	check->is_reported[second] = true;
	diag_error(check->t->diag, map_element_span(&check->map->elements[second]), "%s", message);
	diag_note(check->t->diag, map_element_span(&check->map->elements[first]), "%s", note);
}

static bool report_crossing(void *data, uint32_t a, uint32_t b)
{
	struct check *check = data;
	const char *message = "the key overlaps another without being inside it, so neither is the "
			      "more specific one";

	if (check->map->key_count > 1)
		message = arena_printf(check->t->arena,
				       "key %zu overlaps that of another element without being "
				       "inside it, and a packet can match both, so neither wins",
				       check->key + 1);
	report(check, a, b, message, "the other one is here");
	return !diag_is_full(check->t->diag);
}

static bool same_key(const struct check *check, size_t a, size_t b, size_t k)
{
	const struct range *x = map_key(check->map, check->elements[a], k);
	const struct range *y = map_key(check->map, check->elements[b], k);

	return x->first == y->first && x->last == y->last;
}

static void check_same(struct check *check, size_t first, size_t end)
{
	size_t i;

	for (i = first + 1; i < end && !diag_is_full(check->t->diag); i++)
		report(check, check->elements[first], check->elements[i],
		       "a second verdict for one key", "the first one is here");
}

/* Checks the sorted elements [first, end), which agree in the keys before K. */
static void check_keys(struct check *check, size_t first, size_t end, size_t k)
{
	size_t next;

	if (k == check->map->key_count) {
		check_same(check, first, end);
		return;
	}
	check->key = k;
	find_crossings(check->crossings, check->elements + first, end - first, k);
	for (; first < end && !diag_is_full(check->t->diag); first = next) {
		for (next = first + 1; next < end && same_key(check, first, next, k); next++)
			;
		if (next - first > 1)
			check_keys(check, first, next, k + 1);
	}
}

void check_map(struct translation *t, const struct map *map)
{
	size_t count = map->element_count, four = 0, i;
	struct arena *scratch = arena_new();
	struct check check = {.t = t, .map = map};

	check.sorted = arena_alloc(scratch, count, sizeof(*check.sorted));
	check.elements = arena_alloc(scratch, count, sizeof(*check.elements));
	check.is_reported = arena_alloc(scratch, count, sizeof(*check.is_reported));
	check.crossings = crossings_new(scratch, map, report_crossing, &check);
	sort_elements(&check, count);
	for (i = 0; i < count; i++)
		four += !is_six(&check, (uint32_t)i);
	check_keys(&check, 0, four, 0);
	check_keys(&check, four, count, 0);
	arena_free(scratch);
}
