/* Tries a label's slot, then those of its block of spares, one after the other. As a function of its own this
 * costs the verifier the same for any number of rows and rules, and a packet whose socket is in the label's own
 * slot, where the program looks itself, nothing. It has no loop: of one, the verifier notes what it has seen too
 * seldom, and walks the rest anew from each slot (735 instructions, not 440); nor is each slot a call (265 ns for
 * an empty block, not 125). */
#include "try_label.h"

#include "arena.h"
#include "emitter.h"

#include "../runtime/abi.h"

#include <stddef.h>

static const char *const ARGUMENTS[] = {"index", "flags"};

enum {
	OWN_SLOT,
	FIRST_SPARE,
	SLOTS_MAX = FIRST_SPARE + ABI_SPARES, /* of a label in one place */
	STACK_FLAGS = STACK_PREFIX,
	BLOCK_0 = ABI_SLOT_CAPACITY - ABI_SPARES,
};

_Static_assert(ABI_SPARE_SLOT(1, 0) == BLOCK_0 + ABI_SPARES, "blocks count from 1");

/* Where the slot in R7 goes on. */
struct slot_labels {
	struct jump_label found, next;
};

/* R6 becomes the context, R7 the slot, R8 the counters, R9 the number of the block of spares. */
static void emit_arguments(struct bytecode *code, uint32_t slots, struct jump_label none)
{
	bytecode_jump_if(code, BPF_JGT, R2, (int32_t)slots - 1, none);
	bytecode_alu(code, BPF_MOV, R6, R1);
	bytecode_store(code, BPF_W, R10, STACK_LABEL, R2);
	bytecode_store(code, BPF_W, R10, STACK_FLAGS, R3);
	bytecode_alu_imm(code, BPF_LSH, R2, 2);
	bytecode_data(code, R1, SYMBOL_MACHINE, 0);
	bytecode_alu(code, BPF_ADD, R1, R2);
	bytecode_load(code, BPF_W, R7, R1, 0);
	bytecode_alu(code, BPF_MOV, R9, R7);
	bytecode_alu_imm(code, BPF_RSH, R9, 16);
	bytecode_alu_imm(code, BPF_AND, R7, ABI_SLOT(UINT32_MAX));
	emit_look(code, SYMBOL_LABEL_COUNTERS, STACK_LABEL);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, none);
	bytecode_alu(code, BPF_MOV, R8, R0);
}

/* R7 becomes slot number I of the label's, from the one before. */
static void emit_slot(struct bytecode *code, int i, struct jump_label miss)
{
	if (i == FIRST_SPARE) {
		bytecode_comment(code, "the first of its spare slots");
		bytecode_jump_if(code, BPF_JEQ, R9, 0, miss);
		bytecode_alu(code, BPF_MOV, R7, R9);
		bytecode_alu_imm(code, BPF_MUL, R7, ABI_SPARES);
		bytecode_alu_imm(code, BPF_ADD, R7, BLOCK_0);
	} else if (i > FIRST_SPARE) {
		bytecode_alu_imm(code, BPF_ADD, R7, 1);
	}
}

/* Empty slots are the straight way to MISS, which is walked first: what comes back from a socket that could not
 * take the packet is then nothing new to the verifier. */
static void emit_slots(struct bytecode *code, struct slot_labels *slots, int first,
		       struct jump_label miss)
{
	int i;

	for (i = first; i < SLOTS_MAX; i++) {
		slots[i].found = bytecode_label(code);
		slots[i].next = bytecode_label(code);
		emit_slot(code, i, miss);
		bytecode_store(code, BPF_W, R10, STACK_KEY, R7);
		emit_look(code, SYMBOL_SOCKETS, STACK_KEY);
		bytecode_jump_if(code, BPF_JNE, R0, 0, slots[i].found);
		bytecode_place(code, slots[i].next);
	}
}

static void emit_found(struct bytecode *code, const struct slot_labels *slots, int first,
		       struct jump_label hit, struct jump_label chosen)
{
	int i;

	for (i = first; i < SLOTS_MAX; i++) {
		bytecode_place(code, slots[i].found);
		emit_assign(code, R10, STACK_FLAGS, hit, chosen);
		bytecode_jump(code, slots[i].next);
	}
}

static void emit_exit(struct bytecode *code, int32_t result)
{
	bytecode_alu_imm(code, BPF_MOV, R0, result);
	bytecode_exit(code);
}

static struct bytecode *write_code(struct arena *arena, const struct layout *layout)
{
	struct bytecode *code = bytecode_new(arena);
	struct jump_label hit = bytecode_label(code), miss = bytecode_label(code);
	struct jump_label chosen = bytecode_label(code), none = bytecode_label(code);
	int first = layout->rows_max > 1 ? OWN_SLOT : FIRST_SPARE;
	struct slot_labels slots[SLOTS_MAX];

	emit_arguments(code, ABI_PLACES * (uint32_t)layout->object.label_count, none);
	emit_slots(code, slots, first, miss);
	bytecode_place(code, miss);
	emit_increment(code, R8, offsetof(struct abi_label_count, misses));
	bytecode_place(code, none);
	emit_exit(code, 0);
	emit_found(code, slots, first, hit, chosen);
	bytecode_place(code, hit);
	emit_increment(code, R8, offsetof(struct abi_label_count, hits));
	bytecode_place(code, chosen);
	emit_exit(code, 1);
	bytecode_finish(code);
	return code;
}

const struct bytecode_function *try_label_function(struct arena *arena, const struct layout *layout)
{
	struct bytecode_function *function = arena_alloc(arena, 1, sizeof(*function));

	*function = (struct bytecode_function){
		.name = TRY_LABEL,
		.arguments = ARGUMENTS,
		.argument_count = sizeof(ARGUMENTS) / sizeof(ARGUMENTS[0]),
		.code = write_code(arena, layout),
	};
	return function;
}
