/* Writes the code that carries out an outcome. All outcomes share this code, which reads their rows from the tables.
 * For each row, it counts the rule, finds the label's socket, assigns it, counts the hit or the miss, and continues
 * with the next row. */
#include "compiler/emit/emit.h"
#include "ir.h"

#include "runtime/abi.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

/* Adds one to the counter at OFFSET in the element of a per-CPU map. The key of the element is in the variable KEY. */
static void ir_count(struct ir *ir, enum llvm_symbol map, LLVMValueRef key, size_t offset)
{
	LLVMBasicBlockRef done = ir_block(ir, "counted");
	LLVMValueRef arguments[] = {ir_symbol(ir, map),
				    LLVMBuildBitCast(ir->builder, key, ir->pointer, "")};
	LLVMValueRef element = ir_call_for_pointer(ir, BPF_FUNC_map_lookup_elem, arguments, 2);

	ir_leave_if(ir, element, LLVMIntEQ, LLVMConstNull(ir->pointer), done);
	ir_store(ir, ir_add(ir, ir_load(ir, ir->wide, element, offset), ir_wide(ir, 1)), element,
		 offset);
	ir_jump(ir, done);
	ir_start(ir, done);
}

static LLVMValueRef ir_row_word(struct ir *ir, LLVMValueRef row, size_t offset)
{
	return ir_load(ir, ir->word, row, offset);
}

static void ir_count_rule(struct ir *ir, LLVMValueRef row)
{
	LLVMBasicBlockRef none = ir_block(ir, "no_counter");
	LLVMValueRef counter;

	if (ir->layout->object.counter_count) {
		counter = ir_row_word(ir, row, offsetof(struct layout_row, counter));
		ir_leave_if(ir, counter, LLVMIntEQ, ir_word(ir, NO_INDEX), none);
		ir_store(ir, counter, ir->key, 0);
		ir_count(ir, LLVM_SYMBOL_RULE_COUNTERS, ir->key, 0);
	}
	ir_jump(ir, none);
	ir_start(ir, none);
}

/* The packet's flow class. AF_INET is 2 and AF_INET6 is 10, TCP is 6 and UDP is 17. So one bit tells the families
 * apart, and one bit the protocols; the two bits are the flow class. */
static LLVMValueRef ir_flow_class(struct ir *ir)
{
	LLVMValueRef family, protocol;

	_Static_assert(AF_INET >> 3 == 0 && AF_INET6 >> 3 == 1, "one bit tells the families apart");
	_Static_assert(IPPROTO_TCP >> 4 == 0 && IPPROTO_UDP >> 4 == 1, "and one the protocols");
	_Static_assert(ABI_FLOW_CLASS(1, 0) == 2 && ABI_FLOW_CLASS(0, 1) == 1,
		       "these bits are the flow class");

	family = ir_shift_right(ir, IR_PACKET_WORD(ir, family), 3);
	protocol = ir_shift_right(ir, IR_PACKET_WORD(ir, protocol), 4);
	return ir_add(ir, ir_shift_left(ir, family, 1), protocol);
}

/* The label index, 4 * label + flow class: the index of the label's slot word, and of its counters. Jumps to NEXT if
 * the row has no label. */
static LLVMValueRef ir_label_index(struct ir *ir, LLVMValueRef row, LLVMBasicBlockRef next)
{
	uint32_t count = ABI_FLOW_CLASSES * (uint32_t)ir->layout->object.label_count;
	LLVMValueRef label = ir_row_word(ir, row, offsetof(struct layout_row, label)), index;

	if (layout_has_rows_without_label(ir->layout))
		ir_leave_if(ir, label, LLVMIntEQ, ir_word(ir, NO_INDEX), next);
	index = ir_add(ir, ir_shift_left(ir, label, 2), ir_flow_class(ir));
	ir_store(ir, index, ir->label_index, 0);
	return ir_bounded(ir, index, count);
}

/* The socket in the label's own slot. Jumps to MISS if there is none. */
static LLVMValueRef ir_find_socket(struct ir *ir, LLVMValueRef index, LLVMBasicBlockRef miss)
{
	LLVMValueRef word = ir_at(ir, ir_symbol(ir, LLVM_SYMBOL_HOST), ir_shift_left(ir, index, 2));
	LLVMValueRef arguments[2], slot = ir_load(ir, ir->word, word, 0), socket;

	index = LLVMBuildTrunc(ir->builder, index, ir->word, "");
	slot = ir_xor(ir, slot, index); /* ABI_HOST_WORD */
	ir_store(ir, ir_and(ir, slot, ABI_SLOT(UINT32_MAX)), ir->key, 0);
	arguments[0] = ir_symbol(ir, LLVM_SYMBOL_SOCKETS);
	arguments[1] = LLVMBuildBitCast(ir->builder, ir->key, ir->pointer, "");
	socket = ir_call_for_pointer(ir, BPF_FUNC_map_lookup_elem, arguments, 2);
	ir_leave_if(ir, socket, LLVMIntEQ, LLVMConstNull(ir->pointer), miss);
	return socket;
}

/* Assigns the socket and releases it. Jumps to HIT if the socket takes the packet, or to PASS if a program before this
 * one has chosen (EEXIST), since its choice stands. */
static void ir_assign(struct ir *ir, LLVMValueRef row, LLVMValueRef socket, LLVMBasicBlockRef hit)
{
	LLVMValueRef flags = ir_widen(ir, ir_row_word(ir, row, offsetof(struct layout_row, flags)));
	LLVMValueRef arguments[] = {ir->packet, socket, flags};
	LLVMValueRef result = ir_call(ir, BPF_FUNC_sk_assign, arguments, 3);

	ir_call(ir, BPF_FUNC_sk_release, &socket, 1);
	ir_leave_if(ir, result, LLVMIntEQ, ir_wide(ir, 0), hit);
	ir_leave_if(ir, result, LLVMIntEQ, ir_wide(ir, (uint64_t)-EEXIST), ir->pass);
}

/* Calls a subprogram. Jumps to PASS if it has decided. */
static void ir_pass_if(struct ir *ir, const struct bytecode_subprogram *subprogram,
		       LLVMValueRef *arguments, unsigned count)
{
	LLVMValueRef result = ir_call_subprogram(ir, subprogram, arguments, count);

	ir_leave_if(ir, result, LLVMIntNE, ir_word(ir, 0), ir->pass);
}

/* Writes what follows if no socket in the own slot took the packet: try_label tries the spare slots and counts. Where
 * rows are in groups, try_row does that instead: the first group begins with the first row once more. */
static void ir_miss(struct ir *ir, LLVMValueRef row)
{
	LLVMValueRef arguments[3];

	if (ir->layout->groups.count)
		return;
	arguments[0] = ir->packet;
	arguments[1] = ir_load(ir, ir->word, ir->label_index, 0);
	arguments[2] = ir_row_word(ir, row, offsetof(struct layout_row, flags));
	ir_pass_if(ir, try_label_subprogram(ir->arena, ir->layout), arguments, 3);
}

/* Tries the label's own slot, which usually is a hit. */
static void ir_try_own_slot(struct ir *ir, LLVMValueRef row, LLVMValueRef index)
{
	LLVMBasicBlockRef hit = ir_block(ir, "hit"), miss = ir_block(ir, "miss");

	ir_assign(ir, row, ir_find_socket(ir, index, miss), hit);
	ir_jump(ir, miss);
	ir_start(ir, hit);
	ir_count(ir, LLVM_SYMBOL_LABEL_COUNTERS, ir->label_index,
		 offsetof(struct abi_label_count, hits));
	ir_jump(ir, ir->pass);
	ir_start(ir, miss);
}

/* Of later rows, try_label tries the own slots too: they are asked for seldom, and the verifier would walk the code for
 * that again for each. */
static void ir_try_label(struct ir *ir, LLVMValueRef row, LLVMBasicBlockRef next, bool is_first)
{
	LLVMValueRef index = ir_label_index(ir, row, next);

	if (is_first)
		ir_try_own_slot(ir, row, index);
	ir_miss(ir, row);
}

/* A pointer to the row whose number is in the variable REFERENCE. Passes or drops the packet if it is an end. */
static LLVMValueRef ir_row_or_end(struct ir *ir)
{
	LLVMValueRef number = ir_load(ir, ir->word, ir->reference, 0);

	ir_leave_if(ir, number, LLVMIntEQ, ir_word(ir, ROW_PASS), ir->pass);
	ir_leave_if(ir, number, LLVMIntEQ, ir_word(ir, ROW_DROP), ir->drop);
	return ir_element(ir, ir->layout->rows, sizeof(struct layout_row), number);
}

static void ir_take_next(struct ir *ir, LLVMValueRef row)
{
	ir_store(ir, ir_row_word(ir, row, offsetof(struct layout_row, next)), ir->reference, 0);
}

static void ir_row(struct ir *ir, bool is_first)
{
	LLVMBasicBlockRef next = ir_block(ir, "next_row");
	LLVMValueRef row = ir_row_or_end(ir);

	ir_count_rule(ir, row);
	if (ir->layout->object.label_count)
		ir_try_label(ir, row, next, is_first);
	ir_jump(ir, next);
	ir_start(ir, next);
	ir_take_next(ir, row);
}

/* Calls try_group for each group of the outcome. */
static void ir_groups(struct ir *ir)
{
	const struct bytecode_subprogram *group = try_group_subprogram(ir->arena, ir->layout);
	uint32_t i;

	for (i = 0; i < ir->layout->groups.count; i++) {
		LLVMValueRef arguments[] = {ir->packet, ir_load(ir, ir->word, ir->reference, 0)};

		ir_take_next(ir, ir_row_or_end(ir));
		ir_pass_if(ir, group, arguments, 2);
	}
}

/* Calls try_parts with the rows of all parts, unless the row that was carried out leads to an end. */
static void ir_merge(struct ir *ir)
{
	LLVMValueRef arguments[1 + PARTS_MAX] = {ir->packet};
	size_t part;

	ir_leave_if(ir, ir_load(ir, ir->word, ir->reference, 0), LLVMIntEQ, ir_word(ir, ROW_DROP),
		    ir->drop);
	for (part = 0; part < ir->layout->part_count; part++)
		arguments[1 + part] = ir_part_row(ir, part);
	ir_pass_if(ir, try_parts_subprogram(ir->arena, ir->layout), arguments,
		   1 + (unsigned)ir->layout->part_count);
}

void ir_outcome(struct ir *ir)
{
	size_t i;

	ir_start(ir, ir->outcome);
	for (i = 0; ir->layout->rows_max && i < layout_rows_in_program(ir->layout); i++)
		ir_row(ir, !i);
	if (ir->layout->groups.count)
		ir_groups(ir);
	ir_leave_if(ir, ir_load(ir, ir->word, ir->reference, 0), LLVMIntEQ, ir_word(ir, ROW_PASS),
		    ir->pass);
	if (layout_merges_rows(ir->layout))
		ir_merge(ir);
	ir_jump(ir, ir->drop);
}
