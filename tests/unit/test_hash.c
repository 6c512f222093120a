/* The hash table: what is added is found, also among equal hashes and after growing. */
#include "compiler/base/arena.h"
#include "compiler/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ENTRIES = 5000, FEW_HASHES = 7, MANY_ENTRIES = 200000 };

static size_t count_entries(const struct hash_table *table, uint32_t hash, uint32_t index)
{
	const struct hash_slot *slot;
	size_t count = 0;

	for (slot = hash_first(table, hash); slot->entry; slot = hash_next(table, slot)) {
		assert_int_equal(slot->hash, hash);
		count += slot->entry - 1 == index;
	}
	return count;
}

static void an_empty_table_has_no_entries(void **state)
{
	const struct hash_table table = {0};

	(void)state;
	assert_int_equal(hash_first(&table, 0)->entry, 0);
	assert_int_equal(hash_first(&table, UINT32_MAX)->entry, 0);
}

static void every_entry_is_found_once_by_its_hash(void **state)
{
	struct arena *arena = arena_new();
	struct hash_table spread = {0}, crowded = {0};
	uint32_t i;

	(void)state;
	for (i = 0; i < ENTRIES; i++) {
		hash_add(&spread, arena, i * 0x9e3779b1, i);
		hash_add(&crowded, arena, UINT32_MAX - i % FEW_HASHES, i);
	}
	for (i = 0; i < ENTRIES; i++) {
		assert_int_equal(count_entries(&spread, i * 0x9e3779b1, i), 1);
		assert_int_equal(count_entries(&crowded, UINT32_MAX - i % FEW_HASHES, i), 1);
		assert_int_equal(count_entries(&spread, i * 0x9e3779b1 + 1, i), 0);
	}
	assert_true(spread.count * 2 <= spread.capacity);
	arena_free(arena);
}

/* A table of 4 MiB, or all smaller ones as well. */
static void a_table_that_grew_takes_the_memory_of_one(void **state)
{
	struct arena *arena = arena_new();
	struct hash_table table = {0};
	uint32_t i;

	(void)state;
	for (i = 0; i < MANY_ENTRIES; i++)
		hash_add(&table, arena, i * 0x9e3779b1, i);
	for (i = 0; i < MANY_ENTRIES; i++)
		assert_int_equal(count_entries(&table, i * 0x9e3779b1, i), 1);
	assert_true(arena_bytes(arena) < table.capacity * sizeof(*table.slots) * 3 / 2);
	arena_free(arena);
}

static void the_hash_of_a_text_depends_on_each_byte_and_the_length(void **state)
{
	char text[24] = "abcdefghijklmnopqrstuvw";
	uint32_t whole = hash_text(text, sizeof(text));
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text); i++) {
		text[i] ^= 1;
		assert_true(hash_text(text, sizeof(text)) != whole);
		text[i] ^= 1;
		assert_true(hash_text(text, i) != whole);
	}
	assert_int_equal(hash_text(text, sizeof(text)), whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_has_no_entries),
		cmocka_unit_test(every_entry_is_found_once_by_its_hash),
		cmocka_unit_test(a_table_that_grew_takes_the_memory_of_one),
		cmocka_unit_test(the_hash_of_a_text_depends_on_each_byte_and_the_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
