/*
 * The subprograms that both back ends call: try_label and try_group, which emit.h describes, and those that these two
 * call. The verifier walks a subprogram separately, and only once, so the code in this file costs it the same for any
 * number of rules. It costs a packet nothing if the program itself finds a socket in the label's own slot.
 *
 *     try_label(label index, flags)    a label's own slot, and then its spare slots
 *       try_blocks(attempt, marks)     four blocks of spare slots
 *         try_block(attempt, marks)    one block, if it is marked
 *           try_slots(attempt)         some adjacent slots
 *     try_group(head)                  the rows of a group of an outcome's later rows
 *       try_row(row)                   one row: counts its rule, then does the same as try_label
 *     try_parts(first row of each part)
 *                                      all rows of several parts but the first, in order; calls try_label
 *
 * Each has the context as its first argument. The others are numbers. Two of these need a description:
 *
 * An attempt is all that is needed to try a slot: the slot, the label index and the flags of bpf_sk_assign. It is one
 * number, since the verifier walks the instructions that pass each argument at each call.
 *
 * Marks say which of a label's blocks of spare slots to try: a byte for each block, 0 if no socket was ever put there.
 * They are read in words of four marks, and try_blocks is called for each word. In one loop over all sixteen blocks,
 * the verifier would walk the body of the loop sixteen times.
 *
 * A block is tried by three calls of try_slots for five slots each. In a loop, or in one long sequence of slots, the
 * verifier walks all code after a slot once more for the case that a socket there could not take the packet: 640
 * instructions on Linux 6.1, but 220 with three calls. With a call for each slot, it would take twice the time to find
 * that a block is empty. Where a packet may have several attempts, the verifier has more to walk. There, a block is
 * tried by eight calls for two slots each, the last of which begins one slot earlier.
 */
#include "compiler/base/arena.h"
#include "emit.h"
#include "emitter.h"

#include "runtime/abi.h"

#include <errno.h>
#include <stddef.h>

/* The results of subprograms. */
enum { MISSED, DECIDED };

/* The names of arguments in the object's BTF. An attempt is called a place there. */
static const char *const LABEL_ARGUMENTS[] = {"index", "flags"};
static const char *const BLOCK_ARGUMENTS[] = {"place", "marks"};
static const char *const SLOTS_ARGUMENTS[] = {"place"};
static const char *const ROW_ARGUMENTS[] = {"row"};
static const char *const GROUP_ARGUMENTS[] = {"head"};

enum {
	SLOTS_TO_A_CALL = 5,
	FEW_SLOTS_TO_A_CALL = 2,                  /* where a packet may have several attempts */
	BLOCK_0 = ABI_SLOT_CAPACITY - ABI_SPARES, /* where the slots of a block 0 would begin */
	MARK_BITS = 8,
	MARKS_IN_A_WORD = sizeof(uint32_t),
	MARK_WORDS = ABI_SPARE_RUN_MAX / MARKS_IN_A_WORD,
	/* Bits of an attempt: the slot from bit 0 on, the label index and the flags from these on. */
	ATTEMPT_LABEL = 32,
	ATTEMPT_FLAGS = 62,
};

_Static_assert(ABI_SPARES % SLOTS_TO_A_CALL == 0, "calls try whole blocks");
_Static_assert(ABI_SPARE_SLOT(1, 0) == BLOCK_0 + ABI_SPARES, "blocks count from 1");

/* Begins BLOCK, which returns a result. */
static void emit_return(struct bytecode *code, struct basic_block block, int32_t result)
{
	bytecode_begin_block(code, block);
	bytecode_alu_imm(code, BPF_MOV, R0, result);
	bytecode_exit(code);
}

/* Assigns the socket in R0, with the flags in R8, and releases it. Jumps to HIT if the socket takes the packet, to
 * CHOSEN if a program before this one has chosen, else to NEXT. R9 is lost. */
static void emit_found(struct bytecode *code, struct basic_block hit, struct basic_block chosen,
		       struct basic_block next)
{
	bytecode_alu(code, BPF_MOV, R9, R0);
	bytecode_alu(code, BPF_MOV, R1, R6);
	bytecode_alu(code, BPF_MOV, R2, R0);
	bytecode_alu(code, BPF_MOV, R3, R8);
	bytecode_call(code, BPF_FUNC_sk_assign);
	bytecode_alu(code, BPF_MOV, R1, R9);
	bytecode_alu(code, BPF_MOV, R9, R0);
	bytecode_call(code, BPF_FUNC_sk_release);
	bytecode_jump_if(code, BPF_JEQ, R9, 0, hit);
	bytecode_jump_if(code, BPF_JEQ, R9, -EEXIST, chosen);
	bytecode_jump(code, next);
}

/* Begins HIT, which counts the label's hit, and CHOSEN, to which it falls through. */
static void emit_hit(struct bytecode *code, struct basic_block hit, struct basic_block chosen)
{
	bytecode_begin_block(code, hit);
	emit_count(code, SYMBOL_LABEL_COUNTERS, STACK_LABEL,
		   offsetof(struct abi_label_count, hits));
	emit_return(code, chosen, DECIDED);
}

static int slots_to_a_call(const struct layout *layout)
{
	return layout->rows_max > 1 ? FEW_SLOTS_TO_A_CALL : SLOTS_TO_A_CALL;
}

/* Jumps to END if the slot of the attempt in R7 is a label's own slot: the slots after it belong to other labels. */
static void emit_end_of_own(struct bytecode *code, struct basic_block end)
{
	bytecode_jump32_if(code, BPF_JLT, R7, ABI_SLOT_CAPACITY, end);
}

/* `int try_slots(context, attempt)` tries COUNT slots, from the attempt's slot on. If OWN, the slot may be a label's
 * own slot, and then only that one is tried. Empty slots are the path that falls through, since the verifier walks
 * that first: when it walks a socket that could not take the packet, the code after it is then in states that it has
 * seen. */
static struct bytecode *write_try_slots(struct arena *arena, int count, bool own)
{
	struct bytecode *code = bytecode_new(arena);
	struct basic_block hit = bytecode_new_block(code), chosen = bytecode_new_block(code);
	struct basic_block found[SLOTS_TO_A_CALL], next[SLOTS_TO_A_CALL];
	struct basic_block end = bytecode_new_block(code);
	int i;

	bytecode_alu(code, BPF_MOV, R6, R1);
	bytecode_alu(code, BPF_MOV, R7, R2);
	bytecode_alu(code, BPF_MOV, R8, R2);
	bytecode_alu_imm(code, BPF_RSH, R8, ATTEMPT_FLAGS);
	bytecode_alu_imm(code, BPF_LSH, R2, 64 - ATTEMPT_FLAGS);
	bytecode_alu_imm(code, BPF_RSH, R2, 64 - ATTEMPT_FLAGS + ATTEMPT_LABEL);
	bytecode_store(code, BPF_W, R10, STACK_LABEL, R2);
	for (i = 0; i < count; i++) {
		found[i] = bytecode_new_block(code);
		next[i] = bytecode_new_block(code);
		bytecode_store(code, BPF_W, R10, STACK_KEY, R7);
		emit_look_up(code, SYMBOL_SOCKETS, STACK_KEY);
		bytecode_jump_if(code, BPF_JNE, R0, 0, found[i]);
		bytecode_begin_block(code, next[i]);
		if (i + 1 == count)
			break;
		if (own)
			emit_end_of_own(code, end);
		bytecode_alu_imm(code, BPF_ADD, R7, 1);
	}
	emit_return(code, end, MISSED);
	for (i = 0; i < count; i++) {
		bytecode_begin_block(code, found[i]);
		emit_found(code, hit, chosen, next[i]);
	}
	emit_hit(code, hit, chosen);
	bytecode_finish(code);
	return code;
}

/* Calls a subprogram for the attempt in R7, with the marks in the register MARKS if it takes marks. Jumps to CHOSEN if
 * it has decided. */
static void emit_try(struct bytecode *code, const struct bytecode_subprogram *subprogram,
		     enum reg marks, struct basic_block chosen)
{
	bytecode_alu(code, BPF_MOV, R1, R6);
	bytecode_alu(code, BPF_MOV, R2, R7);
	if (marks != R3)
		bytecode_alu(code, BPF_MOV, R3, marks);
	bytecode_call_subprogram(code, subprogram);
	bytecode_jump_if(code, BPF_JNE, R0, 0, chosen);
}

/* `int try_block(context, attempt, marks)` tries the slots of a block in their order, from the attempt's slot on, if
 * the lowest byte of the marks is not 0. */
static struct bytecode *write_try_block(struct arena *arena, const struct layout *layout,
					const struct bytecode_subprogram *try_slots)
{
	int i, count = slots_to_a_call(layout);
	struct bytecode *code = bytecode_new(arena);
	struct basic_block chosen = bytecode_new_block(code), end = bytecode_new_block(code);

	bytecode_alu_imm(code, BPF_AND, R3, (1 << MARK_BITS) - 1);
	bytecode_jump_if(code, BPF_JEQ, R3, 0, end);
	bytecode_alu(code, BPF_MOV, R6, R1);
	bytecode_alu(code, BPF_MOV, R7, R2);
	for (i = 0; i < ABI_SPARES; i += count) {
		if (i)
			bytecode_alu_imm(code, BPF_ADD, R7,
					 i + count > ABI_SPARES ? ABI_SPARES - i : count);
		emit_try(code, try_slots, R3, chosen);
	}
	emit_return(code, end, MISSED);
	emit_return(code, chosen, DECIDED);
	bytecode_finish(code);
	return code;
}

/* Whether try_blocks and its caller skip blocks that are not marked without a call. */
static bool looks_ahead(const struct layout *layout)
{
	return !layout->groups.count;
}

/* `int try_blocks(context, attempt, marks)` tries four blocks, from the attempt's slot on. The lowest byte of the marks
 * is that of the first block. */
static struct bytecode *write_try_blocks(struct arena *arena, const struct layout *layout,
					 const struct bytecode_subprogram *try_block)
{
	struct bytecode *code = bytecode_new(arena);
	struct basic_block chosen = bytecode_new_block(code), end = bytecode_new_block(code);
	int i;

	bytecode_alu(code, BPF_MOV, R6, R1);
	bytecode_alu(code, BPF_MOV, R7, R2);
	bytecode_alu(code, BPF_MOV, R8, R3);
	for (i = 0; i < MARKS_IN_A_WORD; i++) {
		if (i) {
			bytecode_alu_imm(code, BPF_RSH, R8, MARK_BITS);
			bytecode_alu_imm(code, BPF_ADD, R7, ABI_SPARES);
		}
		if (!i || looks_ahead(layout))
			bytecode_jump_if(code, BPF_JEQ, R8, 0, end);
		emit_try(code, try_block, R8, chosen);
	}
	emit_return(code, end, MISSED);
	emit_return(code, chosen, DECIDED);
	bytecode_finish(code);
	return code;
}

/* Tries a label's own slot by a call of try_slots, which the verifier walks anyway for the spare slots. R7 has the slot
 * word, R9 the attempt without its slot. */
static void emit_own_slot_call(struct bytecode *code, const struct bytecode_subprogram *try_slots,
			       struct basic_block chosen)
{
	bytecode_alu(code, BPF_MOV, R1, R6);
	bytecode_alu(code, BPF_MOV, R2, R7);
	bytecode_alu_imm(code, BPF_AND, R2, ABI_SLOT(UINT32_MAX));
	bytecode_alu(code, BPF_OR, R2, R9);
	bytecode_call_subprogram(code, try_slots);
	bytecode_jump_if(code, BPF_JNE, R0, 0, chosen);
}

/* Tries the marked blocks of spare slots that the slot word in R7 names. Jumps to MISS if it names none. R9 is the
 * attempt without its slot. */
static void emit_spares(struct bytecode *code, const struct layout *layout,
			const struct bytecode_subprogram *try_blocks, struct basic_block miss,
			struct basic_block chosen)
{
	int i;

	bytecode_comment(code, "its spare slots");
	bytecode_alu_imm(code, BPF_RSH, R7, ABI_SPARE_BLOCK_SHIFT);
	bytecode_jump_if(code, BPF_JEQ, R7, 0, miss);
	bytecode_store(code, BPF_W, R10, STACK_KEY, R7);
	emit_look_up(code, SYMBOL_SPARE_MARKS, STACK_KEY);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, miss);
	bytecode_alu(code, BPF_MOV, R8, R0);
	bytecode_alu_imm(code, BPF_MUL, R7, ABI_SPARES);
	bytecode_alu_imm(code, BPF_ADD, R7, BLOCK_0);
	bytecode_alu(code, BPF_OR, R7, R9);
	for (i = 0; i < MARK_WORDS; i++) {
		struct basic_block next = bytecode_new_block(code);

		if (i)
			bytecode_alu_imm(code, BPF_ADD, R7, MARKS_IN_A_WORD * ABI_SPARES);
		bytecode_load(code, BPF_W, R3, R8, i * (int)sizeof(uint32_t));
		if (looks_ahead(layout))
			bytecode_jump_if(code, BPF_JEQ, R3, 0, next);
		emit_try(code, try_blocks, R3, chosen);
		bytecode_begin_block(code, next);
	}
}

/* R9 becomes an attempt without its slot. The label index is in R2, the flags are in R3. */
static void emit_attempt(struct bytecode *code)
{
	bytecode_alu_imm(code, BPF_LSH, R3, ATTEMPT_FLAGS);
	bytecode_alu(code, BPF_MOV, R9, R2);
	bytecode_alu_imm(code, BPF_LSH, R9, ATTEMPT_LABEL);
	bytecode_alu(code, BPF_OR, R9, R3);
}

/* Begins MISS, which counts the label's miss, and MISSED, to which it falls through. */
static void emit_miss(struct bytecode *code, struct basic_block miss, struct basic_block missed)
{
	bytecode_begin_block(code, miss);
	emit_count(code, SYMBOL_LABEL_COUNTERS, STACK_LABEL,
		   offsetof(struct abi_label_count, misses));
	emit_return(code, missed, MISSED);
}

/* Emits the rest of a subprogram that has the context in R6, a label index in R2 and flags in R3. It tries the label's
 * own slot, if OWN; then the spare slots; counts the hit or the miss; and returns. Begins MISSED, which returns without
 * counting. */
static void emit_label(struct bytecode *code, const struct layout *layout, bool own,
		       struct basic_block missed)
{
	struct arena *arena = code->arena;
	const struct bytecode_subprogram *try_slots = BYTECODE_SUBPROGRAM(
		arena, "try_slots", SLOTS_ARGUMENTS,
		write_try_slots(arena, slots_to_a_call(layout), own));
	const struct bytecode_subprogram *try_block = BYTECODE_SUBPROGRAM(
		arena, "try_block", BLOCK_ARGUMENTS, write_try_block(arena, layout, try_slots));
	const struct bytecode_subprogram *try_blocks = BYTECODE_SUBPROGRAM(
		arena, "try_blocks", BLOCK_ARGUMENTS, write_try_blocks(arena, layout, try_block));
	struct basic_block miss = bytecode_new_block(code), chosen = bytecode_new_block(code);

	bytecode_store(code, BPF_W, R10, STACK_LABEL, R2);
	emit_attempt(code);
	emit_slot_word(code, R7, R2, R1);
	if (own)
		emit_own_slot_call(code, try_slots, chosen);
	emit_spares(code, layout, try_blocks, miss, chosen);
	emit_miss(code, miss, missed);
	emit_return(code, chosen, DECIDED);
	bytecode_finish(code);
}

static struct bytecode *write_try_label(struct arena *arena, const struct layout *layout)
{
	uint32_t count = ABI_FLOW_CLASSES * (uint32_t)layout->object.label_count;
	struct bytecode *code = bytecode_new(arena);
	struct basic_block none = bytecode_new_block(code);

	bytecode_jump_if(code, BPF_JGT, R2, (int32_t)count - 1, none);
	bytecode_alu(code, BPF_MOV, R6, R1);
	emit_label(code, layout, layout->rows_max > 1, none);
	return code;
}

static struct bytecode *write_class(struct arena *arena, const struct layout *layout)
{
	const size_t slots = ABI_FLOW_CLASSES * layout->object.label_count;
	struct bytecode *code = bytecode_new(arena);
	struct basic_block far = bytecode_new_block(code), other = bytecode_new_block(code);

	bytecode_load(code, BPF_W, R6, R1, CONTEXT(ingress_ifindex));
	bytecode_store(code, BPF_W, R10, STACK_KEY, R6);
	bytecode_alu(code, BPF_MOV, R2, R6);
	bytecode_alu32_imm(code, BPF_AND, R2, ABI_NEAR - 1);
	bytecode_store(code, BPF_W, R10, STACK_NEAR, R2);
	emit_look_up(code, SYMBOL_NEAR, STACK_NEAR);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, far);
	bytecode_load(code, BPF_DW, R0, R0, 0);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, far);
	bytecode_alu(code, BPF_MOV, R1, R0);
	bytecode_alu_imm(code, BPF_RSH, R1, 32);
	bytecode_jump_if_reg(code, BPF_JNE, R1, R6, far);
	bytecode_alu32(code, BPF_MOV, R0, R0); /* the number leaves R0, of which LLVM takes all */
	bytecode_exit(code);
	bytecode_begin_block(code, far);
	emit_look_up(code, SYMBOL_INTERFACES, STACK_KEY);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, other);
	bytecode_load(code, BPF_W, R0, R0, 0);
	bytecode_exit(code);
	bytecode_begin_block(code, other);
	bytecode_data(code, R1, SYMBOL_HOST, (uint32_t)(slots * sizeof(uint32_t)));
	bytecode_load(code, BPF_W, R0, R1, 0);
	bytecode_exit(code);
	bytecode_finish(code);
	return code;
}

const struct bytecode_subprogram *class_subprogram(struct arena *arena, const struct layout *layout)
{
	return bytecode_new_subprogram(arena, "class_of_interface", NULL, 0,
				       write_class(arena, layout));
}

const struct bytecode_subprogram *try_label_subprogram(struct arena *arena,
						       const struct layout *layout)
{
	return BYTECODE_SUBPROGRAM(arena, "try_label", LABEL_ARGUMENTS,
				   write_try_label(arena, layout));
}

/* Makes an emitter for a subprogram. Its PASS returns DECIDED, and its DROP returns MISSED. */
static struct emitter subprogram_emitter(struct arena *arena, const struct layout *layout)
{
	struct emitter e = {.code = bytecode_new(arena), .layout = layout};

	e.pass = bytecode_new_block(e.code);
	e.drop = bytecode_new_block(e.code);
	return e;
}

static struct bytecode *write_try_row(struct arena *arena, const struct layout *layout)
{
	struct emitter e = subprogram_emitter(arena, layout);

	bytecode_alu(e.code, BPF_MOV, R6, R1);
	emit_element(&e, layout->rows, sizeof(struct layout_row), R7, R2);
	emit_rule_counter(&e);
	if (!layout->object.label_count) {
		emit_return(e.code, e.drop, MISSED);
		bytecode_finish(e.code);
		return e.code;
	}
	emit_flow_class(&e);
	emit_label_index(&e, R2, e.drop);
	bytecode_load(e.code, BPF_W, R3, R7, (int)offsetof(struct layout_row, flags));
	emit_label(e.code, layout, true, e.drop);
	return e.code;
}

/* R8 becomes the address of the rows, for emit_call. */
static void emit_rows_base(struct emitter *e)
{
	bytecode_data(e->code, R8, SYMBOL_TABLES, e->layout->rows.offset);
}

/* Calls a subprogram with the number of a row, which is in R7 and becomes that of the next row. Jumps to PASS if the
 * subprogram has decided, or to ENDED if there is no row with this number. */
static void emit_call(struct emitter *e, const struct bytecode_subprogram *subprogram,
		      struct basic_block ended)
{
	bytecode_jump_if(e->code, BPF_JGT, R7, (int32_t)e->layout->rows.count - 1, ended);
	bytecode_alu(e->code, BPF_MOV, R2, R7);
	bytecode_alu_imm(e->code, BPF_LSH, R7, __builtin_ctz(sizeof(struct layout_row)));
	bytecode_alu(e->code, BPF_ADD, R7, R8);
	bytecode_load(e->code, BPF_W, R7, R7, (int)offsetof(struct layout_row, next));
	bytecode_alu(e->code, BPF_MOV, R1, R6);
	bytecode_call_subprogram(e->code, subprogram);
	bytecode_jump_if(e->code, BPF_JNE, R0, 0, e->pass);
}

/* The verifier walks a call of try_row for each row that a group may have. In the program itself, it walks a call of
 * try_group for each group that an outcome may have. The longest possible outcome has 7 groups of 7 rows. */
static struct bytecode *write_try_group(struct arena *arena, const struct layout *layout)
{
	struct emitter e = subprogram_emitter(arena, layout);
	const struct bytecode_subprogram *try_row = BYTECODE_SUBPROGRAM(
		arena, "try_row", ROW_ARGUMENTS, write_try_row(arena, layout));
	uint32_t i;

	bytecode_alu(e.code, BPF_MOV, R6, R1);
	emit_element(&e, layout->rows, sizeof(struct layout_row), R1, R2);
	bytecode_load(e.code, BPF_W, R7, R1, (int)offsetof(struct layout_row, group));
	emit_rows_base(&e);
	for (i = 0; i < layout->groups.rows; i++)
		emit_call(&e, try_row, e.drop);
	emit_return(e.code, e.drop, MISSED);
	emit_return(e.code, e.pass, DECIDED);
	bytecode_finish(e.code);
	return e.code;
}

const struct bytecode_subprogram *try_group_subprogram(struct arena *arena,
						       const struct layout *layout)
{
	return BYTECODE_SUBPROGRAM(arena, "try_group", GROUP_ARGUMENTS,
				   write_try_group(arena, layout));
}

void emit_groups(struct emitter *e)
{
	const struct bytecode_subprogram *try_group = try_group_subprogram(e->code->arena,
									   e->layout);
	struct basic_block ended = bytecode_new_block(e->code);
	uint32_t i;

	bytecode_comment(e->code, "the groups of later rows");
	emit_rows_base(e);
	emit_unused(e->code, R3);
	for (i = 0; i < e->layout->groups.count; i++) {
		bytecode_jump_if(e->code, BPF_JLE, R7, ROW_DROP, ended);
		emit_call(e, try_group, e->drop);
	}
	bytecode_begin_block(e->code, ended);
}
