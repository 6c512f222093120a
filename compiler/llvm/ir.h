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
	LLVMBasicBlockRef checked; /* tests the tag: a reference to a later step skips this one */
	LLVMBasicBlockRef inside;  /* the reference is known to be this step's */
};

struct ir {
	struct arena *arena;
	const struct layout *layout;
	LLVMContextRef llvm_context;
	LLVMModuleRef module;
	LLVMBuilderRef builder;
	LLVMTypeRef byte, half, word, wide, pointer;    /* 8, 16, 32 and 64 bits; to a byte */
	LLVMValueRef function;                          /* the program */
	LLVMValueRef packet;                            /* its argument, a struct bpf_sk_lookup */
	const struct bytecode_subprogram **subprograms; /* that it calls */
	size_t subprogram_count, subprogram_capacity;
	const struct bytecode_subprogram *class_of_interface; /* NULL: not called yet */
	LLVMValueRef symbols[LLVM_SYMBOL_COUNT];              /* NULL: not yet referred to */
	LLVMValueRef zero;      /* 0, but the optimizer and the verifier do not know that */
	LLVMValueRef reference; /* a variable on the stack: the number of a row from OUTCOME on */
	LLVMValueRef
		part_rows[PARTS_MAX]; /* that the parts have given; NULL if there is one part */
	size_t part;                  /* whose diagrams are being written */
	/* Variables that helpers read: a map's key; the label index, 4 * label + flow class; a struct
	 * abi_prefix_key. */
	LLVMValueRef key, label_index, prefix;
	LLVMBasicBlockRef *nodes; /* of each node; NULL if no jump leads there yet */
	/* Of each step of each search. After the last step, an entry for the end of the search, which has only
	 * CHECKED. */
	struct step_entry *entries[SEARCHES_MAX];
	LLVMBasicBlockRef outcome, pass, drop; /* carries out the outcome; the exits */
	diagram_ref *pending;                  /* nodes whose block is not written yet */
	size_t pending_count, pending_capacity;
	/* See debug_lines.c: line N, counted from 1, stands for the rule at origins[N - 1]. */
	LLVMDIBuilderRef debug;
	LLVMMetadataRef scope;
	struct span *origins;
	size_t origin_count, origin_capacity;
};

/* To be called before the first instruction and after the last. Between the two calls, ir_origin may be called. */
void ir_debug_lines_begin(struct ir *ir);
void ir_debug_lines_end(struct ir *ir);

/* The rule that all instructions from here on belong to. */
void ir_origin(struct ir *ir, struct span origin);

/* Constants of 32 and of 64 bits. ir_widen extends a value to 64 bits with zeros. */
LLVMValueRef ir_word(struct ir *ir, uint32_t value);
LLVMValueRef ir_wide(struct ir *ir, uint64_t value);
LLVMValueRef ir_widen(struct ir *ir, LLVMValueRef value);

/* Basic blocks. Instructions are appended to the block that was started last. */
LLVMBasicBlockRef ir_block(struct ir *ir, const char *name);
void ir_start(struct ir *ir, LLVMBasicBlockRef block);
void ir_jump(struct ir *ir, LLVMBasicBlockRef block);
void ir_branch(struct ir *ir, LLVMValueRef condition, LLVMBasicBlockRef yes, LLVMBasicBlockRef no);

/* Jumps to BLOCK if the comparison of A with B holds. Else continues in a new block, which is started. */
void ir_leave_if(struct ir *ir, LLVMValueRef a, LLVMIntPredicate predicate, LLVMValueRef b,
		 LLVMBasicBlockRef block);

LLVMValueRef ir_add(struct ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef ir_and(struct ir *ir, LLVMValueRef a, uint32_t mask);
LLVMValueRef ir_xor(struct ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef ir_shift_left(struct ir *ir, LLVMValueRef value, unsigned bits);
LLVMValueRef ir_shift_right(struct ir *ir, LLVMValueRef value, unsigned bits);

/* Gives the same value, but the optimizer knows nothing about it. This costs no instruction. */
LLVMValueRef ir_opaque(struct ir *ir, LLVMValueRef value);

/* Memory. Offsets are in bytes; those that are values have 64 bits. */
LLVMValueRef ir_symbol(struct ir *ir, enum llvm_symbol symbol);
LLVMValueRef ir_at(struct ir *ir, LLVMValueRef pointer, LLVMValueRef offset);
LLVMValueRef ir_load(struct ir *ir, LLVMTypeRef type, LLVMValueRef pointer, size_t offset);
LLVMValueRef ir_store(struct ir *ir, LLVMValueRef value, LLVMValueRef pointer, size_t offset);
LLVMValueRef ir_variable(struct ir *ir, LLVMTypeRef type, const char *name);

/* Call a helper of the kernel whose result has 64 bits or is a pointer. */
LLVMValueRef ir_call(struct ir *ir, enum bpf_func_id helper, LLVMValueRef *arguments,
		     unsigned count);
LLVMValueRef ir_call_for_pointer(struct ir *ir, enum bpf_func_id helper, LLVMValueRef *arguments,
				 unsigned count);

/* Calls a subprogram, whose code LLVM does not see. The result has 32 bits. */
LLVMValueRef ir_call_subprogram(struct ir *ir, const struct bytecode_subprogram *subprogram,
				LLVMValueRef *arguments, unsigned count);

/* Converts a value between big endian and the byte order of the host. */
LLVMValueRef ir_to_host(struct ir *ir, LLVMValueRef value);

/* The value of an operand, in host order. ir_operand gives 32 bits, or 64 for an operand of 64 bits; ir_wide_operand
 * always gives 64. */
LLVMValueRef ir_operand(struct ir *ir, enum operand operand);
LLVMValueRef ir_wide_operand(struct ir *ir, enum operand operand);

/* A member of struct bpf_sk_lookup, as it is there. */
#define IR_PACKET_WORD(ir, field)                                                                  \
	ir_load((ir), (ir)->word, (ir)->packet, offsetof(struct bpf_sk_lookup, field))

/* Extends INDEX from 32 to 64 bits. Drops the packet if it is not below COUNT, so that the verifier knows the bound. */
LLVMValueRef ir_bounded(struct ir *ir, LLVMValueRef index, uint32_t count);

/* A pointer to element INDEX (32 bits) of a region of the tables, whose elements have SIZE bytes each. Drops the packet
 * if INDEX is out of bounds. */
LLVMValueRef ir_element(struct ir *ir, struct layout_region region, size_t size,
			LLVMValueRef index);

/* The row that a part has given. */
LLVMValueRef ir_part_row(struct ir *ir, size_t part);

/* ir_search writes all steps of a search, ir_outcome the code that carries out an outcome. */
void ir_search(struct ir *ir, size_t search);
void ir_outcome(struct ir *ir);

#endif
