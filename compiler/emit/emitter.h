/* What the parts of the direct back end share: the program that is being written, and code that several of them
 * emit.
 *
 * Registers up to OUTCOME: R6 is the context, R7 the reference, R8 the zero (see emit_zero). From OUTCOME on, R7 is
 * the number of a row or a pointer to it, and R8 the packet's flow class. R0 to R5 are free in each piece of code. In
 * comments, a register "is lost" if its value is undefined afterwards.
 *
 * A label index is 4 * label + flow class: the index of the label's slot word in .bss, and of its
 * counters. */
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
	STACK_NEAR = -8,    /* in class_of_interface: a key, too */
	STACK_SOCKET = -16, /* a socket, while it is assigned */
	STACK_RESULT = -24, /* what assigning it gave */
	STACK_PREFIX = -40, /* a struct abi_prefix_key */
	STACK_PARTS = -44   /* the row that each part has given, from here down, every 8 bytes */
};

/* The verifier remembers what it knows of a number of 4 bytes on the stack only where its address is a multiple of 8.
 * It would walk each part once more for all that it may know of the row that the part before it has given. */
_Static_assert(STACK_PARTS % 8 == -4, "the rows of parts are unknown numbers");

#define CONTEXT(field) ((int)offsetof(struct bpf_sk_lookup, field))

/* Entry points of a step of a search. At each of them, R7 is a reference. */
struct step_entry {
	struct basic_block checked; /* tests the tag: a reference to a later step skips this one */
	struct basic_block inside;  /* the reference is known to be this step's */
	struct basic_block ready;   /* as INSIDE; R1 and R4 are as emit_spread leaves them */
};

struct emitter {
	struct bytecode *code;
	const struct layout *layout;
	size_t part; /* whose diagrams are being written */
	/* The code of each node; NO_BLOCK if it is not emitted yet, or the node is in the tables. */
	struct basic_block *nodes;
	/* Of each step of each search. After the last step, an entry for the end of the search, of which only CHECKED
	 * is used. */
	struct step_entry *entries[SEARCHES_MAX];
	/* NULL: not called yet */
	const struct bytecode_subprogram *class_of_interface, *try_label;
	struct basic_block outcome; /* R7 is the number of the outcome's first row */
	/* The exits. If PASS is NO_BLOCK, all outcomes go to OUTCOME, even those without a row but an end. */
	struct basic_block pass, drop;
	bool has_zero; /* R8 is the zero on all paths to OUTCOME */
};

/* REG becomes the value of an operand, in host order. R2 is lost; for the class of the interface, R0 to R5. */
void emit_operand(struct emitter *e, enum operand operand, enum reg reg);

/* REG becomes a pointer to an element of a region of the tables, whose elements have BYTES each. The register INDEX has
 * the index of the element, and is lost. Jumps to DROP if it is out of bounds. */
void emit_element(struct emitter *e, struct layout_region region, uint32_t bytes, enum reg reg,
		  enum reg index);

/* Emits all steps of a search, which ends with a jump to OUTCOME. */
void emit_search(struct emitter *e, size_t index);

/* Begins OUTCOME, which carries out the rows from number R7 on. */
void emit_outcome(struct emitter *e);

/* R8 becomes the packet's flow class. R1 is lost. */
void emit_flow_class(struct emitter *e);

/* Counts the rule of the row that R7 points to, if it has a counter. */
void emit_rule_counter(struct emitter *e);

/* REG becomes the label index of the row that R7 points to, for the flow class in R8. Jumps to NONE if the row has no
 * label. */
void emit_label_index(struct emitter *e, enum reg reg, struct basic_block none);

/* R0 becomes a pointer to the element of a map whose key is at STACK (an offset from R10), or 0 if there is none. */
void emit_look_up(struct bytecode *code, enum bytecode_symbol map, int stack);

/* Adds one to the counter at OFFSET in the element of a per-CPU map whose key is at STACK. */
void emit_count(struct bytecode *code, enum bytecode_symbol map, int stack, int offset);

/* WORD becomes the slot word of the label index in INDEX. WORDS is lost. */
void emit_slot_word(struct bytecode *code, enum reg word, enum reg index, enum reg words);

/* Sets the argument registers from FIRST on to 0, before the call of a subprogram that does not use them. The verifier
 * (Linux 6.18) assumes that a call uses all five; it would walk the code before the call again for each value that a
 * search may have left in them. */
void emit_unused(struct bytecode *code, enum reg first);

/* Where on the stack the row that a part has given is. */
static inline int stack_part(size_t part)
{
	return STACK_PARTS - 8 * (int)part;
}

/* REG becomes the least of the rows at stack_part: that of the part that comes first. R1 is lost. */
void emit_least_row(struct emitter *e, enum reg reg);

/* Calls try_parts with the rows of all parts. Jumps to PASS or DROP. */
void emit_merge(struct emitter *e);

/* Calls try_group for each group of the outcome. R7 is the number of the first head or of an end, and becomes that of
 * the outcome's end. R8 is lost. */
void emit_groups(struct emitter *e);

#endif
