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

static void headers_of_sections_that_are_not_in_the_file_are_not_read(void **state)
{
	static const uint64_t offsets[] = {0, SAMPLE_SIZE_MAX, UINT64_C(1) << 40, UINT64_MAX - 1};
	unsigned char bytes[SAMPLE_SIZE_MAX];
	struct sample sample;
	Elf64_Ehdr header;
	size_t size, i;

	(void)state;
	sample_fill(&sample);
	size = sample_write(&sample, bytes);
	memcpy(&header, bytes, sizeof(header));
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		for (header.e_shentsize = 63; header.e_shentsize <= 64; header.e_shentsize++) {
			header.e_shoff = offsets[i];
			memcpy(bytes, &header, sizeof(header));
			expect_bytes_refused(bytes, size, "'sample'");
		}
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
	expect_refused(&sample, "format version 5, this sklc knows 2 to 4");
	sample.header.version = 1;
	expect_refused(&sample, "format version 1, this sklc knows 2 to 4");
	sample_fill(&sample);
	sample.header.policy = ABI_REDIRECT;
	expect_refused(&sample, "policy");
	sample_fill(&sample);
	sample.header.tries_spares = 0;
	expect_refused(&sample, "its header makes no sense");
	sample_fill(&sample);
	sample.header.compiler = ABI_NO_STRING;
	expect_refused(&sample, "its header makes no sense");
	sample_fill(&sample);
	sample.header.override_others = 2;
	expect_refused(&sample, "its header makes no sense");
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

/* Version 3 has no checksum. */
static void an_object_of_version_3_is_read(void **state)
{
	unsigned char bytes[SAMPLE_SIZE_MAX];
	struct object_image image = {bytes, 0, "sample"};
	struct listener listener = listener_new();
	struct object object;
	struct sample sample;

	(void)state;
	sample_fill(&sample);
	sample.header.version = 3;
	expect_refused(&sample, "was not made by sklc");
	sample.header_bytes = ABI_HEADER_3_BYTES;
	sample.interface_bytes = ABI_INTERFACE_3_BYTES;
	sample.expects[0].interface = 0;
	image.size = sample_write(&sample, bytes);
	assert_int_equal(object_read(&listener.report, &image, &object), 0);
	assert_int_equal(object.expects[0].interface, ABI_CLASS_FIRST);
	assert_string_equal(object_machine(&object), ".data.machine");
	assert_string_equal(object_tables(&object), ".rodata");
	object_free(&object);
}

/* A changed byte is damage wherever it is, but where only the layout of the file is, or zlib looks. */
static void whatever_byte_changes_is_damage(void **state)
{
	unsigned char bytes[SAMPLE_SIZE_MAX];
	struct object_image image = {bytes, 0, "sample"};
	struct listener listener = listener_new();
	struct object object;
	struct sample sample;
	size_t at, end;

	(void)state;
	sample_fill(&sample);
	image.size = sample_write(&sample, bytes);
	end = sizeof(Elf64_Ehdr) + sizeof(sample.header) + sizeof(sample.strings) +
	      sizeof(sample.labels) + sizeof(sample.interfaces) + sizeof(sample.rules);
	for (at = sizeof(Elf64_Ehdr) + offsetof(struct abi_header, label_count); at < end; at++) {
		bytes[at] ^= 0x10;
		if (!object_read(&listener.report, &image, &object))
			fail_msg("byte %zu", at);
		if (!strstr(listener.said, "object 'sample' is damaged: the checksum"))
			fail_msg("byte %zu: %s", at, listener.said);
		bytes[at] ^= 0x10;
	}
	assert_int_equal(object_read(&listener.report, &image, &object), 0);
	object_free(&object);
}

static void a_file_that_was_not_copied_whole_is_said_to_be_cut_off(void **state)
{
	unsigned char bytes[SAMPLE_SIZE_MAX];
	struct sample sample;
	size_t size;

	(void)state;
	sample_fill(&sample);
	for (size = sample_write(&sample, bytes) - 1; size >= SELFMAG; size--)
		expect_bytes_refused(bytes, size, "object 'sample' is cut off or damaged");
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
	expect_refused(&sample, "was not made by sklc");
	sample.header_bytes = ABI_HEADER_2_BYTES;
	expect_refused(&sample, "expected a multiple of 52");
	sample.socket_bytes = ABI_SOCKET_2_BYTES;
	sample.interface_bytes = ABI_INTERFACE_3_BYTES;
	sample.expects[0].interface = UINT32_MAX;
	image.size = sample_write(&sample, bytes);
	assert_int_equal(object_read(&listener.report, &image, &object), 0);
	assert_int_equal(object.socket_count, 1);
	assert_int_equal(object.sockets[0].port, 53);
	assert_int_equal(object.sockets[0].any_address, 1);
	assert_int_equal(object.sockets[0].device, ABI_NO_STRING);
	assert_string_equal(object_machine(&object), ".rodata.machine");
	assert_int_equal(object.header.compiler, ABI_NO_STRING);
	object_free(&object);
	sample.header.version = ABI_VERSION;
	expect_refused(&sample, "was not made by sklc");
	sample.header_bytes = sizeof(sample.header);
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

/* Whether the sample is taken with its call of a helper replaced by INSN. */
static bool is_taken_with(struct bpf_insn insn)
{
	unsigned char bytes[SAMPLE_SIZE_MAX];
	struct object_image image = {bytes, 0, "sample"};
	struct listener listener = listener_new();
	struct object object;
	struct sample sample;
	bool taken;

	sample_fill(&sample);
	sample.program[2] = insn;
	image.size = sample_write(&sample, bytes);
	taken = object_read(&listener.report, &image, &object) == 0;
	if (taken)
		object_free(&object);
	else if (!strstr(listener.said, "instruction 2 of section 'sk_lookup'"))
		fail_msg("the instruction is not named in '%s'", listener.said);
	return taken;
}

static void three_helpers_are_called_and_no_other(void **state)
{
	int taken = 0, helper;

	(void)state;
	for (helper = -1; helper < 1000; helper++)
		taken += is_taken_with(
			(struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = helper});
	assert_int_equal(taken, 3);
	assert_true(is_taken_with((struct bpf_insn){.code = 0x85, .imm = BPF_FUNC_sk_assign}));
	assert_false(
		is_taken_with((struct bpf_insn){.code = 0x85, .imm = BPF_FUNC_probe_read_kernel}));
}

/* src_reg says what a call calls and what a number is: helper, subprogram, function of the kernel;
 * map, BTF of the kernel, function. */
static void calls_and_numbers_of_other_kinds_are_refused(void **state)
{
	struct bpf_insn call = {.code = 0x85, .imm = 1}, number = {.code = 0x18};
	unsigned int kind;

	(void)state;
	for (kind = 1; kind < 16; kind++) {
		call.src_reg = number.src_reg = kind & 15;
		assert_false(is_taken_with(call));
		assert_false(is_taken_with(number));
	}
	number.src_reg = 0;
	assert_false(is_taken_with(number)); /* the next instruction is no second half */
}

/* How many of the 256 codes of a class of instructions are taken, without an offset. */
static int codes_taken(unsigned int class)
{
	int taken = 0;

	for (unsigned int code = class; code < 256; code += 8)
		taken += is_taken_with((struct bpf_insn){.code = (__u8)code, .imm = 1});
	return taken;
}

static void instructions_that_the_compiler_never_writes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(codes_taken(BPF_LD), 0);
	assert_int_equal(codes_taken(BPF_LDX), 4); /* bytes to 64 bits, BPF_MEM */
	assert_int_equal(codes_taken(BPF_ST), 4);  /* no BPF_ATOMIC */
	assert_int_equal(codes_taken(BPF_STX), 4); /* no BPF_ATOMIC */
	assert_int_equal(codes_taken(BPF_ALU), 2 * 14);
	assert_int_equal(codes_taken(BPF_ALU64), 2 * 13); /* no BPF_END */
	assert_int_equal(codes_taken(BPF_JMP), 3 + 2 * 11);
	assert_int_equal(codes_taken(BPF_JMP32), 2 * 11); /* no BPF_JA */
	assert_false(is_taken_with((struct bpf_insn){.code = 0xbf, .off = 1}));
	assert_false(is_taken_with((struct bpf_insn){.code = 0x37, .imm = 1, .off = 1}));
}

static void symbols_lead_into_sections_of_the_object(void **state)
{
	struct sample sample;
	size_t i;

	(void)state;
	for (i = 1; i < SAMPLE_SYMBOLS; i++) {
		sample_fill(&sample);
		sample.symbols[i].st_shndx = SHN_UNDEF; /* an extern */
		expect_refused(&sample, "its symbol");
		sample.symbols[i].st_shndx = SHN_ABS;
		expect_refused(&sample, "its symbol");
		sample.symbols[i].st_shndx = SAMPLE_SECTIONS;
		expect_refused(&sample, "its symbol");
		sample_fill(&sample);
		sample.symbols[i].st_value = 1;
		expect_refused(&sample, "its symbol");
		sample_fill(&sample);
		sample.symbols[i].st_info ^= 1;
		expect_refused(&sample, "its symbol");
		sample_fill(&sample);
		sample.symbols[i].st_other = STV_HIDDEN;
		expect_refused(&sample, "its symbol");
		sample_fill(&sample);
		sample.symbols[i].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_SECTION);
		expect_refused(&sample, "its symbol");
	}
}

static void relocations_are_of_instructions_that_refer_to_something(void **state)
{
	struct sample sample;

	(void)state;
	sample_fill(&sample);
	sample.relocated = SAMPLE_CALLED_SECTION;
	expect_refused(&sample, "'.relsk_lookup' has not the relocations");
	sample.relocated = SAMPLE_SECTIONS;
	expect_refused(&sample, "'.relsk_lookup' has not the relocations");
	sample_fill(&sample);
	sample.relocations[0].r_offset = 4;
	expect_refused(&sample, "relocation of no instruction");
	sample.relocations[0].r_offset = sizeof(sample.program);
	expect_refused(&sample, "relocation of no instruction");
	sample.relocations[0].r_offset = sample.relocations[1].r_offset;
	expect_refused(&sample, "instruction 3");
	sample_fill(&sample);
	sample.relocations[0].r_offset = 8;
	expect_refused(&sample, "instruction 1");
	sample_fill(&sample);
	sample.relocations[1] = sample.relocations[0];
	expect_refused(&sample, "or two of one");
	sample_fill(&sample);
	sample.relocations[0].r_info = ELF64_R_INFO(1, 3);
	expect_refused(&sample, "instruction 0 of section 'sk_lookup' has a relocation of a kind");
	sample.relocations[0].r_info = ELF64_R_INFO(2, 1); /* the address of a subprogram */
	expect_refused(&sample, "instruction 0 of section 'sk_lookup' refers to no map");
	sample.relocations[0].r_info = ELF64_R_INFO(SAMPLE_SYMBOLS, 1);
	expect_refused(&sample, "instruction 0 of section 'sk_lookup' refers to nothing");
	sample_fill(&sample);
	sample.relocations[1].r_info = ELF64_R_INFO(3, 10);
	expect_refused(&sample, "instruction 3 of section 'sk_lookup' calls no subprogram");
	sample_fill(&sample);
	sample.program[3].src_reg = BPF_PSEUDO_KFUNC_CALL;
	expect_refused(&sample, "instruction 3");
	sample_fill(&sample);
	sample.program_flags |= SHF_WRITE;
	expect_refused(&sample, "'sk_lookup' has another type, or other flags");
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
	sample.interfaces[0].is_wildcard = 1; /* and required */
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
	sample.expects[0].interface = ABI_CLASS_FIRST + 2;
	expect_refused(&sample, ABI_EXPECTS_SECTION);
	sample_fill(&sample);
	sample.expects[0].interface = ABI_CLASS_NOT_KNOWN;
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
		cmocka_unit_test(headers_of_sections_that_are_not_in_the_file_are_not_read),
		cmocka_unit_test(the_header_decides_whose_object_it_is),
		cmocka_unit_test(an_object_of_version_2_is_read),
		cmocka_unit_test(an_object_of_version_3_is_read),
		cmocka_unit_test(whatever_byte_changes_is_damage),
		cmocka_unit_test(a_file_that_was_not_copied_whole_is_said_to_be_cut_off),
		cmocka_unit_test(a_section_that_libbpf_would_act_on_is_refused),
		cmocka_unit_test(three_helpers_are_called_and_no_other),
		cmocka_unit_test(calls_and_numbers_of_other_kinds_are_refused),
		cmocka_unit_test(instructions_that_the_compiler_never_writes_are_refused),
		cmocka_unit_test(symbols_lead_into_sections_of_the_object),
		cmocka_unit_test(relocations_are_of_instructions_that_refer_to_something),
		cmocka_unit_test(strings_must_be_text),
		cmocka_unit_test(labels_have_names_and_no_name_twice),
		cmocka_unit_test(interfaces_rules_and_definitions_stay_in_range),
		cmocka_unit_test(sockets_and_expects_stay_in_range),
		cmocka_unit_test(the_text_is_as_long_as_its_files),
		cmocka_unit_test(a_damaged_text_is_refused_when_unpacked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
