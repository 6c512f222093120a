/*
 * Writes the steps of a search, one after the other in the order of the layout. table_format.h describes the tables
 * that they read.
 *
 * Some values are made opaque to the optimizer. It knows how few bits they have; it would turn subtractions into
 * comparisons, and remove masks and comparisons that look needless but tell the verifier a bound.
 */
#include "ir.h"

#include "runtime/abi.h"

#include <stddef.h>

/* A step that is being written, and the entry points of all steps of its search. */
struct search_position {
	const struct layout_search *search;
	size_t step;
	const struct step_entry *entries;
};

/* A pointer to the element that the reference names. */
static LLVMValueRef ir_step_element(struct ir *ir, const struct layout_step *step)
{
	LLVMValueRef index = ir_and(ir, ir_load(ir, ir->word, ir->reference, 0), INDEX_MASK);

	return ir_element(ir, step->region, step->element_bytes, index);
}

/* VALUE if the operand in WORD (64 bits) is in the step's window, else BELOW or ABOVE. */
static LLVMValueRef ir_in_window(struct ir *ir, const struct layout_step *step, LLVMValueRef word,
				 LLVMValueRef value, uint64_t below, uint64_t above)
{
	LLVMValueRef upper, prefix = ir_wide(ir, step->window.prefix);

	if (is_whole_word(step))
		return value;
	upper = ir_shift_right(ir, word, step->window.bits);
	value = LLVMBuildSelect(ir->builder,
				LLVMBuildICmp(ir->builder, LLVMIntULT, upper, prefix, ""),
				ir_wide(ir, below), value, "");
	return LLVMBuildSelect(ir->builder,
			       LLVMBuildICmp(ir->builder, LLVMIntUGT, upper, prefix, ""),
			       ir_wide(ir, above), value, "");
}

static LLVMValueRef ir_low_bits(struct ir *ir, LLVMValueRef word, unsigned bits)
{
	uint64_t mask = bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX;

	return LLVMBuildAnd(ir->builder, word, ir_wide(ir, mask), "");
}

/* Loads element INDEX (64 bits) of an array. */
static LLVMValueRef ir_item(struct ir *ir, LLVMTypeRef type, LLVMValueRef array, LLVMValueRef index,
			    unsigned log2_size)
{
	return ir_load(ir, type, ir_at(ir, array, ir_shift_left(ir, index, log2_size)), 0);
}

/* The child of a stride table for the operand in WORD: a reference or an entry. */
static LLVMValueRef ir_stride_child(struct ir *ir, const struct layout_step *step,
				    LLVMValueRef word)
{
	const uint64_t children = UINT64_C(1) << step->stride_bits;
	LLVMValueRef child = ir_low_bits(ir, ir_shift_right(ir, word, stride_shift(step)),
					 step->stride_bits);

	child = ir_in_window(ir, step, word, child, children, children + 1);
	/* Outside of the window the index is a constant. Without CAP_PERFMON the verifier refuses an instruction that
	 * adds a constant to a pointer on one path and a number that it does not know on another ("tried to add from
	 * different maps, paths or scalars"). */
	if (!is_whole_word(step))
		child = ir_xor(ir, child, ir_widen(ir, ir->zero));
	child = ir_opaque(ir, child);
	/* The index is opaque, so that the optimizer does not remove this comparison: the verifier needs the bound. */
	ir_leave_if(ir, child, LLVMIntUGT,
		    ir_wide(ir, is_whole_word(step) ? children - 1 : children + 1), ir->drop);
	return ir_item(ir, step->has_entries ? ir->wide : ir->word, ir_step_element(ir, step),
		       child, step->has_entries ? 3 : 2);
}

/* Continues at a narrow result (as 32 bits): a row, or an element of the step that narrow results lead to. */
static void ir_narrow_jump(struct ir *ir, struct search_position at, LLVMValueRef result)
{
	ir_store(ir, result, ir->reference, 0);
	if (at.search->steps[at.step].narrow_tag) {
		ir_leave_if(ir, result, LLVMIntULT, ir_word(ir, NARROW_BIT),
			    at.entries[at.search->step_count].checked);
		ir_store(ir, ir_and(ir, result, NARROW_BIT - 1), ir->reference, 0);
		ir_jump(ir, at.entries[layout_narrow_step(at.search, at.step)].inside);
	} else {
		ir_jump(ir, at.entries[at.search->step_count].checked);
	}
}

/* One of the results of an entry with a range. It is the one inside the range if the operand minus the range's start,
 * shifted right by the range's length, is 0. The subtraction has 32 bits, so operands before the start give a large
 * number. */
static LLVMValueRef ir_range(struct ir *ir, const struct layout_step *step, LLVMValueRef entry,
			     LLVMValueRef word)
{
	LLVMValueRef rest = ir_low_bits(ir, ir_shift_right(ir, word, step->window.skip),
					rest_bits(step));
	LLVMValueRef start = ir_shift_right(ir, entry, ENTRY_START);
	LLVMValueRef length = ir_and(ir, ir_shift_right(ir, entry, ENTRY_LENGTH),
				     ENTRY_LENGTH_MASK);
	LLVMValueRef behind, shift;

	behind = LLVMBuildSub(ir->builder, LLVMBuildTrunc(ir->builder, rest, ir->word, ""),
			      LLVMBuildTrunc(ir->builder, start, ir->word, ""), "");
	behind = LLVMBuildLShr(ir->builder, ir_widen(ir, behind), length, "");
	/* This is opaque, or the optimizer would write a test for 0 and a jump. */
	shift = LLVMBuildSub(ir->builder, ir_opaque(ir, behind), ir_wide(ir, 1), "");
	shift = ir_shift_left(ir, ir_shift_right(ir, shift, 63), ENTRY_INSIDE_SHIFT);
	entry = ir_and(ir, LLVMBuildLShr(ir->builder, entry, shift, ""), UINT16_MAX);
	return LLVMBuildTrunc(ir->builder, entry, ir->word, "");
}

static void ir_step_stride(struct ir *ir, struct search_position at)
{
	const struct layout_step *step = &at.search->steps[at.step];
	LLVMValueRef word = ir_wide_operand(ir, step->operand),
		     child = ir_stride_child(ir, step, word);
	LLVMBasicBlockRef refers;

	if (step->has_entries) {
		refers = ir_block(ir, "refers");
		if (has_trees_below(at.search, at.step))
			ir_leave_if(ir, child, LLVMIntSLT, ir_wide(ir, 0), refers);
		ir_narrow_jump(ir, at, ir_range(ir, step, child, word));
		ir_start(ir, refers);
		child = LLVMBuildTrunc(ir->builder, child, ir->word, "");
	}
	ir_store(ir, child, ir->reference, 0);
}

/* The bits of the operand that a tree compares. An operand outside of the window becomes the first or the last value in
 * it. */
static LLVMValueRef ir_tree_operand(struct ir *ir, const struct layout_step *step)
{
	LLVMValueRef word = ir_wide_operand(ir, step->operand);
	LLVMValueRef rest = ir_low_bits(ir, ir_shift_right(ir, word, step->window.skip),
					compared_bits(step->window));

	if (step->is_below_stride)
		return rest;
	return ir_in_window(ir, step, word, rest, 0,
			    (UINT64_C(1) << compared_bits(step->window)) - 1);
}

/* The rank of the operand: the number of keys, of those in BYTES of lanes, that are less than or equal to it. */
static LLVMValueRef ir_rank(struct ir *ir, const struct layout_step *step, LLVMValueRef lanes,
			    uint32_t bytes)
{
	LLVMValueRef word = ir_opaque(ir, ir_tree_operand(ir, step)), ones, sum = NULL;
	uint64_t each = UINT64_MAX / (UINT64_MAX >> (64 - step->lane_bits)); /* 1 in each lane */
	uint32_t at;

	ones = ir_wide(ir, each);
	word = LLVMBuildMul(ir->builder, word, ones, "");
	for (at = 0; at < bytes; at += LANES_WORD_BYTES) {
		LLVMValueRef reached = ir_add(ir, ir_load(ir, ir->wide, lanes, at), word);

		reached = ir_shift_right(ir, reached, step->lane_bits - 1);
		reached = LLVMBuildAnd(ir->builder, reached, ones, "");
		sum = sum ? ir_add(ir, sum, reached) : reached;
	}
	sum = LLVMBuildMul(ir->builder, sum, ones, "");
	return ir_shift_right(ir, sum, 64 - step->lane_bits);
}

/* The reference becomes the index of the child. It needs no tag, since an inner node always leads to the next level. */
static void ir_step_inner(struct ir *ir, const struct layout_step *step)
{
	LLVMValueRef inner = ir_step_element(ir, step);
	LLVMValueRef first = ir_load(ir, ir->word, inner, INNER_LANES_BYTES);
	LLVMValueRef child = ir_rank(ir, step, inner, INNER_LANES_BYTES);

	child = LLVMBuildTrunc(ir->builder, child, ir->word, "");
	ir_store(ir, ir_add(ir, first, child), ir->reference, 0);
}

/* Continues at result INDEX (64 bits) of COUNT results. */
static void ir_result(struct ir *ir, struct search_position at, LLVMValueRef results,
		      LLVMValueRef index, uint32_t count)
{
	const struct layout_step *step = &at.search->steps[at.step];

	index = ir_and(ir, ir_opaque(ir, index), masked_room(count) - 1);
	if (!step->is_narrow) {
		ir_store(ir, ir_item(ir, ir->word, results, index, 2), ir->reference, 0);
		ir_jump(ir, at.entries[layout_next_step(at.search, at.step)].checked);
		return;
	}
	index = ir_item(ir, ir->half, results, index, 1);
	ir_narrow_jump(ir, at, LLVMBuildZExt(ir->builder, index, ir->word, ""));
}

static void ir_step_leaf(struct ir *ir, struct search_position at)
{
	const struct layout_step *step = &at.search->steps[at.step];
	struct leaf_shape shape = leaf_shape(step);
	LLVMValueRef leaf = ir_step_element(ir, step);
	LLVMValueRef index = ir_rank(ir, step, leaf, shape.lanes_bytes);

	ir_result(ir, at, ir_at(ir, leaf, ir_wide(ir, shape.lanes_bytes)), index, shape.keys + 1);
}

/* The index of the result for a port. By a class table, this is the equivalence class of the port. Else it is the
 * number of the port's run: how many runs start at or below the port, without the first run. The port is opaque, since
 * the optimizer knows that 16 bits need no mask; but verifiers before Linux 6.18 do not know the bound of the result of
 * `be16`. */
static LLVMValueRef ir_class(struct ir *ir, const struct layout_step *step)
{
	LLVMValueRef value = ir_opaque(ir, ir_operand(ir, step->operand)), class, classes;
	uint32_t i;

	if (has_class_table(step)) {
		classes = ir_at(ir, ir_symbol(ir, LLVM_SYMBOL_TABLES),
				ir_wide(ir, ir->layout->classes.offset +
						    (uint64_t)step->class_table * CLASS_TABLE));
		value = ir_widen(ir, ir_and(ir, value, CLASS_TABLE - 1));
		return ir_widen(ir, ir_load(ir, ir->byte, ir_at(ir, classes, value), 0));
	}
	value = ir_opaque(ir, ir_widen(ir, value));
	class = ir_wide(ir, 0);
	for (i = 0; i + 1 < step->classes.run_count; i++) {
		LLVMValueRef before = ir_wide(ir, (uint64_t)step->classes.starts[i] - 1);

		before = LLVMBuildSub(ir->builder, before, value, "");
		class = ir_add(ir, class, ir_shift_right(ir, before, 63));
	}
	return class;
}

static void ir_step_cross(struct ir *ir, struct search_position at)
{
	const struct layout_step *step = &at.search->steps[at.step];
	LLVMValueRef class = ir_class(ir, step);

	ir_result(ir, at, ir_step_element(ir, step), class, cross_results(step));
}

/* Looks up the node and the operand in the kernel's LPM trie, which has a prefix for every value of an operand. */
static void ir_step_lpm(struct ir *ir, const struct layout_step *step)
{
	LLVMValueRef node = ir_and(ir, ir_load(ir, ir->word, ir->reference, 0), INDEX_MASK);
	LLVMValueRef word = ir_shift_left(ir, ir_wide_operand(ir, step->operand),
					  64 - operand_bits(step->operand));
	LLVMValueRef key = LLVMBuildBitCast(ir->builder, ir->prefix, ir->pointer, "");
	LLVMValueRef arguments[] = {ir_symbol(ir, LLVM_SYMBOL_PREFIXES), key}, found;

	ir_store(ir, ir_word(ir, ABI_PREFIX_BITS), key, offsetof(struct abi_prefix_key, bits));
	ir_store(ir, ir_to_host(ir, node), key, offsetof(struct abi_prefix_key, node));
	ir_store(ir, ir_to_host(ir, word), key, offsetof(struct abi_prefix_key, word));
	found = ir_call_for_pointer(ir, BPF_FUNC_map_lookup_elem, arguments, 2);
	ir_leave_if(ir, found, LLVMIntEQ, LLVMConstNull(ir->pointer), ir->drop);
	ir_store(ir, ir_load(ir, ir->word, found, 0), ir->reference, 0);
}

static void ir_step(struct ir *ir, struct search_position at)
{
	const struct layout_step *step = &at.search->steps[at.step];
	LLVMBasicBlockRef next = at.entries[layout_next_step(at.search, at.step)].checked;

	switch (step->kind) {
	case STEP_STRIDE:
		ir_step_stride(ir, at);
		if (refers_to_next(at.search, at.step))
			next = at.entries[at.step + 1].inside;
		break;
	case STEP_INNER:
		ir_step_inner(ir, step);
		next = at.entries[at.step + 1].inside;
		break;
	case STEP_LEAF:
		ir_step_leaf(ir, at);
		return;
	case STEP_CROSS:
		ir_step_cross(ir, at);
		return;
	case STEP_LPM:
		ir_step_lpm(ir, step);
	}
	ir_jump(ir, next);
}

void ir_search(struct ir *ir, size_t index)
{
	const struct layout_search *search = &ir->layout->searches[index];
	struct search_position at = {search, 0, ir->entries[index]};

	for (at.step = 0; at.step < search->step_count; at.step++) {
		ir_start(ir, at.entries[at.step].checked);
		ir_branch(ir,
			  LLVMBuildICmp(ir->builder, LLVMIntULT,
					ir_load(ir, ir->word, ir->reference, 0),
					ir_word(ir, search->steps[at.step].tag << TAG_SHIFT), ""),
			  at.entries[at.step + 1].checked, at.entries[at.step].inside);
		ir_start(ir, at.entries[at.step].inside);
		ir_step(ir, at);
	}
	ir_start(ir, at.entries[search->step_count].checked);
	ir_jump(ir, ir->outcome);
}
