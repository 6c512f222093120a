/* The steps that search the tables, one after the other, as the layout has them. Where a word fits into fewer
 * bits than the optimiser's arithmetic has, it makes comparisons of differences and takes bounds away that the
 * verifier asks for; such words are opaque to it. */
#include "layout_to_llvm.h"

#include "../runtime/abi.h"

#include <stddef.h>

/* How many of three keys, STRIDE bytes apart from OFFSET on, are less than VALUE (64 bits, opaque). */
static LLVMValueRef ir_rank(struct ir *ir, LLVMValueRef line, size_t offset, size_t stride,
			    LLVMValueRef value)
{
	LLVMValueRef rank = NULL;
	size_t i;

	for (i = 0; i < 3; i++) {
		LLVMValueRef key = ir_widen(ir, ir_load(ir, ir->word, line, offset + i * stride));
		LLVMValueRef less = ir_shift_right(ir, LLVMBuildSub(ir->builder, key, value, ""),
						   63);

		rank = rank ? ir_add(ir, rank, less) : less;
	}
	return rank;
}

/* The line that the reference says. */
static LLVMValueRef ir_line_of(struct ir *ir, struct layout_region lines)
{
	LLVMValueRef reference = ir_load(ir, ir->word, ir->reference, 0);

	return ir_element(ir, lines, LINE_BYTES, ir_and(ir, reference, LINE_MASK));
}

static LLVMValueRef ir_child(struct ir *ir, LLVMValueRef references, LLVMValueRef index)
{
	return ir_load(ir, ir->word, ir_at(ir, references, ir_shift_left(ir, index, 2)), 0);
}

/* One line: the fourth, eighth and twelfth key choose a quarter, the quarter's three keys a child. */
static void ir_step_line(struct ir *ir, const struct layout_step *step)
{
	LLVMValueRef value = ir_opaque(ir, ir_widen(ir, ir_packet_key(ir, step->key)));
	LLVMValueRef line = ir_line_of(ir, ir->layout->lines);
	LLVMValueRef first = ir_load(ir, ir->word, line, offsetof(struct layout_line, first));
	LLVMValueRef quarter = ir_rank(ir, line, 4 * 3, 4 * 4, value);
	LLVMValueRef keys = ir_at(ir, line, ir_shift_left(ir, quarter, 4));
	LLVMValueRef child = ir_add(ir, ir_shift_left(ir, quarter, 2),
				    ir_rank(ir, keys, 0, 4, value));
	LLVMValueRef next = ir_add(ir, first, LLVMBuildTrunc(ir->builder, child, ir->word, ""));

	if (step->is_leaf)
		next = ir_load(ir, ir->word,
			       ir_element(ir, ir->layout->results, sizeof(uint32_t), next), 0);
	ir_store(ir, next, ir->reference, 0);
}

/* The reference for the word's upper bits. */
static void ir_step_root(struct ir *ir, const struct layout_step *step)
{
	struct layout_region roots = ir->layout->lines;
	LLVMValueRef value = ir_packet_key(ir, step->key), root;

	roots.count -= root_lines(step) - 1;
	root = ir_line_of(ir, roots);
	value = ir_and(ir, ir_shift_right(ir, value, root_shift(step)), root_children(step) - 1);
	ir_store(ir, ir_child(ir, root, ir_widen(ir, value)), ir->reference, 0);
}

/* The class of a port: by a table, or as the number of classes that start at it or below. The port is opaque
 * because the optimiser knows that 16 bits need no mask, and kernels before 6.18 do not know that of be16. */
static LLVMValueRef ir_class(struct ir *ir, const struct layout_step *step)
{
	LLVMValueRef value = ir_opaque(ir, ir_packet_key(ir, step->key)), class, classes;
	uint32_t i;

	if (step->class_table != NO_INDEX) {
		classes = ir_at(ir, ir_symbol(ir, LLVM_SYMBOL_TABLES),
				ir_wide(ir, ir->layout->classes.offset +
						    (uint64_t)step->class_table * CLASS_TABLE));
		value = ir_widen(ir, ir_and(ir, value, CLASS_TABLE - 1));
		return ir_widen(ir, ir_load(ir, ir->byte, ir_at(ir, classes, value), 0));
	}
	value = ir_opaque(ir, ir_widen(ir, value));
	class = ir_wide(ir, 0);
	for (i = 0; i + 1 < step->class_count; i++) {
		LLVMValueRef before = ir_wide(ir, (uint64_t)step->class_starts[i] - 1);

		before = LLVMBuildSub(ir->builder, before, value, "");
		class = ir_add(ir, class, ir_shift_right(ir, before, 63));
	}
	return class;
}

static void ir_step_cross(struct ir *ir, const struct layout_step *step)
{
	struct layout_region rows = ir->layout->lines;
	LLVMValueRef class = ir_class(ir, step);

	/* A class is a byte at most, so a row of fewer is read as if it had 256 where a table gives it. */
	rows.count -= step->class_table == NO_INDEX ? 0 : CLASSES_MAX / LINE_CHILDREN - 1;
	ir_store(ir, ir_child(ir, ir_line_of(ir, rows), class), ir->reference, 0);
}

/* Looks the node and the word up in the kernel's trie, where every word is below some prefix. */
static void ir_step_lpm(struct ir *ir, const struct layout_step *step)
{
	LLVMValueRef node = ir_and(ir, ir_load(ir, ir->word, ir->reference, 0), LINE_MASK);
	LLVMValueRef word = ir_packet_key(ir, step->key);
	LLVMValueRef key = LLVMBuildBitCast(ir->builder, ir->prefix, ir->pointer, "");
	LLVMValueRef arguments[] = {ir_symbol(ir, LLVM_SYMBOL_PREFIXES), key}, found;

	ir_store(ir, ir_word(ir, 64), key, offsetof(struct abi_prefix_key, bits));
	ir_store(ir, ir_to_host(ir, node), key, offsetof(struct abi_prefix_key, node));
	ir_store(ir, ir_to_host(ir, word), key, offsetof(struct abi_prefix_key, word));
	found = ir_call_for_pointer(ir, BPF_FUNC_map_lookup_elem, arguments, 2);
	ir_leave_if(ir, found, LLVMIntEQ, LLVMConstNull(ir->pointer), ir->drop);
	ir_store(ir, ir_load(ir, ir->word, found, 0), ir->reference, 0);
}

static void ir_take_child(struct ir *ir, LLVMValueRef node, uint32_t value)
{
	size_t offset = offsetof(struct layout_interface, children) + sizeof(uint32_t) * value;

	ir_store(ir, ir_load(ir, ir->word, node, offset), ir->reference, 0);
}

static void ir_step_interface(struct ir *ir, LLVMBasicBlockRef done)
{
	LLVMBasicBlockRef unknown = ir_block(ir, "unknown"), equals = ir_block(ir, "equals");
	LLVMValueRef reference = ir_and(ir, ir_load(ir, ir->word, ir->reference, 0), LINE_MASK);
	LLVMValueRef node = ir_element(ir, ir->layout->interfaces, sizeof(struct layout_interface),
				       reference);
	LLVMValueRef index = ir_load(ir, ir->word, node, offsetof(struct layout_interface, word));
	LLVMValueRef interface = ir_interface_word(
		ir, ir_bounded(ir, index, (uint32_t)ir->layout->object.interface_count));

	ir_leave_if(ir, interface, LLVMIntEQ, ir_word(ir, ABI_INTERFACE_UNKNOWN), unknown);
	ir_leave_if(ir, interface, LLVMIntEQ, IR_PACKET_WORD(ir, ingress_ifindex), equals);
	ir_take_child(ir, node, INTERFACE_DIFFERS);
	ir_jump(ir, done);
	ir_start(ir, unknown);
	ir_take_child(ir, node, INTERFACE_UNKNOWN);
	ir_jump(ir, done);
	ir_start(ir, equals);
	ir_take_child(ir, node, INTERFACE_EQUALS);
}

static void ir_step(struct ir *ir, const struct layout_step *step, LLVMBasicBlockRef done)
{
	switch (step->kind) {
	case SEARCH_ROOT:
		ir_step_root(ir, step);
		break;
	case SEARCH_LINE:
		ir_step_line(ir, step);
		break;
	case SEARCH_CROSS:
		ir_step_cross(ir, step);
		break;
	case SEARCH_LPM:
		ir_step_lpm(ir, step);
		break;
	default:
		ir_step_interface(ir, done);
	}
	ir_jump(ir, done);
}

void ir_machine(struct ir *ir, size_t index)
{
	const struct layout_machine *machine = &ir->layout->machines[index];
	const struct layout_step *steps = machine->steps;
	size_t i;

	for (i = 0; i < machine->step_count; i++) {
		ir_start(ir, ir->steps[index][i]);
		ir_leave_if(ir, ir_load(ir, ir->word, ir->reference, 0), LLVMIntULT,
			    ir_word(ir, steps[i].tag << TAG_SHIFT), ir->steps[index][i + 1]);
		ir_step(ir, &steps[i], ir->steps[index][layout_next_step(machine, i)]);
	}
	ir_start(ir, ir->steps[index][machine->step_count]);
	ir_jump(ir, ir->assign);
}
