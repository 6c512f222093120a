/* What the parts of layout_to_llvm share: the program being written in LLVM's intermediate representation, and short
 * names for the calls of LLVM's C API that write it. */
#ifndef SKLC_LLVM_IR_H
#define SKLC_LLVM_IR_H

#include "compiler/layout/layout.h"
#include "compiler/layout/table_format.h"
#include "llvm.h"

#include <linux/bpf.h>
#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>

struct bytecode_subprogram;

/* Entry points of a step of a search. At each, the variable `reference` holds a reference. */
struct step_entry {
	LLVMBasicBlockRef checked; /* tests the tag: a reference to a later step goes on there */
	LLVMBasicBlockRef inside;  /* the reference is known to be this step's */
};

struct ir {
	struct arena *arena;
	const struct layout *layout;
	LLVMContextRef context;
	LLVMModuleRef module;
	LLVMBuilderRef builder;
	LLVMTypeRef byte, half, word, wide, pointer;    /* 8, 16, 32 and 64 bits; to bytes */
	LLVMValueRef function;                          /* the program */
	LLVMValueRef packet;                            /* its argument, a struct bpf_sk_lookup */
	const struct bytecode_subprogram **subprograms; /* that it calls */
	size_t subprogram_count, subprogram_capacity;
	LLVMValueRef symbols[LLVM_SYMBOL_COUNT]; /* NULL: not yet referred to */
	LLVMValueRef zero; /* 0, but neither LLVM nor the verifier knows that */
	/* Variables on the stack: the reference, and from the outcome on the number of the row; how many rows the
	 * outcome may still have. */
	LLVMValueRef reference, rows_left;
	/* Variables that helpers read: a map's key; 4 * label + flow class; a struct abi_prefix_key. */
	LLVMValueRef key, label_index, prefix;
	LLVMBasicBlockRef *nodes; /* of each node; NULL if nothing goes there yet */
	/* Of each step of each search; and one more, the search's end, which has `checked` only. */
	struct step_entry *entries[FLOW_CLASSES];
	LLVMBasicBlockRef outcome, pass, drop; /* carries it out; the ways out */
	diagram_ref *pending;                  /* nodes whose block is not written yet */
	size_t pending_count, pending_capacity;
	/* See debug_lines.c: line N, counted from 1, stands for the rule at origins[N - 1]. */
	LLVMDIBuilderRef debug;
	LLVMMetadataRef scope;
	struct span *origins;
	size_t origin_count, origin_capacity;
};

/* Before the first instruction, and after the last: say which rule each belongs to, as lines of a source file. */
void ir_debug_lines_begin(struct ir *ir);
void ir_debug_lines_end(struct ir *ir);

/* The rule that all instructions from here on belong to. */
void ir_origin(struct ir *ir, struct span origin);

/* Constants of 32 and of 64 bits; and a value with zeros above it, as 64 bits. */
LLVMValueRef ir_word(struct ir *ir, uint32_t value);
LLVMValueRef ir_wide(struct ir *ir, uint64_t value);
LLVMValueRef ir_widen(struct ir *ir, LLVMValueRef value);

/* Basic blocks. Instructions are appended to the one that was started last. */
LLVMBasicBlockRef ir_block(struct ir *ir, const char *name);
void ir_start(struct ir *ir, LLVMBasicBlockRef block);
void ir_jump(struct ir *ir, LLVMBasicBlockRef block);
void ir_branch(struct ir *ir, LLVMValueRef condition, LLVMBasicBlockRef yes, LLVMBasicBlockRef no);

/* Goes to BLOCK if the comparison of A with B holds, else on to a new block, which is started. */
void ir_leave_if(struct ir *ir, LLVMValueRef a, LLVMIntPredicate predicate, LLVMValueRef b,
		 LLVMBasicBlockRef block);

LLVMValueRef ir_add(struct ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef ir_and(struct ir *ir, LLVMValueRef a, uint32_t mask);
LLVMValueRef ir_shift_left(struct ir *ir, LLVMValueRef value, unsigned bits);
LLVMValueRef ir_shift_right(struct ir *ir, LLVMValueRef value, unsigned bits);

/* The same value, but the optimiser knows nothing of it. This costs no instruction. */
LLVMValueRef ir_opaque(struct ir *ir, LLVMValueRef value);

/* Memory. Offsets are in bytes; those that are values have 64 bits. */
LLVMValueRef ir_symbol(struct ir *ir, enum llvm_symbol symbol);
LLVMValueRef ir_at(struct ir *ir, LLVMValueRef pointer, LLVMValueRef offset);
LLVMValueRef ir_load(struct ir *ir, LLVMTypeRef type, LLVMValueRef pointer, size_t offset);
void ir_store(struct ir *ir, LLVMValueRef value, LLVMValueRef pointer, size_t offset);
LLVMValueRef ir_variable(struct ir *ir, LLVMTypeRef type, const char *name);

/* Call a helper of the kernel, for 64 bits or for a pointer. */
LLVMValueRef ir_call(struct ir *ir, enum bpf_func_id helper, LLVMValueRef *arguments,
		     unsigned count);
LLVMValueRef ir_call_for_pointer(struct ir *ir, enum bpf_func_id helper, LLVMValueRef *arguments,
				 unsigned count);

/* Calls a subprogram, whose code LLVM does not see, for its result of 32 bits. */
LLVMValueRef ir_call_subprogram(struct ir *ir, const struct bytecode_subprogram *subprogram,
				LLVMValueRef *arguments, unsigned count);

/* Converts a value between big endian and the byte order of the host. */
LLVMValueRef ir_to_host(struct ir *ir, LLVMValueRef value);

/* An operand in host order, of at least 32 bits, or always of 64; and a member of struct bpf_sk_lookup as it is there. */
LLVMValueRef ir_operand(struct ir *ir, enum operand operand);
LLVMValueRef ir_wide_operand(struct ir *ir, enum operand operand);
#define IR_PACKET_WORD(ir, field)                                                                  \
	ir_load((ir), (ir)->word, (ir)->packet, offsetof(struct bpf_sk_lookup, field))

/* INDEX (32 bits) as 64 bits. Drops the packet if it is not below COUNT, so that the verifier knows the bound. */
LLVMValueRef ir_bounded(struct ir *ir, LLVMValueRef index, uint32_t count);

/* A pointer to element INDEX (32 bits) of a region of the tables, of SIZE bytes each. Drops the packet if it is beyond the
 * end. */
LLVMValueRef ir_element(struct ir *ir, struct layout_region region, size_t size,
			LLVMValueRef index);

/* The number on the host of the interface with INDEX (64 bits, below the number of interfaces). */
LLVMValueRef ir_interface_word(struct ir *ir, LLVMValueRef index);

/* Write all steps of a search, and the code that carries out an outcome. */
void ir_search(struct ir *ir, size_t search);
void ir_outcome(struct ir *ir);

#endif
