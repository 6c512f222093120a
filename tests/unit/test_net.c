/* Addresses, ranges and sets of ranges; sets are compared with a bitmap. */
#include "compiler/base/arena.h"
#include "compiler/base/range_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

enum { SPACE = 512, MANY = 1000000 };

static bool same_ranges(struct range_set a, struct range_set b)
{
	size_t i;

	if (a.count != b.count)
		return false;
	for (i = 0; i < a.count; i++)
		if (a.ranges[i].first != b.ranges[i].first || a.ranges[i].last != b.ranges[i].last)
			return false;
	return true;
}

static void expect_address(const char *text, enum family family, const char *written)
{
	char reason[ADDRESS_REASON] = "", out[ADDRESS_TEXT];
	enum family found;
	u128 value;

	if (!address_parse(text, strlen(text), &found, &value, reason))
		fail_msg("'%s' refused: %s", text, reason);
	assert_int_equal(found, family);
	address_format(family, value, out);
	assert_string_equal(out, written);
}

static void expect_refusal(const char *text, const char *expected)
{
	char reason[ADDRESS_REASON] = "";
	enum family family;
	u128 value;

	assert_false(address_parse(text, strlen(text), &family, &value, reason));
	assert_string_equal(reason, expected);
}

static void addresses_are_read_and_written_in_their_short_form(void **state)
{
	(void)state;
	expect_address("192.0.2.1", FAMILY_IPV4, "192.0.2.1");
	expect_address("0.0.0.0", FAMILY_IPV4, "0.0.0.0");
	expect_address("255.255.255.255", FAMILY_IPV4, "255.255.255.255");
	expect_address("2001:DB8:0:0:0:0:0:1", FAMILY_IPV6, "2001:db8::1");
	expect_address("2001:db8:0:1:1:1:1:1", FAMILY_IPV6, "2001:db8:0:1:1:1:1:1");
	expect_address("2001:0:0:1:0:0:0:1", FAMILY_IPV6, "2001:0:0:1::1");
	expect_address("2001:db8:0:0:1:0:0:1", FAMILY_IPV6, "2001:db8::1:0:0:1");
	expect_address("1:2:3:4:5:6:7::", FAMILY_IPV6, "1:2:3:4:5:6:7:0");
	expect_address("::2:3:4:5:6:7:8", FAMILY_IPV6, "0:2:3:4:5:6:7:8");
	expect_address("::", FAMILY_IPV6, "::");
	expect_address("::1", FAMILY_IPV6, "::1");
	expect_address("1::", FAMILY_IPV6, "1::");
	expect_address("64:ff9b::192.0.2.33", FAMILY_IPV6, "64:ff9b::c000:221");
	expect_address("::192.0.2.33", FAMILY_IPV6, "::c000:221");
	expect_address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", FAMILY_IPV6,
		       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void a_refused_address_says_what_is_wrong(void **state)
{
	(void)state;
	expect_refusal("10.0.0.256", "octet 256 is larger than 255");
	expect_refusal("99999999999999999999.0.0.0",
		       "octet 99999999999999999999 is larger than 255");
	expect_refusal("010.0.0.1", "'010' has a leading zero");
	expect_refusal("1.2.3", "only 3 of 4 octets");
	expect_refusal("", "an octet is missing");
	expect_refusal("1.2.3.4.5", "more than 4 octets");
	expect_refusal("1..3.4", "an octet is missing");
	expect_refusal("1.2.3.", "an octet is missing");
	expect_refusal("1.2.x.4", "'x' is not a digit");
	expect_refusal("1.2.3.4x", "'x' is not a digit");
	expect_refusal("::ffff:192.0.2.1", "it is an IPv4 one; write '192.0.2.1'");
	expect_refusal("::ffff:c000:201", "it is an IPv4 one; write '192.0.2.1'");
	expect_refusal("1:2:3:4:5:6:7", "only 7 of 8 groups, and no '::'");
	expect_refusal("1:2:3:4:5:6:7:8:9", "more than 8 groups");
	expect_refusal("1:2:3:4:5:6:7:1.2.3.4", "more than 8 groups");
	expect_refusal("1::2::3", "'::' stands twice");
	expect_refusal("1:2:3:4::5:6:7:8", "'::' stands for no group: there are 8 already");
	expect_refusal("12345::", "group '12345' has more than 4 digits");
	expect_refusal("1:g::", "'g' is not a hexadecimal digit");
	expect_refusal("1::2x", "'x' is not a hexadecimal digit");
	expect_refusal(":", "a group is missing beside a ':'");
	expect_refusal(":1::", "a group is missing beside a ':'");
	expect_refusal(":::", "a group is missing beside a ':'");
	expect_refusal("1:2:", "it ends in a lone ':'");
	expect_refusal("fe80::1%eth0", "zone '%eth0' has no meaning in a rule");
	expect_refusal("64:ff9b::192.0.2.333", "octet 333 is larger than 255");
}

static u128 of_bytes(const unsigned char bytes[16])
{
	u128 value = 0;
	int i;

	for (i = 0; i < 16; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* Random text, made of the characters of addresses, is read by this code and by the C library. */
static void reading_agrees_with_inet_pton_on_any_text(void **state)
{
	static const char *const pieces[] = {"::",  ":",  ".", "0",    "1", "ff",
					     "192", "25", "6", "abcd", "00"};
	unsigned char bytes[16];
	char text[256], reason[ADDRESS_REASON], out[ADDRESS_TEXT];
	int round, count, known;
	enum family family;
	bool ours;
	u128 value;

	(void)state;
	srand(1);
	for (round = 0; round < 300000; round++) {
		text[0] = '\0';
		for (count = rand() % 18; count >= 0; count--)
			strcat(text, pieces[(size_t)rand() % (sizeof(pieces) / sizeof(*pieces))]);
		ours = address_parse(text, strlen(text), &family, &value, reason);
		memset(bytes, 0, sizeof(bytes));
		known = inet_pton(family == FAMILY_IPV6 ? AF_INET6 : AF_INET, text,
				  family == FAMILY_IPV6 ? bytes : bytes + 12);
		if (known && family == FAMILY_IPV6 && address_is_mapped(of_bytes(bytes)))
			known = 0;
		if (known != ours)
			fail_msg("'%s': inet_pton %d, reason %s", text, known, reason);
		if (!ours)
			continue;
		assert_true(value == of_bytes(bytes));
		address_format(family, value, out);
		assert_true(address_parse(out, strlen(out), &family, &value, reason));
		assert_true(value == of_bytes(bytes));
	}
}

static void expect_range(enum family family, u128 first, u128 last, const char *text)
{
	char out[RANGE_TEXT];

	address_range_format(family, (struct range){first, last}, out);
	assert_string_equal(out, text);
}

static void a_range_is_written_as_a_prefix_where_it_is_one(void **state)
{
	char out[RANGE_TEXT];

	(void)state;
	expect_range(FAMILY_IPV4, 0xc0000200, 0xc00002ff, "192.0.2.0/24");
	expect_range(FAMILY_IPV4, 0xc0000201, 0xc0000201, "192.0.2.1");
	expect_range(FAMILY_IPV4, 0xc0000201, 0xc0000202, "192.0.2.1-192.0.2.2");
	expect_range(FAMILY_IPV4, 0xc0000201, 0xc0000204, "192.0.2.1-192.0.2.4");
	expect_range(FAMILY_IPV4, 0, UINT32_MAX, "0.0.0.0/0");
	expect_range(FAMILY_IPV6, 0, ~(u128)0, "::/0");
	expect_range(FAMILY_IPV6, 0, 0xffff, "::/112");
	port_range_format((struct range){80, 80}, out);
	assert_string_equal(out, "80");
	port_range_format((struct range){0, 65535}, out);
	assert_string_equal(out, "0-65535");
}

static size_t random_ranges(struct range ranges[SPACE], bool members[SPACE])
{
	size_t count = (size_t)rand() % 60, i;
	u128 value;

	memset(members, 0, SPACE * sizeof(*members));
	for (i = 0; i < count; i++) {
		ranges[i].first = (unsigned)rand() % SPACE;
		ranges[i].last = ranges[i].first + (unsigned)rand() % 6;
		if (ranges[i].last >= SPACE)
			ranges[i].last = SPACE - 1;
		for (value = ranges[i].first; value <= ranges[i].last; value++)
			members[value] = true;
	}
	return count;
}

static void expect_members(struct range_set set, const bool members[SPACE])
{
	size_t i;

	for (i = 0; i < SPACE; i++)
		assert_int_equal(range_set_contains(set, i), members[i]);
	for (i = 1; i < set.count; i++)
		assert_true(set.ranges[i].first > set.ranges[i - 1].last + 1);
	for (i = 0; i < set.count; i++)
		assert_true(set.ranges[i].first <= set.ranges[i].last);
}

static void sets_hold_exactly_the_values_of_their_ranges(void **state)
{
	struct arena *arena = arena_new();
	struct range first[SPACE], second[SPACE];
	bool in_first[SPACE], in_second[SPACE];
	struct range_set a, b, twice;
	int round, i;

	(void)state;
	srand(2);
	for (round = 0; round < 2000; round++) {
		a = range_set_of(first, random_ranges(first, in_first));
		b = range_set_of(second, random_ranges(second, in_second));
		expect_members(a, in_first);
		twice = range_set_complement(arena, range_set_complement(arena, a, SPACE - 1),
					     SPACE - 1);
		assert_true(same_ranges(a, twice));
		for (i = 0; i < SPACE; i++)
			in_second[i] &= in_first[i];
		expect_members(range_set_intersect(arena, a, b), in_second);
		for (i = 0; i < SPACE; i++)
			in_first[i] = !in_first[i];
		expect_members(range_set_complement(arena, a, SPACE - 1), in_first);
	}
	arena_free(arena);
}

static void the_whole_space_and_nothing_complement_each_other(void **state)
{
	struct arena *arena = arena_new();
	struct range halves[2] = {{(u128)1 << 127, ~(u128)0}, {0, ((u128)1 << 127) - 1}};
	struct range_set all = range_set_of(halves, 2);
	struct range_set none = range_set_complement(arena, all, ~(u128)0);

	(void)state;
	assert_true(range_set_is_full(all, ~(u128)0));
	assert_int_equal(none.count, 0);
	assert_false(range_set_contains(none, 0));
	assert_true(range_set_is_full(range_set_complement(arena, none, 65535), 65535));
	assert_false(range_set_is_full(none, 65535));
	arena_free(arena);
}

static int compare_first(const void *a, const void *b)
{
	const struct range *left = a, *right = b;

	return (left->first > right->first) - (left->first < right->first);
}

static void a_million_ranges_in_any_order_make_the_same_set(void **state)
{
	struct range *ranges = malloc(MANY * sizeof(*ranges)),
		     *sorted = malloc(MANY * sizeof(*sorted));
	struct range_set set, same;
	size_t i;

	(void)state;
	srand(3);
	for (i = 0; i < MANY; i++) {
		ranges[i].first = ((u128)(unsigned)rand() << 64 | (unsigned)rand()) >> (i % 3 * 32);
		ranges[i].last = ranges[i].first + (unsigned)rand() % 1000;
	}
	memcpy(sorted, ranges, MANY * sizeof(*ranges));
	qsort(sorted, MANY, sizeof(*sorted), compare_first);
	same = range_set_of(sorted, MANY);
	set = range_set_of(ranges, MANY);
	assert_true(same_ranges(set, same));
	for (i = 1; i < set.count; i++)
		assert_true(set.ranges[i].first > set.ranges[i - 1].last + 1);
	free(ranges);
	free(sorted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written_in_their_short_form),
		cmocka_unit_test(a_refused_address_says_what_is_wrong),
		cmocka_unit_test(reading_agrees_with_inet_pton_on_any_text),
		cmocka_unit_test(a_range_is_written_as_a_prefix_where_it_is_one),
		cmocka_unit_test(sets_hold_exactly_the_values_of_their_ranges),
		cmocka_unit_test(the_whole_space_and_nothing_complement_each_other),
		cmocka_unit_test(a_million_ranges_in_any_order_make_the_same_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
