/* What the parts of the direct back end share: the program being written, and code that several of them emit.
 *
 * Registers: R6 is the context; R7 the reference, and from the outcome on the row; R8 the zero, and from the outcome on
 * the packet's flow class; R9 how many rows the outcome may still have. R0 to R5 are free for each piece of code.
 *
 * A label index is 4 * label + flow class: the index of the label's slot word in .rodata.machine, and of its counters. */
#ifndef SKLC_EMITTER_H
#define SKLC_EMITTER_H

#include "compiler/bytecode/bytecode.h"
#include "compiler/layout/layout.h"
#include "compiler/layout/table_format.h"

enum { NO_BLOCK = 0xffffffff };

/* Offsets from R10 into the stack. */
enum {
	STACK_KEY = -4,     /* a map's key */
	STACK_LABEL = -8,   /* the label index */
	STACK_SOCKET = -16, /* a socket, while it is assigned */
	STACK_RESULT = -24, /* what assigning it gave */
	STACK_PREFIX = -40  /* a struct abi_prefix_key */
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
	/* The code of each node; NO_BLOCK if it is not emitted yet, or the node is in a table. */
	struct basic_block *nodes;
	/* Of each step of each search; and one more, the search's end, which is entered at `checked`. */
	struct step_entry *entries[FLOW_CLASSES];
	struct basic_block outcome; /* R7 is the number of the outcome's first row */
	/* The ways out. PASS is NO_BLOCK if every outcome, even a mere end, is to reach OUTCOME. */
	struct basic_block pass, drop;
	bool has_zero; /* R8 is 0 on all ways to OUTCOME, and the verifier does not know that */
};

/* REG becomes an operand, in host order. R2 is lost. */
void emit_operand(struct emitter *e, enum operand operand, enum reg reg);

/* Offset into .rodata.machine, in bytes, of the number that an interface has on the host. */
uint32_t interface_offset(const struct emitter *e, uint32_t interface);

/* REG becomes a pointer to an element of a region of the tables, of BYTES each. The register INDEX has the element's
 * index, and is lost. */
void emit_element(struct emitter *e, struct layout_region region, uint32_t bytes, enum reg reg,
		  enum reg index);

/* All steps of a search, which ends at OUTCOME. */
void emit_search(struct emitter *e, size_t index);

/* OUTCOME: carries out the rows from number R7 on. */
void emit_outcome(struct emitter *e);

/* R8 becomes the packet's flow class. R1 is lost. */
void emit_flow_class(struct emitter *e);

/* Counts the rule of the row that R7 points to, if it has a counter. */
void emit_rule_counter(struct emitter *e);

/* REG becomes the label index of the row that R7 points to, for the flow class in R8; to NONE if it has no label. */
void emit_label_index(struct emitter *e, enum reg reg, struct basic_block none);

/* R0 becomes a pointer to the map's element whose key is at STACK (an offset from R10), or 0 if there is none. */
void emit_look_up(struct bytecode *code, enum bytecode_symbol map, int stack);

/* Adds one to the counter at OFFSET of the element of a per-CPU map whose key is at STACK. */
void emit_count(struct bytecode *code, enum bytecode_symbol map, int stack, int offset);

/* Argument registers from FIRST on become 0, before a call that does not use them. The verifier (Linux 6.18) takes all
 * five for used, and would walk the code before the call again for each value that a search may have left in them. */
void emit_unused(struct bytecode *code, enum reg first);

/* Calls try_group for each group of the outcome. R7, the number of the first group's head or an end, becomes the
 * outcome's end. R8 is lost. */
void emit_groups(struct emitter *e);

#endif
