/* The layout: how a decision is stored. It says which nodes of the diagram are compare code and which are in
 * tables, by which steps the tables are searched, and what bytes the tables have (table_format.h has their format).
 * Both back ends read a layout and nothing before it.
 *
 * A layout sees a packet as operands: a port is one of 16 bits, an IPv4 address one of 32, each half of an IPv6
 * address one of 64. Each node of a layout's diagram compares one operand with constants, so one set of steps
 * searches all fields.
 *
 * A search is a sequence of steps, run from the first to the last, for all decisions that ask for the fields in one
 * order. A step is a kind of table for one operand:
 *
 *     stride     a table indexed by the upper bits of the operand, as far as the nodes differ in them
 *     inner      one level of a search tree, above its leaves
 *     leaf       the last level of a search tree: a result for each interval between keys
 *     cross      a cross-product table: for each node, a row of results by the equivalence class of the operand
 *     interface  a comparison of the packet's interface with one that the rules name
 *     lpm        a look-up in a BPF map of type LPM_TRIE, only with --tables lpm
 *
 * A node in the tables is an element of one step, its first, and may go on in steps after it: a stride table in
 * the trees below it, a tree's top level in the levels below. Its results are elements of later steps, or outcome
 * rows. Steps have tags, which fall along the search; a reference holds the tag of the step where the search goes
 * on, so that a step passes over a packet by one comparison. */
#ifndef SKLC_LAYOUT_H
#define SKLC_LAYOUT_H

#include "compiler/base/net.h"
#include "compiler/base/operand.h"
#include "compiler/decision/decision.h"
#include "compiler/policy/policy.h"

#include "runtime/abi.h"

static inline bool operand_is_again(enum operand operand)
{
	return operand >= OPERAND_AGAIN && operand < OPERAND_INTERFACE;
}

/* The operand of the packet that is compared. */
static inline enum operand operand_asked(enum operand operand)
{
	return operand_is_again(operand) ? (enum operand)(operand - OPERAND_AGAIN) : operand;
}

/* What a dump calls it, in two parts. */
static inline const char *asked_words(enum operand operand)
{
	return operand == OPERAND_INTERFACE ? "interface" : operand_words(operand_asked(operand));
}

static inline const char *again_words(enum operand operand)
{
	return operand_is_again(operand) ? " again" : "";
}

/* A variable of a layout's nodes: a key, and the machine that the node belongs to. */
enum { SEARCH_SHIFT = 24 };

static inline enum operand variable_operand(uint32_t variable)
{
	uint32_t operand = variable & ((1u << SEARCH_SHIFT) - 1);

	return operand < OPERAND_INTERFACE ? (enum operand)operand : OPERAND_INTERFACE;
}

static inline uint32_t variable_interface(uint32_t variable)
{
	return (variable & ((1u << SEARCH_SHIFT) - 1)) - OPERAND_INTERFACE;
}

#define STEP_KINDS(X)                                                                              \
	X(STRIDE, "root")                                                                          \
	X(INNER, "line")                                                                           \
	X(LEAF, "leaf")                                                                            \
	X(CROSS, "cross")                                                                          \
	X(INTERFACE, "interface")                                                                  \
	X(LPM, "lpm")

enum step_kind {
#define STEP_KIND_ENUM(constant, word) STEP_##constant,
	STEP_KINDS(STEP_KIND_ENUM)
#undef STEP_KIND_ENUM
};

const char *step_word(enum step_kind kind);

static inline unsigned operand_bits(enum operand operand)
{
	return operand_info(operand_asked(operand)).bits;
}

/* Where the intervals of some nodes start: all at words whose bits above the lowest BITS are PREFIX, and whose
 * lowest SKIP are 0. Any other word is below all of them, or above. */
struct layout_window {
	uint64_t prefix;
	unsigned bits, skip;
};

/* The ports fall into runs, at whose starts some node has an interval start; and the runs into classes that no
 * node tells apart: what lies between single ports is mostly alike. */
struct layout_classes {
	uint32_t run_count;
	const uint32_t *starts; /* of each run but the first */
	const uint8_t *of_run;  /* the class of each run */
	uint32_t count;
	const uint32_t *first_runs; /* of each class; they ascend */
};

struct layout_region {
	uint32_t offset, count; /* in bytes from the start of the tables; in elements */
};

/* What the ways to search the nodes of a key cost a packet, in picoseconds by the model of layout_cost.c; 0: that
 * was no choice. */
struct search_costs {
	uint64_t stride_ps, ranges_ps; /* a root with trees below: of references, of entries */
	uint64_t tree_ps;              /* a tree alone */
	uint64_t cross_ps;
};

struct layout_step {
	enum step_kind kind;
	enum operand operand;
	uint32_t tag;
	struct layout_region region;
	uint32_t element_bytes;
	/* Of a root, and of lines and leaves: where the nodes' intervals start. Lines and leaves below a root
	 * have what the root left of its window, and need not look at the bits above. */
	struct layout_window window;
	bool is_below_stride;
	uint32_t
		stride_bits; /* of a root: it has a reference for each value of so many bits, then those
			      * for what is below its window and above, unless that is the whole word */
	bool has_ranges;     /* of a root: it has entries, not references */
	struct search_costs costs; /* of the first step of a operand */
	uint32_t lane_bits;        /* of lines and leaves: 16, 32 or 64 */
	bool is_narrow;            /* of a leaf and a cross: its results have two bytes */
	uint32_t narrow_tag; /* the step to which results with NARROW_BIT lead; 0: there are none */
	/* Of a cross: the number of the table that gives the class of a port; or NO_INDEX, where the starts of
	 * runs are compared in code, and each run is a class of its own. */
	struct layout_classes classes;
	uint32_t class_table;
};

static inline bool has_class_table(const struct layout_step *cross)
{
	return cross->class_table != NO_INDEX;
}

/* How many results a row of a cross has, without those that fill it up. */
static inline uint32_t cross_used(const struct layout_step *cross)
{
	return has_class_table(cross) ? cross->classes.count : cross->classes.run_count;
}

/* The first port of those with one of the results. */
static inline uint32_t cross_port(const struct layout_step *cross, uint32_t result)
{
	uint32_t run = has_class_table(cross) ? cross->classes.first_runs[result] : result;

	return run ? cross->classes.starts[run - 1] : 0;
}

static inline bool is_whole_word(const struct layout_step *step)
{
	return step->window.bits == operand_bits(step->operand);
}

/* How many bits a line or a leaf compares. */
static inline unsigned compared_bits(const struct layout_step *step)
{
	return step->window.bits - step->window.skip;
}

/* How many bits of the word a root leaves to a range, or a tree, below it. */
static inline unsigned rest_bits(const struct layout_step *root)
{
	return compared_bits(root) - root->stride_bits;
}

/* How far a word is shifted to give a root's child. */
static inline unsigned stride_shift(const struct layout_step *step)
{
	return step->window.bits - step->stride_bits;
}

/* The steps for all decisions of one order of fields. */
struct layout_search {
	enum field order[FIELD_COUNT];
	const struct layout_step *steps; /* in the order of their running */
	size_t step_count;
};

/* Whether some references of a root's lead to trees of its key. */
static inline bool has_trees_below(const struct layout_search *search, size_t root)
{
	return root + 1 < search->step_count && search->steps[root + 1].is_below_stride;
}

/* Whether all references of a root with entries lead to the next step. */
static inline bool refers_to_next(const struct layout_search *search, size_t root)
{
	return search->steps[root].has_ranges && has_trees_below(search, root) &&
	       search->steps[root + 1].kind == STEP_LEAF;
}

/* The rows of an outcome after the first are in groups, which subprograms carry out: COUNT groups of at most ROWS rows
 * each. COUNT is 0 where no outcome is long enough to be grouped. */
struct layout_groups {
	uint32_t count, rows;
};

enum layout_form { FORM_UNUSED, FORM_CODE, FORM_TABLE };

/* What a node, with all below it, costs a packet in either form, in picoseconds by the model of layout_cost.c.
 * UINT64_MAX: it is too large for code. */
struct form_costs {
	uint64_t code_ps, tables_ps;
};

static inline bool is_better_in_code(const struct form_costs *costs)
{
	return costs->code_ps <= costs->tables_ps;
}

/* What the object file needs of it. */
struct layout_object {
	const unsigned char *tables; /* the bytes of .rodata; NULL if there are none */
	size_t table_bytes;
	size_t label_count, interface_count, counter_count;
	bool tries_spares; /* a label's spare slots, if its own slot has nothing for a packet */
	const uint8_t *
		label_places; /* bits 1 << ABI_FLOW_CLASS of each label that the decision reaches */
	const struct abi_prefix *prefixes; /* of the kernel's LPM trie */
	size_t prefix_count;
};

struct layout {
	struct layout_object object;
	const struct policy *policy;
	const struct diagram_node *nodes; /* over variables as above; children before parents */
	size_t node_count;
	const uint8_t *forms;                /* enum layout_form of each node */
	const struct form_costs *form_costs; /* of each node; NULL where its form was asked for */
	const uint32_t *table_refs;          /* of each node in a table */
	const uint32_t *rows_of;             /* the first row of each outcome */
	diagram_ref roots[FAMILY_COUNT][PROTOCOL_COUNT]; /* nodes, or outcomes */
	struct layout_search searches[FAMILY_COUNT * PROTOCOL_COUNT];
	size_t search_count;
	struct layout_region rows, classes;
	size_t code_intervals; /* of the nodes in code */
	/* What the verifier would walk, had not all become code for it; 0: that was not why. */
	size_t instructions_saved;
	/* The rule that each node in code is from, {0, 0} where it serves several; and each of its children,
	 * the first of them at first_leaves. */
	const struct span *node_origins, *leaf_origins;
	const uint32_t *first_leaves;
	size_t rows_max; /* rows of the longest outcome, without its end */
	struct layout_groups groups;
	bool override_others;
};

/* Whether there are more rows than one, and all stand in line. */
static inline bool layout_loops_over_rows(const struct layout *layout)
{
	return layout->rows_max > 1 && !layout->groups.count;
}

/* Whether the verifier may know each reference at which the tables are entered, and the optimizer with it: they are
 * few, and little follows. */
static inline bool layout_knows_entries(const struct layout *layout)
{
	return !layout->code_intervals && layout->rows_max <= 1;
}

/* The step, of its machine's, at which the search of a node in the tables begins. */
size_t layout_first_step(const struct layout *layout, diagram_ref node);

/* The step to go on at after one is done; one that was passed over goes on at the very next. */
size_t layout_next_step(const struct layout_search *search, size_t step);

/* The step that a step's narrow results lead to, where it has any that are no rows. */
size_t layout_narrow_step(const struct layout_search *search, size_t step);

static inline const struct layout_object *layout_object(const struct layout *layout)
{
	return &layout->object;
}

#endif
