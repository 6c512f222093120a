/*
 * Writes the program for a layout in LLVM's intermediate representation. It is the same program that the direct back
 * end emits, but with variables in memory and blocks in any order, since registers and order are the optimizer's task.
 * This file has the branch by family and protocol, and the nodes in code; steps.c has the steps that search the tables,
 * and outcome.c the code that carries out an outcome.
 */
#include "ir.h"

#include "backend.h"
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "target.h"

#include "runtime/abi.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/BitWriter.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

/* The origin of code that serves all rules. */
static const struct span SHARED;

/* A reference. Unless the verifier may KNOW it, it is computed from the zero: see emit_reference of the direct back
 * end. */
static LLVMValueRef reference(const struct ir *ir, uint32_t number, bool known)
{
	LLVMValueRef constant = LLVMConstInt(ir->word, number, 0);

	return known ? constant : LLVMBuildXor(ir->builder, ir->zero, constant, "");
}

/* The packet's family. It is volatile, so that nobody knows the zero where the family of another load is known. */
static LLVMValueRef load_family(struct ir *ir)
{
	LLVMValueRef family = IR_PACKET_WORD(ir, family);

	LLVMSetVolatile(family, 1);
	return family;
}

/* Continues at a node or an outcome. ORIGIN is the rule that decides on this path, as far as is known here. The first
 * time that a node is reached, it is noted in PENDING, to be written later. */
static void continue_at(struct ir *ir, diagram_ref ref, struct span origin)
{
	ir_origin(ir, origin);
	if (ref_is_terminal(ref)) {
		ir_store(ir, reference(ir, ir->layout->rows_of[ref_index(ref)], false),
			 ir->reference, 0);
		ir_jump(ir, ir->outcome);
		return;
	}
	if (!ir->nodes[ref]) {
		ir->nodes[ref] = ir_block(ir, "node");
		*ARENA_PUSH(ir->arena, ir->pending, ir->pending_count, ir->pending_capacity) = ref;
	}
	ir_jump(ir, ir->nodes[ref]);
}

/* A node in code, and the rules that it and its children belong to. */
struct code_node {
	const struct diagram_node *node;
	struct span origin;
	const struct span *child_origins, *split_origins;
};

/* Finds which of a node's intervals [first, end) holds VALUE, by binary search in code, and continues at the child of
 * that interval. */
static void compare_tree(struct ir *ir, const struct code_node *code, LLVMValueRef value,
			 uint32_t first, uint32_t end)
{
	uint32_t middle = layout_split(first, end);
	LLVMBasicBlockRef upper;

	if (end - first == 1) {
		continue_at(ir, code->node->children[first], code->child_origins[first]);
		return;
	}
	upper = ir_block(ir, "");
	ir_origin(ir, code->split_origins[middle]);
	ir_leave_if(ir, value, LLVMIntUGE,
		    LLVMConstInt(LLVMTypeOf(value), (uint64_t)code->node->starts[middle], 0),
		    upper);
	compare_tree(ir, code, value, first, middle);
	ir_start(ir, upper);
	compare_tree(ir, code, value, middle, end);
}

/* Continues in the tables, at the first step of a node that is stored there. */
static void table_entry(struct ir *ir, diagram_ref ref)
{
	uint32_t search = ir->layout->nodes[ref].variable >> SEARCH_SHIFT;

	ir_store(ir, reference(ir, ir->layout->table_refs[ref], layout_knows_roots(ir->layout)),
		 ir->reference, 0);
	ir_jump(ir, ir->entries[search][layout_first_step(ir->layout, ref)].checked);
}

static void write_node(struct ir *ir, diagram_ref ref)
{
	const struct layout *layout = ir->layout;
	const struct code_node code = {&layout->nodes[ref], layout->node_origins[ref],
				       layout->child_origins + layout->first_children[ref],
				       layout->split_origins + layout->first_children[ref]};
	enum operand operand = variable_operand(code.node->variable);

	ir_start(ir, ir->nodes[ref]);
	if (layout->forms[ref] == FORM_TABLE) {
		ir_origin(ir, SHARED);
		table_entry(ir, ref);
		return;
	}
	ir_origin(ir, code.origin);
	compare_tree(ir, &code, ir_operand(ir, operand), 0, code.node->count);
}

static void write_family(struct ir *ir, enum family family)
{
	const diagram_ref *roots = ir->layout->roots[ir->part][family];
	LLVMBasicBlockRef udp = ir_block(ir, "udp");

	if (roots[PROTOCOL_TCP] != roots[PROTOCOL_UDP]) {
		ir_leave_if(ir, IR_PACKET_WORD(ir, protocol), LLVMIntEQ, ir_word(ir, IPPROTO_UDP),
			    udp);
		continue_at(ir, roots[PROTOCOL_TCP], SHARED);
	} else {
		ir_jump(ir, udp);
	}
	ir_start(ir, udp);
	continue_at(ir, roots[PROTOCOL_UDP], SHARED);
}

/* Writes the diagrams of one part, which lead to OUTCOME. */
static void write_part(struct ir *ir)
{
	LLVMBasicBlockRef ipv6 = ir_block(ir, "ipv6");
	size_t i;

	ir_leave_if(ir, load_family(ir), LLVMIntEQ, ir_word(ir, AF_INET6), ipv6);
	write_family(ir, FAMILY_IPV4);
	ir_start(ir, ipv6);
	write_family(ir, FAMILY_IPV6);
	while (ir->pending_count)
		write_node(ir, ir->pending[--ir->pending_count]);
	ir_origin(ir, SHARED);
	for (i = 0; i < ir->layout->search_count; i++)
		if (ir->layout->searches[i].part == ir->part)
			ir_search(ir, i);
}

/* A part's row is kept in the upper half of 8 bytes on the stack, where the verifier remembers nothing of it (see
 * STACK_PARTS of the direct back end). It is volatile, so that the optimizer leaves it there. */
LLVMValueRef ir_part_row(struct ir *ir, size_t part)
{
	LLVMValueRef bytes = LLVMBuildBitCast(ir->builder, ir->part_rows[part], ir->pointer, "");
	LLVMValueRef row = ir_load(ir, ir->word, bytes, sizeof(uint32_t));

	LLVMSetVolatile(row, 1);
	return row;
}

static void keep_part_row(struct ir *ir)
{
	LLVMValueRef bytes = LLVMBuildBitCast(ir->builder, ir->part_rows[ir->part], ir->pointer,
					      "");

	LLVMSetVolatile(
		ir_store(ir, ir_load(ir, ir->word, ir->reference, 0), bytes, sizeof(uint32_t)), 1);
}

/* REFERENCE becomes the least of the rows that the parts have given. */
static void least_row(struct ir *ir)
{
	LLVMValueRef least = ir_part_row(ir, 0), row;
	size_t part;

	for (part = 1; part < ir->layout->part_count; part++) {
		row = ir_part_row(ir, part);
		least = LLVMBuildSelect(ir->builder,
					LLVMBuildICmp(ir->builder, LLVMIntULT, row, least, ""), row,
					least, "");
	}
	ir_store(ir, least, ir->reference, 0);
}

/* If there are several parts, each gives a row, and goes on at the next part. */
static void write_classification(struct ir *ir)
{
	LLVMBasicBlockRef outcome = ir->outcome;

	if (ir->layout->part_count == 1) {
		write_part(ir);
		return;
	}
	for (ir->part = 0; ir->part < ir->layout->part_count; ir->part++) {
		ir->outcome = ir_block(ir, "part_row");
		write_part(ir);
		ir_start(ir, ir->outcome);
		keep_part_row(ir);
	}
	least_row(ir);
	ir->outcome = outcome;
	ir_jump(ir, outcome);
}

static void write_return(struct ir *ir, LLVMBasicBlockRef block, uint32_t value)
{
	ir_start(ir, block);
	LLVMBuildRet(ir->builder, ir_word(ir, value));
}

/* The end of a program: carries out the outcome. */
static void write_outcome(struct ir *ir)
{
	ir_outcome(ir);
	write_return(ir, ir->pass, SK_PASS);
	write_return(ir, ir->drop, SK_DROP);
}

/* The end of a classification: returns the number of the outcome's first row. */
static void write_row(struct ir *ir)
{
	ir_start(ir, ir->outcome);
	LLVMBuildRet(ir->builder, ir_load(ir, ir->word, ir->reference, 0));
	write_return(ir, ir->pass, ROW_PASS);
	write_return(ir, ir->drop, ROW_DROP);
}

/* Makes the blocks to which jumps are written before the blocks are. */
static void make_blocks(struct ir *ir)
{
	size_t search, count, i;

	ir->nodes = arena_alloc(ir->arena, ir->layout->node_count + 1, sizeof(*ir->nodes));
	for (search = 0; search < ir->layout->search_count; search++) {
		count = ir->layout->searches[search].step_count + 1;
		ir->entries[search] = arena_alloc(ir->arena, count, sizeof(*ir->entries[search]));
		for (i = 0; i < count; i++) {
			ir->entries[search][i].checked = ir_block(ir, "step");
			if (i + 1 < count)
				ir->entries[search][i].inside = ir_block(ir, "inside");
		}
	}
	ir->outcome = ir_block(ir, "assign");
	ir->pass = ir_block(ir, "pass");
	ir->drop = ir_block(ir, "drop");
}

static struct ir ir_new(struct arena *arena, const struct layout *layout,
			LLVMTargetMachineRef target)
{
	struct ir ir = {.arena = arena, .layout = layout, .llvm_context = LLVMContextCreate()};
	size_t part;

	ir.module = LLVMModuleCreateWithNameInContext(ABI_PROGRAM_NAME, ir.llvm_context);
	llvm_target_describe(target, ir.module);
	ir.builder = LLVMCreateBuilderInContext(ir.llvm_context);
	ir.byte = LLVMInt8TypeInContext(ir.llvm_context);
	ir.half = LLVMInt16TypeInContext(ir.llvm_context);
	ir.word = LLVMInt32TypeInContext(ir.llvm_context);
	ir.wide = LLVMInt64TypeInContext(ir.llvm_context);
	ir.pointer = LLVMPointerType(ir.byte, 0);
	ir.function = LLVMAddFunction(ir.module, ABI_PROGRAM_NAME,
				      LLVMFunctionType(ir.word, &ir.pointer, 1, 0));
	ir.packet = LLVMGetParam(ir.function, 0);
	ir_start(&ir, ir_block(&ir, "entry"));
	ir.reference = ir_variable(&ir, ir.word, "reference");
	ir.key = ir_variable(&ir, ir.word, "key");
	ir.label_index = ir_variable(&ir, ir.word, "slot");
	ir.prefix = ir_variable(
		&ir, LLVMArrayType(ir.wide, sizeof(struct abi_prefix_key) / sizeof(uint64_t)),
		"prefix");
	for (part = 0; layout->part_count > 1 && part < layout->part_count; part++)
		ir.part_rows[part] = ir_variable(&ir, ir.wide, "part_row");
	make_blocks(&ir);
	ir_debug_lines_begin(&ir);
	ir_origin(&ir, SHARED);
	ir.zero = ir_shift_right(&ir, load_family(&ir), 4);
	return ir;
}

static struct llvm_ir *take_bitcode(struct ir *ir)
{
	struct llvm_ir *taken = arena_alloc(ir->arena, 1, sizeof(*taken));
	LLVMMemoryBufferRef buffer = LLVMWriteBitcodeToMemoryBuffer(ir->module);

	taken->size = LLVMGetBufferSize(buffer);
	taken->bitcode = arena_string(ir->arena, LLVMGetBufferStart(buffer), taken->size);
	taken->subprograms = ir->subprograms;
	taken->subprogram_count = ir->subprogram_count;
	taken->origins = ir->origins;
	taken->origin_count = ir->origin_count;
	LLVMDisposeMemoryBuffer(buffer);
	return taken;
}

static void ir_free(struct ir *ir)
{
	LLVMDisposeBuilder(ir->builder);
	LLVMDisposeModule(ir->module);
	LLVMContextDispose(ir->llvm_context);
}

static struct llvm_ir *write_program(struct arena *arena, const struct layout *layout,
				     LLVMTargetMachineRef target, void (*write_end)(struct ir *ir),
				     struct diag *diag)
{
	struct ir ir = ir_new(arena, layout, target);
	struct llvm_ir *taken = NULL;
	char *error = NULL;

	write_classification(&ir);
	write_end(&ir);
	ir_debug_lines_end(&ir);
	if (LLVMVerifyModule(ir.module, LLVMReturnStatusAction, &error))
		diag_error(diag, (struct span){0, 0}, "the program cannot be written: %s", error);
	else
		taken = take_bitcode(&ir);
	LLVMDisposeMessage(error);
	ir_free(&ir);
	return taken;
}

static struct llvm_ir *write_for_target(struct arena *arena, const struct layout *layout,
					void (*write_end)(struct ir *ir), struct diag *diag)
{
	LLVMTargetMachineRef target = llvm_target_new();
	struct llvm_ir *ir;

	if (!target) {
		diag_error(diag, (struct span){0, 0}, "this libLLVM has no BPF target");
		return NULL;
	}
	ir = write_program(arena, layout, target, write_end, diag);
	LLVMDisposeTargetMachine(target);
	return ir;
}

struct llvm_ir *layout_to_llvm(struct arena *arena, const struct layout *layout, struct diag *diag)
{
	return write_for_target(arena, layout, write_outcome, diag);
}

struct llvm_ir *classifier_to_llvm(struct arena *arena, const struct layout *layout,
				   struct diag *diag)
{
	return write_for_target(arena, layout, write_row, diag);
}

void llvm_dump(const struct llvm_ir *ir, FILE *out)
{
	LLVMContextRef context = LLVMContextCreate();
	LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRange(ir->bitcode, ir->size,
									   ABI_PROGRAM_NAME, 0);
	LLVMModuleRef module;
	char *text;

	if (!LLVMParseBitcodeInContext2(context, buffer, &module)) {
		text = LLVMPrintModuleToString(module);
		fputs(text, out);
		LLVMDisposeMessage(text);
		LLVMDisposeModule(module);
	}
	LLVMDisposeMemoryBuffer(buffer);
	LLVMContextDispose(context);
}
