/* What the parts of bytecode_optimize share: the program that they change. An instruction that is removed stays in the
 * array, and all walks over the array skip it. Jumps that led to it lead to the next instruction that is left. */
#ifndef SKLC_BYTECODE_OPTIMIZE_H
#define SKLC_BYTECODE_OPTIMIZE_H

#include "bytecode.h"

struct optimizer {
	struct arena *arena;
	struct bytecode *code; /* a copy, which is changed */
	bool *gone;            /* of each instruction: it is removed */
	uint32_t *references;  /* of each instruction: how many jumps lead there */
	bool changed;          /* whether this round has changed anything */
};

static inline struct bytecode_instruction *optimizer_at(struct optimizer *o, size_t index)
{
	return &o->code->instructions[index];
}

/* Index of the first instruction at INDEX or after it that is not removed; the code's count if there is none. */
size_t optimizer_first(const struct optimizer *o, size_t index);

/* Index of the next instruction after the one at INDEX that is not removed. */
size_t optimizer_next(const struct optimizer *o, size_t index);

/* Index of the instruction that a jump leads to. */
size_t optimizer_target(const struct optimizer *o, size_t jump);
void optimizer_set_target(struct optimizer *o, size_t jump, size_t target);

/* Replaces an instruction other than a 64-bit load. A jump that replaces a jump keeps its target. */
void optimizer_replace(struct optimizer *o, size_t index, struct bpf_insn insn);
void optimizer_remove(struct optimizer *o, size_t index);

/* Whether no jump leads to INDEX, so that its instruction only runs right after the one before it. */
static inline bool optimizer_only_follows(const struct optimizer *o, size_t index)
{
	return index < o->code->count && o->references[index] == 0;
}

/* A set of registers: bit 1 << number for each. */
enum { REGISTERS = 11 };
typedef uint16_t regs;

static inline regs regs_of(unsigned reg)
{
	return (regs)(1u << reg);
}

/* What an instruction does to registers. */
struct effect {
	regs reads, writes;
	/* It does nothing but write registers. A load from memory does more: it may be there just to fetch a cache
	 * line. */
	bool is_pure;
};

enum {
	CALL_WRITES = 1 << R0 | 1 << R1 | 1 << R2 | 1 << R3 | 1 << R4 | 1 << R5,
	CALL_READS = CALL_WRITES & ~(1 << R0),
};

/* The optimizations. Each goes over the program once. */
void optimize_jumps(struct optimizer *o);
void optimize_constants(struct optimizer *o);
void optimize_swaps(struct optimizer *o);
void optimize_dead_code(struct optimizer *o);

#endif
