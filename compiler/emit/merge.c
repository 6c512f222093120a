/* The subprogram that carries out the rows of several parts by turns, in the order of their numbers, which is that of
 * their indexes. It has the next row of each part on its stack, at stack_part. Its code is a sequence of rounds, one
 * for each row that a packet may need: the verifier walks each of them once, since all that they keep are unknown
 * numbers. */
#include "compiler/base/arena.h"
#include "emit.h"
#include "emitter.h"

#include "runtime/abi.h"

#include <stddef.h>

/* Offset into the stack of the subprogram, after the rows of the parts: the label of each row so far, 4 bytes each. */
enum { STACK_LABELS = STACK_PARTS - 8 * PARTS_MAX };

/* The verifier allows 512 bytes of stack for the program and all that it calls, each rounded up to 32. Those that
 * try_parts calls take 128, and the program is left 160. */
_Static_assert(-STACK_LABELS + 4 * (PARTS_ACTIONS_MAX + 1) <= 224, "the stack may not be enough");

static int stack_label(size_t round)
{
	return STACK_LABELS - 4 * (int)round;
}

void emit_least_row(struct emitter *e, enum reg reg)
{
	size_t part;

	bytecode_load(e->code, BPF_W, reg, R10, stack_part(0));
	for (part = 1; part < e->layout->part_count; part++) {
		struct basic_block later = bytecode_new_block(e->code);

		bytecode_load(e->code, BPF_W, R1, R10, stack_part(part));
		bytecode_jump_if_reg(e->code, BPF_JLE, reg, R1, later);
		bytecode_alu(e->code, BPF_MOV, reg, R1);
		bytecode_begin_block(e->code, later);
	}
}

/* R7 becomes a pointer to row R9, and the row's part goes on at the row after it. R1 and R2 are lost. */
static void emit_take(struct emitter *e)
{
	size_t part;

	bytecode_alu(e->code, BPF_MOV, R1, R9);
	emit_element(e, e->layout->rows, sizeof(struct layout_row), R7, R1);
	bytecode_load(e->code, BPF_W, R2, R7, (int)offsetof(struct layout_row, next));
	for (part = 0; part < e->layout->part_count; part++) {
		struct basic_block other = bytecode_new_block(e->code);

		bytecode_load(e->code, BPF_W, R1, R10, stack_part(part));
		bytecode_jump_if_reg(e->code, BPF_JNE, R1, R9, other);
		bytecode_store(e->code, BPF_W, R10, stack_part(part), R2);
		bytecode_begin_block(e->code, other);
	}
}

/* Attempts the label of the row that R7 points to, unless it was attempted in a round before. */
static void emit_attempt(struct emitter *e, size_t round,
			 const struct bytecode_subprogram *try_label, struct basic_block done)
{
	size_t before;

	for (before = 0; before < round; before++) {
		bytecode_load(e->code, BPF_W, R1, R10, stack_label(before));
		bytecode_jump_if_reg(e->code, BPF_JEQ, R1, R2, done);
	}
	emit_flow_class(e);
	emit_label_index(e, R2, done);
	bytecode_alu(e->code, BPF_MOV, R1, R6);
	bytecode_load(e->code, BPF_W, R3, R7, (int)offsetof(struct layout_row, flags));
	emit_unused(e->code, R4);
	bytecode_call_subprogram(e->code, try_label);
	bytecode_jump_if(e->code, BPF_JNE, R0, 0, e->pass);
}

/* Carries out one row. The first one was carried out before the call. TRY_LABEL is NULL if there are no labels. */
static void emit_round(struct emitter *e, size_t round, const struct bytecode_subprogram *try_label)
{
	struct basic_block done = bytecode_new_block(e->code);

	bytecode_comment(e->code, "row %zu of the packet", round + 1);
	emit_least_row(e, R9);
	emit_take(e);
	bytecode_load(e->code, BPF_W, R2, R7, (int)offsetof(struct layout_row, label));
	bytecode_store(e->code, BPF_W, R10, stack_label(round), R2);
	if (round) {
		emit_rule_counter(e);
		bytecode_load(e->code, BPF_W, R2, R7, (int)offsetof(struct layout_row, label));
		if (try_label)
			emit_attempt(e, round, try_label, done);
		bytecode_begin_block(e->code, done);
		bytecode_load(e->code, BPF_W, R1, R7, (int)offsetof(struct layout_row, next));
		bytecode_jump_if(e->code, BPF_JEQ, R1, ROW_PASS, e->pass);
		bytecode_jump_if(e->code, BPF_JEQ, R1, ROW_DROP, e->drop);
	}
}

static void emit_end(struct emitter *e, struct basic_block block, int32_t result)
{
	bytecode_begin_block(e->code, block);
	bytecode_alu_imm(e->code, BPF_MOV, R0, result);
	bytecode_exit(e->code);
}

static struct bytecode *write_try_parts(struct arena *arena, const struct layout *layout)
{
	struct emitter e = {.code = bytecode_new(arena), .layout = layout};
	const struct bytecode_subprogram *try_label = layout->object.label_count
							      ? try_label_subprogram(arena, layout)
							      : NULL;
	size_t i;

	e.pass = bytecode_new_block(e.code);
	e.drop = bytecode_new_block(e.code);
	bytecode_alu(e.code, BPF_MOV, R6, R1);
	for (i = 0; i < layout->part_count; i++)
		bytecode_store(e.code, BPF_W, R10, stack_part(i), R2 + (enum reg)i);
	for (i = 0; i < layout->rows_max; i++)
		emit_round(&e, i, try_label);
	emit_end(&e, e.drop, SK_DROP);
	emit_end(&e, e.pass, SK_PASS);
	bytecode_finish(e.code);
	return e.code;
}

const struct bytecode_subprogram *try_parts_subprogram(struct arena *arena,
						       const struct layout *layout)
{
	static const char *const ARGUMENTS[PARTS_MAX] = {"row_1", "row_2", "row_3", "row_4"};

	return bytecode_new_subprogram(arena, "try_parts", ARGUMENTS, layout->part_count,
				       write_try_parts(arena, layout));
}

void emit_merge(struct emitter *e)
{
	size_t part;

	bytecode_comment(e->code, "the later rows of all parts");
	bytecode_alu(e->code, BPF_MOV, R1, R6);
	for (part = 0; part < e->layout->part_count; part++)
		bytecode_load(e->code, BPF_W, R2 + (enum reg)part, R10, stack_part(part));
	if (R2 + part <= R5)
		emit_unused(e->code, R2 + (enum reg)part);
	bytecode_call_subprogram(e->code, try_parts_subprogram(e->code->arena, e->layout));
	bytecode_jump_if(e->code, BPF_JNE, R0, SK_DROP, e->pass);
}
