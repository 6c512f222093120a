/* Tries a label's own slot where the program has not, then its blocks of spares. As functions of their own these cost
 * the verifier the same for any number of rows and rules, and a packet whose socket is in the label's own slot,
 * where the program looks itself, nothing. All that is known of an attempt is in one number, which the verifier has
 * to see passed on at each call.
 *
 * The marks of a label's blocks are read in words of four, and one function, called for each word, has another one
 * try its blocks: the verifier would walk one loop over all sixteen for each of them.
 *
 * A block is tried by three calls of five slots each. In a loop, or in one long row of slots, the verifier walks
 * what is left of them anew from each socket that could not take the packet (640 instructions on Linux 6.1, and so
 * 220); a call for each slot would take twice the time to find a block empty. Eight calls of two, the last of which
 * begins one slot earlier, are for programs that have more to walk: where a packet may have several attempts. */
#include "compiler/base/arena.h"
#include "emit.h"
#include "emitter.h"

#include "runtime/abi.h"

#include <errno.h>
#include <stddef.h>

/* The results of functions that try something for a packet. */
enum { MISSED, DECIDED };

static const char *const LABEL_ARGUMENTS[] = {"index", "flags"};
static const char *const MARKED_ARGUMENTS[] = {"place", "marks"};
static const char *const SLOTS_ARGUMENTS[] = {"place"};

enum {
	IN_TURN = 5, /* slots to a call */
	FEW_IN_TURN = 2,
	BLOCK_0 = ABI_SLOT_CAPACITY - ABI_SPARES,
	MARK_BITS = 8,
	MARKS = sizeof(uint32_t), /* to a word */
	WORDS = ABI_SPARE_RUN_MAX / MARKS,
	/* Such a number is a "place": a slot, the label's index, and the flags from these bits on. */
	PLACE_INDEX = 32,
	PLACE_FLAGS = 62,
};

_Static_assert(ABI_SPARES % IN_TURN == 0, "calls try whole blocks");
_Static_assert(ABI_SPARE_SLOT(1, 0) == BLOCK_0 + ABI_SPARES, "blocks count from 1");

static void emit_exit(struct bytecode *code, struct basic_block label, int32_t result)
{
	bytecode_begin_block(code, label);
	bytecode_alu_imm(code, BPF_MOV, R0, result);
	bytecode_exit(code);
}

/* What follows a slot in which the socket in R0 was found, with the flags in R8: it gets the packet, or NEXT is the
 * way on. R9 is lost. */
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

static void emit_hit(struct bytecode *code, struct basic_block hit, struct basic_block chosen)
{
	bytecode_begin_block(code, hit);
	emit_count(code, SYMBOL_LABEL_COUNTERS, STACK_LABEL,
		   offsetof(struct abi_label_count, hits));
	emit_exit(code, chosen, DECIDED);
}

static int in_turn(const struct layout *layout)
{
	return layout->rows_max > 1 ? FEW_IN_TURN : IN_TURN;
}

/* To END where the place is a label's own slot, which has no others behind it. */
static void emit_end_of_own(struct bytecode *code, struct basic_block end)
{
	bytecode_jump32_if(code, BPF_JLT, R7, ABI_SLOT_CAPACITY, end);
}

/* `int try_slots(context, place)`: COUNT slots from the place on. Empty ones are the straight way, which the verifier
 * walks first: what comes back from a socket that could not take the packet is then nothing new. */
static struct bytecode *write_slots(struct arena *arena, int count, bool own)
{
	struct bytecode *code = bytecode_new(arena);
	struct basic_block hit = bytecode_new_block(code), chosen = bytecode_new_block(code);
	struct basic_block found[IN_TURN], next[IN_TURN], end = bytecode_new_block(code);
	int i;

	bytecode_alu(code, BPF_MOV, R6, R1);
	bytecode_alu(code, BPF_MOV, R7, R2);
	bytecode_alu(code, BPF_MOV, R8, R2);
	bytecode_alu_imm(code, BPF_RSH, R8, PLACE_FLAGS);
	bytecode_alu_imm(code, BPF_LSH, R2, 64 - PLACE_FLAGS);
	bytecode_alu_imm(code, BPF_RSH, R2, 64 - PLACE_FLAGS + PLACE_INDEX);
	bytecode_store(code, BPF_W, R10, STACK_LABEL, R2);
	for (i = 0; i < count; i++) {
		found[i] = bytecode_new_block(code);
		next[i] = bytecode_new_block(code);
		bytecode_store(code, BPF_W, R10, STACK_KEY, R7);
		emit_look(code, SYMBOL_SOCKETS, STACK_KEY);
		bytecode_jump_if(code, BPF_JNE, R0, 0, found[i]);
		bytecode_begin_block(code, next[i]);
		if (i + 1 == count)
			break;
		if (own)
			emit_end_of_own(code, end);
		bytecode_alu_imm(code, BPF_ADD, R7, 1);
	}
	emit_exit(code, end, MISSED);
	for (i = 0; i < count; i++) {
		bytecode_begin_block(code, found[i]);
		emit_found(code, hit, chosen, next[i]);
	}
	emit_hit(code, hit, chosen);
	bytecode_finish(code);
	return code;
}

/* Calls a function for the place in R7, and the marks in MARKS if it asks for any. To CHOSEN if it has found who takes
 * the packet. */
static void emit_try(struct bytecode *code, const struct bytecode_subprogram *function,
		     enum reg marks, struct basic_block chosen)
{
	bytecode_alu(code, BPF_MOV, R1, R6);
	bytecode_alu(code, BPF_MOV, R2, R7);
	if (marks != R3)
		bytecode_alu(code, BPF_MOV, R3, marks);
	bytecode_call_subprogram(code, function);
	bytecode_jump_if(code, BPF_JNE, R0, 0, chosen);
}

/* `int try_block(context, place, marks)`: the slots of a block in their order, if it is marked. */
static struct bytecode *write_block(struct arena *arena, const struct layout *layout,
				    const struct bytecode_subprogram *slots)
{
	int i, count = in_turn(layout);
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
		emit_try(code, slots, R3, chosen);
	}
	emit_exit(code, end, MISSED);
	emit_exit(code, chosen, DECIDED);
	bytecode_finish(code);
	return code;
}

/* Whether what is not marked is passed over without a call. */
static bool looks_ahead(const struct layout *layout)
{
	return !layout->groups.count;
}

/* `int try_blocks(context, place, marks)`: four blocks from the place on; the mark of the first is the lowest byte. */
static struct bytecode *write_blocks(struct arena *arena, const struct layout *layout,
				     const struct bytecode_subprogram *block)
{
	struct bytecode *code = bytecode_new(arena);
	struct basic_block chosen = bytecode_new_block(code), end = bytecode_new_block(code);
	int i;

	bytecode_alu(code, BPF_MOV, R6, R1);
	bytecode_alu(code, BPF_MOV, R7, R2);
	bytecode_alu(code, BPF_MOV, R8, R3);
	for (i = 0; i < MARKS; i++) {
		if (i) {
			bytecode_alu_imm(code, BPF_RSH, R8, MARK_BITS);
			bytecode_alu_imm(code, BPF_ADD, R7, ABI_SPARES);
		}
		if (!i || looks_ahead(layout))
			bytecode_jump_if(code, BPF_JEQ, R8, 0, end);
		emit_try(code, block, R8, chosen);
	}
	emit_exit(code, end, MISSED);
	emit_exit(code, chosen, DECIDED);
	bytecode_finish(code);
	return code;
}

/* Tries the slot of the word in R7, here. */
static void emit_own_here(struct bytecode *code, struct basic_block hit, struct basic_block chosen)
{
	struct basic_block next = bytecode_new_block(code);

	bytecode_alu(code, BPF_MOV, R1, R7);
	bytecode_alu_imm(code, BPF_AND, R1, ABI_SLOT(UINT32_MAX));
	bytecode_store(code, BPF_W, R10, STACK_KEY, R1);
	emit_look(code, SYMBOL_SOCKETS, STACK_KEY);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, next);
	emit_found(code, hit, chosen, next);
	bytecode_begin_block(code, next);
}

/* The same by the function that tries spares, which the verifier has walked anyway; R9 is a place without its slot. */
static void emit_own_there(struct bytecode *code, const struct bytecode_subprogram *slots,
			   struct basic_block chosen)
{
	bytecode_alu(code, BPF_MOV, R1, R6);
	bytecode_alu(code, BPF_MOV, R2, R7);
	bytecode_alu_imm(code, BPF_AND, R2, ABI_SLOT(UINT32_MAX));
	bytecode_alu(code, BPF_OR, R2, R9);
	bytecode_call_subprogram(code, slots);
	bytecode_jump_if(code, BPF_JNE, R0, 0, chosen);
}

/* The marked blocks of the word in R7. To MISS if it names none. */
static void emit_spares(struct bytecode *code, const struct layout *layout,
			const struct bytecode_subprogram *blocks, struct basic_block miss,
			struct basic_block chosen)
{
	int i;

	bytecode_comment(code, "its spare slots");
	bytecode_alu_imm(code, BPF_RSH, R7, ABI_SPARE_BLOCK_SHIFT);
	bytecode_jump_if(code, BPF_JEQ, R7, 0, miss);
	bytecode_store(code, BPF_W, R10, STACK_KEY, R7);
	emit_look(code, SYMBOL_SPARE_MARKS, STACK_KEY);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, miss);
	bytecode_alu(code, BPF_MOV, R8, R0);
	bytecode_alu_imm(code, BPF_MUL, R7, ABI_SPARES);
	bytecode_alu_imm(code, BPF_ADD, R7, BLOCK_0);
	bytecode_alu(code, BPF_OR, R7, R9);
	for (i = 0; i < WORDS; i++) {
		struct basic_block next = bytecode_new_block(code);

		if (i)
			bytecode_alu_imm(code, BPF_ADD, R7, MARKS * ABI_SPARES);
		bytecode_load(code, BPF_W, R3, R8, i * (int)sizeof(uint32_t));
		if (looks_ahead(layout))
			bytecode_jump_if(code, BPF_JEQ, R3, 0, next);
		emit_try(code, blocks, R3, chosen);
		bytecode_begin_block(code, next);
	}
}

/* R9 becomes the place of the label in R2 with the flags in R3, but for its slot. R1 is lost. */
static void emit_place_of(struct bytecode *code)
{
	bytecode_alu_imm(code, BPF_LSH, R3, PLACE_FLAGS);
	bytecode_alu(code, BPF_MOV, R9, R2);
	bytecode_alu_imm(code, BPF_LSH, R9, PLACE_INDEX);
	bytecode_alu(code, BPF_OR, R9, R3);
}

/* R7 becomes the slot word of the label in R2. */
static void emit_word(struct bytecode *code)
{
	bytecode_alu_imm(code, BPF_LSH, R2, 2);
	bytecode_data(code, R1, SYMBOL_HOST, 0);
	bytecode_alu(code, BPF_ADD, R1, R2);
	bytecode_load(code, BPF_W, R7, R1, 0);
}

static void emit_missed(struct bytecode *code, struct basic_block miss, struct basic_block missed)
{
	bytecode_begin_block(code, miss);
	emit_count(code, SYMBOL_LABEL_COUNTERS, STACK_LABEL,
		   offsetof(struct abi_label_count, misses));
	emit_exit(code, missed, MISSED);
}

static void emit_label_alone(struct bytecode *code, struct basic_block missed)
{
	struct basic_block hit = bytecode_new_block(code), chosen = bytecode_new_block(code);

	bytecode_alu(code, BPF_MOV, R8, R3);
	emit_word(code);
	emit_own_here(code, hit, chosen);
	emit_missed(code, bytecode_new_block(code), missed);
	emit_hit(code, hit, chosen);
}

static void emit_label_with_spares(struct bytecode *code, const struct layout *layout, bool own,
				   struct basic_block missed)
{
	struct arena *arena = code->arena;
	const struct bytecode_subprogram *slots = BYTECODE_SUBPROGRAM(
		arena, "try_slots", SLOTS_ARGUMENTS, write_slots(arena, in_turn(layout), own));
	const struct bytecode_subprogram *block = BYTECODE_SUBPROGRAM(
		arena, "try_block", MARKED_ARGUMENTS, write_block(arena, layout, slots));
	const struct bytecode_subprogram *blocks = BYTECODE_SUBPROGRAM(
		arena, "try_blocks", MARKED_ARGUMENTS, write_blocks(arena, layout, block));
	struct basic_block miss = bytecode_new_block(code), chosen = bytecode_new_block(code);

	emit_place_of(code);
	emit_word(code);
	if (own)
		emit_own_there(code, slots, chosen);
	emit_spares(code, layout, blocks, miss, chosen);
	emit_missed(code, miss, missed);
	emit_exit(code, chosen, DECIDED);
}

static void emit_label(struct bytecode *code, const struct layout *layout, bool own,
		       struct basic_block missed)
{
	bytecode_store(code, BPF_W, R10, STACK_LABEL, R2);
	if (layout->object.tries_spares)
		emit_label_with_spares(code, layout, own, missed);
	else
		emit_label_alone(code, missed);
	bytecode_finish(code);
}

static struct bytecode *write_label(struct arena *arena, const struct layout *layout)
{
	uint32_t slots = ABI_PLACES * (uint32_t)layout->object.label_count;
	struct bytecode *code = bytecode_new(arena);
	struct basic_block none = bytecode_new_block(code);

	bytecode_jump_if(code, BPF_JGT, R2, (int32_t)slots - 1, none);
	bytecode_alu(code, BPF_MOV, R6, R1);
	emit_label(code, layout, layout->rows_max > 1, none);
	return code;
}

const struct bytecode_subprogram *try_label_subprogram(struct arena *arena,
						       const struct layout *layout)
{
	return BYTECODE_SUBPROGRAM(arena, "try_label", LABEL_ARGUMENTS, write_label(arena, layout));
}

/* Carries out the later rows of an outcome. The verifier walks the code of one row, by itself, a call of it for each row
 * of a group, and a call of that for each group: for the longest outcome there can be, 7 and 7. */
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
	return BYTECODE_SUBPROGRAM(arena, "try_group", GROUP_ARGUMENTS, write_group(arena, layout));
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
