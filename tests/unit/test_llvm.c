/* The LLVM back end: its objects differ from those of the direct back end only by their code, and
 * the kernel's verifier accepts its programs, although LLVM's optimizer may remove checks of
 * bounds. The differential test is about what the programs decide. */
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/layout/layout.h"
#include "compiler/llvm/llvm.h"
#include "compiler/object/object.h"
#include "compiler/pipeline.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gelf.h>
#include <libelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char RULES[] = "tcp dport 80 counter redirect to web else continue\n"
			    "iifname \"eth1\" udp dport 53 redirect to dns\n"
			    "ip saddr 192.0.2.0/24 drop\n"
			    "tcp daddr 2001:db8::/33 dport 443 redirect to web no-reuseport\n";

static void need_llvm(void)
{
	if (llvm_backend())
		return;
	print_message("this build has no LLVM back end\n");
	skip();
}

static void compile_by(struct compilation *c, enum backend backend, enum table_kind tables,
		       const char *text)
{
	struct compile_options options = {.backend = backend, .tables = tables};

	if (compile_text(c, text, strlen(text), &options))
		return;
	diag_print(c->diag, stderr, DIAG_COLOR_NEVER);
	fail();
}

/* Sections with the code, with offsets into it, or with the name of the back end. */
static bool depends_on_backend(const char *name)
{
	static const char *const names[] = {
		"sk_lookup", ".relsk_lookup",    ".symtab",          ".BTF",
		".BTF.ext",  ABI_HEADER_SECTION, ABI_STRINGS_SECTION};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void expect_equal_sections(const struct object *a, const struct object *b)
{
	Elf *elf_a = elf_memory((char *)a->bytes, a->size), *elf_b;
	Elf_Scn *section_a = NULL, *section_b = NULL;
	GElf_Shdr header_a, header_b;
	size_t names, compared = 0;
	const char *name;

	elf_b = elf_memory((char *)b->bytes, b->size);
	assert_int_equal(elf_getshdrstrndx(elf_a, &names), 0);
	while ((section_a = elf_nextscn(elf_a, section_a))) {
		section_b = elf_nextscn(elf_b, section_b);
		assert_non_null(section_b);
		gelf_getshdr(section_a, &header_a);
		gelf_getshdr(section_b, &header_b);
		name = elf_strptr(elf_a, names, header_a.sh_name);
		if (depends_on_backend(name))
			continue;
		assert_int_equal(header_a.sh_size, header_b.sh_size);
		assert_memory_equal(a->bytes + header_a.sh_offset, b->bytes + header_b.sh_offset,
				    header_a.sh_size);
		compared++;
	}
	assert_null(elf_nextscn(elf_b, section_b));
	assert_true(compared > 10);
	elf_end(elf_a);
	elf_end(elf_b);
}

static void the_object_differs_by_its_code_alone(void **state)
{
	struct compilation direct, llvm;

	(void)state;
	need_llvm();
	elf_version(EV_CURRENT);
	compile_by(&direct, BACKEND_DIRECT, TABLES_AUTO, RULES);
	compile_by(&llvm, BACKEND_LLVM, TABLES_AUTO, RULES);
	expect_equal_sections(direct.object, llvm.object);
	compilation_free(&direct);
	compilation_free(&llvm);
}

static void the_same_rules_give_the_same_bytes(void **state)
{
	struct compilation first, second;

	(void)state;
	need_llvm();
	compile_by(&first, BACKEND_LLVM, TABLES_AUTO, RULES);
	compile_by(&second, BACKEND_LLVM, TABLES_AUTO, RULES);
	assert_int_equal(first.object->size, second.object->size);
	assert_memory_equal(first.object->bytes, second.object->bytes, first.object->size);
	compilation_free(&first);
	compilation_free(&second);
}

static void the_dump_is_what_llvm_is_given(void **state)
{
	struct compilation c;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	if (!llvm_backend()) {
		fclose(out);
		free(text);
	}
	need_llvm();
	compile_by(&c, BACKEND_LLVM, TABLES_AUTO, RULES);
	llvm_backend()->llvm_dump(c.ir, out);
	fclose(out);
	assert_non_null(strstr(text, "define i32 @sklc("));
	assert_non_null(strstr(text, "@label_counters = external"));
	free(text);
	compilation_free(&c);
}

static void instructions_keep_the_rules_that_they_come_from(void **state)
{
	static const char rules[] = "tcp dport 80 sport 5000-6000 redirect to web\n"
				    "tcp dport 443 sport 1000-2000 redirect to other\n";
	unsigned first = 0, second = 0, shared = 0;
	struct compilation c;
	size_t i;

	(void)state;
	need_llvm();
	compile_by(&c, BACKEND_LLVM, TABLES_AUTO, rules);
	for (i = 0; i < c.code->count; i++) {
		struct span origin = c.code->instructions[i].origin;

		if (!origin.end)
			shared++;
		else if (source_location(c.sources, origin.first).line == 1)
			first++;
		else
			second++;
	}
	assert_true(first && second && shared);
	compilation_free(&c);
}

static uint32_t verified_instructions(const struct object *object)
{
	struct bpf_object *opened = bpf_object__open_mem(object->bytes, object->size, NULL);
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	assert_false(libbpf_get_error(opened));
	if (bpf_object__load(opened))
		fail_msg("the kernel refuses the program");
	assert_int_equal(
		bpf_obj_get_info_by_fd(bpf_program__fd(bpf_object__next_program(opened, NULL)),
				       &info, &size),
		0);
	bpf_object__close(opened);
	return info.verified_insns;
}

/* COUNT rules, enough for tables. FORMAT is of a rule with three numbers: two for its value, one
 * for its label. */
static char *many_rules(unsigned count, const char *format) __attribute__((format(printf, 2, 0)));

static char *many_rules(unsigned count, const char *format)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	unsigned i;

	for (i = 0; i < count; i++)
		fprintf(out, format, i / 200, i % 200, i % 7);
	fclose(out);
	return text;
}

static bool has_step(const struct layout *layout, enum step_kind kind, enum operand operand)
{
	size_t search, i;

	for (search = 0; search < layout->search_count; search++)
		for (i = 0; i < layout->searches[search].step_count; i++)
			if (layout->searches[search].steps[i].kind == kind &&
			    layout->searches[search].steps[i].operand == operand)
				return true;
	return false;
}

/* Fails unless the kernel accepts the programs of both back ends, and walks at most twice as many
 * instructions of LLVM's. The layout must have a step of this kind for this operand. Frees TEXT. */
static void expect_verified(enum table_kind tables, enum step_kind kind, enum operand operand,
			    char *text)
{
	struct compilation direct, llvm;
	uint32_t by_direct;

	compile_by(&direct, BACKEND_DIRECT, tables, text);
	compile_by(&llvm, BACKEND_LLVM, tables, text);
	assert_true(has_step(llvm.layout, kind, operand));
	by_direct = verified_instructions(direct.object);
	assert_in_range(verified_instructions(llvm.object), 1, 2 * by_direct);
	compilation_free(&direct);
	compilation_free(&llvm);
	free(text);
}

static void need_kernel(void)
{
	need_llvm();
	if (!geteuid())
		return;
	print_message("only root can load programs\n");
	skip();
}

static void a_tree_of_addresses_is_verified(void **state)
{
	(void)state;
	need_kernel();
	expect_verified(TABLES_SPLUS, STEP_INNER, OPERAND_DADDR,
			many_rules(300, "daddr 10.%u.%u.0/24 redirect to l%u\n"));
	expect_verified(TABLES_SPLUS, STEP_INNER, OPERAND_SADDR_HIGH,
			many_rules(300, "saddr 2001:db8:%u:%u::/64 redirect to l%u\n"));
}

static void a_stride_table_is_verified(void **state)
{
	(void)state;
	need_kernel();
	expect_verified(TABLES_TRIE, STEP_STRIDE, OPERAND_DADDR,
			many_rules(2000, "daddr 10.%u.%u.0/25 redirect to l%u\n"));
	expect_verified(TABLES_RANGES, STEP_STRIDE, OPERAND_DADDR,
			many_rules(300, "daddr 10.%u.%u.7 redirect to l%u\n"));
	expect_verified(TABLES_TRIE, STEP_STRIDE, OPERAND_SPORT,
			many_rules(2000, "sport 1%u%03u redirect to l%u\n"));
	expect_verified(TABLES_TRIE, STEP_STRIDE, OPERAND_DPORT,
			many_rules(2000, "dport 1%u%03u redirect to l%u\n"));
}

/* The code of both families is the same but for the member of the context that it loads. LLVM must
 * not merge the loads: the verifier refuses a load from the context at a variable offset. */
static void the_same_step_of_both_families_is_verified(void **state)
{
	(void)state;
	need_kernel();
	expect_verified(TABLES_TRIE, STEP_STRIDE, OPERAND_DADDR_HIGH,
			many_rules(6, "daddr { 1%u%u.0.0.0/8, 2%u00::/16 } drop\n"));
}

static void a_cross_product_table_is_verified(void **state)
{
	(void)state;
	need_kernel();
	expect_verified(TABLES_AUTO, STEP_CROSS, OPERAND_DPORT,
			many_rules(300, "daddr 10.%u.%u.0/24 dport 443 redirect to l%u\n"));
	expect_verified(TABLES_AUTO, STEP_CROSS, OPERAND_SPORT,
			many_rules(300, "daddr 10.%u.%u.0/24 sport 443 redirect to l%u\n"));
}

static void many_equivalence_classes_of_ports_are_verified(void **state)
{
	(void)state;
	need_kernel();
	expect_verified(TABLES_AUTO, STEP_CROSS, OPERAND_DPORT,
			many_rules(300, "daddr 10.%u.%u.0/24 dport 100%u drop\n"));
	expect_verified(TABLES_AUTO, STEP_CROSS, OPERAND_SPORT,
			many_rules(300, "daddr 10.%u.%u.0/24 sport 10%u0 drop\n"));
}

/* The number of instructions with operation OP and constant IMM in LLVM's program. Frees TEXT. */
static unsigned count_instructions(char *text, int op, int32_t imm)
{
	struct compilation c;
	unsigned count = 0;
	size_t i;

	compile_by(&c, BACKEND_LLVM, TABLES_AUTO, text);
	for (i = 0; i < c.code->count; i++)
		if (BPF_OP(c.code->instructions[i].insn.code) == op &&
		    c.code->instructions[i].insn.imm == imm)
			count++;
	compilation_free(&c);
	free(text);
	return count;
}

/* Some verifiers lose the bounds of a port when its bytes are swapped, so they need the mask. */
static void a_port_is_masked_before_it_indexes_a_table(void **state)
{
	(void)state;
	need_llvm();
	assert_int_equal(
		count_instructions(many_rules(300, "daddr 10.%u.%u.0/24 sport 10%u0 drop\n"),
				   BPF_AND, 0xffff),
		1);
}

static void equivalence_classes_are_counted_without_a_branch(void **state)
{
	(void)state;
	need_llvm();
	assert_in_range(
		count_instructions(many_rules(300, "daddr 10.%u.%u.0/24 dport 100%u drop\n"),
				   BPF_RSH, 63),
		8, 8 + 7);
}

static void interfaces_in_tables_are_verified(void **state)
{
	(void)state;
	need_kernel();
	expect_verified(TABLES_SPLUS, STEP_LEAF, OPERAND_IIFNAME,
			many_rules(300, "daddr 10.%u.%u.0/24 iifname \"eth%u\" drop\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_object_differs_by_its_code_alone),
		cmocka_unit_test(the_same_rules_give_the_same_bytes),
		cmocka_unit_test(the_dump_is_what_llvm_is_given),
		cmocka_unit_test(instructions_keep_the_rules_that_they_come_from),
		cmocka_unit_test(a_tree_of_addresses_is_verified),
		cmocka_unit_test(a_stride_table_is_verified),
		cmocka_unit_test(the_same_step_of_both_families_is_verified),
		cmocka_unit_test(a_cross_product_table_is_verified),
		cmocka_unit_test(many_equivalence_classes_of_ports_are_verified),
		cmocka_unit_test(a_port_is_masked_before_it_indexes_a_table),
		cmocka_unit_test(equivalence_classes_are_counted_without_a_branch),
		cmocka_unit_test(interfaces_in_tables_are_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
