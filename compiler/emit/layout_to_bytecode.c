/*
 * Emits the program for a layout, in the order in which a packet passes through it: the branch by family and protocol,
 * the nodes in code, the steps that search the tables (steps.c), the code that carries out an outcome (outcome.c), and
 * the exits. Nothing is optimized here; bytecode_optimize does that for the whole program.
 */
#include "compiler/pipeline.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/layout/layout.h"
#include "emit.h"
#include "emitter.h"

#include "runtime/abi.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

/* The origin of code that serves all rules. */
static const struct span SHARED;

static void emit_ref(struct emitter *e, diagram_ref ref, struct span origin);

/* Jumps to UPPER if the operand in R1 is at least START. R2 is lost. */
static void emit_compare(struct emitter *e, enum operand operand, uint64_t start,
			 struct basic_block upper)
{
	if (operand_bits(operand) <= 32) {
		bytecode_jump32_if(e->code, BPF_JGE, R1, (int32_t)(uint32_t)start, upper);
	} else {
		bytecode_imm64(e->code, R2, start);
		bytecode_jump_if_reg(e->code, BPF_JGE, R1, R2, upper);
	}
}

/* Finds which of a node's intervals [first, end) holds the value in R1, by binary search in code, and continues at the
 * child of that interval. */
static void emit_compare_tree(struct emitter *e, diagram_ref ref, uint32_t first, uint32_t end)
{
	const struct diagram_node *node = &e->layout->nodes[ref];
	uint32_t middle = layout_split(first, end), at = e->layout->first_children[ref];
	struct basic_block upper;

	if (end - first == 1) {
		emit_ref(e, node->children[first], e->layout->child_origins[at + first]);
		return;
	}
	upper = bytecode_new_block(e->code);
	bytecode_origin(e->code, e->layout->split_origins[at + middle]);
	emit_compare(e, variable_operand(node->variable), (uint64_t)node->starts[middle], upper);
	emit_compare_tree(e, ref, first, middle);
	bytecode_begin_block(e->code, upper);
	emit_compare_tree(e, ref, middle, end);
}

static void emit_node(struct emitter *e, diagram_ref ref)
{
	const struct diagram_node *node = &e->layout->nodes[ref];
	struct span origin = e->layout->node_origins[ref];
	enum operand operand = variable_operand(node->variable);

	e->nodes[ref] = bytecode_new_block(e->code);
	bytecode_begin_block(e->code, e->nodes[ref]);
	bytecode_origin(e->code, origin);
	bytecode_comment(e->code, "%s%s", operand_words(operand),
			 variable_is_again(node->variable) ? " again" : "");
	emit_operand(e, operand, R1);
	emit_compare_tree(e, ref, 0, node->count);
}

/* R8 becomes 0, of which the verifier only knows that it is some number: the zero, which emit_reference needs. */
static void emit_zero(struct emitter *e)
{
	_Static_assert(AF_INET >> 4 == 0 && AF_INET6 >> 4 == 0, "no family has these bits");

	bytecode_load(e->code, BPF_W, R8, R6, CONTEXT(family));
	bytecode_alu_imm(e->code, BPF_RSH, R8, 4);
	e->has_zero = true;
}

/* R7 becomes REFERENCE. Unless the verifier may KNOW it, it is computed as the zero XOR the constant, which for the
 * verifier is an unknown number. It would walk the code after this once more for each constant that it knows in R7, and
 * that is 60 instructions and more. */
static void emit_reference(struct emitter *e, uint32_t reference, bool known)
{
	if (known || !e->has_zero) {
		bytecode_alu32_imm(e->code, BPF_MOV, R7, (int32_t)reference);
		return;
	}
	bytecode_alu(e->code, BPF_MOV, R7, R8);
	bytecode_alu32_imm(e->code, BPF_XOR, R7, (int32_t)reference);
}

/* Continues at a row, the first one of an outcome or an end. */
static void emit_row(struct emitter *e, uint32_t row)
{
	if (row == ROW_PASS && e->pass.id != NO_BLOCK) {
		bytecode_jump(e->code, e->pass);
	} else if (row == ROW_DROP && e->pass.id != NO_BLOCK) {
		bytecode_jump(e->code, e->drop);
	} else {
		emit_reference(e, row, false);
		bytecode_jump(e->code, e->outcome);
	}
}

/* Continues in the tables, at the first step of a node that is stored there. */
static void emit_table_entry(struct emitter *e, diagram_ref ref)
{
	uint32_t search = e->layout->nodes[ref].variable >> SEARCH_SHIFT;

	emit_reference(e, e->layout->table_refs[ref], layout_knows_roots(e->layout));
	bytecode_jump(e->code, e->entries[search][layout_first_step(e->layout, ref)].checked);
}

/* Continues at a node or an outcome. ORIGIN is the rule that decides on this path, as far as is known here. */
static void emit_ref(struct emitter *e, diagram_ref ref, struct span origin)
{
	bytecode_origin(e->code, origin);
	if (ref_is_terminal(ref))
		emit_row(e, e->layout->rows_of[ref_index(ref)]);
	else if (e->layout->forms[ref] == FORM_TABLE)
		emit_table_entry(e, ref);
	else if (e->nodes[ref].id != NO_BLOCK)
		bytecode_jump(e->code, e->nodes[ref]);
	else
		emit_node(e, ref);
}

static void emit_family(struct emitter *e, enum family family)
{
	const diagram_ref *roots = e->layout->roots[e->part][family];
	struct basic_block udp = bytecode_new_block(e->code);

	bytecode_origin(e->code, SHARED);
	if (roots[PROTOCOL_TCP] != roots[PROTOCOL_UDP]) {
		bytecode_load(e->code, BPF_W, R1, R6, CONTEXT(protocol));
		bytecode_jump_if(e->code, BPF_JEQ, R1, IPPROTO_UDP, udp);
		bytecode_comment(e->code, "%s tcp", family_word(family));
		emit_ref(e, roots[PROTOCOL_TCP], SHARED);
		bytecode_comment(e->code, "%s udp", family_word(family));
	}
	bytecode_begin_block(e->code, udp);
	emit_ref(e, roots[PROTOCOL_UDP], SHARED);
}

static void emit_entry(struct emitter *e)
{
	struct basic_block ipv6 = bytecode_new_block(e->code);

	bytecode_load(e->code, BPF_W, R1, R6, CONTEXT(family));
	bytecode_jump_if(e->code, BPF_JEQ, R1, AF_INET6, ipv6);
	emit_family(e, FAMILY_IPV4);
	bytecode_begin_block(e->code, ipv6);
	emit_family(e, FAMILY_IPV6);
}

static void emit_exits(struct emitter *e)
{
	bytecode_begin_block(e->code, e->pass);
	bytecode_alu_imm(e->code, BPF_MOV, R0, SK_PASS);
	bytecode_exit(e->code);
	bytecode_begin_block(e->code, e->drop);
	bytecode_alu_imm(e->code, BPF_MOV, R0, SK_DROP);
	bytecode_exit(e->code);
}

static struct emitter emitter_new(struct arena *arena, struct bytecode *code,
				  const struct layout *layout)
{
	struct emitter e = {.code = code, .layout = layout};
	size_t i, search;

	e.nodes = arena_alloc(arena, layout->node_count + 1, sizeof(*e.nodes));
	for (i = 0; i < layout->node_count; i++)
		e.nodes[i].id = NO_BLOCK;
	for (search = 0; search < layout->search_count; search++) {
		size_t count = layout->searches[search].step_count + 1;

		e.entries[search] = arena_alloc(arena, count, sizeof(*e.entries[search]));
		for (i = 0; i < count; i++) {
			e.entries[search][i].checked = bytecode_new_block(e.code);
			e.entries[search][i].inside = bytecode_new_block(e.code);
			e.entries[search][i].ready = bytecode_new_block(e.code);
		}
	}
	e.outcome = e.pass = e.drop = (struct basic_block){NO_BLOCK};
	return e;
}

/* Emits the diagrams of one part, which lead to OUTCOME. */
static void emit_part(struct emitter *e)
{
	size_t i;

	emit_entry(e);
	bytecode_origin(e->code, SHARED);
	for (i = 0; i < e->layout->search_count; i++)
		if (e->layout->searches[i].part == e->part)
			emit_search(e, i);
}

/* Emits all code from the program's entry to OUTCOME. If there are several parts, each gives a row, and goes on at the
 * next part. */
static void emit_classification(struct emitter *e)
{
	struct basic_block outcome = e->outcome;
	const size_t count = e->layout->part_count;

	if (count == 1) {
		emit_part(e);
		return;
	}
	for (e->part = 0; e->part < count; e->part++) {
		e->outcome = bytecode_new_block(e->code);
		bytecode_comment(e->code, "part %zu of %zu", e->part + 1, count);
		emit_part(e);
		bytecode_begin_block(e->code, e->outcome);
		bytecode_store(e->code, BPF_W, R10, stack_part(e->part), R7);
	}
	bytecode_comment(e->code, "the row of the part that comes first");
	emit_least_row(e, R7);
	e->outcome = outcome;
	bytecode_jump(e->code, e->outcome);
}

void layout_emit_classifier(struct arena *arena, struct bytecode *code, const struct layout *layout,
			    struct basic_block classified, struct basic_block failed)
{
	struct emitter e = emitter_new(arena, code, layout);

	e.outcome = classified;
	e.drop = failed;
	emit_classification(&e);
}

struct bytecode *layout_to_bytecode(struct arena *arena, const struct layout *layout,
				    struct diag *diag)
{
	struct bytecode *code = bytecode_new(arena);
	struct emitter e = emitter_new(arena, code, layout);
	const char *error;

	e.outcome = bytecode_new_block(code);
	e.pass = bytecode_new_block(code);
	e.drop = bytecode_new_block(code);
	bytecode_alu(code, BPF_MOV, R6, R1);
	emit_zero(&e);
	emit_classification(&e);
	emit_outcome(&e);
	emit_exits(&e);
	error = bytecode_check(code);
	if (error) {
		diag_error(diag, (struct span){0, 0}, "the program cannot be written: %s", error);
		return NULL;
	}
	return code;
}
