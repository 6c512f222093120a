/* The assembler: jumps, programs that it refuses, and its listing. */
#include "compiler/base/arena.h"
#include "compiler/bytecode/bytecode.h"
#include "tests/unit/lib/bytecode_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void finish(struct bytecode *code)
{
	const char *error = bytecode_finish(code);

	if (error)
		fail_msg("%s", error);
}

static void expect_error(struct bytecode *code, const char *expected)
{
	const char *error = bytecode_finish(code);

	assert_non_null(error);
	assert_string_equal(error, expected);
}

/* COUNT instructions that do nothing. */
static void emit_filler(struct bytecode *code, int count)
{
	while (count--)
		bytecode_alu_imm(code, BPF_MOV, R1, 0);
}

static void a_jump_holds_the_distance_to_its_block(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block end = bytecode_new_block(code), again = bytecode_new_block(code);

	bytecode_begin_block(code, again);
	bytecode_jump_if(code, BPF_JEQ, R1, 5, end);
	bytecode_alu_imm(code, BPF_ADD, R1, 1);
	bytecode_jump(code, again);
	bytecode_begin_block(code, end);
	bytecode_exit(code);
	finish(code);
	assert_int_equal(code->instructions[0].insn.off, 2);
	assert_int_equal(code->instructions[2].insn.off, -3);
}

static void a_wide_load_takes_two_instructions(void **state)
{
	struct bytecode *code = bytecode_new(*state);

	bytecode_imm64(code, R3, 0x1122334455667788);
	bytecode_exit(code);
	finish(code);
	assert_int_equal(code->count, 3);
	assert_int_equal(code->instructions[0].insn.imm, 0x55667788);
	assert_int_equal(code->instructions[1].insn.imm, 0x11223344);
	assert_int_equal(code->instructions[1].insn.code, 0);
}

static void a_jump_to_a_block_that_never_begins_is_refused(void **state)
{
	struct bytecode *code = bytecode_new(*state);

	bytecode_jump(code, bytecode_new_block(code));
	bytecode_exit(code);
	expect_error(code, "instruction 0 jumps to block 0, which never begins");
}

static void a_block_that_begins_twice_is_refused(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block block = bytecode_new_block(code);

	bytecode_begin_block(code, block);
	bytecode_exit(code);
	bytecode_begin_block(code, block);
	expect_error(code, "block 0 begins twice, at instructions 0 and 1");
}

static void a_program_that_runs_past_its_end_is_refused(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct bytecode *jumping = bytecode_new(*state);
	struct basic_block end = bytecode_new_block(jumping);

	expect_error(bytecode_new(*state), "the program is empty");
	bytecode_alu_imm(code, BPF_MOV, R0, 1);
	expect_error(code, "the program runs past its end, at instruction 0");
	bytecode_jump(jumping, end);
	bytecode_exit(jumping);
	bytecode_begin_block(jumping, end);
	expect_error(jumping, "instruction 0 jumps past the program's end");
}

static struct bytecode *far_jump(struct arena *arena, int between)
{
	struct bytecode *code = bytecode_new(arena);
	struct basic_block far = bytecode_new_block(code);

	bytecode_jump_if(code, BPF_JEQ, R1, 1, far);
	emit_filler(code, between);
	bytecode_begin_block(code, far);
	bytecode_exit(code);
	return code;
}

static void a_jump_is_never_truncated(void **state)
{
	finish(far_jump(*state, INT16_MAX));
	expect_error(far_jump(*state, INT16_MAX + 1),
		     "the jump from instruction 0 to 32769 is further than 16 bits reach");
}

static struct bytecode *back_jump(struct arena *arena, int between)
{
	struct bytecode *code = bytecode_new(arena);
	struct basic_block back = bytecode_new_block(code);

	bytecode_begin_block(code, back);
	emit_filler(code, between);
	bytecode_jump_if(code, BPF_JEQ, R1, 1, back);
	bytecode_exit(code);
	return code;
}

static void a_jump_back_is_never_truncated(void **state)
{
	struct bytecode *code = back_jump(*state, INT16_MAX);

	finish(code);
	assert_int_equal(code->instructions[INT16_MAX].insn.off, INT16_MIN);
	expect_error(back_jump(*state, INT16_MAX + 1),
		     "the jump from instruction 32768 to 0 is further than 16 bits reach");
}

static void offsets_that_do_not_fit_are_refused(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct bytecode *data = bytecode_new(*state);

	bytecode_load(code, BPF_W, R1, R2, 40000);
	bytecode_exit(code);
	expect_error(code, "offset 40000 of instruction 0 does not fit into 16 bits");
	bytecode_data(data, R1, SYMBOL_TABLES, 1u << 29);
	bytecode_exit(data);
	expect_error(data, "offset 536870912 into the tables is beyond the 536870911 that a "
			   "program can reach");
}

static void the_listing_names_what_is_referred_to(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block end = bytecode_new_block(code);

	bytecode_comment(code, "port %u", 80);
	bytecode_load(code, BPF_W, R1, R6, 40);
	bytecode_to_host(code, R2, 32);
	bytecode_jump32_if_reg(code, BPF_JLT, R1, R2, end);
	bytecode_jump_if(code, BPF_JSET, R1, -1, end);
	bytecode_data(code, R1, SYMBOL_TABLES, 128);
	bytecode_data(code, R1, SYMBOL_HOST, 4);
	bytecode_map(code, R1, SYMBOL_SOCKETS);
	bytecode_imm64(code, R1, 0x100000000);
	bytecode_alu32_imm(code, BPF_LSH, R1, 2);
	bytecode_alu(code, BPF_ADD, R1, R2);
	bytecode_alu32(code, BPF_MOV, R1, R2);
	bytecode_store(code, BPF_B, R10, -4, R1);
	bytecode_call(code, BPF_FUNC_sk_assign);
	bytecode_begin_block(code, end);
	bytecode_comment(code, "the end");
	bytecode_exit(code);
	finish(code);
	expect_listing(code, NULL,
		       "; port 80\n"
		       "     0: r1 = *(u32 *)(r6 +40)\n"
		       "     1: r2 = be32 r2\n"
		       "     2: if w1 < w2 goto L1\n"
		       "     3: if r1 & 0xffffffff goto L1\n"
		       "     4: r1 = tables[128] ll\n"
		       "     6: r1 = machine[4] ll\n"
		       "     8: r1 = map sockets ll\n"
		       "    10: r1 = 0x100000000 ll\n"
		       "    12: w1 <<= 2\n"
		       "    13: r1 += r2\n"
		       "    14: w1 = w2\n"
		       "    15: *(u8 *)(r10 -4) = r1\n"
		       "    16: call bpf_sk_assign#124\n"
		       "; the end\n"
		       "L1:\n"
		       "    17: exit\n");
}

static void the_listing_shows_the_rule_where_it_changes(void **state)
{
	static const char text[] = "policy drop\ntcp dport 80 accept\n";
	struct bytecode *code = bytecode_new(*state);
	struct sources *sources = sources_new(*state);
	uint32_t base =
		source_add(sources, "web.conf", text, sizeof(text) - 1, (struct span){0, 0})->base;

	bytecode_origin(code, (struct span){base + 12, base + 31});
	bytecode_alu_imm(code, BPF_MOV, R0, 1);
	bytecode_alu_imm(code, BPF_MOV, R1, 1);
	bytecode_origin(code, (struct span){0, 0});
	bytecode_exit(code);
	finish(code);
	expect_listing(code, sources,
		       "; web.conf:2: tcp dport 80 accept\n"
		       "     0: r0 = 1\n"
		       "     1: r1 = 1\n"
		       "; shared look-up\n"
		       "     2: exit\n");
}

/* A subprogram of one instruction that does nothing, and an exit. */
static struct bytecode_subprogram make_subprogram(void *arena, const char *name)
{
	struct bytecode *code = bytecode_new(arena);

	bytecode_alu_imm(code, BPF_MOV, R0, 0);
	bytecode_exit(code);
	finish(code);
	return (struct bytecode_subprogram){.name = name, .code = code};
}

/* A subprogram that calls another. */
static struct bytecode_subprogram make_caller(void *arena, const char *name,
					      const struct bytecode_subprogram *called)
{
	struct bytecode *code = bytecode_new(arena);

	bytecode_call_subprogram(code, called);
	bytecode_exit(code);
	finish(code);
	return (struct bytecode_subprogram){.name = name, .code = code};
}

static void a_call_names_its_subprogram(void **state)
{
	struct bytecode_subprogram subprogram = make_subprogram(*state, "try_all");
	struct bytecode *code = bytecode_new(*state);

	bytecode_call_subprogram(code, &subprogram);
	bytecode_exit(code);
	finish(code);
	assert_int_equal(code->instructions[0].insn.src_reg, BPF_PSEUDO_CALL);
	assert_int_equal(code->instructions[0].insn.imm, -1);
	expect_listing(code, NULL,
		       "     0: call try_all\n"
		       "     1: exit\n"
		       "; try_all has 2 instructions, which no rule changes\n");
}

static void a_subprogram_is_listed_once_and_after_those_it_calls(void **state)
{
	struct bytecode_subprogram last = make_subprogram(*state, "last");
	struct bytecode_subprogram first = make_caller(*state, "first", &last);
	struct bytecode *code = bytecode_new(*state);

	bytecode_call_subprogram(code, &first);
	bytecode_call_subprogram(code, &last);
	bytecode_call_subprogram(code, &first);
	bytecode_exit(code);
	finish(code);
	assert_int_equal(code->subprogram_count, 2);
	assert_ptr_equal(code->subprograms[0], &last);
	assert_ptr_equal(code->subprograms[1], &first);
}

static void the_listing_shows_callers_before_those_they_call(void **state)
{
	struct bytecode_subprogram last = make_subprogram(*state, "last");
	struct bytecode_subprogram first = make_caller(*state, "first", &last);
	struct bytecode *code = bytecode_new(*state);

	bytecode_call_subprogram(code, &last);
	bytecode_call_subprogram(code, &first);
	bytecode_call_subprogram(code, &last);
	bytecode_exit(code);
	finish(code);
	expect_listing(code, NULL,
		       "     0: call last\n"
		       "     1: call first\n"
		       "     2: call last\n"
		       "     3: exit\n"
		       "; first has 2 instructions, which no rule changes\n"
		       "; last has 2 instructions, which no rule changes\n");
}

static void subprograms_that_do_not_call_each_other_are_listed_as_they_are_called(void **state)
{
	struct bytecode_subprogram one = make_subprogram(*state, "one");
	struct bytecode_subprogram other = make_subprogram(*state, "other");
	struct bytecode *code = bytecode_new(*state);

	bytecode_call_subprogram(code, &one);
	bytecode_call_subprogram(code, &one);
	bytecode_call_subprogram(code, &other);
	bytecode_exit(code);
	finish(code);
	assert_int_equal(code->subprogram_count, 2);
	assert_ptr_equal(code->subprograms[0], &one);
	assert_ptr_equal(code->subprograms[1], &other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_jump_holds_the_distance_to_its_block),
		TEST(a_wide_load_takes_two_instructions),
		TEST(a_jump_to_a_block_that_never_begins_is_refused),
		TEST(a_block_that_begins_twice_is_refused),
		TEST(a_program_that_runs_past_its_end_is_refused),
		TEST(a_jump_is_never_truncated),
		TEST(a_jump_back_is_never_truncated),
		TEST(offsets_that_do_not_fit_are_refused),
		TEST(the_listing_names_what_is_referred_to),
		TEST(the_listing_shows_the_rule_where_it_changes),
		TEST(a_call_names_its_subprogram),
		TEST(a_subprogram_is_listed_once_and_after_those_it_calls),
		TEST(the_listing_shows_callers_before_those_they_call),
		TEST(subprograms_that_do_not_call_each_other_are_listed_as_they_are_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
