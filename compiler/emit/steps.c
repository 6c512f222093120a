/*
 * Emits the steps of a search, one after the other in the order of the layout. table_format.h describes the tables that
 * they read. Between steps, R6 has the context and R7 the reference. Each step may change R0 to R5.
 *
 * A step loads its operand from the context, or continues with what the step before it has left in R1. Half of an IPv6
 * address has two words of 32 bits, and a step loads only those that it needs. CUT says which: it is the number of
 * lowest bits of the operand that R1 lacks, 0 or LOADED_BITS.
 */
#include "emit.h"
#include "emitter.h"

#include "runtime/abi.h"

#include <stddef.h>

/* A step that is being written, and the entry points of all steps of its search. */
struct search_position {
	const struct layout_search *search;
	size_t step;
	const struct step_entry *entries;
};

/* Size of one child of a stride table, as a shift: log2 of the bytes. */
static int child_scale(const struct layout_step *stride)
{
	return stride->has_entries ? 3 : 2;
}

/* Size of one result of a step, as a shift: log2 of the bytes. */
static int result_scale(const struct layout_step *step)
{
	return step->is_narrow ? 1 : 2;
}

/* The bits of half of an IPv6 address that one load gives. The verifier refuses loads of 8 bytes there. */
enum { LOADED_BITS = 32 };

/* Offset of an operand in the context; for half of an IPv6 address, that of its upper word. */
static int operand_offset(enum operand operand)
{
	return (int)operand_info(operand).offset;
}

/* REG becomes the 32-bit word at an offset in the context, in host order. */
static void emit_word(struct emitter *e, int offset, enum reg reg)
{
	bytecode_load(e->code, BPF_W, reg, R6, offset);
	bytecode_to_host(e->code, reg, 32);
}

/* REG becomes the class of the interface that the packet came in by. */
static void emit_class_of_interface(struct emitter *e, enum reg reg)
{
	if (!e->class_of_interface)
		e->class_of_interface = class_subprogram(e->code->arena, e->layout);
	bytecode_alu(e->code, BPF_MOV, R1, R6);
	emit_unused(e->code, R2);
	bytecode_call_subprogram(e->code, e->class_of_interface);
	bytecode_alu32(e->code, BPF_MOV, reg, R0);
}

void emit_operand(struct emitter *e, enum operand operand, enum reg reg)
{
	struct operand_info info = operand_info(operand);
	int offset = (int)info.offset;

	if (info.field == FIELD_IIFNAME) {
		emit_class_of_interface(e, reg);
	} else if (info.order == ORDER_HOST) {
		bytecode_load(e->code, BPF_W, reg, R6, offset);
	} else if (info.bits == 16) { /* in the first half of its member, which has 32 bits */
		bytecode_load(e->code, BPF_H, reg, R6, offset);
		bytecode_to_host(e->code, reg, 16);
	} else {
		emit_word(e, offset, reg);
		if (info.bits <= LOADED_BITS)
			return;
		emit_word(e, offset + 4, R2);
		bytecode_alu_imm(e->code, BPF_LSH, reg, LOADED_BITS);
		bytecode_alu(e->code, BPF_OR, reg, R2);
	}
}

/* CUT for a step that does not use the UNUSED lowest bits of its operand. */
static unsigned cut_of(unsigned unused)
{
	return unused >= LOADED_BITS ? LOADED_BITS : 0;
}

/* REG becomes an operand without its CUT lowest bits. R2 is lost. */
static void emit_upper_operand(struct emitter *e, enum operand operand, enum reg reg, unsigned cut)
{
	if (cut)
		emit_word(e, operand_offset(operand), reg);
	else
		emit_operand(e, operand, reg);
}

/* INDEX becomes the offset of an element in a region. Jumps to DROP if it is out of bounds. */
static void emit_element_offset(struct emitter *e, struct layout_region region, uint32_t bytes,
				enum reg index)
{
	bytecode_jump_if(e->code, BPF_JGT, index, (int32_t)region.count - 1, e->drop);
	if (bytes & (bytes - 1))
		bytecode_alu_imm(e->code, BPF_MUL, index, (int32_t)bytes);
	else
		bytecode_alu_imm(e->code, BPF_LSH, index, __builtin_ctz(bytes));
}

void emit_element(struct emitter *e, struct layout_region region, uint32_t bytes, enum reg reg,
		  enum reg index)
{
	if (region.count > 1)
		emit_element_offset(e, region, bytes, index);
	bytecode_data(e->code, reg, SYMBOL_TABLES, region.offset);
	if (region.count > 1)
		bytecode_alu(e->code, BPF_ADD, reg, index);
}

/* R3 becomes a pointer to the element that R7 refers to. R7 is lost. */
static void emit_step_element(struct emitter *e, const struct layout_step *step)
{
	if (step->region.count > 1)
		bytecode_alu32_imm(e->code, BPF_AND, R7, INDEX_MASK);
	emit_element(e, step->region, step->element_bytes, R3, R7);
}

/* The basic blocks for operands that are below or above a window. */
struct sides {
	struct basic_block below, above;
};

/* Jumps to one of the sides if the operand in R1 is not in the step's window. The window has the lowest BITS of R1. R2
 * and R4 are lost. */
static struct sides emit_window(struct emitter *e, const struct layout_step *step, unsigned bits)
{
	struct sides sides = {bytecode_new_block(e->code), bytecode_new_block(e->code)};
	uint64_t prefix = step->window.prefix;

	bytecode_alu(e->code, BPF_MOV, R2, R1);
	bytecode_alu_imm(e->code, BPF_RSH, R2, (int32_t)bits);
	if (prefix <= INT32_MAX) {
		bytecode_jump_if(e->code, BPF_JLT, R2, (int32_t)prefix, sides.below);
		bytecode_jump_if(e->code, BPF_JGT, R2, (int32_t)prefix, sides.above);
	} else {
		bytecode_imm64(e->code, R4, prefix);
		bytecode_jump_if_reg(e->code, BPF_JLT, R2, R4, sides.below);
		bytecode_jump_if_reg(e->code, BPF_JGT, R2, R4, sides.above);
	}
	return sides;
}

static void emit_value(struct emitter *e, enum reg reg, uint64_t value)
{
	if (value <= INT32_MAX)
		bytecode_alu32_imm(e->code, BPF_MOV, reg, (int32_t)value);
	else
		bytecode_imm64(e->code, reg, value);
}

/* Ends the code for operands in the window, and sets R1 to BELOW or ABOVE on the sides. All three then continue in one
 * block. */
static void emit_sides(struct emitter *e, struct sides sides, uint64_t below, uint64_t above)
{
	struct basic_block together = bytecode_new_block(e->code);

	bytecode_jump(e->code, together);
	bytecode_begin_block(e->code, sides.below);
	emit_value(e, R1, below);
	bytecode_jump(e->code, together);
	bytecode_begin_block(e->code, sides.above);
	emit_value(e, R1, above);
	bytecode_begin_block(e->code, together);
}

/* REG keeps only its BITS lowest bits. */
static void emit_low_bits(struct emitter *e, enum reg reg, unsigned bits)
{
	if (bits < 32) {
		bytecode_alu32_imm(e->code, BPF_AND, reg, (int32_t)((UINT32_C(1) << bits) - 1));
	} else {
		bytecode_alu_imm(e->code, BPF_LSH, reg, 64 - (int32_t)bits);
		bytecode_alu_imm(e->code, BPF_RSH, reg, 64 - (int32_t)bits);
	}
}

/* R1, an operand in the window without its CUT lowest bits, becomes the offset of its child in a stride table. */
static void emit_child(struct emitter *e, const struct layout_step *step, unsigned cut)
{
	uint32_t mask = (UINT32_C(1) << step->stride_bits) - 1;
	int shift = (int)(stride_shift(step) - cut) - child_scale(step);

	if (shift > 0)
		bytecode_alu_imm(e->code, BPF_RSH, R1, shift);
	else if (shift < 0)
		bytecode_alu_imm(e->code, BPF_LSH, R1, -shift);
	bytecode_alu32_imm(e->code, BPF_AND, R1, (int32_t)(mask << child_scale(step)));
}

/* R3 becomes a pointer to OFFSET in the element of a stride table, whose own offset is in R7. */
static void emit_in_stride(struct emitter *e, const struct layout_step *step, uint32_t offset)
{
	bytecode_data(e->code, R3, SYMBOL_TABLES, step->region.offset + offset);
	if (step->region.count > 1)
		bytecode_alu(e->code, BPF_ADD, R3, R7);
}

/* As emit_stride_child, for a window. Outside of it the offset of the child is a constant, which is part of a pointer
 * there: without CAP_PERFMON the verifier refuses an instruction that adds a constant on one path and a number that it
 * does not know on another ("tried to add from different maps, paths or scalars"). */
static void emit_window_child(struct emitter *e, const struct layout_step *step, unsigned cut)
{
	const uint32_t children = UINT32_C(1) << step->stride_bits;
	struct basic_block together = bytecode_new_block(e->code);
	struct sides sides;

	if (step->region.count > 1) {
		bytecode_alu32_imm(e->code, BPF_AND, R7, INDEX_MASK);
		emit_element_offset(e, step->region, step->element_bytes, R7);
	}
	sides = emit_window(e, step, step->window.bits - cut);
	emit_child(e, step, cut);
	emit_in_stride(e, step, 0);
	bytecode_alu(e->code, BPF_ADD, R3, R1);
	bytecode_jump(e->code, together);
	bytecode_begin_block(e->code, sides.below);
	emit_in_stride(e, step, children << child_scale(step));
	bytecode_jump(e->code, together);
	bytecode_begin_block(e->code, sides.above);
	emit_in_stride(e, step, (children + 1) << child_scale(step));
	bytecode_begin_block(e->code, together);
}

/* R3 becomes a pointer to the child of a stride table for the operand in R1, which lacks its CUT lowest bits. R1, R2,
 * R4 and R7 are lost. */
static void emit_stride_child(struct emitter *e, const struct layout_step *step, unsigned cut)
{
	if (!is_whole_word(step)) {
		emit_window_child(e, step, cut);
		return;
	}
	emit_child(e, step, cut);
	emit_step_element(e, step);
	bytecode_alu(e->code, BPF_ADD, R3, R1);
}

/* Emits a stride table of references: R7 becomes the child for the operand. */
static void emit_stride(struct emitter *e, const struct layout_step *step)
{
	const unsigned cut = cut_of(stride_shift(step));

	emit_upper_operand(e, step->operand, R1, cut);
	emit_stride_child(e, step, cut);
	bytecode_load(e->code, BPF_W, R7, R3, 0);
}

/* R1, an operand without its CUT lowest bits, loses all bits that the window skips. */
static void emit_skip(struct emitter *e, const struct layout_step *step, unsigned cut)
{
	if (step->window.skip > cut)
		bytecode_alu_imm(e->code, BPF_RSH, R1, (int32_t)(step->window.skip - cut));
}

/* R1 becomes the bits of the operand that a tree below a stride table compares. */
static void emit_rest(struct emitter *e, const struct layout_step *step)
{
	const unsigned cut = cut_of(step->window.skip);

	if (operand_bits(step->operand) > LOADED_BITS && step->window.bits <= LOADED_BITS)
		emit_word(e, operand_offset(step->operand) + 4, R1);
	else
		emit_upper_operand(e, step->operand, R1, cut);
	emit_skip(e, step, cut);
	emit_low_bits(e, R1, compared_bits(step->window));
}

/* R1 becomes the bits of the operand that a tree compares. An operand outside of the window becomes the first or the
 * last value in it. */
static void emit_tree_operand(struct emitter *e, const struct layout_step *step)
{
	const unsigned cut = cut_of(step->window.skip);
	struct sides sides;

	emit_upper_operand(e, step->operand, R1, cut);
	if (is_whole_word(step)) {
		emit_skip(e, step, cut);
		return;
	}
	sides = emit_window(e, step, step->window.bits - cut);
	emit_skip(e, step, cut);
	emit_low_bits(e, R1, compared_bits(step->window));
	emit_sides(e, sides, 0, (UINT64_C(1) << compared_bits(step->window)) - 1);
}

/* R1 has a value of fewer bits than a lane, which is copied into each lane of R1. R4 becomes 1 in each lane, if there
 * is more than one. R2 is lost. */
static void emit_spread(struct emitter *e, unsigned lane_bits)
{
	unsigned bits;

	for (bits = 32; bits >= lane_bits; bits /= 2) {
		bytecode_alu(e->code, BPF_MOV, R2, R1);
		bytecode_alu_imm(e->code, BPF_LSH, R2, (int32_t)bits);
		bytecode_alu(e->code, BPF_OR, R1, R2);
	}
	if (lane_bits < 64)
		bytecode_imm64(e->code, R4, UINT64_MAX / ((UINT64_C(1) << lane_bits) - 1));
}

/* R0 becomes the rank times 2^SCALE: the number of keys that are less than or equal to the operand in the lanes of R1.
 * The keys are in BYTES of lanes at R3. The lowest SCALE bits of R0 are undefined, and the caller masks them. The CPU
 * computes two sums in parallel, in R0 and R2. R2 and R5 are lost. */
static void emit_rank(struct emitter *e, unsigned lane_bits, uint32_t bytes, int scale)
{
	uint32_t at;

	for (at = 0; at < bytes; at += LANES_WORD_BYTES) {
		enum reg sum = at / LANES_WORD_BYTES % 2 ? R2 : R0;
		enum reg reg = at < 2 * LANES_WORD_BYTES ? sum : R5;

		bytecode_load(e->code, BPF_DW, reg, R3, (int)at);
		bytecode_alu(e->code, BPF_ADD, reg, R1);
		bytecode_alu_imm(e->code, BPF_RSH, reg, (int32_t)lane_bits - 1);
		if (lane_bits < 64)
			bytecode_alu(e->code, BPF_AND, reg, R4);
		if (reg != sum)
			bytecode_alu(e->code, BPF_ADD, sum, reg);
	}
	bytecode_alu(e->code, BPF_ADD, R0, R2);
	if (lane_bits < 64) { /* the product has the sum of all lanes in its upper lane */
		bytecode_alu(e->code, BPF_MUL, R0, R4);
		bytecode_alu_imm(e->code, BPF_RSH, R0, 64 - (int32_t)lane_bits - scale);
	} else if (scale) {
		bytecode_alu_imm(e->code, BPF_LSH, R0, scale);
	}
}

/* R1 becomes the operand in each lane, and R3 a pointer to the element, which begins with the lanes of the keys. */
static void emit_tree_lanes(struct emitter *e, struct search_position at)
{
	const struct layout_step *step = &at.search->steps[at.step];

	if (step->is_below_stride)
		emit_rest(e, step);
	else
		emit_tree_operand(e, step);
	emit_spread(e, step->lane_bits);
	bytecode_begin_block(e->code, at.entries[at.step].ready);
	emit_step_element(e, step);
}

/* R7 becomes the index of the child. It needs no tag, since an inner node always leads to the next level. */
static void emit_inner(struct emitter *e, struct search_position at)
{
	const struct layout_step *step = &at.search->steps[at.step];

	emit_tree_lanes(e, at);
	bytecode_load(e->code, BPF_W, R7, R3, INNER_LANES_BYTES);
	emit_rank(e, step->lane_bits, INNER_LANES_BYTES, 0);
	bytecode_alu(e->code, BPF_ADD, R7, R0);
}

/* Continues at the narrow result in R7: a row, or an element of the step that narrow results lead to. */
static void emit_narrow_jump(struct emitter *e, struct search_position at)
{
	if (at.search->steps[at.step].narrow_tag) {
		bytecode_jump_if(e->code, BPF_JLT, R7, NARROW_BIT,
				 at.entries[at.search->step_count].checked);
		bytecode_alu32_imm(e->code, BPF_AND, R7, NARROW_BIT - 1);
		bytecode_jump(e->code, at.entries[layout_narrow_step(at.search, at.step)].inside);
	} else {
		bytecode_jump(e->code, at.entries[at.search->step_count].checked);
	}
}

/* R7, an entry with a range, becomes one of its results. The result is the one inside the range if the operand minus
 * the range's start, shifted right by the range's length, is 0. The subtraction has 32 bits, so operands before the
 * start give a large number. R1 is the operand without its CUT lowest bits. R1, R3 and R4 are lost. */
static void emit_range(struct emitter *e, const struct layout_step *step, unsigned cut)
{
	emit_skip(e, step, cut);
	emit_low_bits(e, R1, rest_bits(step));
	bytecode_alu(e->code, BPF_MOV, R3, R7);
	bytecode_alu_imm(e->code, BPF_RSH, R3, ENTRY_START);
	bytecode_alu32(e->code, BPF_SUB, R1, R3);
	bytecode_alu(e->code, BPF_MOV, R4, R7);
	bytecode_alu_imm(e->code, BPF_RSH, R4, ENTRY_LENGTH);
	bytecode_alu32_imm(e->code, BPF_AND, R4, ENTRY_LENGTH_MASK);
	bytecode_alu(e->code, BPF_RSH, R1, R4);
	bytecode_alu_imm(e->code, BPF_SUB, R1, 1); /* negative if it was 0 */
	bytecode_alu_imm(e->code, BPF_RSH, R1, 63);
	bytecode_alu_imm(e->code, BPF_LSH, R1, ENTRY_INSIDE_SHIFT);
	bytecode_alu(e->code, BPF_RSH, R7, R1);
	bytecode_alu32_imm(e->code, BPF_AND, R7, UINT16_MAX);
}

/* Emits a stride table of entries: continues at a result of the entry, or at its reference. */
static void emit_stride_of_entries(struct emitter *e, struct search_position at)
{
	const struct layout_step *step = &at.search->steps[at.step];
	const unsigned cut = cut_of(step->window.skip);
	struct basic_block refers = bytecode_new_block(e->code);

	emit_upper_operand(e, step->operand, R1, cut);
	bytecode_alu(e->code, BPF_MOV, R5, R1);
	emit_stride_child(e, step, cut);
	bytecode_load(e->code, BPF_DW, R7, R3, 0);
	/* This jump is emitted even if no entry is a reference. At a jump the verifier compares states, so it does not
	 * walk the code after it separately for each side of the window. */
	bytecode_jump_if(e->code, BPF_JSLT, R7, 0,
			 has_trees_below(at.search, at.step) ? refers : e->drop);
	bytecode_alu(e->code, BPF_MOV, R1, R5);
	emit_range(e, step, cut);
	emit_narrow_jump(e, at);
	bytecode_begin_block(e->code, refers);
	bytecode_alu32(e->code, BPF_MOV, R7, R7);
	if (refers_to_next(at.search, at.step))
		bytecode_jump(e->code, at.entries[at.step + 1].inside);
}

/* R7 becomes the result at R3 + OFFSET + R0, where R0 is the offset of one of COUNT results. If results are narrow,
 * continues at this one. */
static void emit_result(struct emitter *e, struct search_position at, uint32_t offset,
			uint32_t count)
{
	const struct layout_step *step = &at.search->steps[at.step];
	uint32_t mask = masked_room(count) - 1;

	bytecode_alu32_imm(e->code, BPF_AND, R0, (int32_t)(mask << result_scale(step)));
	bytecode_alu(e->code, BPF_ADD, R3, R0);
	bytecode_load(e->code, step->is_narrow ? BPF_H : BPF_W, R7, R3, (int)offset);
	if (step->is_narrow)
		emit_narrow_jump(e, at);
}

static void emit_leaf(struct emitter *e, struct search_position at)
{
	const struct layout_step *step = &at.search->steps[at.step];
	struct leaf_shape shape = leaf_shape(step);

	emit_tree_lanes(e, at);
	emit_rank(e, step->lane_bits, shape.lanes_bytes, result_scale(step));
	emit_result(e, at, shape.lanes_bytes, shape.keys + 1);
}

/* R0 becomes the index of the result for the port in R1. By a class table, this is the equivalence class of the
 * port. Else it is the number of the port's run: how many runs start at or below the port, without the first run. R5
 * is lost. */
static void emit_class(struct emitter *e, const struct layout_step *step)
{
	uint32_t i;

	if (has_class_table(step)) {
		bytecode_data(e->code, R0, SYMBOL_TABLES,
			      e->layout->classes.offset + step->class_table * CLASS_TABLE);
		bytecode_alu32_imm(e->code, BPF_AND, R1, CLASS_TABLE - 1);
		bytecode_alu(e->code, BPF_ADD, R0, R1);
		bytecode_load(e->code, BPF_B, R0, R0, 0);
		return;
	}
	bytecode_alu32_imm(e->code, BPF_MOV, R0, 0);
	for (i = 0; i + 1 < step->classes.run_count; i++) {
		bytecode_alu_imm(e->code, BPF_MOV, R5, (int32_t)step->classes.starts[i] - 1);
		bytecode_alu(e->code, BPF_SUB, R5, R1);
		bytecode_alu_imm(e->code, BPF_RSH, R5, 63);
		bytecode_alu(e->code, BPF_ADD, R0, R5);
	}
}

static void emit_cross(struct emitter *e, struct search_position at)
{
	const struct layout_step *step = &at.search->steps[at.step];

	emit_operand(e, step->operand, R1);
	emit_class(e, step);
	bytecode_alu_imm(e->code, BPF_LSH, R0, result_scale(step));
	emit_step_element(e, step);
	emit_result(e, at, 0, cross_results(step));
}

/* Looks up the node and the operand in the kernel's LPM trie, which has a prefix for every value of an operand. */
static void emit_lpm(struct emitter *e, const struct layout_step *step)
{
	emit_operand(e, step->operand, R1);
	if (operand_bits(step->operand) < 64)
		bytecode_alu_imm(e->code, BPF_LSH, R1, 64 - (int32_t)operand_bits(step->operand));
	bytecode_to_host(e->code, R1, 64); /* back to network order, as the node below */
	bytecode_alu32_imm(e->code, BPF_AND, R7, INDEX_MASK);
	bytecode_to_host(e->code, R7, 32);
	bytecode_alu32_imm(e->code, BPF_MOV, R2, ABI_PREFIX_BITS);
	bytecode_store(e->code, BPF_W, R10, STACK_PREFIX, R2);
	bytecode_store(e->code, BPF_W, R10,
		       STACK_PREFIX + (int)offsetof(struct abi_prefix_key, node), R7);
	bytecode_store(e->code, BPF_DW, R10,
		       STACK_PREFIX + (int)offsetof(struct abi_prefix_key, word), R1);
	bytecode_map(e->code, R1, SYMBOL_PREFIXES);
	bytecode_alu(e->code, BPF_MOV, R2, R10);
	bytecode_alu_imm(e->code, BPF_ADD, R2, STACK_PREFIX);
	bytecode_call(e->code, BPF_FUNC_map_lookup_elem);
	bytecode_jump_if(e->code, BPF_JEQ, R0, 0, e->drop);
	bytecode_load(e->code, BPF_W, R7, R0, 0);
}

static void emit_step(struct emitter *e, struct search_position at)
{
	const struct layout_step *step = &at.search->steps[at.step];

	switch (step->kind) {
	case STEP_STRIDE:
		if (step->has_entries)
			emit_stride_of_entries(e, at);
		else
			emit_stride(e, step);
		return;
	case STEP_INNER:
		emit_inner(e, at);
		return;
	case STEP_LEAF:
		emit_leaf(e, at);
		return;
	case STEP_CROSS:
		emit_cross(e, at);
		return;
	case STEP_LPM:
		emit_lpm(e, step);
	}
}

void emit_search(struct emitter *e, size_t index)
{
	const struct layout_search *search = &e->layout->searches[index];
	const struct layout_step *steps = search->steps;
	struct search_position at = {search, 0, e->entries[index]};
	size_t next;

	for (at.step = 0; at.step < search->step_count; at.step++) {
		bytecode_begin_block(e->code, at.entries[at.step].checked);
		bytecode_comment(e->code, "step %u: %s%s, %s", steps[at.step].tag,
				 operand_words(steps[at.step].operand),
				 steps[at.step].is_again ? " again" : "",
				 step_word(steps[at.step].kind));
		bytecode_jump32_if(e->code, BPF_JLT, R7, (int32_t)(steps[at.step].tag << TAG_SHIFT),
				   at.entries[at.step + 1].checked);
		bytecode_begin_block(e->code, at.entries[at.step].inside);
		emit_step(e, at);
		next = layout_next_step(search, at.step);
		if (steps[at.step].kind == STEP_INNER)
			/* The next level of the same tree, which compares the same bits. */
			bytecode_jump(e->code, at.entries[next].ready);
		else if (next != at.step + 1)
			bytecode_jump(e->code, at.entries[next].checked);
	}
	bytecode_begin_block(e->code, at.entries[search->step_count].checked);
	bytecode_jump(e->code, e->outcome);
}
