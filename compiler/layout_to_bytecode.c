/* Writes the program: a way in for each family and protocol, the nodes in code, the steps that search the
 * tables, and at the end the one sequence that carries out an outcome's rows.
 *
 * Registers: R6 the context, R7 the table reference (later the row), R8 the place of the packet's family and
 * protocol, R9 the rows still allowed; R1 to R5 and R0 for whatever is at hand. */
#include "pipeline.h"

#include "arena.h"
#include "bytecode.h"
#include "diag.h"
#include "layout.h"
#include "layout_to_bytecode.h"

#include "../runtime/abi.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

enum { NO_LABEL = 0xffffffff };

/* Stack slots, below R10. */
enum { STACK_KEY = -4, STACK_LABEL = -8, STACK_SOCKET = -16, STACK_RESULT = -24, STACK_PREFIX = -40 };

/* The program's verdicts. */
enum { SK_IS_DROP = 0, SK_IS_PASS = 1 };

#define CONTEXT(field) ((int)offsetof(struct bpf_sk_lookup, field))

struct emitter {
	struct bytecode *code;
	const struct layout *layout;
	struct jump_label *nodes; /* of the nodes in code; NO_LABEL: not emitted */
	struct jump_label *steps[FAMILY_COUNT * PROTOCOL_COUNT]; /* one more than steps: the end */
	struct jump_label assign;     /* R7 is the first row of the outcome */
	struct jump_label pass, drop; /* ways out; PASS is NO_LABEL where every outcome is to reach ASSIGN */
};

static void emit_ref(struct emitter *e, decision_ref ref);

/* A word of the packet, in host order. */
static void emit_key(struct emitter *e, enum key key, enum reg reg)
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

/* Where the word of an interface stands in .rodata.machine, from the first one on. */
static uint32_t interface_offset(const struct emitter *e, uint32_t interface)
{
	return 4 * (ABI_PLACES * (uint32_t)e->layout->object.label_count + interface);
}

/* Compares R1 with the starts of intervals [first, end), and goes on in the one that holds it. */
static void emit_compare_tree(struct emitter *e, const struct decision_node *node, uint32_t first,
			      uint32_t end)
{
	uint32_t middle = first + (end - first) / 2;
	struct jump_label upper;

	if (end - first == 1) {
		emit_ref(e, node->children[first]);
		return;
	}
	upper = bytecode_label(e->code);
	bytecode_jump32_if(e->code, BPF_JGE, R1, (int32_t)(uint32_t)node->starts[middle], upper);
	emit_compare_tree(e, node, first, middle);
	bytecode_place(e->code, upper);
	emit_compare_tree(e, node, middle, end);
}

static decision_ref interface_child(const struct decision_node *node, uint32_t value)
{
	uint32_t i = node->count - 1;

	while (node->starts[i] > value)
		i--;
	return node->children[i];
}

static void emit_interface_node(struct emitter *e, const struct decision_node *node)
{
	struct jump_label known = bytecode_label(e->code), differs = bytecode_label(e->code);
	uint32_t interface = variable_interface(node->variable);

	bytecode_comment(e->code, "interface \"%s\"", e->layout->policy->interfaces[interface].name);
	bytecode_data(e->code, R2, SYMBOL_MACHINE, interface_offset(e, interface));
	bytecode_load(e->code, BPF_W, R2, R2, 0);
	bytecode_jump32_if(e->code, BPF_JNE, R2, (int32_t)ABI_INTERFACE_UNKNOWN, known);
	emit_ref(e, interface_child(node, INTERFACE_UNKNOWN));
	bytecode_place(e->code, known);
	bytecode_load(e->code, BPF_W, R1, R6, CONTEXT(ingress_ifindex));
	bytecode_jump32_if_reg(e->code, BPF_JNE, R1, R2, differs);
	emit_ref(e, interface_child(node, INTERFACE_EQUALS));
	bytecode_place(e->code, differs);
	emit_ref(e, interface_child(node, INTERFACE_DIFFERS));
}

static void emit_node(struct emitter *e, decision_ref ref)
{
	const struct decision_node *node = &e->layout->nodes[ref];
	enum key key = variable_key(node->variable);

	e->nodes[ref] = bytecode_label(e->code);
	bytecode_place(e->code, e->nodes[ref]);
	if (key == KEY_INTERFACE) {
		emit_interface_node(e, node);
		return;
	}
	bytecode_comment(e->code, "%s", key_words(key));
	emit_key(e, key, R1);
	emit_compare_tree(e, node, 0, node->count);
}

static void emit_row(struct emitter *e, uint32_t row)
{
	if (row == ROW_PASS && e->pass.id != NO_LABEL) {
		bytecode_jump(e->code, e->pass);
	} else if (row == ROW_DROP && e->pass.id != NO_LABEL) {
		bytecode_jump(e->code, e->drop);
	} else {
		bytecode_alu32_imm(e->code, BPF_MOV, R7, (int32_t)row);
		bytecode_jump(e->code, e->assign);
	}
}

/* Goes into the tables at the step that a reference names. */
static void emit_table_entry(struct emitter *e, decision_ref ref)
{
	uint32_t machine = e->layout->nodes[ref].variable >> MACHINE_SHIFT;
	uint32_t table_ref = e->layout->table_refs[ref];
	size_t step = 0;

	while (e->layout->machines[machine].steps[step].tag != table_ref >> TAG_SHIFT)
		step++;
	bytecode_alu32_imm(e->code, BPF_MOV, R7, (int32_t)table_ref);
	bytecode_jump(e->code, e->steps[machine][step]);
}

static void emit_ref(struct emitter *e, decision_ref ref)
{
	if (ref_is_outcome(ref))
		emit_row(e, e->layout->rows_of[ref_index(ref)]);
	else if (e->layout->forms[ref] == FORM_TABLE)
		emit_table_entry(e, ref);
	else if (e->nodes[ref].id != NO_LABEL)
		bytecode_jump(e->code, e->nodes[ref]);
	else
		emit_node(e, ref);
}

/* REG becomes a pointer to element INDEX (a register, which is lost) of a region of the tables. */
static void emit_element(struct emitter *e, struct layout_region region, int shift, enum reg reg,
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

/* The reference for the upper half of the word (of a port: for all of it). */
static void emit_root(struct emitter *e, const struct layout_step *step)
{
	struct layout_region roots = e->layout->lines;

	roots.count -= ROOT_LINES - 1;
	emit_key(e, step->key, R1);
	bytecode_alu32_imm(e->code, BPF_AND, R7, LINE_MASK);
	emit_element(e, roots, 6, R3, R7);
	if (step->key == KEY_DPORT || step->key == KEY_SPORT)
		bytecode_alu32_imm(e->code, BPF_AND, R1, ROOT_CHILDREN - 1);
	else
		bytecode_alu32_imm(e->code, BPF_RSH, R1, ROOT_BITS);
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
	bytecode_jump_if(e->code, BPF_JGT, R4, (int32_t)e->layout->object.interface_count - 1, e->drop);
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

/* Whether an IPv4 packet that has done step A has nothing to do at B. */
static bool is_other_family(enum key a, enum key b)
{
	return (a == KEY_DADDR4 && b > KEY_DADDR4 && b <= KEY_DADDR6_3) ||
	       (a == KEY_SADDR4 && b > KEY_SADDR4 && b <= KEY_SADDR6_3);
}

static void emit_machine(struct emitter *e, size_t index)
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
		for (next = i + 1; next < machine->step_count; next++)
			if (!is_other_family(steps[i].key, steps[next].key))
				break;
		if (next != i + 1)
			bytecode_jump(e->code, e->steps[index][next]);
	}
	bytecode_place(e->code, e->steps[index][machine->step_count]);
	bytecode_jump(e->code, e->assign);
}

/* Adds one to the counter at OFFSET of element STACK of a per-CPU map. */
static void emit_count(struct emitter *e, enum bytecode_symbol map, int stack, int offset)
{
	struct jump_label none = bytecode_label(e->code);

	bytecode_map(e->code, R1, map);
	bytecode_alu(e->code, BPF_MOV, R2, R10);
	bytecode_alu_imm(e->code, BPF_ADD, R2, stack);
	bytecode_call(e->code, BPF_FUNC_map_lookup_elem);
	bytecode_jump_if(e->code, BPF_JEQ, R0, 0, none);
	bytecode_load(e->code, BPF_DW, R1, R0, offset);
	bytecode_alu_imm(e->code, BPF_ADD, R1, 1);
	bytecode_store(e->code, BPF_DW, R0, offset, R1);
	bytecode_place(e->code, none);
}

static void emit_rule_counter(struct emitter *e)
{
	struct jump_label none = bytecode_label(e->code);

	if (!e->layout->object.counter_count)
		return;
	bytecode_comment(e->code, "count the rule");
	bytecode_load(e->code, BPF_W, R1, R7, (int)offsetof(struct layout_row, counter));
	bytecode_jump32_if(e->code, BPF_JEQ, R1, (int32_t)NO_INDEX, none);
	bytecode_store(e->code, BPF_W, R10, STACK_KEY, R1);
	emit_count(e, SYMBOL_RULE_COUNTERS, STACK_KEY, 0);
	bytecode_place(e->code, none);
}

/* Finds the socket in the label's slot for this place, or goes to MISS; to SKIP if the row has no label. */
static void emit_find_socket(struct emitter *e, struct jump_label miss, struct jump_label skip)
{
	uint32_t slots = ABI_PLACES * (uint32_t)e->layout->object.label_count;

	bytecode_comment(e->code, "the label's slot, and the socket there");
	bytecode_load(e->code, BPF_W, R1, R7, (int)offsetof(struct layout_row, label));
	if (e->layout->object.counter_count)
		bytecode_jump32_if(e->code, BPF_JEQ, R1, (int32_t)NO_INDEX, skip);
	bytecode_alu_imm(e->code, BPF_LSH, R1, 2);
	bytecode_alu(e->code, BPF_ADD, R1, R8);
	bytecode_jump_if(e->code, BPF_JGT, R1, (int32_t)slots - 1, e->drop);
	bytecode_store(e->code, BPF_W, R10, STACK_LABEL, R1);
	bytecode_alu_imm(e->code, BPF_LSH, R1, 2);
	bytecode_data(e->code, R2, SYMBOL_MACHINE, 0);
	bytecode_alu(e->code, BPF_ADD, R2, R1);
	bytecode_load(e->code, BPF_W, R2, R2, 0);
	bytecode_store(e->code, BPF_W, R10, STACK_KEY, R2);
	bytecode_map(e->code, R1, SYMBOL_SOCKETS);
	bytecode_alu(e->code, BPF_MOV, R2, R10);
	bytecode_alu_imm(e->code, BPF_ADD, R2, STACK_KEY);
	bytecode_call(e->code, BPF_FUNC_map_lookup_elem);
	bytecode_jump_if(e->code, BPF_JEQ, R0, 0, miss);
}

/* Assigns the socket in R0 and lets go of it. EEXIST: a program before this one has chosen, and its choice
 * stands. */
static void emit_assign(struct emitter *e, struct jump_label hit)
{
	bytecode_comment(e->code, "assign it");
	bytecode_store(e->code, BPF_DW, R10, STACK_SOCKET, R0);
	bytecode_alu(e->code, BPF_MOV, R1, R6);
	bytecode_alu(e->code, BPF_MOV, R2, R0);
	bytecode_load(e->code, BPF_W, R3, R7, (int)offsetof(struct layout_row, flags));
	bytecode_call(e->code, BPF_FUNC_sk_assign);
	bytecode_load(e->code, BPF_DW, R1, R10, STACK_SOCKET);
	bytecode_store(e->code, BPF_DW, R10, STACK_RESULT, R0);
	bytecode_call(e->code, BPF_FUNC_sk_release);
	bytecode_load(e->code, BPF_DW, R0, R10, STACK_RESULT);
	bytecode_jump_if(e->code, BPF_JEQ, R0, 0, hit);
	bytecode_jump_if(e->code, BPF_JEQ, R0, -EEXIST, e->pass);
}

/* R8 becomes the place: AF_INET is 2 and AF_INET6 10, TCP 6 and UDP 17, so one bit of each tells. */
static void emit_place(struct emitter *e)
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

/* Carries out the rows from R7 on. */
static void emit_outcome(struct emitter *e)
{
	struct jump_label row = bytecode_label(e->code), hit = bytecode_label(e->code);
	struct jump_label miss = bytecode_label(e->code), next = bytecode_label(e->code);

	bytecode_place(e->code, e->assign);
	if (!e->layout->rows_max) {
		bytecode_jump_if(e->code, BPF_JEQ, R7, ROW_PASS, e->pass);
		bytecode_jump(e->code, e->drop);
		return;
	}
	emit_place(e);
	bytecode_alu_imm(e->code, BPF_MOV, R9, (int32_t)e->layout->rows_max);
	bytecode_place(e->code, row);
	bytecode_comment(e->code, "carry out row r7");
	bytecode_jump_if(e->code, BPF_JEQ, R7, ROW_PASS, e->pass);
	bytecode_jump_if(e->code, BPF_JEQ, R7, ROW_DROP, e->drop);
	emit_element(e, e->layout->rows, 4, R1, R7);
	bytecode_alu(e->code, BPF_MOV, R7, R1);
	emit_rule_counter(e);
	if (e->layout->object.label_count) {
		emit_find_socket(e, miss, next);
		emit_assign(e, hit);
		bytecode_place(e->code, miss);
		emit_count(e, SYMBOL_LABEL_COUNTERS, STACK_LABEL, offsetof(struct abi_label_count, misses));
	}
	bytecode_place(e->code, next);
	bytecode_load(e->code, BPF_W, R7, R7, (int)offsetof(struct layout_row, next));
	bytecode_alu_imm(e->code, BPF_SUB, R9, 1);
	bytecode_jump_if(e->code, BPF_JNE, R9, 0, row);
	bytecode_jump_if(e->code, BPF_JEQ, R7, ROW_PASS, e->pass);
	bytecode_jump(e->code, e->drop);
	bytecode_place(e->code, hit);
	if (e->layout->object.label_count)
		emit_count(e, SYMBOL_LABEL_COUNTERS, STACK_LABEL, offsetof(struct abi_label_count, hits));
}

static void emit_family(struct emitter *e, enum family family)
{
	const decision_ref *roots = e->layout->roots[family];
	struct jump_label udp = bytecode_label(e->code);

	if (roots[PROTOCOL_TCP] != roots[PROTOCOL_UDP]) {
		bytecode_load(e->code, BPF_W, R1, R6, CONTEXT(protocol));
		bytecode_jump_if(e->code, BPF_JEQ, R1, IPPROTO_UDP, udp);
		bytecode_comment(e->code, "%s tcp", family_word(family));
		emit_ref(e, roots[PROTOCOL_TCP]);
		bytecode_comment(e->code, "%s udp", family_word(family));
	}
	bytecode_place(e->code, udp);
	emit_ref(e, roots[PROTOCOL_UDP]);
}

static void emit_entry(struct emitter *e)
{
	struct jump_label ipv6 = bytecode_label(e->code);

	bytecode_load(e->code, BPF_W, R1, R6, CONTEXT(family));
	bytecode_jump_if(e->code, BPF_JEQ, R1, AF_INET6, ipv6);
	emit_family(e, FAMILY_IPV4);
	bytecode_place(e->code, ipv6);
	emit_family(e, FAMILY_IPV6);
}

static void emit_exits(struct emitter *e)
{
	bytecode_place(e->code, e->pass);
	bytecode_alu_imm(e->code, BPF_MOV, R0, SK_IS_PASS);
	bytecode_exit(e->code);
	bytecode_place(e->code, e->drop);
	bytecode_alu_imm(e->code, BPF_MOV, R0, SK_IS_DROP);
	bytecode_exit(e->code);
}

static struct emitter emitter_new(struct arena *arena, struct bytecode *code,
				  const struct layout *layout)
{
	struct emitter e = {.code = code, .layout = layout};
	size_t i, machine;

	e.nodes = arena_alloc(arena, layout->node_count + 1, sizeof(*e.nodes));
	for (i = 0; i < layout->node_count; i++)
		e.nodes[i].id = NO_LABEL;
	for (machine = 0; machine < layout->machine_count; machine++) {
		size_t count = layout->machines[machine].step_count + 1;

		e.steps[machine] = arena_alloc(arena, count, sizeof(struct jump_label));
		for (i = 0; i < count; i++)
			e.steps[machine][i] = bytecode_label(e.code);
	}
	e.assign = e.pass = e.drop = (struct jump_label){NO_LABEL};
	return e;
}

/* The way in, and all that leads to ASSIGN. */
static void emit_classification(struct emitter *e)
{
	size_t i;

	emit_entry(e);
	for (i = 0; i < e->layout->machine_count; i++)
		emit_machine(e, i);
}

void layout_emit_classifier(struct arena *arena, struct bytecode *code, const struct layout *layout,
			    struct jump_label classified, struct jump_label failed)
{
	struct emitter e = emitter_new(arena, code, layout);

	e.assign = classified;
	e.drop = failed;
	emit_classification(&e);
}

struct bytecode *layout_to_bytecode(struct arena *arena, const struct layout *layout,
				    struct diag *diag)
{
	struct bytecode *code = bytecode_new(arena);
	struct emitter e = emitter_new(arena, code, layout);
	const char *error;

	e.assign = bytecode_label(code);
	e.pass = bytecode_label(code);
	e.drop = bytecode_label(code);
	bytecode_alu(code, BPF_MOV, R6, R1);
	emit_classification(&e);
	emit_outcome(&e);
	emit_exits(&e);
	error = bytecode_finish(code);
	if (error) {
		diag_error(diag, (struct span){0, 0}, "the program cannot be written: %s", error);
		return NULL;
	}
	return code;
}
