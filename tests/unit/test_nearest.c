/* The nearest word of a list, compared with a search through all edits. */
#include "compiler/base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_nearest(const char *word, const char *expected)
{
	static const char *const words[] = {"daddr",    "dport",  "saddr",   "sport",
					    "redirect", "accept", "drop",    "continue",
					    "tcp",      "udp",    "iifname", "pass"};
	const char *found = nearest_word(word, strlen(word), words, sizeof(words) / sizeof(*words));

	if (expected)
		assert_string_equal(found, expected);
	else
		assert_null(found);
}

static void the_nearest_word_is_found_or_none_if_all_are_far(void **state)
{
	(void)state;
	expect_nearest("dprt", "dport");
	expect_nearest("dprot", "dport");
	expect_nearest("acept", "accept");
	expect_nearest("DPORT", "dport");
	expect_nearest("redirct", "redirect");
	expect_nearest("iffname", "iifname");
	expect_nearest("tpc", "tcp");
	expect_nearest("udpp", "udp");
	expect_nearest("tc", "tcp");
	expect_nearest("x", NULL);
	expect_nearest("", NULL);
	expect_nearest("firewall", NULL);
	expect_nearest("xxport", "dport");
	expect_nearest(
		"a-word-that-is-far-longer-than-any-name-can-be-and-longer-than-any-table-holds",
		NULL);
}

/* The fewest edits that turn A into B, or LIMIT + 1 if they are more than LIMIT. Tries all edits,
 * so words must be short. */
static unsigned fewest_edits(const char *a, const char *b, unsigned limit)
{
	unsigned best, edits;
	char changed[16];
	size_t length = strlen(a), i, j;

	if (!strcmp(a, b))
		return 0;
	best = limit + 1;
	if (!limit)
		return best;
	for (i = 0; i <= length; i++) {
		for (j = 0; j < 2 + 2 * strlen(b); j++) {
			strcpy(changed, a);
			if (j == 0 && i < length) {
				memmove(changed + i, changed + i + 1, length - i);
			} else if (j == 1 && i + 1 < length) {
				changed[i] = a[i + 1];
				changed[i + 1] = a[i];
			} else if (j > 1 && j % 2 == 0) {
				memmove(changed + i + 1, changed + i, length - i + 1);
				changed[i] = b[j / 2 - 1];
			} else if (j > 1 && i < length) {
				changed[i] = b[j / 2 - 1];
			}
			edits = 1 + fewest_edits(changed, b, limit - 1);
			if (edits < best)
				best = edits;
		}
	}
	return best;
}

static void a_word_is_near_if_few_edits_make_it(void **state)
{
	char a[8], b[8];
	const char *const words[] = {b};
	unsigned limit, near;
	size_t i, length;
	int round;

	(void)state;
	srand(4);
	for (round = 0; round < 6000; round++) {
		length = 3 + (size_t)rand() % 4;
		for (i = 0; i < length; i++)
			a[i] = (char)('a' + rand() % 3);
		a[length] = '\0';
		limit = length == 6 ? 2 : 1;
		length = length - 1 + (size_t)rand() % 3;
		for (i = 0; i < length; i++)
			b[i] = (char)('a' + rand() % 3);
		b[length] = '\0';
		near = fewest_edits(a, b, limit);
		if ((near <= limit) != (nearest_word(a, strlen(a), words, 1) != NULL))
			fail_msg("'%s' and '%s': %u", a, b, near);
	}
}

/* The distance is the unrestricted one of Damerau and Levenshtein: from "ca" to "abc" it is 2
 * (swap, then insert between the two), not 3. */
static void a_letter_may_be_inserted_between_swapped_ones(void **state)
{
	static const char *const words[] = {"xxabcyy"};

	(void)state;
	assert_non_null(nearest_word("xxcayy", 6, words, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_word_is_found_or_none_if_all_are_far),
		cmocka_unit_test(a_word_is_near_if_few_edits_make_it),
		cmocka_unit_test(a_letter_may_be_inserted_between_swapped_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
