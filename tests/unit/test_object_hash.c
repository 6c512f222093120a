/* What the hashes of an object depend on, and on what they do not. */
#include "runtime/object/object.h"
#include "tests/lib/sample_object.h"
#include "tests/unit/lib/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct object_hash hash_of(const struct sample *sample)
{
	unsigned char bytes[SAMPLE_SIZE_MAX];
	struct object_image image = {bytes, sample_write(sample, bytes), "sample"};
	struct listener listener = listener_new();
	struct object_hash hash;
	struct object object;

	assert_int_equal(object_read(&listener.report, &image, &object), 0);
	assert_int_equal(object_hash(&object, &hash), 0);
	object_free(&object);
	return hash;
}

static bool same_content(const struct sample *left, const struct sample *right)
{
	struct object_hash a = hash_of(left), b = hash_of(right);

	return memcmp(a.content, b.content, sizeof(a.content)) == 0;
}

static bool same_identity(const struct sample *left, const struct sample *right)
{
	struct object_hash a = hash_of(left), b = hash_of(right);

	return memcmp(a.identity, b.identity, sizeof(a.identity)) == 0;
}

static void set_text(struct sample *sample, const char *text, int level)
{
	uLongf size = sizeof(sample->text);

	assert_int_equal(
		compress2(sample->text, &size, (const Bytef *)text, SAMPLE_TEXT_BYTES, level),
		Z_OK);
	sample->text_size = size;
}

static void the_text_is_hashed_as_it_was_written_however_it_is_compressed(void **state)
{
	struct sample one, other;

	(void)state;
	sample_fill(&one);
	sample_fill(&other);
	set_text(&other, "tcp dport 80 redirect to web.\n", 0);
	assert_int_not_equal(one.text_size, other.text_size);
	assert_true(same_content(&one, &other));
	assert_true(same_identity(&one, &other));
	set_text(&other, "tcp dport 81 redirect to web.\n", 1);
	assert_false(same_content(&one, &other));
	assert_false(same_identity(&one, &other));
}

static void a_definition_is_hashed(void **state)
{
	struct sample one, other;

	(void)state;
	sample_fill(&one);
	sample_fill(&other);
	other.strings[SAMPLE_DEFINE + 2] = '2';
	assert_false(same_content(&one, &other));
	assert_false(same_identity(&one, &other));
}

static void a_file_is_hashed_under_its_base_name(void **state)
{
	struct sample one, other;

	(void)state;
	sample_fill(&one);
	sample_fill(&other);
	memcpy(one.strings + SAMPLE_FILE, "a/les.conf", 10);
	memcpy(other.strings + SAMPLE_FILE, "b/les.conf", 10);
	assert_true(same_content(&one, &other));
	assert_true(same_identity(&one, &other));
	memcpy(other.strings + SAMPLE_FILE, "b/LES.conf", 10);
	assert_false(same_content(&one, &other));
}

/* Each differs from the sample in what decides, though the text is the same. */
static void what_decides_is_part_of_the_identity(void **state)
{
	struct sample one, other;

	(void)state;
	sample_fill(&one);
	for (int i = 0; i < 8; i++) {
		sample_fill(&other);
		switch (i) {
		case 0:
			other.header.policy = ABI_PASS;
			break;
		case 1:
			other.strings[SAMPLE_WEB] = 'W';
			break;
		case 2:
			other.labels[1].flow_classes = 3;
			break;
		case 3:
			other.strings[SAMPLE_ETH0] = 'E';
			break;
		case 4:
			other.sockets[0].port = 54;
			break;
		case 5:
			other.strings[SAMPLE_ROOT] = 'R';
			break;
		case 6:
			other.rules[0].counter = ABI_NO_COUNTER;
			break;
		case 7:
			other.program[SAMPLE_INSTRUCTIONS - 2].imm = 0;
			break;
		}
		assert_true(same_content(&one, &other));
		assert_false(same_identity(&one, &other));
	}
}

static void lengths_keep_neighbouring_strings_apart(void **state)
{
	struct sample one, other;

	(void)state;
	sample_fill(&one);
	sample_fill(&other);
	/* "web" and "dns" become "we" and "bdns" for nobody who joins them. */
	memcpy(one.strings, "ab\0cd\0\0", 7);
	memcpy(other.strings, "abc\0d\0\0", 7);
	one.labels[1].name = 3;
	other.labels[1].name = 4;
	assert_false(same_identity(&one, &other));
}

static void a_hash_is_written_in_hexadecimal(void **state)
{
	uint8_t hash[OBJECT_HASH_BYTES] = {0x01, 0xab};
	char text[HASH_TEXT_MAX];

	(void)state;
	object_hash_text(hash, text);
	assert_int_equal(strlen(text), 64);
	assert_memory_equal(text, "01ab00", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_is_hashed_as_it_was_written_however_it_is_compressed),
		cmocka_unit_test(a_definition_is_hashed),
		cmocka_unit_test(a_file_is_hashed_under_its_base_name),
		cmocka_unit_test(what_decides_is_part_of_the_identity),
		cmocka_unit_test(lengths_keep_neighbouring_strings_apart),
		cmocka_unit_test(a_hash_is_written_in_hexadecimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
