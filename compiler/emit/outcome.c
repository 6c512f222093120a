/* Emits the code that carries out an outcome. All outcomes share this code, which reads their rows from the tables. For
 * each row, it counts the rule, finds the label's socket, assigns it, counts the hit or the miss, and continues with
 * the next row. */
#include "emit.h"
#include "emitter.h"

#include "runtime/abi.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

void emit_look_up(struct bytecode *code, enum bytecode_symbol map, int stack)
{
	bytecode_map(code, R1, map);
	bytecode_alu(code, BPF_MOV, R2, R10);
	bytecode_alu_imm(code, BPF_ADD, R2, stack);
	bytecode_call(code, BPF_FUNC_map_lookup_elem);
}

void emit_count(struct bytecode *code, enum bytecode_symbol map, int stack, int offset)
{
	struct basic_block none = bytecode_new_block(code);

	emit_look_up(code, map, stack);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, none);
	bytecode_load(code, BPF_DW, R1, R0, offset);
	bytecode_alu_imm(code, BPF_ADD, R1, 1);
	bytecode_store(code, BPF_DW, R0, offset, R1);
	bytecode_begin_block(code, none);
}

void emit_rule_counter(struct emitter *e)
{
	struct basic_block none = bytecode_new_block(e->code);

	if (!e->layout->object.counter_count)
		return;
	bytecode_comment(e->code, "count the rule");
	bytecode_load(e->code, BPF_W, R1, R7, (int)offsetof(struct layout_row, counter));
	bytecode_jump32_if(e->code, BPF_JEQ, R1, (int32_t)NO_INDEX, none);
	bytecode_store(e->code, BPF_W, R10, STACK_KEY, R1);
	emit_count(e->code, SYMBOL_RULE_COUNTERS, STACK_KEY, 0);
	bytecode_begin_block(e->code, none);
}

void emit_label_index(struct emitter *e, enum reg reg, struct basic_block none)
{
	uint32_t count = ABI_FLOW_CLASSES * (uint32_t)e->layout->object.label_count;

	bytecode_load(e->code, BPF_W, reg, R7, (int)offsetof(struct layout_row, label));
	if (layout_has_rows_without_label(e->layout))
		bytecode_jump32_if(e->code, BPF_JEQ, reg, (int32_t)NO_INDEX, none);
	bytecode_alu_imm(e->code, BPF_LSH, reg, 2);
	bytecode_alu(e->code, BPF_ADD, reg, R8);
	bytecode_jump_if(e->code, BPF_JGT, reg, (int32_t)count - 1, e->drop);
}

void emit_slot_word(struct bytecode *code, enum reg word, enum reg index, enum reg words)
{
	bytecode_alu(code, BPF_MOV, word, index);
	bytecode_alu_imm(code, BPF_LSH, word, 2);
	bytecode_data(code, words, SYMBOL_HOST, 0);
	bytecode_alu(code, BPF_ADD, words, word);
	bytecode_load(code, BPF_W, word, words, 0);
	bytecode_alu(code, BPF_XOR, word, index); /* ABI_HOST_WORD */
}

/* R0 becomes the socket in the own slot of the label whose label index is in R1. Jumps to MISS if there is none. */
static void emit_find_socket(struct emitter *e, struct basic_block miss)
{
	emit_slot_word(e->code, R2, R1, R3);
	bytecode_alu_imm(e->code, BPF_AND, R2, ABI_SLOT(UINT32_MAX));
	bytecode_store(e->code, BPF_W, R10, STACK_KEY, R2);
	emit_look_up(e->code, SYMBOL_SOCKETS, STACK_KEY);
	bytecode_jump_if(e->code, BPF_JEQ, R0, 0, miss);
}

/* Assigns the socket in R0, with the flags of the row that R7 points to, and releases it. Jumps to HIT if the socket
 * takes the packet, or to PASS if a program before this one has chosen, since its choice stands. */
static void emit_assign(struct emitter *e, struct basic_block hit)
{
	struct bytecode *code = e->code;

	bytecode_comment(code, "assign it");
	bytecode_store(code, BPF_DW, R10, STACK_SOCKET, R0);
	bytecode_alu(code, BPF_MOV, R1, R6);
	bytecode_alu(code, BPF_MOV, R2, R0);
	bytecode_load(code, BPF_W, R3, R7, (int)offsetof(struct layout_row, flags));
	bytecode_call(code, BPF_FUNC_sk_assign);
	bytecode_load(code, BPF_DW, R1, R10, STACK_SOCKET);
	bytecode_store(code, BPF_DW, R10, STACK_RESULT, R0);
	bytecode_call(code, BPF_FUNC_sk_release);
	bytecode_load(code, BPF_DW, R0, R10, STACK_RESULT);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, hit);
	bytecode_jump_if(code, BPF_JEQ, R0, -EEXIST, e->pass);
}

void emit_unused(struct bytecode *code, enum reg first)
{
	enum reg reg;

	for (reg = first; reg <= R5; reg++)
		bytecode_alu_imm(code, BPF_MOV, reg, 0);
}

/* Emits what follows if no socket in the own slot took the packet: try_label tries the spare slots and counts. Where
 * rows are in groups, try_row does that instead: the first group begins with the first row once more. */
static void emit_miss(struct emitter *e)
{
	if (e->layout->groups.count)
		return;
	bytecode_alu(e->code, BPF_MOV, R1, R6);
	bytecode_load(e->code, BPF_W, R2, R10, STACK_LABEL);
	bytecode_load(e->code, BPF_W, R3, R7, (int)offsetof(struct layout_row, flags));
	if (layout_rows_in_program(e->layout) > 1 || layout_merges_rows(e->layout))
		emit_unused(e->code, R4);
	if (!e->try_label)
		e->try_label = try_label_subprogram(e->code->arena, e->layout);
	bytecode_call_subprogram(e->code, e->try_label);
	bytecode_jump_if(e->code, BPF_JNE, R0, 0, e->pass);
}

/* Tries the label's own slot, which usually is a hit. Of later rows, try_label tries the own slots too: they are asked
 * for seldom, and the verifier would walk this code again for each. */
static void emit_try_label(struct emitter *e, struct basic_block hit, struct basic_block next,
			   bool is_first)
{
	struct basic_block miss = bytecode_new_block(e->code);

	bytecode_comment(e->code, "the label's slot, and the socket there");
	emit_label_index(e, R1, next);
	bytecode_store(e->code, BPF_W, R10, STACK_LABEL, R1);
	if (is_first) {
		emit_find_socket(e, miss);
		emit_assign(e, hit);
	}
	bytecode_begin_block(e->code, miss);
	emit_miss(e);
}

/* AF_INET is 2 and AF_INET6 is 10, TCP is 6 and UDP is 17. So one bit tells the families apart, and one bit the
 * protocols; the two bits are the flow class. */
void emit_flow_class(struct emitter *e)
{
	_Static_assert(AF_INET >> 3 == 0 && AF_INET6 >> 3 == 1, "one bit tells the families apart");
	_Static_assert(IPPROTO_TCP >> 4 == 0 && IPPROTO_UDP >> 4 == 1, "and one the protocols");

	bytecode_load(e->code, BPF_W, R8, R6, CONTEXT(family));
	bytecode_alu_imm(e->code, BPF_RSH, R8, 3);
	bytecode_alu_imm(e->code, BPF_LSH, R8, 1);
	bytecode_load(e->code, BPF_W, R1, R6, CONTEXT(protocol));
	bytecode_alu_imm(e->code, BPF_RSH, R1, 4);
	bytecode_alu(e->code, BPF_ADD, R8, R1);
}

/* Carries out the row whose number is in R7, which becomes that of the next row. Jumps to PASS or DROP if it is an end,
 * or to HIT if a socket takes the packet. */
static void emit_row(struct emitter *e, struct basic_block hit, bool is_first)
{
	struct basic_block next = bytecode_new_block(e->code);

	bytecode_comment(e->code, "carry out row r7");
	bytecode_jump_if(e->code, BPF_JEQ, R7, ROW_PASS, e->pass);
	bytecode_jump_if(e->code, BPF_JEQ, R7, ROW_DROP, e->drop);
	emit_element(e, e->layout->rows, sizeof(struct layout_row), R1, R7);
	bytecode_alu(e->code, BPF_MOV, R7, R1);
	emit_rule_counter(e);
	if (e->layout->object.label_count)
		emit_try_label(e, hit, next, is_first);
	bytecode_begin_block(e->code, next);
	bytecode_load(e->code, BPF_W, R7, R7, (int)offsetof(struct layout_row, next));
}

void emit_outcome(struct emitter *e)
{
	struct basic_block hit = bytecode_new_block(e->code);
	size_t i;

	bytecode_begin_block(e->code, e->outcome);
	if (!e->layout->rows_max) {
		bytecode_jump_if(e->code, BPF_JEQ, R7, ROW_PASS, e->pass);
		bytecode_jump(e->code, e->drop);
		return;
	}
	emit_flow_class(e);
	for (i = 0; i < layout_rows_in_program(e->layout); i++)
		emit_row(e, hit, !i);
	if (e->layout->groups.count)
		emit_groups(e);
	bytecode_jump_if(e->code, BPF_JEQ, R7, ROW_PASS, e->pass);
	if (layout_merges_rows(e->layout)) {
		bytecode_jump_if(e->code, BPF_JEQ, R7, ROW_DROP, e->drop);
		emit_merge(e);
	}
	bytecode_jump(e->code, e->drop);
	bytecode_begin_block(e->code, hit); /* falls through to PASS, which is emitted next */
	if (e->layout->object.label_count)
		emit_count(e->code, SYMBOL_LABEL_COUNTERS, STACK_LABEL,
			   offsetof(struct abi_label_count, hits));
}
