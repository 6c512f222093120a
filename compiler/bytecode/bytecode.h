/* A BPF program, as a list of instructions to which emitters append. Until the program is finished, jumps lead to basic
 * blocks; loads refer to maps and data sections by name. Each instruction has the rule that it belongs to. The program
 * keeps the first error, so an emitter asks for it only once, at the end. */
#ifndef SKLC_BYTECODE_H
#define SKLC_BYTECODE_H

#include "compiler/base/source.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct arena;

enum reg { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

/* The largest offset into a data section that a program can refer to. Beyond it, the verifier says "direct value offset
 * of %u is not allowed". */
enum { BYTECODE_OFFSET_MAX = (1 << 29) - 1 };

/* A basic block is made first, and begun once, where its first instruction is appended. Jumps to it may be appended
 * before and after that. */
struct basic_block {
	uint32_t id;
};

/* What an instruction may refer to. A 64-bit load refers to a map of the object, or to byte insn.imm of a data section;
 * a call refers to a subprogram. */
enum bytecode_symbol {
	SYMBOL_NONE,
	SYMBOL_SOCKETS,        /* the socket map */
	SYMBOL_RULE_COUNTERS,  /* per-CPU u64 by counter index */
	SYMBOL_LABEL_COUNTERS, /* per-CPU struct abi_label_count by label and flow class */
	SYMBOL_TABLES,         /* .data or .rodata */
	SYMBOL_HOST,           /* .bss */
	SYMBOL_PREFIXES,       /* the LPM trie, where the layout has one */
	SYMBOL_SPARE_MARKS,    /* by block of spare slots, where rules declare sockets */
	SYMBOL_INTERFACES,     /* u32 class by number of an interface */
	SYMBOL_NEAR,           /* u64 number and class, by number % ABI_NEAR */
	SYMBOL_SUBPROGRAM,     /* the instruction's subprogram */
	SYMBOL_COUNT
};

struct bytecode_instruction {
	struct bpf_insn insn; /* the second half of a 64-bit load follows as its own */
	enum bytecode_symbol symbol;
	const struct bytecode_subprogram *subprogram; /* of SYMBOL_SUBPROGRAM */
	struct basic_block target;                    /* of a jump, before bytecode_finish */
	struct span origin;  /* the rule it belongs to; {0, 0}: several rules */
	const char *comment; /* printed before it; NULL if none */
};

struct bytecode {
	struct arena *arena;
	struct bytecode_instruction *instructions;
	size_t count, capacity;
	/* The subprograms that it calls, directly or indirectly: each once, and after all that it calls itself. */
	const struct bytecode_subprogram **subprograms;
	size_t subprogram_count, subprogram_capacity;
	/* Only for this folder: */
	uint32_t *block_starts; /* index of each basic block's first instruction, or NOT_BEGUN */
	size_t block_count, block_capacity;
	struct span origin;          /* of the instructions to come */
	const char *pending_comment; /* of the next instruction */
	const char *error;           /* the first one; NULL: none */
};

/* What BPF calls a global function: the verifier walks it separately, and only once, however often it is called. Its
 * arguments are the context in R1, and numbers from R2 on, of which the verifier assumes nothing. Its result is in
 * R0. */
struct bytecode_subprogram {
	const char *name;
	const char *const *arguments; /* names of those after the context */
	size_t argument_count;
	const struct bytecode *code; /* finished */
};

struct bytecode *bytecode_new(struct arena *arena);

/* NAMES is an array of the names of the arguments after the context. */
#define BYTECODE_SUBPROGRAM(arena, name, names, code)                                              \
	bytecode_new_subprogram(arena, name, names, sizeof(names) / sizeof((names)[0]), code)
const struct bytecode_subprogram *bytecode_new_subprogram(struct arena *arena, const char *name,
							  const char *const *arguments,
							  size_t count,
							  const struct bytecode *code);

struct basic_block bytecode_new_block(struct bytecode *code);
void bytecode_begin_block(struct bytecode *code, struct basic_block block);

/* The comment that the listing has above the next instruction. */
void bytecode_comment(struct bytecode *code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The rule that all instructions from here on belong to. */
void bytecode_origin(struct bytecode *code, struct span origin);

/* SIZE is BPF_B, BPF_H, BPF_W or BPF_DW. What is stored is in a register, since disassemblers (LLVM 14) do not know the
 * instruction that stores a number. */
void bytecode_load(struct bytecode *code, int size, enum reg dst, enum reg src, int offset);
void bytecode_store(struct bytecode *code, int size, enum reg dst, int offset, enum reg src);

/* OP is BPF_ADD, BPF_SUB, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH, BPF_MUL, BPF_MOV ...; the 32-bit
 * forms clear the upper half of DST. */
void bytecode_alu(struct bytecode *code, int op, enum reg dst, enum reg src);
void bytecode_alu_imm(struct bytecode *code, int op, enum reg dst, int32_t value);
void bytecode_alu32(struct bytecode *code, int op, enum reg dst, enum reg src);
void bytecode_alu32_imm(struct bytecode *code, int op, enum reg dst, int32_t value);

/* Converts the lowest 16, 32 or 64 bits between big endian and the byte order of the host. */
void bytecode_to_host(struct bytecode *code, enum reg reg, int bits);

void bytecode_imm64(struct bytecode *code, enum reg dst, uint64_t value);
void bytecode_map(struct bytecode *code, enum reg dst, enum bytecode_symbol map);
void bytecode_data(struct bytecode *code, enum reg dst, enum bytecode_symbol data, uint32_t offset);

/* OP is BPF_JEQ, BPF_JNE, BPF_JSET, an unsigned comparison (BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE) or a signed one
 * (BPF_JSLT ...). The 32-bit forms compare the lower halves. */
void bytecode_jump(struct bytecode *code, struct basic_block block);
void bytecode_jump_if(struct bytecode *code, int op, enum reg reg, int32_t value,
		      struct basic_block block);
void bytecode_jump_if_reg(struct bytecode *code, int op, enum reg a, enum reg b,
			  struct basic_block block);
void bytecode_jump32_if(struct bytecode *code, int op, enum reg reg, int32_t value,
			struct basic_block block);
void bytecode_jump32_if_reg(struct bytecode *code, int op, enum reg a, enum reg b,
			    struct basic_block block);

void bytecode_call(struct bytecode *code, int helper); /* enum bpf_func_id */

/* Calls a finished subprogram, which joins the program's list with all that it calls. */
void bytecode_call_subprogram(struct bytecode *code, const struct bytecode_subprogram *subprogram);
void bytecode_exit(struct bytecode *code);

/* Append an instruction as another assembler encoded it; not for 64-bit loads. A jump leads to BLOCK, whatever distance
 * INSN has. */
void bytecode_raw(struct bytecode *code, struct bpf_insn insn);
void bytecode_raw_jump(struct bytecode *code, struct bpf_insn insn, struct basic_block block);

/* NULL, or what is wrong: the first error; a jump to a block that never begins; or a last instruction after which the
 * program would run on. */
const char *bytecode_check(struct bytecode *code);

/* Checks the program as above, and replaces the blocks of all jumps by distances. NULL, or what is wrong, also if a
 * distance does not fit into 16 bits. */
const char *bytecode_finish(struct bytecode *code);

/* Whether it is a jump, with or without a condition. Calls and exits are not jumps. */
bool bytecode_is_jump(const struct bytecode_instruction *instruction);

/* Whether it is a jump without a condition. */
bool bytecode_always_jumps(const struct bytecode_instruction *instruction);

bool bytecode_is_exit(const struct bytecode_instruction *instruction);

/* Whether it is the first half of a 64-bit load; the second half follows as an instruction with code 0. */
bool bytecode_is_wide(const struct bytecode_instruction *instruction);

/* The number that a 64-bit load loads. */
uint64_t bytecode_wide_value(const struct bytecode_instruction *first);

/* Prints a listing with one instruction in each line: with names of maps, sections and subprograms, with comments, and
 * with a number above each block that a jump leads to. If SOURCES is not NULL, also prints the rule's source location
 * and text where another rule begins. */
void bytecode_dump(const struct bytecode *code, const struct sources *sources, FILE *out);

#endif
