/* The steps that search the tables, one after the other, as the layout has them. */
#include "emitter.h"

#include "../runtime/abi.h"

#include <stddef.h>

void emit_key(struct emitter *e, enum key key, enum reg reg)
{
	int offset;

	switch (key) {
	case KEY_DPORT:
		bytecode_load(e->code, BPF_W, reg, R6, CONTEXT(local_port));
		return;
	case KEY_SPORT: /* 16 bits in network order, in the first half of the word */
		bytecode_load(e->code, BPF_H, reg, R6, CONTEXT(remote_port));
		bytecode_to_host(e->code, reg, 16);
		return;
	case KEY_DADDR4:
		offset = CONTEXT(local_ip4);
		break;
	case KEY_SADDR4:
		offset = CONTEXT(remote_ip4);
		break;
	default:
		offset = key >= KEY_SADDR6_0 ? CONTEXT(remote_ip6) + 4 * (int)(key - KEY_SADDR6_0)
					     : CONTEXT(local_ip6) + 4 * (int)(key - KEY_DADDR6_0);
	}
	bytecode_load(e->code, BPF_W, reg, R6, offset);
	bytecode_to_host(e->code, reg, 32);
}

uint32_t interface_offset(const struct emitter *e, uint32_t interface)
{
	return 4 * (ABI_PLACES * (uint32_t)e->layout->object.label_count + interface);
}

void emit_element(struct emitter *e, struct layout_region region, int shift, enum reg reg,
		  enum reg index)
{
	bytecode_jump_if(e->code, BPF_JGT, index, (int32_t)region.count - 1, e->drop);
	bytecode_alu_imm(e->code, BPF_LSH, index, shift);
	bytecode_data(e->code, reg, SYMBOL_TABLES, region.offset);
	bytecode_alu(e->code, BPF_ADD, reg, index);
}

/* COUNT becomes the number of keys, STRIDE apart from OFFSET on in the line at R3, less than R1. A difference's
 * sign is taken by a logical shift: an arithmetic one would fork the verifier's state at each. */
static void emit_rank(struct emitter *e, enum reg count, int offset, int stride)
{
	int i;

	for (i = 0; i < 3; i++) {
		enum reg reg = i == 0 ? count : R5;

		bytecode_load(e->code, BPF_W, reg, R3, offset + i * stride);
		bytecode_alu(e->code, BPF_SUB, reg, R1);
		bytecode_alu_imm(e->code, BPF_RSH, reg, 63);
		if (i > 0)
			bytecode_alu(e->code, BPF_ADD, count, reg);
	}
}

/* One line: the fourth, eighth and twelfth key choose a quarter, the quarter's three keys a child. */
static void emit_line(struct emitter *e, const struct layout_step *step)
{
	const struct layout *layout = e->layout;

	emit_key(e, step->key, R1);
	bytecode_alu32_imm(e->code, BPF_AND, R7, LINE_MASK);
	emit_element(e, layout->lines, 6, R3, R7);
	bytecode_load(e->code, BPF_W, R7, R3, (int)offsetof(struct layout_line, first));
	emit_rank(e, R4, 4 * 3, 4 * 4);
	bytecode_alu_imm(e->code, BPF_LSH, R4, 2);
	bytecode_alu(e->code, BPF_ADD, R7, R4);
	bytecode_alu_imm(e->code, BPF_LSH, R4, 2);
	bytecode_alu(e->code, BPF_ADD, R3, R4);
	emit_rank(e, R0, 0, 4);
	bytecode_alu(e->code, BPF_ADD, R7, R0);
	if (!step->is_leaf)
		return;
	emit_element(e, layout->results, 2, R3, R7);
	bytecode_load(e->code, BPF_W, R7, R3, 0);
}

/* The reference for the word's upper bits. */
static void emit_root(struct emitter *e, const struct layout_step *step)
{
	struct layout_region roots = e->layout->lines;

	roots.count -= root_lines(step) - 1;
	emit_key(e, step->key, R1);
	bytecode_alu32_imm(e->code, BPF_AND, R7, LINE_MASK);
	emit_element(e, roots, 6, R3, R7);
	bytecode_alu32_imm(e->code, BPF_RSH, R1, (int32_t)root_shift(step));
	bytecode_alu32_imm(e->code, BPF_AND, R1, (int32_t)root_children(step) - 1);
	bytecode_alu_imm(e->code, BPF_LSH, R1, 2);
	bytecode_alu(e->code, BPF_ADD, R3, R1);
	bytecode_load(e->code, BPF_W, R7, R3, 0);
}

/* R4 becomes the class of the port in R1: by a table, or as the number of classes that start at it or below. */
static void emit_class(struct emitter *e, const struct layout_step *step)
{
	uint32_t i;

	if (step->class_table != NO_INDEX) {
		bytecode_data(e->code, R4, SYMBOL_TABLES,
			      e->layout->classes.offset + step->class_table * CLASS_TABLE);
		bytecode_alu32_imm(e->code, BPF_AND, R1, CLASS_TABLE - 1);
		bytecode_alu(e->code, BPF_ADD, R4, R1);
		bytecode_load(e->code, BPF_B, R4, R4, 0);
		return;
	}
	bytecode_alu32_imm(e->code, BPF_MOV, R4, 0);
	for (i = 0; i + 1 < step->class_count; i++) {
		bytecode_alu_imm(e->code, BPF_MOV, R5, (int32_t)step->class_starts[i] - 1);
		bytecode_alu(e->code, BPF_SUB, R5, R1);
		bytecode_alu_imm(e->code, BPF_RSH, R5, 63);
		bytecode_alu(e->code, BPF_ADD, R4, R5);
	}
}

static void emit_cross(struct emitter *e, const struct layout_step *step)
{
	struct layout_region rows = e->layout->lines;

	/* A class is a byte at most, so a row of fewer is read as if it had 256 where a table gives it. */
	rows.count -= step->class_table == NO_INDEX ? 0 : CLASSES_MAX / LINE_CHILDREN - 1;
	emit_key(e, step->key, R1);
	emit_class(e, step);
	bytecode_alu32_imm(e->code, BPF_AND, R7, LINE_MASK);
	emit_element(e, rows, 6, R3, R7);
	bytecode_alu_imm(e->code, BPF_LSH, R4, 2);
	bytecode_alu(e->code, BPF_ADD, R3, R4);
	bytecode_load(e->code, BPF_W, R7, R3, 0);
}

/* Looks the node and the word up in the kernel's trie, where every word is below some prefix. */
static void emit_lpm(struct emitter *e, const struct layout_step *step)
{
	emit_key(e, step->key, R1);
	bytecode_to_host(e->code, R1, 32); /* back to network order, and so is the node */
	bytecode_alu32_imm(e->code, BPF_AND, R7, LINE_MASK);
	bytecode_to_host(e->code, R7, 32);
	bytecode_store_imm(e->code, BPF_W, R10, STACK_PREFIX, 64);
	bytecode_store(e->code, BPF_W, R10, STACK_PREFIX + 4, R7);
	bytecode_store(e->code, BPF_W, R10, STACK_PREFIX + 8, R1);
	bytecode_map(e->code, R1, SYMBOL_PREFIXES);
	bytecode_alu(e->code, BPF_MOV, R2, R10);
	bytecode_alu_imm(e->code, BPF_ADD, R2, STACK_PREFIX);
	bytecode_call(e->code, BPF_FUNC_map_lookup_elem);
	bytecode_jump_if(e->code, BPF_JEQ, R0, 0, e->drop);
	bytecode_load(e->code, BPF_W, R7, R0, 0);
}

static void emit_interface_line(struct emitter *e, struct jump_label done)
{
	const int children = (int)offsetof(struct layout_interface, children);
	struct jump_label differs = bytecode_label(e->code), known = bytecode_label(e->code);

	bytecode_alu32_imm(e->code, BPF_AND, R7, LINE_MASK);
	emit_element(e, e->layout->interfaces, 4, R3, R7);
	bytecode_load(e->code, BPF_W, R4, R3, (int)offsetof(struct layout_interface, word));
	bytecode_jump_if(e->code, BPF_JGT, R4, (int32_t)e->layout->object.interface_count - 1,
			 e->drop);
	bytecode_alu_imm(e->code, BPF_LSH, R4, 2);
	bytecode_data(e->code, R5, SYMBOL_MACHINE, interface_offset(e, 0));
	bytecode_alu(e->code, BPF_ADD, R5, R4);
	bytecode_load(e->code, BPF_W, R2, R5, 0);
	bytecode_jump32_if(e->code, BPF_JNE, R2, (int32_t)ABI_INTERFACE_UNKNOWN, known);
	bytecode_load(e->code, BPF_W, R7, R3, children + 4 * INTERFACE_UNKNOWN);
	bytecode_jump(e->code, done);
	bytecode_place(e->code, known);
	bytecode_load(e->code, BPF_W, R1, R6, CONTEXT(ingress_ifindex));
	bytecode_jump32_if_reg(e->code, BPF_JNE, R1, R2, differs);
	bytecode_load(e->code, BPF_W, R7, R3, children + 4 * INTERFACE_EQUALS);
	bytecode_jump(e->code, done);
	bytecode_place(e->code, differs);
	bytecode_load(e->code, BPF_W, R7, R3, children + 4 * INTERFACE_DIFFERS);
}

static void emit_step(struct emitter *e, const struct layout_step *step, struct jump_label done)
{
	switch (step->kind) {
	case SEARCH_ROOT:
		emit_root(e, step);
		return;
	case SEARCH_LINE:
		emit_line(e, step);
		return;
	case SEARCH_CROSS:
		emit_cross(e, step);
		return;
	case SEARCH_LPM:
		emit_lpm(e, step);
		return;
	default:
		emit_interface_line(e, done);
	}
}

void emit_machine(struct emitter *e, size_t index)
{
	const struct layout_machine *machine = &e->layout->machines[index];
	const struct layout_step *steps = machine->steps;
	size_t i, next;

	for (i = 0; i < machine->step_count; i++) {
		bytecode_place(e->code, e->steps[index][i]);
		bytecode_comment(e->code, "step %u: %s, %s", steps[i].tag, key_words(steps[i].key),
				 search_word(steps[i].kind));
		bytecode_jump32_if(e->code, BPF_JLT, R7, (int32_t)(steps[i].tag << TAG_SHIFT),
				   e->steps[index][i + 1]);
		emit_step(e, &steps[i], e->steps[index][i + 1]);
		next = layout_next_step(machine, i);
		if (next != i + 1)
			bytecode_jump(e->code, e->steps[index][next]);
	}
	bytecode_place(e->code, e->steps[index][machine->step_count]);
	bytecode_jump(e->code, e->assign);
}
