/* Sorting by a key of 128 bits, and binary search in what was sorted. */
#include "compiler/base/lower_bound.h"
#include "compiler/base/net.h"
#include "compiler/base/sort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS_MAX = 3000 };

/* A key of few or many bits, so that some are equal and some differ only in the highest bytes. */
static u128 random_key(unsigned round)
{
	u128 key = (u128)(unsigned)rand() << 97 | (u128)(unsigned)rand() << 50 | (unsigned)rand();

	return round % 3 == 0 ? key : round % 3 == 1 ? key >> 120 : key >> 120 << 120;
}

static void items_are_sorted_with_all_of_their_bytes(void **state)
{
	static struct range items[ITEMS_MAX];
	static u128 keys[ITEMS_MAX];
	unsigned round;

	(void)state;
	srand(1);
	for (round = 0; round < 60; round++) {
		size_t count = round % 2 ? (size_t)rand() % 40 : (size_t)rand() % ITEMS_MAX, i;
		u128 sum = 0, sorted_sum = 0;

		for (i = 0; i < count; i++) {
			keys[i] = random_key(round);
			items[i] = (struct range){keys[i], keys[i] ^ 0x5555};
			sum += keys[i];
		}
		sort_by_key(items, count, sizeof(*items));
		sort_by_key(keys, count, sizeof(*keys));
		for (i = 0; i < count; i++) {
			assert_true(!i || items[i - 1].first <= items[i].first);
			assert_true(items[i].last == (items[i].first ^ 0x5555));
			assert_true(items[i].first == keys[i]);
			sorted_sum += keys[i];
		}
		assert_true(sorted_sum == sum);
	}
}

static void numbers_are_sorted_in_ascending_order(void **state)
{
	uint32_t numbers[] = {3, UINT32_MAX, 0, 7, 7, 1};
	const uint32_t expected[] = {0, 1, 3, 7, 7, UINT32_MAX};

	(void)state;
	sort_numbers(numbers, sizeof(numbers) / sizeof(*numbers));
	assert_memory_equal(numbers, expected, sizeof(expected));
	sort_numbers(NULL, 0);
}

static void the_lower_bound_is_the_first_index_where_the_condition_holds(void **state)
{
	size_t count, from;

	(void)state;
	for (count = 0; count < 20; count++)
		for (from = 0; from <= count + 1; from++)
			assert_int_equal(LOWER_BOUND(i, 0, count, i >= from),
					 from < count ? from : count);
	assert_int_equal(LOWER_BOUND(i, 5, count, i >= 2), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_sorted_with_all_of_their_bytes),
		cmocka_unit_test(numbers_are_sorted_in_ascending_order),
		cmocka_unit_test(the_lower_bound_is_the_first_index_where_the_condition_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
