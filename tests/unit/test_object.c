/* Reads objects that are not trusted: each record that is out of range is refused with a message
 * that names it. */
#include "runtime/object/object.h"
#include "tests/lib/sample_object.h"
#include "tests/unit/lib/listener.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads a copy in a buffer of exactly this size, so that the sanitizer notices reads beyond it. */
static void expect_bytes_refused(const unsigned char *bytes, size_t size, const char *why)
{
	unsigned char *copy = malloc(size ? size : 1);
	struct object_image image = {copy, size, "sample"};
	struct listener listener = listener_new();
	struct object object;
	int err;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	err = object_read(&listener.report, &image, &object);
	free(copy);
	assert_int_equal(err, -EINVAL);
	if (!strstr(listener.said, why))
		fail_msg("expected '%s' in '%s'", why, listener.said);
}

static void expect_refused(const struct sample *sample, const char *why)
{
	unsigned char bytes[SAMPLE_SIZE_MAX];

	expect_bytes_refused(bytes, sample_write(sample, bytes), why);
}

static void a_sample_is_read_whole(void **state)
{
	unsigned char bytes[SAMPLE_SIZE_MAX];
	struct sample sample;
	struct object_image image = {bytes, 0, "sample"};
	struct listener listener = listener_new();
	struct object object;
	char *text;

	(void)state;
	sample_fill(&sample);
	image.size = sample_write(&sample, bytes);
	assert_int_equal(object_read(&listener.report, &image, &object), 0);
	assert_int_equal(object.header.label_count, SAMPLE_LABELS);
	assert_string_equal(object_label(&object, 1), "dns");
	assert_int_equal(object.rule_count, 1);
	assert_null(object_string(&object, object.rules[0].chain));
	assert_string_equal(object_string(&object, object.rules[0].expanded), "tcp expanded");
	assert_string_equal(object_string(&object, object.sockets[0].uid), "root");
	assert_string_equal(object_string(&object, object.expects[0].text), "expect");
	assert_string_equal(object_string(&object, object.definitions[0]), "p=1");
	assert_int_equal(object_text(&object, &text), 0);
	assert_string_equal(text, "tcp dport 80 redirect to web.\n");
	free(text);
	object_free(&object);
}

static void a_file_cut_short_anywhere_is_refused(void **state)
{
	unsigned char bytes[SAMPLE_SIZE_MAX];
	struct sample sample;
	size_t size;

	(void)state;
	sample_fill(&sample);
	size = sample_write(&sample, bytes);
	for (size_t i = 0; i < size; i++)
		expect_bytes_refused(bytes, i, "'sample'");
}

static void the_header_decides_whose_object_it_is(void **state)
{
	struct sample sample;

	(void)state;
	sample_fill(&sample);
	sample.header.magic ^= 1;
	expect_refused(&sample, "was not made by sklc");
	sample_fill(&sample);
	sample.header.version++;
	expect_refused(&sample, "format version 4, this sklc knows 2 to 3");
	sample.header.version = 1;
	expect_refused(&sample, "format version 1, this sklc knows 2 to 3");
	sample_fill(&sample);
	sample.header.policy = ABI_REDIRECT;
	expect_refused(&sample, "policy");
	sample_fill(&sample);
	sample.header.label_count++;
	expect_refused(&sample, "counts 3 labels");
	sample_fill(&sample);
	sample.header.interface_count = 0;
	expect_refused(&sample, "0 interfaces");
	sample_fill(&sample);
	sample.header.counter_count = 2;
	expect_refused(&sample, "2 counters");
}

/* Version 2 has shorter records of sockets, which have no device. */
static void an_object_of_version_2_is_read(void **state)
{
	unsigned char bytes[SAMPLE_SIZE_MAX];
	struct object_image image = {bytes, 0, "sample"};
	struct listener listener = listener_new();
	struct object object;
	struct sample sample;

	(void)state;
	sample_fill(&sample);
	sample.header.version = 2;
	expect_refused(&sample, "expected a multiple of 52");
	sample.socket_bytes = ABI_SOCKET_2_BYTES;
	image.size = sample_write(&sample, bytes);
	assert_int_equal(object_read(&listener.report, &image, &object), 0);
	assert_int_equal(object.socket_count, 1);
	assert_int_equal(object.sockets[0].port, 53);
	assert_int_equal(object.sockets[0].any_address, 1);
	assert_int_equal(object.sockets[0].device, ABI_NO_STRING);
	assert_string_equal(object_machine(&object), ".rodata.machine");
	object_free(&object);
	sample.header.version = ABI_VERSION;
	expect_refused(&sample, "expected a multiple of 56");
}

static void a_section_that_libbpf_would_act_on_is_refused(void **state)
{
	struct sample sample;

	(void)state;
	sample_fill(&sample);
	sample.program_section = "kprobe/x";
	expect_refused(&sample, "unexpected section 'kprobe/x'");
	sample.program_section = ".kconfig";
	expect_refused(&sample, "unexpected section '.kconfig'");
	sample.program_section = ABI_LABELS_SECTION;
	expect_refused(&sample, "there twice");
}

static void strings_must_be_text(void **state)
{
	struct sample sample;

	(void)state;
	sample_fill(&sample);
	sample.strings[sizeof(sample.strings) - 1] = 'x';
	expect_refused(&sample, ABI_STRINGS_SECTION);
	sample_fill(&sample);
	sample.strings[SAMPLE_RULE] = (char)0xff;
	expect_refused(&sample, ABI_STRINGS_SECTION);
}

static void labels_have_names_and_no_name_twice(void **state)
{
	struct sample sample;

	(void)state;
	sample_fill(&sample);
	sample.labels[1].name = sizeof(sample.strings);
	expect_refused(&sample, "record 1 of section '" ABI_LABELS_SECTION);
	sample.labels[1].name = ABI_NO_STRING;
	expect_refused(&sample, "record 1 of section '" ABI_LABELS_SECTION);
	sample.labels[1].name = SAMPLE_RULE;
	expect_refused(&sample, "record 1 of section '" ABI_LABELS_SECTION);
	sample.labels[1].name = SAMPLE_WEB;
	expect_refused(&sample, "'web' twice");
	sample_fill(&sample);
	sample.labels[0].flow_classes = 1u << ABI_FLOW_CLASSES;
	expect_refused(&sample, "record 0 of section '" ABI_LABELS_SECTION);
	sample_fill(&sample);
	memcpy(sample.strings, "../", 3);
	expect_refused(&sample, "record 0 of section '" ABI_LABELS_SECTION);
}

static void interfaces_rules_and_definitions_stay_in_range(void **state)
{
	struct sample sample;

	(void)state;
	sample_fill(&sample);
	sample.interfaces[0].name = ABI_NO_STRING;
	expect_refused(&sample, ABI_INTERFACES_SECTION);
	sample_fill(&sample);
	sample.rules[0].text = ABI_NO_STRING;
	expect_refused(&sample, ABI_RULES_SECTION);
	sample_fill(&sample);
	sample.rules[0].file = 1;
	expect_refused(&sample, ABI_RULES_SECTION);
	sample_fill(&sample);
	sample.rules[0].counter = 1;
	expect_refused(&sample, ABI_RULES_SECTION);
	sample_fill(&sample);
	sample.rules[0].expanded = sizeof(sample.strings);
	expect_refused(&sample, ABI_RULES_SECTION);
	sample_fill(&sample);
	sample.definitions[0] = ABI_NO_STRING;
	expect_refused(&sample, ABI_DEFINITIONS_SECTION);
}

static void sockets_and_expects_stay_in_range(void **state)
{
	struct sample sample;

	(void)state;
	sample_fill(&sample);
	sample.sockets[0].label = SAMPLE_LABELS;
	expect_refused(&sample, ABI_SOCKETS_SECTION);
	sample_fill(&sample);
	sample.sockets[0].port = 65536;
	expect_refused(&sample, ABI_SOCKETS_SECTION);
	sample_fill(&sample);
	sample.sockets[0].device = sizeof(sample.strings);
	expect_refused(&sample, "record 0 of section '" ABI_SOCKETS_SECTION);
	sample_fill(&sample);
	sample.sockets[0].protocol = IPPROTO_SCTP;
	expect_refused(&sample, ABI_SOCKETS_SECTION);
	sample_fill(&sample);
	sample.expects[0].label = SAMPLE_LABELS;
	expect_refused(&sample, ABI_EXPECTS_SECTION);
	sample_fill(&sample);
	sample.expects[0].verdict = ABI_REDIRECT + 1;
	expect_refused(&sample, ABI_EXPECTS_SECTION);
	sample_fill(&sample);
	sample.expects[0].interface = 1;
	expect_refused(&sample, ABI_EXPECTS_SECTION);
	sample_fill(&sample);
	sample.expects[0].family = AF_UNSPEC;
	expect_refused(&sample, ABI_EXPECTS_SECTION);
}

static void the_text_is_as_long_as_its_files(void **state)
{
	struct sample sample;

	(void)state;
	sample_fill(&sample);
	sample.texts[0].bytes++;
	expect_refused(&sample, ABI_TEXTS_SECTION);
	sample_fill(&sample);
	sample.texts[0].bytes--;
	expect_refused(&sample, "shorter");
	sample_fill(&sample);
	sample.header.text_bytes = UINT64_MAX;
	sample.texts[0].bytes = UINT64_MAX;
	expect_refused(&sample, "damaged");
}

static void a_damaged_text_is_refused_when_unpacked(void **state)
{
	unsigned char bytes[SAMPLE_SIZE_MAX];
	struct sample sample;
	struct object_image image = {bytes, 0, "sample"};
	struct listener listener = listener_new();
	struct object object;
	char *text;

	(void)state;
	sample_fill(&sample);
	sample.text[sample.text_size / 2] ^= 0x55;
	image.size = sample_write(&sample, bytes);
	assert_int_equal(object_read(&listener.report, &image, &object), 0);
	assert_int_equal(object_text(&object, &text), -EINVAL);
	assert_non_null(strstr(listener.said, "damaged"));
	object_free(&object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sample_is_read_whole),
		cmocka_unit_test(a_file_cut_short_anywhere_is_refused),
		cmocka_unit_test(the_header_decides_whose_object_it_is),
		cmocka_unit_test(an_object_of_version_2_is_read),
		cmocka_unit_test(a_section_that_libbpf_would_act_on_is_refused),
		cmocka_unit_test(strings_must_be_text),
		cmocka_unit_test(labels_have_names_and_no_name_twice),
		cmocka_unit_test(interfaces_rules_and_definitions_stay_in_range),
		cmocka_unit_test(sockets_and_expects_stay_in_range),
		cmocka_unit_test(the_text_is_as_long_as_its_files),
		cmocka_unit_test(a_damaged_text_is_refused_when_unpacked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
