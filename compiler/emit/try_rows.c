/* Carries out the later rows of an outcome. The verifier walks the code of one row, by itself, a call of it for each row
 * of a group, and a call of that for each group: for the longest outcome there can be, 7 and 7. */
#include "try_rows.h"

#include "compiler/base/arena.h"
#include "emitter.h"
#include "try_label.h"

#include <stddef.h>

static const char *const ROW_ARGUMENTS[] = {"row"};
static const char *const GROUP_ARGUMENTS[] = {"head"};

/* An emitter's ways out are the function's results. */
static struct emitter function_emitter(struct arena *arena, const struct layout *layout)
{
	struct emitter e = {.code = bytecode_new(arena), .layout = layout};

	e.pass = bytecode_new_block(e.code);
	e.drop = bytecode_new_block(e.code);
	return e;
}

static struct bytecode *write_row(struct arena *arena, const struct layout *layout)
{
	struct emitter e = function_emitter(arena, layout);

	bytecode_alu(e.code, BPF_MOV, R6, R1);
	emit_element(&e, layout->rows, sizeof(struct layout_row), R7, R2);
	emit_rule_counter(&e);
	if (!layout->object.label_count) {
		emit_exit(e.code, e.drop, MISSED);
		bytecode_finish(e.code);
		return e.code;
	}
	emit_place(&e);
	emit_index(&e, R2, e.drop);
	bytecode_load(e.code, BPF_W, R3, R7, (int)offsetof(struct layout_row, flags));
	emit_label(e.code, layout, true, e.drop);
	return e.code;
}

/* What comes before emit_call. */
static void emit_rows_base(struct emitter *e)
{
	bytecode_data(e->code, R8, SYMBOL_TABLES, e->layout->rows.offset);
}

/* Calls the function with row R7, which becomes the next one. To ENDED if there is no such row. */
static void emit_call(struct emitter *e, const struct bytecode_subprogram *function,
		      struct basic_block ended)
{
	bytecode_jump_if(e->code, BPF_JGT, R7, (int32_t)e->layout->rows.count - 1, ended);
	bytecode_alu(e->code, BPF_MOV, R2, R7);
	bytecode_alu_imm(e->code, BPF_LSH, R7, __builtin_ctz(sizeof(struct layout_row)));
	bytecode_alu(e->code, BPF_ADD, R7, R8);
	bytecode_load(e->code, BPF_W, R7, R7, (int)offsetof(struct layout_row, next));
	bytecode_alu(e->code, BPF_MOV, R1, R6);
	bytecode_call_subprogram(e->code, function);
	bytecode_jump_if(e->code, BPF_JNE, R0, 0, e->pass);
}

static struct bytecode *write_group(struct arena *arena, const struct layout *layout)
{
	struct emitter e = function_emitter(arena, layout);
	const struct bytecode_subprogram *row = BYTECODE_SUBPROGRAM(arena, "try_row", ROW_ARGUMENTS,
								    write_row(arena, layout));
	uint32_t i;

	bytecode_alu(e.code, BPF_MOV, R6, R1);
	emit_element(&e, layout->rows, sizeof(struct layout_row), R1, R2);
	bytecode_load(e.code, BPF_W, R7, R1, (int)offsetof(struct layout_row, group));
	emit_rows_base(&e);
	for (i = 0; i < layout->groups.rows; i++)
		emit_call(&e, row, e.drop);
	emit_exit(e.code, e.drop, MISSED);
	emit_exit(e.code, e.pass, DECIDED);
	bytecode_finish(e.code);
	return e.code;
}

const struct bytecode_subprogram *try_group_subprogram(struct arena *arena,
						       const struct layout *layout)
{
	return BYTECODE_SUBPROGRAM(arena, TRY_GROUP, GROUP_ARGUMENTS, write_group(arena, layout));
}

void emit_groups(struct emitter *e)
{
	const struct bytecode_subprogram *group = try_group_subprogram(e->code->arena, e->layout);
	struct basic_block ended = bytecode_new_block(e->code);
	uint32_t i;

	bytecode_comment(e->code, "the groups of later rows");
	emit_rows_base(e);
	emit_unused(e->code, R3);
	for (i = 0; i < e->layout->groups.count; i++) {
		bytecode_jump_if(e->code, BPF_JLE, R7, ROW_DROP, ended);
		emit_call(e, group, e->drop);
	}
	bytecode_begin_block(e->code, ended);
}
