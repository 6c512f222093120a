/* What the parts of layout_to_bytecode share.
 *
 * Registers: R6 the context, R7 the table reference (later the row), R8 the zero, later the place of the
 * packet's family and protocol, R9 the rows still allowed; R1 to R5 and R0 for whatever is at hand. */
#ifndef SKLC_EMITTER_H
#define SKLC_EMITTER_H

#include "compiler/bytecode/bytecode.h"
#include "compiler/layout/layout.h"
#include "compiler/layout/table_format.h"

enum { NO_BLOCK = 0xffffffff };

/* Stack slots, below R10. */
enum {
	STACK_KEY = -4,
	STACK_LABEL = -8,
	STACK_SOCKET = -16,
	STACK_RESULT = -24,
	STACK_PREFIX = -40
};

#define CONTEXT(field) ((int)offsetof(struct bpf_sk_lookup, field))

/* Entry points of a step of a search. At each, R7 is a reference. */
struct step_entry {
	struct basic_block checked; /* tests the tag: a reference to a later step goes on there */
	struct basic_block inside;  /* the reference is known to be this step's */
	struct basic_block ready;   /* also, R1 has the operand in lanes, for a level of a tree */
};

struct emitter {
	struct bytecode *code;
	const struct layout *layout;
	struct basic_block *nodes; /* of the nodes in code; NO_BLOCK: not emitted */
	/* Of each step of each search; and one more, the search's end, which is entered at `checked`. */
	struct step_entry *entries[FAMILY_COUNT * PROTOCOL_COUNT];
	struct basic_block assign; /* R7 is the first row of the outcome */
	struct basic_block pass,
		drop;  /* ways out; PASS is NO_BLOCK where every outcome is to reach ASSIGN */
	bool has_zero; /* R8 is 0 on all ways to ASSIGN, which the verifier does not know */
};

/* REG becomes a word of the packet, in host order. R2 is lost. */
void emit_operand(struct emitter *e, enum operand operand, enum reg reg);

/* Where the word of an interface stands in .rodata.machine. */
uint32_t interface_offset(const struct emitter *e, uint32_t interface);

/* REG becomes a pointer to element INDEX (a register, which is lost) of a region of the tables, whose elements
 * have so many BYTES. */
void emit_element(struct emitter *e, struct layout_region region, uint32_t bytes, enum reg reg,
		  enum reg index);

/* The steps of a machine, which lead to ASSIGN. */
void emit_search(struct emitter *e, size_t index);

/* Carries out the rows from R7 on. */
void emit_outcome(struct emitter *e);

/* R8 becomes the place of the packet's family and protocol. R1 is lost. */
void emit_place(struct emitter *e);

/* Counts the rule of the row that R7 points to, if it has a counter. */
void emit_rule_counter(struct emitter *e);

/* REG becomes the index, 4 * label + place, of the row that R7 points to; to NONE if it has no label. */
void emit_index(struct emitter *e, enum reg reg, struct basic_block none);

/* R0 becomes the element of a map whose key is at STACK, or 0. */
void emit_look(struct bytecode *code, enum bytecode_symbol map, int stack);

/* Adds one to the counter at OFFSET of the element of a per-CPU map whose key is at STACK. */
void emit_count(struct bytecode *code, enum bytecode_symbol map, int stack, int offset);

/* Argument registers from FIRST on become 0, before a call that has no use for them. To the verifier (Linux 6.18) it
 * has, and so what a search has left there is a reason to walk anew all that leads to the call. */
void emit_unused(struct bytecode *code, enum reg first);

/* Calls try_group for the groups whose first head is R7, which may be an end; R7 becomes the end. R8 is lost. */
void emit_groups(struct emitter *e);

#endif
