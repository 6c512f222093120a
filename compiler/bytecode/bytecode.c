/*
 * The assembler. It takes instructions one by one, with jumps to basic blocks, and makes a program whose jumps have
 * distances. It keeps the first error. So an emitter reads like the listing of what it emits, and asks for the error
 * once, at the end.
 */
#include "bytecode.h"

#include "compiler/base/arena.h"

#include <stdarg.h>
#include <stdbool.h>

enum { NOT_BEGUN = 0xffffffff };

/* The imm of a call that has a relocation: libbpf lets it call the instruction at the symbol plus imm + 1. */
enum { CALL_OF_SYMBOL = -1 };

struct bytecode *bytecode_new(struct arena *arena)
{
	struct bytecode *code = arena_alloc(arena, 1, sizeof(*code));

	code->arena = arena;
	return code;
}

const struct bytecode_subprogram *bytecode_new_subprogram(struct arena *arena, const char *name,
							  const char *const *arguments,
							  size_t count, const struct bytecode *code)
{
	struct bytecode_subprogram *subprogram = arena_alloc(arena, 1, sizeof(*subprogram));

	*subprogram = (struct bytecode_subprogram){name, arguments, count, code};
	return subprogram;
}

static void fail(struct bytecode *code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Keeps the first error. */
static void fail(struct bytecode *code, const char *format, ...)
{
	char text[160];
	va_list arguments;

	if (code->error)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	code->error = arena_printf(code->arena, "%s", text);
}

struct basic_block bytecode_new_block(struct bytecode *code)
{
	struct basic_block block = {(uint32_t)code->block_count};

	*ARENA_PUSH(code->arena, code->block_starts, code->block_count,
		    code->block_capacity) = NOT_BEGUN;
	return block;
}

void bytecode_begin_block(struct bytecode *code, struct basic_block block)
{
	if (code->block_starts[block.id] != NOT_BEGUN)
		fail(code, "block %u begins twice, at instructions %u and %zu", block.id,
		     code->block_starts[block.id], code->count);
	code->block_starts[block.id] = (uint32_t)code->count;
}

void bytecode_comment(struct bytecode *code, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	code->pending_comment = arena_printf(code->arena, "%s", text);
}

void bytecode_origin(struct bytecode *code, struct span origin)
{
	code->origin = origin;
}

static struct bytecode_instruction *emit(struct bytecode *code, int opcode, enum reg dst,
					 enum reg src, int offset, int32_t imm)
{
	struct bytecode_instruction *instruction;

	if (offset < INT16_MIN || offset > INT16_MAX)
		fail(code, "offset %d of instruction %zu does not fit into 16 bits", offset,
		     code->count);
	instruction = ARENA_PUSH(code->arena, code->instructions, code->count, code->capacity);
	instruction->insn.code = (uint8_t)opcode;
	instruction->insn.dst_reg = dst & 0xf;
	instruction->insn.src_reg = src & 0xf;
	instruction->insn.off = (int16_t)offset;
	instruction->insn.imm = imm;
	instruction->origin = code->origin;
	instruction->comment = code->pending_comment;
	code->pending_comment = NULL;
	return instruction;
}

void bytecode_load(struct bytecode *code, int size, enum reg dst, enum reg src, int offset)
{
	emit(code, BPF_LDX | BPF_MEM | size, dst, src, offset, 0);
}

void bytecode_store(struct bytecode *code, int size, enum reg dst, int offset, enum reg src)
{
	emit(code, BPF_STX | BPF_MEM | size, dst, src, offset, 0);
}

void bytecode_alu(struct bytecode *code, int op, enum reg dst, enum reg src)
{
	emit(code, BPF_ALU64 | BPF_X | op, dst, src, 0, 0);
}

void bytecode_alu_imm(struct bytecode *code, int op, enum reg dst, int32_t value)
{
	emit(code, BPF_ALU64 | BPF_K | op, dst, R0, 0, value);
}

void bytecode_alu32(struct bytecode *code, int op, enum reg dst, enum reg src)
{
	emit(code, BPF_ALU | BPF_X | op, dst, src, 0, 0);
}

void bytecode_alu32_imm(struct bytecode *code, int op, enum reg dst, int32_t value)
{
	emit(code, BPF_ALU | BPF_K | op, dst, R0, 0, value);
}

void bytecode_to_host(struct bytecode *code, enum reg reg, int bits)
{
	emit(code, BPF_ALU | BPF_END | BPF_TO_BE, reg, R0, 0, bits);
}

/* A 64-bit load takes two instructions. The second has code 0 and the upper half of the number. */
static struct bytecode_instruction *emit_wide(struct bytecode *code, enum reg dst, uint32_t low,
					      uint32_t high)
{
	emit(code, BPF_LD | BPF_IMM | BPF_DW, dst, R0, 0, (int32_t)low);
	emit(code, 0, R0, R0, 0, (int32_t)high);
	return &code->instructions[code->count - 2];
}

void bytecode_imm64(struct bytecode *code, enum reg dst, uint64_t value)
{
	emit_wide(code, dst, (uint32_t)value, (uint32_t)(value >> 32));
}

void bytecode_map(struct bytecode *code, enum reg dst, enum bytecode_symbol map)
{
	emit_wide(code, dst, 0, 0)->symbol = map;
}

void bytecode_data(struct bytecode *code, enum reg dst, enum bytecode_symbol data, uint32_t offset)
{
	if (offset > BYTECODE_OFFSET_MAX)
		fail(code, "offset %u into the tables is beyond the %u that a program can reach",
		     offset, BYTECODE_OFFSET_MAX);
	emit_wide(code, dst, offset, 0)->symbol = data;
}

void bytecode_jump(struct bytecode *code, struct basic_block block)
{
	emit(code, BPF_JMP | BPF_JA, R0, R0, 0, 0)->target = block;
}

void bytecode_jump_if(struct bytecode *code, int op, enum reg reg, int32_t value,
		      struct basic_block block)
{
	emit(code, BPF_JMP | BPF_K | op, reg, R0, 0, value)->target = block;
}

void bytecode_jump_if_reg(struct bytecode *code, int op, enum reg a, enum reg b,
			  struct basic_block block)
{
	emit(code, BPF_JMP | BPF_X | op, a, b, 0, 0)->target = block;
}

void bytecode_jump32_if(struct bytecode *code, int op, enum reg reg, int32_t value,
			struct basic_block block)
{
	emit(code, BPF_JMP32 | BPF_K | op, reg, R0, 0, value)->target = block;
}

void bytecode_jump32_if_reg(struct bytecode *code, int op, enum reg a, enum reg b,
			    struct basic_block block)
{
	emit(code, BPF_JMP32 | BPF_X | op, a, b, 0, 0)->target = block;
}

void bytecode_call(struct bytecode *code, int helper)
{
	emit(code, BPF_JMP | BPF_CALL, R0, R0, 0, helper);
}

static bool is_listed(const struct bytecode *code, const struct bytecode_subprogram *subprogram)
{
	size_t i;

	for (i = 0; i < code->subprogram_count; i++)
		if (code->subprograms[i] == subprogram)
			return true;
	return false;
}

static void list_subprogram(struct bytecode *code, const struct bytecode_subprogram *subprogram)
{
	if (!is_listed(code, subprogram))
		*ARENA_PUSH(code->arena, code->subprograms, code->subprogram_count,
			    code->subprogram_capacity) = subprogram;
}

void bytecode_call_subprogram(struct bytecode *code, const struct bytecode_subprogram *subprogram)
{
	struct bytecode_instruction *call = emit(code, BPF_JMP | BPF_CALL, R0, BPF_PSEUDO_CALL, 0,
						 CALL_OF_SYMBOL);
	size_t i;

	call->symbol = SYMBOL_SUBPROGRAM;
	call->subprogram = subprogram;
	for (i = 0; i < subprogram->code->subprogram_count; i++)
		list_subprogram(code, subprogram->code->subprograms[i]);
	list_subprogram(code, subprogram);
	if (subprogram->code->error)
		fail(code, "the subprogram %s: %s", subprogram->name, subprogram->code->error);
}

void bytecode_exit(struct bytecode *code)
{
	emit(code, BPF_JMP | BPF_EXIT, R0, R0, 0, 0);
}

void bytecode_raw(struct bytecode *code, struct bpf_insn insn)
{
	emit(code, insn.code, insn.dst_reg, insn.src_reg, insn.off, insn.imm);
}

void bytecode_raw_jump(struct bytecode *code, struct bpf_insn insn, struct basic_block block)
{
	emit(code, insn.code, insn.dst_reg, insn.src_reg, 0, insn.imm)->target = block;
}

bool bytecode_is_jump(const struct bytecode_instruction *instruction)
{
	int insn_class = BPF_CLASS(instruction->insn.code);
	int op = BPF_OP(instruction->insn.code);

	return (insn_class == BPF_JMP || insn_class == BPF_JMP32) && op != BPF_CALL &&
	       op != BPF_EXIT;
}

bool bytecode_is_wide(const struct bytecode_instruction *instruction)
{
	return instruction->insn.code == (BPF_LD | BPF_IMM | BPF_DW);
}

uint64_t bytecode_wide_value(const struct bytecode_instruction *first)
{
	return (uint64_t)(uint32_t)first[1].insn.imm << 32 | (uint32_t)first[0].insn.imm;
}

bool bytecode_always_jumps(const struct bytecode_instruction *instruction)
{
	return instruction->insn.code == (BPF_JMP | BPF_JA);
}

bool bytecode_is_exit(const struct bytecode_instruction *instruction)
{
	return instruction->insn.code == (BPF_JMP | BPF_EXIT);
}

/* Index of the instruction that a jump leads to. */
static uint32_t target_start(const struct bytecode *code, const struct bytecode_instruction *jump)
{
	return code->block_starts[jump->target.id];
}

static void check_targets(struct bytecode *code)
{
	size_t i;

	for (i = 0; i < code->count; i++) {
		const struct bytecode_instruction *jump = &code->instructions[i];

		if (!bytecode_is_jump(jump))
			continue;
		if (target_start(code, jump) == NOT_BEGUN)
			fail(code, "instruction %zu jumps to block %u, which never begins", i,
			     jump->target.id);
		else if (target_start(code, jump) >= code->count)
			fail(code, "instruction %zu jumps past the program's end", i);
	}
}

static void check_end(struct bytecode *code)
{
	const struct bytecode_instruction *last = &code->instructions[code->count - 1];

	if (!bytecode_always_jumps(last) && !bytecode_is_exit(last))
		fail(code, "the program runs past its end, at instruction %zu", code->count - 1);
}

const char *bytecode_check(struct bytecode *code)
{
	if (!code->count) {
		fail(code, "the program is empty");
		return code->error;
	}
	check_targets(code);
	check_end(code);
	return code->error;
}

static void resolve(struct bytecode *code)
{
	size_t i;

	for (i = 0; i < code->count; i++) {
		struct bytecode_instruction *jump = &code->instructions[i];
		int64_t distance;

		if (!bytecode_is_jump(jump))
			continue;
		distance = (int64_t)target_start(code, jump) - (int64_t)i - 1;
		if (distance < INT16_MIN || distance > INT16_MAX)
			fail(code,
			     "the jump from instruction %zu to %u is further than 16 bits reach", i,
			     target_start(code, jump));
		else
			jump->insn.off = (int16_t)distance;
	}
}

const char *bytecode_finish(struct bytecode *code)
{
	if (!bytecode_check(code))
		resolve(code);
	return code->error;
}
