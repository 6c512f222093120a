/* A BPF program being written: instructions with symbolic jumps, maps and table references, and the
 * place in the rules that each belongs to. Errors stick, and are asked for once, at the end. */
#ifndef SKLC_BYTECODE_H
#define SKLC_BYTECODE_H

#include "compiler/base/source.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct arena;

enum reg { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

/* How far into a data section a program can reach: "direct value offset of %u is not allowed" from there. */
enum { BYTECODE_OFFSET_MAX = (1 << 29) - 1 };

/* A place to jump to. It is made, jumped to, and placed once, in any order of the last two. */
struct basic_block {
	uint32_t id;
};

/* What a 64-bit immediate load may point to, the object's maps and data sections; and a call. */
enum bytecode_symbol {
	SYMBOL_NONE,
	SYMBOL_SOCKETS,        /* the socket map */
	SYMBOL_RULE_COUNTERS,  /* per-CPU u64 by counter index */
	SYMBOL_LABEL_COUNTERS, /* per-CPU {hits, misses} by label and place */
	SYMBOL_TABLES,         /* .rodata */
	SYMBOL_HOST,           /* .rodata.machine */
	SYMBOL_PREFIXES,       /* the LPM trie, where the layout has one */
	SYMBOL_SPARE_MARKS,    /* by block, where labels have spare slots */
	SYMBOL_SUBPROGRAM, /* a function that the program calls; which one, the instruction says */
	SYMBOL_COUNT
};

struct bytecode_instruction {
	struct bpf_insn insn;        /* the second half of a 64-bit load follows as its own */
	enum bytecode_symbol symbol; /* of a 64-bit load, its offset is in insn.imm; of a call */
	const struct bytecode_subprogram *subprogram; /* of SYMBOL_SUBPROGRAM */
	struct basic_block target;                    /* of a jump, before bytecode_finish */
	struct span origin;  /* the rule it belongs to; {0, 0}: a shared look-up */
	const char *comment; /* printed before it; NULL if none */
};

struct bytecode {
	struct arena *arena;
	struct bytecode_instruction *instructions;
	size_t count, capacity;
	/* All that it calls, directly or indirectly, each once and after those that it calls itself. */
	const struct bytecode_subprogram **subprograms;
	size_t subprogram_count, subprogram_capacity;
	/* the rest belongs to bytecode.c */
	uint32_t *places; /* of each label: index of the instruction, or NO_PLACE */
	size_t label_count, label_capacity;
	struct span origin;
	const char *pending_comment;
	const char *error;
};

/* Code that the verifier walks by itself, once, however often it is called: a global function. Its arguments
 * are the context in R1 and numbers from R2 on, of which it knows nothing; its result is in R0. */
struct bytecode_subprogram {
	const char *name;
	const char *const *arguments; /* the names of the numbers */
	size_t argument_count;
	const struct bytecode *code; /* finished */
};

struct bytecode *bytecode_new(struct arena *arena);

/* NAMES is an array of the arguments' names. */
#define BYTECODE_SUBPROGRAM(arena, name, names, code)                                              \
	bytecode_new_subprogram(arena, name, names, sizeof(names) / sizeof((names)[0]), code)
const struct bytecode_subprogram *bytecode_new_subprogram(struct arena *arena, const char *name,
							  const char *const *arguments,
							  size_t count,
							  const struct bytecode *code);

struct basic_block bytecode_new_block(struct bytecode *code);
void bytecode_begin_block(struct bytecode *code, struct basic_block label);

/* Said of the instructions that follow. */
void bytecode_comment(struct bytecode *code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void bytecode_origin(struct bytecode *code, struct span origin);

/* SIZE is BPF_B, BPF_H, BPF_W or BPF_DW. */
void bytecode_load(struct bytecode *code, int size, enum reg dst, enum reg src, int offset);
void bytecode_store(struct bytecode *code, int size, enum reg dst, int offset, enum reg src);
void bytecode_store_imm(struct bytecode *code, int size, enum reg dst, int offset, int32_t value);

/* OP is BPF_ADD, BPF_SUB, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH, BPF_MUL, BPF_MOV ...; the 32-bit
 * forms clear the upper half of DST. */
void bytecode_alu(struct bytecode *code, int op, enum reg dst, enum reg src);
void bytecode_alu_imm(struct bytecode *code, int op, enum reg dst, int32_t value);
void bytecode_alu32(struct bytecode *code, int op, enum reg dst, enum reg src);
void bytecode_alu32_imm(struct bytecode *code, int op, enum reg dst, int32_t value);
void bytecode_to_host(struct bytecode *code, enum reg reg, int bits); /* from big endian */

void bytecode_imm64(struct bytecode *code, enum reg dst, uint64_t value);
void bytecode_map(struct bytecode *code, enum reg dst, enum bytecode_symbol map);
void bytecode_data(struct bytecode *code, enum reg dst, enum bytecode_symbol data, uint32_t offset);

/* OP is BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSET; unsigned. The 32-bit forms
 * compare the lower halves. */
void bytecode_jump(struct bytecode *code, struct basic_block label);
void bytecode_jump_if(struct bytecode *code, int op, enum reg reg, int32_t value,
		      struct basic_block label);
void bytecode_jump_if_reg(struct bytecode *code, int op, enum reg a, enum reg b,
			  struct basic_block label);
void bytecode_jump32_if(struct bytecode *code, int op, enum reg reg, int32_t value,
			struct basic_block label);
void bytecode_jump32_if_reg(struct bytecode *code, int op, enum reg a, enum reg b,
			    struct basic_block label);

void bytecode_call(struct bytecode *code, int helper);

/* Calls a finished subprogram, and adds it and all that it calls to the program's list. */
void bytecode_call_subprogram(struct bytecode *code, const struct bytecode_subprogram *subprogram);
void bytecode_exit(struct bytecode *code);

/* Instructions as another assembler made them: not a 64-bit load, and where it is a jump, it goes to LABEL
 * whatever its distance was. */
void bytecode_raw(struct bytecode *code, struct bpf_insn insn);
void bytecode_raw_jump(struct bytecode *code, struct bpf_insn insn, struct basic_block label);

/* NULL, or what went wrong: a label never placed, an offset that does not fit, an end that is none. */
const char *bytecode_check(struct bytecode *code);

/* Checks, and makes all jumps distances. NULL, or what went wrong: a jump further than 16 bits, too. */
const char *bytecode_finish(struct bytecode *code);

/* Whether it may go on elsewhere than at the next instruction (calls and exits do not count). */
bool bytecode_is_jump(const struct bytecode_instruction *instruction);

bool bytecode_is_always(const struct bytecode_instruction *instruction); /* jumps, that is */
bool bytecode_is_exit(const struct bytecode_instruction *instruction);

/* Whether it is the first half of a 64-bit load. */
bool bytecode_is_wide(const struct bytecode_instruction *instruction);

/* The number that it and the second half load. */
uint64_t bytecode_wide_value(const struct bytecode_instruction *first);

/* A listing, one instruction a line, with labels, comments and references by name; with SOURCES, also
 * the line of the rule wherever another one begins. */
void bytecode_dump(const struct bytecode *code, const struct sources *sources, FILE *out);

#endif
