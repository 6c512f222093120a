/* Objects in the form in which the state keeps them. The tests with tables in maps need the kernel, and are in
 * tests/e2e/test_generations.py. */
#include "runtime/object/object.h"
#include "runtime/state/store.h"
#include "tests/lib/sample_object.h"
#include "tests/unit/lib/listener.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct packed {
	unsigned char original[SAMPLE_SIZE_MAX];
	size_t original_size;
	void *bytes;
	size_t size;
};

static void pack(struct packed *packed)
{
	struct listener listener = listener_new();
	struct sample sample;
	struct object_image image = {packed->original, 0, "sample"};
	struct object object;

	sample_fill(&sample);
	packed->original_size = image.size = sample_write(&sample, packed->original);
	assert_int_equal(object_read(&listener.report, &image, &object), 0);
	assert_int_equal(store_pack(&object, false, &packed->bytes, &packed->size), 0);
	object_free(&object);
}

/* Unpacks a copy of exactly this size, so that the sanitizer notices reads beyond it. */
static int unpack(const void *bytes, size_t size, void **object, size_t *object_size)
{
	struct listener listener = listener_new();
	void *copy = malloc(size ? size : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	err = store_unpack(&listener.report, copy, size, -1, "generation 1", object, object_size);
	free(copy);
	if (err)
		assert_non_null(strstr(listener.said, "generation 1"));
	return err;
}

static void what_was_packed_is_unpacked_to_the_very_bytes(void **state)
{
	struct packed packed;
	void *object;
	size_t size;

	(void)state;
	pack(&packed);
	assert_false(store_is_apart(packed.bytes, packed.size));
	assert_int_equal(unpack(packed.bytes, packed.size, &object, &size), 0);
	assert_int_equal(size, packed.original_size);
	assert_memory_equal(object, packed.original, size);
	free(object);
	free(packed.bytes);
}

static void bytes_cut_short_anywhere_are_refused(void **state)
{
	struct packed packed;
	void *object;
	size_t size;

	(void)state;
	pack(&packed);
	for (size_t i = 0; i < packed.size; i++)
		assert_int_equal(unpack(packed.bytes, i, &object, &size), -EINVAL);
	free(packed.bytes);
}

/* A changed byte of the head may ask for tables, which are not there; some bits of zlib's stream have no meaning. */
static void a_changed_byte_is_noticed_or_changes_nothing(void **state)
{
	struct packed packed;
	void *object;
	size_t size;

	(void)state;
	pack(&packed);
	for (size_t i = 0; i < packed.size; i++) {
		unsigned char *at = (unsigned char *)packed.bytes + i;
		int err;

		*at ^= 1;
		err = unpack(packed.bytes, packed.size, &object, &size);
		*at ^= 1;
		if (err) {
			assert_true(err == -EINVAL || err == -ENOENT || err == -EIO);
			continue;
		}
		assert_int_equal(size, packed.original_size);
		assert_memory_equal(object, packed.original, packed.original_size);
		free(object);
	}
	free(packed.bytes);
}

static void a_head_that_promises_too_much_is_refused_before_memory_is_taken(void **state)
{
	struct packed packed;
	uint64_t size = INT32_MAX;
	void *object;
	size_t object_size;

	(void)state;
	pack(&packed);
	memcpy((char *)packed.bytes + 8, &size, sizeof(size));
	assert_int_equal(unpack(packed.bytes, packed.size, &object, &object_size), -EINVAL);
	free(packed.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_is_unpacked_to_the_very_bytes),
		cmocka_unit_test(bytes_cut_short_anywhere_are_refused),
		cmocka_unit_test(a_changed_byte_is_noticed_or_changes_nothing),
		cmocka_unit_test(a_head_that_promises_too_much_is_refused_before_memory_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
