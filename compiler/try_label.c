/* Tries a label's own slot where the program has not, then its block of spares. As functions of their own these cost
 * the verifier the same for any number of rows and rules, and a packet whose socket is in the label's own slot,
 * where the program looks itself, nothing.
 *
 * A block is tried by three calls of five slots each. In a loop, or in one long row of slots, the verifier walks
 * what is left of them anew from each socket that could not take the packet (640 instructions on Linux 6.1, and so
 * 220); a call for each slot would take twice the time to find a block empty. Five calls of three, which take 40
 * instructions less and 13 ns more, are for programs that have more to walk: where rows are in groups. */
#include "try_label.h"

#include "arena.h"
#include "emitter.h"

#include "../runtime/abi.h"

#include <stddef.h>

static const char *const LABEL_ARGUMENTS[] = {"index", "flags"};
static const char *const SLOTS_ARGUMENTS[] = {"first", "flags", "index"};

enum {
	IN_TURN = 5, /* slots to a call */
	FEW_IN_TURN = 3,
	STACK_FLAGS = STACK_PREFIX,
	BLOCK_0 = ABI_SLOT_CAPACITY - ABI_SPARES,
};

_Static_assert(ABI_SPARES % IN_TURN == 0 && ABI_SPARES % FEW_IN_TURN == 0,
	       "calls try whole blocks");
_Static_assert(ABI_SPARE_SLOT(1, 0) == BLOCK_0 + ABI_SPARES, "blocks count from 1");

void emit_exit(struct bytecode *code, struct jump_label label, int32_t result)
{
	bytecode_place(code, label);
	bytecode_alu_imm(code, BPF_MOV, R0, result);
	bytecode_exit(code);
}

/* What follows a slot in which a socket was found: it gets the packet, or NEXT is the way on. */
static void emit_found(struct bytecode *code, struct jump_label hit, struct jump_label chosen,
		       struct jump_label next)
{
	emit_assign(code, R10, STACK_FLAGS, hit, chosen);
	bytecode_jump(code, next);
}

static void emit_hit(struct bytecode *code, struct jump_label hit, struct jump_label chosen)
{
	bytecode_place(code, hit);
	emit_count(code, SYMBOL_LABEL_COUNTERS, STACK_LABEL,
		   offsetof(struct abi_label_count, hits));
	emit_exit(code, chosen, DECIDED);
}

static int in_turn(const struct layout *layout)
{
	return layout->groups.count ? FEW_IN_TURN : IN_TURN;
}

/* `int try_slots(context, first, flags, index)`: COUNT slots from FIRST on. Empty ones are the straight way, which
 * the verifier walks first: what comes back from a socket that could not take the packet is then nothing new. */
static struct bytecode *write_slots(struct arena *arena, int count)
{
	struct bytecode *code = bytecode_new(arena);
	struct jump_label hit = bytecode_label(code), chosen = bytecode_label(code);
	struct jump_label found[IN_TURN], next[IN_TURN];
	int i;

	bytecode_alu(code, BPF_MOV, R6, R1);
	bytecode_alu(code, BPF_MOV, R7, R2);
	bytecode_store(code, BPF_W, R10, STACK_FLAGS, R3);
	bytecode_store(code, BPF_W, R10, STACK_LABEL, R4);
	for (i = 0; i < count; i++) {
		found[i] = bytecode_label(code);
		next[i] = bytecode_label(code);
		bytecode_store(code, BPF_W, R10, STACK_KEY, R7);
		emit_look(code, SYMBOL_SOCKETS, STACK_KEY);
		bytecode_jump_if(code, BPF_JNE, R0, 0, found[i]);
		bytecode_place(code, next[i]);
		if (i + 1 < count)
			bytecode_alu_imm(code, BPF_ADD, R7, 1);
	}
	emit_exit(code, bytecode_label(code), MISSED);
	for (i = 0; i < count; i++) {
		bytecode_place(code, found[i]);
		emit_found(code, hit, chosen, next[i]);
	}
	emit_hit(code, hit, chosen);
	bytecode_finish(code);
	return code;
}

static struct bytecode_function *slots_function(struct arena *arena, const struct layout *layout)
{
	struct bytecode_function *function = arena_alloc(arena, 1, sizeof(*function));

	*function = (struct bytecode_function){
		.name = "try_slots",
		.arguments = SLOTS_ARGUMENTS,
		.argument_count = sizeof(SLOTS_ARGUMENTS) / sizeof(SLOTS_ARGUMENTS[0]),
		.code = write_slots(arena, in_turn(layout)),
	};
	return function;
}

static void emit_own_slot(struct bytecode *code, struct jump_label hit, struct jump_label chosen)
{
	struct jump_label next = bytecode_label(code);

	bytecode_comment(code, "the label's own slot");
	bytecode_alu(code, BPF_MOV, R1, R7);
	bytecode_alu_imm(code, BPF_AND, R1, ABI_SLOT(UINT32_MAX));
	bytecode_store(code, BPF_W, R10, STACK_KEY, R1);
	emit_look(code, SYMBOL_SOCKETS, STACK_KEY);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, next);
	emit_found(code, hit, chosen, next);
	bytecode_place(code, next);
}

/* To MISS if the word names no block, or nothing in it takes the packet. */
static void emit_block(struct bytecode *code, const struct layout *layout, struct jump_label miss,
		       struct jump_label chosen)
{
	const struct bytecode_function *slots = slots_function(code->arena, layout);
	int i, count = in_turn(layout);

	bytecode_comment(code, "its spare slots");
	bytecode_alu_imm(code, BPF_RSH, R7, 16);
	bytecode_jump_if(code, BPF_JEQ, R7, 0, miss);
	bytecode_alu_imm(code, BPF_MUL, R7, ABI_SPARES);
	for (i = 0; i < ABI_SPARES; i += count) {
		bytecode_alu_imm(code, BPF_ADD, R7, i ? count : BLOCK_0);
		bytecode_alu(code, BPF_MOV, R1, R6);
		bytecode_alu(code, BPF_MOV, R2, R7);
		bytecode_load(code, BPF_W, R3, R10, STACK_FLAGS);
		bytecode_load(code, BPF_W, R4, R10, STACK_LABEL);
		bytecode_call_function(code, slots);
		bytecode_jump_if(code, BPF_JNE, R0, 0, chosen);
	}
}

void emit_label(struct bytecode *code, const struct layout *layout, bool own,
		struct jump_label missed)
{
	struct jump_label hit = bytecode_label(code), miss = bytecode_label(code);
	struct jump_label chosen = bytecode_label(code);

	bytecode_store(code, BPF_W, R10, STACK_LABEL, R2);
	bytecode_store(code, BPF_W, R10, STACK_FLAGS, R3);
	bytecode_alu_imm(code, BPF_LSH, R2, 2);
	bytecode_data(code, R1, SYMBOL_MACHINE, 0);
	bytecode_alu(code, BPF_ADD, R1, R2);
	bytecode_load(code, BPF_W, R7, R1, 0);
	if (own)
		emit_own_slot(code, hit, chosen);
	if (layout->tries_spares)
		emit_block(code, layout, miss, chosen);
	bytecode_place(code, miss);
	emit_count(code, SYMBOL_LABEL_COUNTERS, STACK_LABEL,
		   offsetof(struct abi_label_count, misses));
	emit_exit(code, missed, MISSED);
	if (own)
		emit_hit(code, hit, chosen);
	else
		emit_exit(code, chosen, DECIDED);
	bytecode_finish(code);
}

static struct bytecode *write_label(struct arena *arena, const struct layout *layout)
{
	uint32_t slots = ABI_PLACES * (uint32_t)layout->object.label_count;
	struct bytecode *code = bytecode_new(arena);
	struct jump_label none = bytecode_label(code);

	bytecode_jump_if(code, BPF_JGT, R2, (int32_t)slots - 1, none);
	bytecode_alu(code, BPF_MOV, R6, R1);
	emit_label(code, layout, layout->rows_max > 1, none);
	return code;
}

const struct bytecode_function *try_label_function(struct arena *arena, const struct layout *layout)
{
	struct bytecode_function *function = arena_alloc(arena, 1, sizeof(*function));

	*function = (struct bytecode_function){
		.name = TRY_LABEL,
		.arguments = LABEL_ARGUMENTS,
		.argument_count = sizeof(LABEL_ARGUMENTS) / sizeof(LABEL_ARGUMENTS[0]),
		.code = write_label(arena, layout),
	};
	return function;
}
