/* The optimizer: random code computes the same before and after. */
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/pipeline.h"
#include "tests/lib/random.h"
#include "tests/unit/lib/bytecode_fixture.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An interpreter of programs that only compute. They load from the packet alone, so an address in
 * the tables is a number like any other. */
enum { PACKET_BYTES = 72, INSTRUCTIONS_MAX = 10000 };
#define TABLES_ADDRESS (UINT64_C(1) << 40)

/* The state of a program that runs. */
struct cpu {
	uint64_t regs[R10 + 1];
	unsigned char packet[PACKET_BYTES];
};

static uint64_t compute(int op, uint64_t a, uint64_t b, unsigned bits)
{
	switch (op) {
	case BPF_MOV:
		return b;
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_LSH:
		return a << (b & (bits - 1));
	default:
		return a >> (b & (bits - 1));
	}
}

static void run_alu(struct cpu *cpu, struct bpf_insn insn)
{
	bool is_narrow = BPF_CLASS(insn.code) == BPF_ALU;
	uint64_t mask = is_narrow ? UINT32_MAX : UINT64_MAX, *dst = &cpu->regs[insn.dst_reg];
	uint64_t source = BPF_SRC(insn.code) == BPF_X ? cpu->regs[insn.src_reg]
						      : (uint64_t)(int64_t)insn.imm;

	if (BPF_OP(insn.code) == BPF_END)
		*dst = insn.imm == 32 ? ntohl((uint32_t)*dst) : ntohs((uint16_t)*dst);
	else
		*dst = mask &
		       compute(BPF_OP(insn.code), *dst & mask, source & mask, is_narrow ? 32 : 64);
}

static bool is_taken(const struct cpu *cpu, struct bpf_insn insn)
{
	uint64_t mask = BPF_CLASS(insn.code) == BPF_JMP32 ? UINT32_MAX : UINT64_MAX;
	uint64_t a = cpu->regs[insn.dst_reg] & mask;
	uint64_t b = mask & (BPF_SRC(insn.code) == BPF_X ? cpu->regs[insn.src_reg]
							 : (uint64_t)(int64_t)insn.imm);

	switch (BPF_OP(insn.code)) {
	case BPF_JA:
		return true;
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	default:
		return a & b;
	}
}

/* Runs a finished program; returns R0. */
static uint64_t run(const struct bytecode *code, const unsigned char *packet)
{
	struct cpu cpu = {{0}, {0}};
	size_t i = 0, executed;

	memcpy(cpu.packet, packet, PACKET_BYTES);
	for (executed = 0; executed < INSTRUCTIONS_MAX; executed++, i++) {
		const struct bytecode_instruction *instruction = &code->instructions[i];
		struct bpf_insn insn = instruction->insn;

		assert_true(i < code->count);
		if (bytecode_is_exit(instruction))
			return cpu.regs[R0];
		if (bytecode_is_jump(instruction)) {
			i += is_taken(&cpu, insn) ? (size_t)(int64_t)insn.off : 0;
		} else if (bytecode_is_wide(instruction)) {
			cpu.regs[insn.dst_reg] = bytecode_wide_value(instruction) +
						 (instruction->symbol ? TABLES_ADDRESS : 0);
			i++;
		} else if (BPF_CLASS(insn.code) == BPF_LDX) {
			cpu.regs[insn.dst_reg] = 0;
			memcpy(&cpu.regs[insn.dst_reg], cpu.packet + insn.off,
			       BPF_SIZE(insn.code) == BPF_W ? 4 : 2);
		} else {
			run_alu(&cpu, insn);
		}
	}
	fail_msg("the program does not end");
	return 0;
}

/* A program is a sequence of PIECES, each of which may jump to one of the NEAR pieces after it.
 * Programs have few values and registers, so that the optimizer's rewritings often apply. */
enum { PROGRAMS = 10000, PACKETS = 16, PIECES = 16, WORDS = 4, NEAR = 4 };

static const uint32_t SOME_VALUES[] = {0,  1,  2,      0x01000000, 0x01000001, 0x02000000,
				       80, 81, 0x5000, 0x80000000, UINT32_MAX};

static uint32_t some_value(struct random *random)
{
	return SOME_VALUES[random_below(random, sizeof(SOME_VALUES) / sizeof(SOME_VALUES[0]))];
}

static enum reg some_reg(struct random *random)
{
	return (enum reg)random_below(random, R4);
}

static void emit_field(struct bytecode *code, struct random *random)
{
	enum reg reg = some_reg(random);
	bool is_half = random_percent(random, 25);

	bytecode_load(code, is_half ? BPF_H : BPF_W, reg, R6, 4 * (int)random_below(random, WORDS));
	if (random_percent(random, 10))
		reg = some_reg(random);
	if (random_percent(random, 80))
		bytecode_to_host(code, reg, is_half ? 16 : 32);
}

static void emit_comparison(struct bytecode *code, struct random *random, struct basic_block block)
{
	static const int ops[] = {BPF_JEQ, BPF_JNE, BPF_JGE, BPF_JLT, BPF_JGT, BPF_JLE, BPF_JSET};
	int op = ops[random_below(random, sizeof(ops) / sizeof(ops[0]))];

	if (random_percent(random, 80))
		bytecode_jump32_if(code, op, some_reg(random), (int32_t)some_value(random), block);
	else if (random_percent(random, 50))
		bytecode_jump_if(code, op, some_reg(random), (int32_t)some_value(random), block);
	else
		bytecode_jump32_if_reg(code, op, some_reg(random), some_reg(random), block);
}

static void emit_arithmetic(struct bytecode *code, struct random *random)
{
	static const int ops[] = {BPF_MOV, BPF_ADD, BPF_SUB, BPF_AND, BPF_OR, BPF_MOV};
	int op = ops[random_below(random, sizeof(ops) / sizeof(ops[0]))];

	if (random_percent(random, 30))
		bytecode_alu(code, op, some_reg(random), some_reg(random));
	else if (random_percent(random, 50))
		bytecode_alu32_imm(code, op, some_reg(random), (int32_t)some_value(random));
	else
		bytecode_alu_imm(code, op, some_reg(random), (int32_t)some_value(random));
}

/* Emits two comparisons, perhaps with adjacent constants, that jump to few blocks. */
static void emit_pair(struct bytecode *code, struct random *random,
		      const struct basic_block *blocks)
{
	enum reg reg = some_reg(random);
	uint32_t value = some_value(random);
	struct basic_block between = bytecode_new_block(code);

	if (random_percent(random, 75))
		bytecode_load(code, BPF_W, reg, R6, 4 * (int)random_below(random, WORDS));
	if (random_percent(random, 30))
		emit_comparison(code, random, between);
	bytecode_jump32_if(code, random_percent(random, 50) ? BPF_JGE : BPF_JLT, reg,
			   (int32_t)value,
			   random_percent(random, 50) ? between : blocks[random_below(random, 2)]);
	if (random_percent(random, 50))
		bytecode_jump(code, blocks[random_below(random, 2)]);
	if (random_percent(random, 20))
		reg = some_reg(random);
	bytecode_begin_block(code, between);
	bytecode_jump32_if(code, random_percent(random, 50) ? BPF_JGE : BPF_JLT, reg,
			   (int32_t)(value + random_below(random, 5) - 2),
			   blocks[random_below(random, 2)]);
}

static void emit_jump_over(struct bytecode *code, struct random *random, struct basic_block block)
{
	struct basic_block over = bytecode_new_block(code), away = bytecode_new_block(code);

	if (random_percent(random, 30))
		bytecode_jump_if(code, BPF_JEQ, some_reg(random), 0, away);
	emit_comparison(code, random, over);
	bytecode_begin_block(code, away);
	bytecode_jump(code, block);
	bytecode_begin_block(code, over);
}

static void emit_sum(struct bytecode *code, struct random *random)
{
	enum reg a = some_reg(random), b = some_reg(random);

	if (random_percent(random, 50))
		bytecode_data(code, a, SYMBOL_TABLES, some_value(random) & 0xffff);
	bytecode_alu(code, BPF_ADD, a, b);
	bytecode_alu(code, BPF_MOV, b, a);
	if (random_percent(random, 50))
		bytecode_alu_imm(code, BPF_MOV, a, -1);
}

static void emit_known_comparison(struct bytecode *code, struct random *random,
				  struct basic_block block)
{
	enum reg reg = some_reg(random);

	bytecode_alu32_imm(code, BPF_MOV, reg, (int32_t)some_value(random));
	bytecode_jump32_if(code, random_percent(random, 50) ? BPF_JEQ : BPF_JGT, reg,
			   (int32_t)some_value(random), block);
}

/* BLOCKS begin the pieces of code that follow, the next one first. */
static void emit_piece(struct bytecode *code, struct random *random,
		       const struct basic_block *blocks)
{
	switch (random_below(random, 10)) {
	case 0:
	case 1:
		emit_field(code, random);
		break;
	case 2:
	case 3:
		emit_comparison(code, random, blocks[random_below(random, NEAR)]);
		break;
	case 4:
		bytecode_jump(code, blocks[random_below(random, NEAR)]);
		break;
	case 5:
		emit_pair(code, random, blocks);
		break;
	case 6:
		emit_jump_over(code, random, blocks[random_below(random, NEAR)]);
		break;
	case 7:
		emit_sum(code, random);
		break;
	case 8:
		emit_known_comparison(code, random, blocks[random_below(random, NEAR)]);
		break;
	default:
		emit_arithmetic(code, random);
	}
}

/* All jumps lead forward, so that the program ends. */
static struct bytecode *random_program(struct arena *arena, struct random *random)
{
	struct bytecode *code = bytecode_new(arena);
	struct basic_block blocks[PIECES + NEAR];
	size_t i;
	int reg;

	for (i = 0; i < PIECES + NEAR; i++)
		blocks[i] = bytecode_new_block(code);
	for (i = 0; i < PIECES; i++) {
		bytecode_begin_block(code, blocks[i]);
		emit_piece(code, random, blocks + i + 1);
	}
	for (; i < PIECES + NEAR; i++)
		bytecode_begin_block(code, blocks[i]);
	for (reg = R1; reg < (int)random_below(random, R4 + 1); reg++)
		bytecode_alu(code, BPF_ADD, R0, (enum reg)reg);
	bytecode_exit(code);
	return code;
}

static void random_packet(unsigned char *packet, struct random *random)
{
	uint32_t words[WORDS];
	size_t i;

	for (i = 0; i < WORDS; i++)
		words[i] = random_percent(random, 50) ? htonl(some_value(random))
						      : some_value(random);
	memset(packet, 0, PACKET_BYTES);
	memcpy(packet, words, sizeof(words));
}

static void random_programs_do_the_same_in_fewer_instructions(void **state)
{
	struct random random = {1};
	size_t before = 0, after = 0, i, j;

	(void)state;
	for (i = 0; i < PROGRAMS; i++) {
		struct arena *arena = arena_new();
		struct bytecode *code = random_program(arena, &random), *better;
		unsigned char packet[PACKET_BYTES];

		better = optimize(arena, code);
		assert_null(bytecode_finish(code));
		assert_true(better->count <= code->count);
		before += code->count;
		after += better->count;
		for (j = 0; j < PACKETS; j++) {
			random_packet(packet, &random);
			assert_int_equal(run(code, packet), run(better, packet));
		}
		arena_free(arena);
	}
	assert_true(after < before * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_programs_do_the_same_in_fewer_instructions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
