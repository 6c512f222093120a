/* The optimizer: each of its rewritings, on code written by hand. */
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/pipeline.h"
#include "tests/unit/lib/bytecode_fixture.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_optimized(struct arena *arena, const struct bytecode *code, const char *expected)
{
	expect_listing(optimize(arena, code), NULL, expected);
}

/* COUNT instructions that do something. */
static void emit_filler(struct bytecode *code, int count)
{
	while (count--)
		bytecode_store(code, BPF_W, R10, -4, R1);
}

static void emit_return(struct bytecode *code, int value)
{
	bytecode_alu_imm(code, BPF_MOV, R0, value);
	bytecode_exit(code);
}

static void a_jump_to_a_jump_goes_to_the_last_target(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block first = bytecode_new_block(code), last = bytecode_new_block(code);

	bytecode_jump_if(code, BPF_JEQ, R1, 1, first);
	emit_return(code, 0);
	bytecode_begin_block(code, first);
	bytecode_jump(code, last);
	bytecode_alu_imm(code, BPF_MOV, R0, 7);
	bytecode_begin_block(code, last);
	emit_return(code, 1);
	expect_optimized(*state, code,
			 "     0: if r1 == 0x1 goto L1\n"
			 "     1: r0 = 0\n"
			 "     2: exit\n"
			 "L1:\n"
			 "     3: r0 = 1\n"
			 "     4: exit\n");
}

static void a_cycle_of_jumps_is_left_to_the_verifier(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block a = bytecode_new_block(code), b = bytecode_new_block(code);

	bytecode_begin_block(code, a);
	bytecode_jump(code, b);
	bytecode_alu_imm(code, BPF_MOV, R0, 1);
	bytecode_begin_block(code, b);
	bytecode_jump(code, a);
	assert_in_range(optimize(*state, code)->count, 1, 2);
}

static void unreachable_instructions_are_taken_out(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block end = bytecode_new_block(code), dead = bytecode_new_block(code);

	bytecode_jump_if(code, BPF_JGT, R1, 9, end);
	bytecode_store(code, BPF_W, R10, -4, R1);
	bytecode_jump(code, end);
	bytecode_begin_block(code, dead);
	bytecode_map(code, R1, SYMBOL_SOCKETS);
	bytecode_jump(code, dead);
	bytecode_begin_block(code, end);
	bytecode_exit(code);
	expect_optimized(*state, code,
			 "     0: if r1 > 0x9 goto L1\n"
			 "     1: *(u32 *)(r10 -4) = r1\n"
			 "L1:\n"
			 "     2: exit\n");
}

static void threading_does_not_stretch_a_jump_beyond_its_reach(void **state)
{
	struct bytecode *code = bytecode_new(*state), *better;
	struct basic_block near = bytecode_new_block(code), far = bytecode_new_block(code);
	struct basic_block middle = bytecode_new_block(code);

	bytecode_jump_if(code, BPF_JEQ, R1, 1, near);
	bytecode_jump_if(code, BPF_JEQ, R1, 2, middle);
	emit_filler(code, 20000);
	bytecode_exit(code);
	bytecode_begin_block(code, near);
	bytecode_jump(code, far);
	bytecode_begin_block(code, middle);
	emit_filler(code, 20000);
	bytecode_begin_block(code, far);
	bytecode_exit(code);
	better = optimize(*state, code);
	assert_int_equal(better->instructions[0].insn.off, 20002);
	assert_int_equal(better->instructions[20003].insn.off, 20000);
}

static void a_program_that_is_too_long_is_refused(void **state)
{
	struct diag *diag = diag_new(*state, sources_new(*state));
	struct bytecode *code = bytecode_new(*state);
	struct basic_block far = bytecode_new_block(code);

	bytecode_jump_if(code, BPF_JEQ, R1, 1, far);
	emit_filler(code, INT16_MAX + 1);
	bytecode_begin_block(code, far);
	bytecode_exit(code);
	assert_null(bytecode_optimize(*state, code, diag));
	assert_int_equal(diag_error_count(diag), 1);
}

static void a_jump_over_a_jump_is_inverted(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block over = bytecode_new_block(code), away = bytecode_new_block(code);

	bytecode_jump32_if(code, BPF_JGE, R1, 80, over);
	bytecode_jump(code, away);
	bytecode_begin_block(code, over);
	emit_return(code, 1);
	bytecode_begin_block(code, away);
	emit_return(code, 0);
	expect_optimized(*state, code,
			 "     0: if w1 < 0x50 goto L1\n"
			 "     1: r0 = 1\n"
			 "     2: exit\n"
			 "L1:\n"
			 "     3: r0 = 0\n"
			 "     4: exit\n");
}

static void a_jump_that_others_lead_to_is_not_inverted_away(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block over = bytecode_new_block(code), away = bytecode_new_block(code);
	struct basic_block shared = bytecode_new_block(code);

	bytecode_jump_if(code, BPF_JEQ, R2, 1, shared);
	bytecode_jump_if(code, BPF_JSET, R1, 80, over);
	bytecode_begin_block(code, shared);
	bytecode_jump(code, away);
	bytecode_begin_block(code, over);
	emit_return(code, 1);
	bytecode_begin_block(code, away);
	emit_return(code, 0);
	expect_optimized(*state, code,
			 "     0: if r2 == 0x1 goto L2\n"
			 "     1: if r1 & 0x50 goto L1\n"
			 "     2: goto L2\n"
			 "L1:\n"
			 "     3: r0 = 1\n"
			 "     4: exit\n"
			 "L2:\n"
			 "     5: r0 = 0\n"
			 "     6: exit\n");
}

/* The code of a comparison tree that tells the values [FIRST, FIRST + WIDTH) from all others. */
static struct bytecode *range_of(struct arena *arena, uint32_t first, uint32_t width)
{
	struct bytecode *code = bytecode_new(arena);
	struct basic_block upper = bytecode_new_block(code), above = bytecode_new_block(code);
	struct basic_block others = bytecode_new_block(code);

	bytecode_jump32_if(code, BPF_JGE, R1, (int32_t)first, upper);
	bytecode_jump(code, others);
	bytecode_begin_block(code, upper);
	bytecode_jump32_if(code, BPF_JGE, R1, (int32_t)(first + width), above);
	emit_return(code, 1);
	bytecode_begin_block(code, above);
	bytecode_jump(code, others);
	bytecode_begin_block(code, others);
	emit_return(code, 0);
	return code;
}

static void a_range_of_one_value_takes_one_comparison(void **state)
{
	expect_optimized(*state, range_of(*state, 443, 1),
			 "     0: if w1 != 0x1bb goto L1\n"
			 "     1: r0 = 1\n"
			 "     2: exit\n"
			 "L1:\n"
			 "     3: r0 = 0\n"
			 "     4: exit\n");
	expect_optimized(*state, range_of(*state, 443, 2),
			 "     0: if w1 < 0x1bb goto L1\n"
			 "     1: if w1 >= 0x1bd goto L1\n"
			 "     2: r0 = 1\n"
			 "     3: exit\n"
			 "L1:\n"
			 "     4: r0 = 0\n"
			 "     5: exit\n");
}

static void bytes_are_not_swapped_for_tests_of_equality(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block end = bytecode_new_block(code);

	bytecode_load(code, BPF_W, R1, R6, 40);
	bytecode_to_host(code, R1, 32);
	bytecode_jump32_if(code, BPF_JEQ, R1, 0x01020304, end);
	bytecode_jump32_if(code, BPF_JNE, R1, 5, end);
	bytecode_load(code, BPF_H, R1, R6, 36);
	bytecode_to_host(code, R1, 16);
	bytecode_jump32_if(code, BPF_JEQ, R1, 80, end);
	emit_return(code, 1);
	bytecode_begin_block(code, end);
	emit_return(code, 0);
	expect_optimized(*state, code,
			 "     0: r1 = *(u32 *)(r6 +40)\n"
			 "     1: if w1 == 0x4030201 goto L1\n"
			 "     2: if w1 != 0x5000000 goto L1\n"
			 "     3: r1 = *(u16 *)(r6 +36)\n"
			 "     4: if w1 == 0x5000 goto L1\n"
			 "     5: r0 = 1\n"
			 "     6: exit\n"
			 "L1:\n"
			 "     7: r0 = 0\n"
			 "     8: exit\n");
}

/* Two loads into one register lead to the same comparison; only the second load swaps bytes. */
static void bytes_are_swapped_where_another_value_may_be_compared(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block compare = bytecode_new_block(code), end = bytecode_new_block(code);

	bytecode_load(code, BPF_W, R1, R6, 60);
	bytecode_jump_if(code, BPF_JEQ, R2, 0, compare);
	bytecode_load(code, BPF_W, R1, R6, 40);
	bytecode_to_host(code, R1, 32);
	bytecode_begin_block(code, compare);
	bytecode_jump32_if(code, BPF_JEQ, R1, 7, end);
	emit_return(code, 1);
	bytecode_begin_block(code, end);
	emit_return(code, 0);
	expect_optimized(*state, code,
			 "     0: r1 = *(u32 *)(r6 +60)\n"
			 "     1: if r2 == 0x0 goto L1\n"
			 "     2: r1 = *(u32 *)(r6 +40)\n"
			 "     3: r1 = be32 r1\n"
			 "L1:\n"
			 "     4: if w1 == 0x7 goto L2\n"
			 "     5: r0 = 1\n"
			 "     6: exit\n"
			 "L2:\n"
			 "     7: r0 = 0\n"
			 "     8: exit\n");
}

static void bytes_are_swapped_for_tests_of_order(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block end = bytecode_new_block(code);

	bytecode_load(code, BPF_W, R1, R6, 40);
	bytecode_to_host(code, R1, 32);
	bytecode_jump32_if(code, BPF_JEQ, R1, 7, end);
	bytecode_jump32_if(code, BPF_JLT, R1, 9, end);
	emit_return(code, 1);
	bytecode_begin_block(code, end);
	emit_return(code, 0);
	expect_optimized(*state, code,
			 "     0: r1 = *(u32 *)(r6 +40)\n"
			 "     1: r1 = be32 r1\n"
			 "     2: if w1 == 0x7 goto L1\n"
			 "     3: if w1 < 0x9 goto L1\n"
			 "     4: r0 = 1\n"
			 "     5: exit\n"
			 "L1:\n"
			 "     6: r0 = 0\n"
			 "     7: exit\n");
}

static void constants_are_folded(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block skip = bytecode_new_block(code), drop = bytecode_new_block(code);

	bytecode_alu32_imm(code, BPF_MOV, R7, 0x0c000001);
	bytecode_jump32_if(code, BPF_JLT, R7, 0x0c000000, skip);
	bytecode_alu32_imm(code, BPF_AND, R7, 0x3ffffff);
	bytecode_jump_if(code, BPF_JGT, R7, 9, drop);
	bytecode_alu_imm(code, BPF_LSH, R7, 6);
	bytecode_data(code, R3, SYMBOL_TABLES, 128);
	bytecode_alu(code, BPF_ADD, R3, R7);
	bytecode_load(code, BPF_W, R0, R3, 0);
	bytecode_exit(code);
	bytecode_begin_block(code, skip);
	emit_return(code, 1);
	bytecode_begin_block(code, drop);
	emit_return(code, 0);
	expect_optimized(*state, code,
			 "     0: r3 = tables[192] ll\n"
			 "     2: r0 = *(u32 *)(r3 +0)\n"
			 "     3: exit\n");
}

static void no_unsigned_value_is_less_than_zero(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block below = bytecode_new_block(code), others = bytecode_new_block(code);

	bytecode_jump_if(code, BPF_JLT, R1, 0, below);
	bytecode_jump32_if(code, BPF_JGE, R1, 0, others);
	bytecode_begin_block(code, below);
	emit_return(code, 1);
	bytecode_begin_block(code, others);
	emit_return(code, 0);
	expect_optimized(*state, code,
			 "     0: r0 = 0\n"
			 "     1: exit\n");
}

static void no_value_is_known_where_paths_meet(void **state)
{
	struct bytecode *code = bytecode_new(*state);
	struct basic_block meet = bytecode_new_block(code);

	bytecode_alu_imm(code, BPF_MOV, R0, 1);
	bytecode_jump_if(code, BPF_JEQ, R1, 1, meet);
	bytecode_alu_imm(code, BPF_MOV, R0, 2);
	bytecode_begin_block(code, meet);
	bytecode_alu_imm(code, BPF_ADD, R0, 1);
	bytecode_exit(code);
	expect_optimized(*state, code,
			 "     0: r0 = 1\n"
			 "     1: if r1 == 0x1 goto L1\n"
			 "     2: r0 = 2\n"
			 "L1:\n"
			 "     3: r0 += 1\n"
			 "     4: exit\n");
}

static void no_value_is_known_of_registers_that_a_call_may_write(void **state)
{
	struct bytecode *code = bytecode_new(*state);

	bytecode_alu_imm(code, BPF_MOV, R0, 1);
	bytecode_call(code, BPF_FUNC_ktime_get_ns);
	bytecode_alu_imm(code, BPF_ADD, R0, 1);
	bytecode_exit(code);
	expect_optimized(*state, code,
			 "     0: call bpf_ktime_get_ns#5\n"
			 "     1: r0 += 1\n"
			 "     2: exit\n");
}

static void a_result_that_nobody_reads_is_not_computed(void **state)
{
	struct bytecode *code = bytecode_new(*state);

	bytecode_data(code, R2, SYMBOL_TABLES, 0);
	bytecode_alu(code, BPF_ADD, R2, R1);
	bytecode_load(code, BPF_W, R0, R1, 0);
	bytecode_data(code, R3, SYMBOL_TABLES, 0);
	bytecode_alu(code, BPF_ADD, R3, R0);
	bytecode_alu(code, BPF_MOV, R0, R3);
	bytecode_exit(code);
	expect_optimized(*state, code,
			 "     0: r0 = *(u32 *)(r1 +0)\n"
			 "     1: r3 = tables[0] ll\n"
			 "     3: r0 += r3\n"
			 "     4: exit\n");
}

static void rules_and_references_stay_with_their_instructions(void **state)
{
	static const char text[] = "tcp dport 80 accept\n";
	struct sources *sources = sources_new(*state);
	uint32_t base =
		source_add(sources, "a.conf", text, sizeof(text) - 1, (struct span){0, 0})->base;
	struct bytecode *code = bytecode_new(*state);
	struct basic_block end = bytecode_new_block(code);

	bytecode_alu_imm(code, BPF_MOV, R5, 9);
	bytecode_jump(code, end);
	bytecode_origin(code, (struct span){base, base + 19});
	bytecode_begin_block(code, end);
	bytecode_comment(code, "the map");
	bytecode_alu_imm(code, BPF_MOV, R4, 9);
	bytecode_map(code, R0, SYMBOL_SOCKETS);
	bytecode_exit(code);
	expect_listing(optimize(*state, code), sources,
		       "; a.conf:1: tcp dport 80 accept\n"
		       "; the map\n"
		       "     0: r0 = map sockets ll\n"
		       "     2: exit\n");
}

static void the_optimizer_does_not_change_its_input(void **state)
{
	struct bytecode *code = range_of(*state, 443, 1);
	char *before = listing(code, NULL);

	optimize(*state, code);
	expect_listing(code, NULL, before);
	free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_jump_to_a_jump_goes_to_the_last_target),
		TEST(a_cycle_of_jumps_is_left_to_the_verifier),
		TEST(unreachable_instructions_are_taken_out),
		TEST(threading_does_not_stretch_a_jump_beyond_its_reach),
		TEST(a_program_that_is_too_long_is_refused),
		TEST(a_jump_over_a_jump_is_inverted),
		TEST(a_jump_that_others_lead_to_is_not_inverted_away),
		TEST(a_range_of_one_value_takes_one_comparison),
		TEST(bytes_are_not_swapped_for_tests_of_equality),
		TEST(bytes_are_swapped_where_another_value_may_be_compared),
		TEST(bytes_are_swapped_for_tests_of_order),
		TEST(constants_are_folded),
		TEST(no_unsigned_value_is_less_than_zero),
		TEST(no_value_is_known_where_paths_meet),
		TEST(no_value_is_known_of_registers_that_a_call_may_write),
		TEST(a_result_that_nobody_reads_is_not_computed),
		TEST(rules_and_references_stay_with_their_instructions),
		TEST(the_optimizer_does_not_change_its_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
