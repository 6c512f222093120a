/* What the parts of layout_to_llvm share: the program being written, and how to write its instructions. */
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
	LLVMTypeRef byte, half, word, wide, pointer;
	LLVMValueRef function;
	LLVMValueRef packet; /* the program's argument, a struct bpf_sk_lookup */
	const struct bytecode_subprogram **subprograms; /* that it calls */
	size_t subprogram_count, subprogram_capacity;
	LLVMValueRef symbols[LLVM_SYMBOL_COUNT]; /* NULL: not yet referred to */
	LLVMValueRef zero; /* which neither LLVM nor the verifier knows; NULL: none */
	/* Variables: the table reference, later the row; the rows still allowed. */
	LLVMValueRef reference, rows_left;
	/* Variables that helpers read: a map's key, a label's slot, a struct abi_prefix_key. */
	LLVMValueRef key, slot, prefix;
	LLVMBasicBlockRef *nodes; /* of nodes that something goes to */
	/* Of each step of each search; and one more, the search's end, which has `checked` only. */
	struct step_entry *entries[FAMILY_COUNT * PROTOCOL_COUNT];
	LLVMBasicBlockRef assign, pass, drop;
	diagram_ref *pending; /* nodes that have a block, which is not written yet */
	size_t pending_count, pending_capacity;
	LLVMDIBuilderRef lines;
	LLVMMetadataRef scope;
	struct span *origins; /* of each line, as LLVM counts them, from 1 */
	size_t origin_count, origin_capacity;
};

/* Which rule each instruction is from: told to LLVM as lines of a source file. */
void ir_debug_lines_begin(struct ir *ir);
void ir_debug_lines_end(struct ir *ir);

/* Said of the instructions that follow. */
void ir_origin(struct ir *ir, struct span origin);

/* Numbers, 32 and 64 bits. */
LLVMValueRef ir_word(struct ir *ir, uint32_t value);
LLVMValueRef ir_wide(struct ir *ir, uint64_t value);
LLVMValueRef ir_widen(struct ir *ir, LLVMValueRef value);

/* Blocks; what is written goes to the one started last. */
LLVMBasicBlockRef ir_block(struct ir *ir, const char *name);
void ir_start(struct ir *ir, LLVMBasicBlockRef block);
void ir_jump(struct ir *ir, LLVMBasicBlockRef block);
void ir_branch(struct ir *ir, LLVMValueRef condition, LLVMBasicBlockRef yes, LLVMBasicBlockRef no);

/* Leaves for BLOCK if A compares so with B; what follows is where it does not. */
void ir_leave_if(struct ir *ir, LLVMValueRef a, LLVMIntPredicate predicate, LLVMValueRef b,
		 LLVMBasicBlockRef block);

LLVMValueRef ir_add(struct ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef ir_and(struct ir *ir, LLVMValueRef a, uint32_t mask);
LLVMValueRef ir_shift_left(struct ir *ir, LLVMValueRef value, unsigned bits);
LLVMValueRef ir_shift_right(struct ir *ir, LLVMValueRef value, unsigned bits);

/* The same value, of which the optimiser knows nothing more. It costs no instruction. */
LLVMValueRef ir_opaque(struct ir *ir, LLVMValueRef value);

/* Memory; offsets are 64 bits, in bytes. */
LLVMValueRef ir_symbol(struct ir *ir, enum llvm_symbol symbol);
LLVMValueRef ir_at(struct ir *ir, LLVMValueRef pointer, LLVMValueRef offset);
LLVMValueRef ir_load(struct ir *ir, LLVMTypeRef type, LLVMValueRef pointer, size_t offset);
void ir_store(struct ir *ir, LLVMValueRef value, LLVMValueRef pointer, size_t offset);
LLVMValueRef ir_variable(struct ir *ir, LLVMTypeRef type, const char *name);

/* Calls a helper of the kernel; those that return pointers give a pointer, else 64 bits. */
LLVMValueRef ir_call(struct ir *ir, enum bpf_func_id helper, LLVMValueRef *arguments,
		     unsigned count);
LLVMValueRef ir_call_for_pointer(struct ir *ir, enum bpf_func_id helper, LLVMValueRef *arguments,
				 unsigned count);

/* Calls a subprogram, whose code LLVM does not see, for its result of 32 bits. */
LLVMValueRef ir_call_subprogram(struct ir *ir, const struct bytecode_subprogram *subprogram,
				LLVMValueRef *arguments, unsigned count);

/* A big endian value in the machine's order, or back. */
LLVMValueRef ir_to_host(struct ir *ir, LLVMValueRef value);

/* A word of the packet in host order, as wide as it is (32 bits at the least) or of 64 bits; and a field of
 * the packet as it stands. */
LLVMValueRef ir_operand(struct ir *ir, enum operand operand);
LLVMValueRef ir_wide_operand(struct ir *ir, enum operand operand);
#define IR_PACKET_WORD(ir, field)                                                                  \
	ir_load((ir), (ir)->word, (ir)->packet, offsetof(struct bpf_sk_lookup, field))

/* INDEX (a word) as 64 bits, less than COUNT; else drops. */
LLVMValueRef ir_bounded(struct ir *ir, LLVMValueRef index, uint32_t count);

/* Element INDEX (a word) of a region of the tables, SIZE bytes each; beyond its end, drops. */
LLVMValueRef ir_element(struct ir *ir, struct layout_region region, size_t size,
			LLVMValueRef index);

/* The word of an interface INDEX (64 bits, bounded) in .rodata.machine. */
LLVMValueRef ir_interface_word(struct ir *ir, LLVMValueRef index);

/* Writes all steps of a machine, and the carrying out of the outcome. */
void ir_search(struct ir *ir, size_t search);
void ir_outcome(struct ir *ir);

#endif
