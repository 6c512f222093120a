/* What the parts of bytecode_optimize share: the program as it is being improved. An instruction that is taken
 * out stays in the array and is passed over; whatever led to it leads to the next one that is there. */
#ifndef SKLC_BYTECODE_OPTIMIZE_H
#define SKLC_BYTECODE_OPTIMIZE_H

#include "bytecode.h"

struct optimizer {
	struct arena *arena;
	struct bytecode *code; /* a copy */
	bool *gone;            /* of each instruction */
	uint32_t *references;  /* of each instruction: jumps that lead there */
	bool changed;
};

static inline struct bytecode_instruction *optimizer_at(struct optimizer *o, size_t index)
{
	return &o->code->instructions[index];
}

/* The first instruction there is, at INDEX or after it; the code's count if there is none. */
size_t optimizer_first(const struct optimizer *o, size_t index);

/* The one after it. */
size_t optimizer_next(const struct optimizer *o, size_t index);

/* Where a jump leads. */
size_t optimizer_target(const struct optimizer *o, size_t jump);
void optimizer_set_target(struct optimizer *o, size_t jump, size_t target);

/* Puts another instruction in place of the one there, which is no wide load. */
void optimizer_replace(struct optimizer *o, size_t index, struct bpf_insn insn);
void optimizer_remove(struct optimizer *o, size_t index);

/* Whether INDEX comes after the instruction before it, and after that alone. */
static inline bool optimizer_only_follows(const struct optimizer *o, size_t index)
{
	return index < o->code->count && o->references[index] == 0;
}

/* Sets of registers, a bit each. */
enum { REGISTERS = 11 };
typedef uint16_t regs;

static inline regs regs_of(unsigned reg)
{
	return (regs)(1u << reg);
}

/* What an instruction does to registers. */
struct effect {
	regs reads, writes;
	bool is_pure; /* does nothing but write: not even read memory, whose line it may fetch */
};

enum {
	CALL_WRITES = 1 << R0 | 1 << R1 | 1 << R2 | 1 << R3 | 1 << R4 | 1 << R5,
	CALL_READS = CALL_WRITES & ~(1 << R0),
};

struct effect effect_of(struct bpf_insn insn);

/* The parts: each goes over the program once. */
void optimize_jumps(struct optimizer *o);
void optimize_constants(struct optimizer *o);
void optimize_swaps(struct optimizer *o);
void optimize_dead_code(struct optimizer *o);

#endif
