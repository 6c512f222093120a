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

/* A variable of a layout's nodes, from its lowest bit on:
 *
 *     1 bit     whether the node above has compared the same operand already, and this one compares it again, in the
 *               window in which nearly all intervals of that node start (see operands.c), by steps of its own
 *     23 bits   the operand; from OPERAND_INTERFACE on, an interface
 *     8 bits    the search that the node belongs to */
enum { VARIABLE_AGAIN = 1, OPERAND_SHIFT = 1, SEARCH_SHIFT = 24 };

static inline enum operand variable_operand(uint32_t variable)
{
	uint32_t operand = (variable & ((1u << SEARCH_SHIFT) - 1)) >> OPERAND_SHIFT;

	return operand < OPERAND_INTERFACE ? (enum operand)operand : OPERAND_INTERFACE;
}

/* Without the search and the number of the interface. */
static inline uint32_t variable_in_search(uint32_t variable)
{
	return (uint32_t)variable_operand(variable) << OPERAND_SHIFT | (variable & VARIABLE_AGAIN);
}

static inline bool variable_is_again(uint32_t variable)
{
	return variable & VARIABLE_AGAIN;
}

static inline uint32_t variable_interface(uint32_t variable)
{
	return ((variable & ((1u << SEARCH_SHIFT) - 1)) >> OPERAND_SHIFT) - OPERAND_INTERFACE;
}

#define STEP_KINDS(X)                                                                              \
	X(STRIDE, "stride table")                                                                  \
	X(INNER, "inner node")                                                                     \
	X(LEAF, "leaf")                                                                            \
	X(CROSS, "cross-product table")                                                            \
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
	return operand_info(operand).bits;
}

/* The bits of the operand in which the starts of some nodes' intervals differ. In every start, the bits above the
 * lowest BITS are PREFIX, and the lowest SKIP bits are 0. A word with other upper bits is less than all starts, or
 * greater than all of them. */
struct layout_window {
	uint64_t prefix;
	unsigned bits, skip;
};

/* The equivalence classes of ports for all nodes of one operand. A run begins at each port at which an interval of
 * some node starts; all runs that every node leads to the same child are one class. Most classes have many runs:
 * single ports apart, what lies between them is alike. */
struct layout_classes {
	uint32_t run_count;
	const uint32_t *starts; /* the first port of each run but the first, which starts at 0 */
	const uint8_t *of_run;  /* the class of each run */
	uint32_t count;
	const uint32_t *first_runs; /* of each class; they ascend */
};

struct layout_region {
	uint32_t offset; /* in bytes from the start of the tables */
	uint32_t count;  /* of elements */
};

/* What each way to store the nodes of an operand would cost a packet, in picoseconds by the model of cost.c. 0: the
 * way is not possible. */
struct search_costs {
	uint64_t stride_ps; /* a stride table of references, with trees below it */
	uint64_t ranges_ps; /* a stride table of entries, with trees below it */
	uint64_t tree_ps;   /* a tree alone */
	uint64_t cross_ps;  /* a cross-product table */
};

struct layout_step {
	enum step_kind kind;
	enum operand operand;
	bool is_again; /* see VARIABLE_AGAIN */
	uint32_t tag;
	struct layout_region region;
	uint32_t element_bytes;
	struct search_costs costs; /* only in the first step of an operand */

	/* Stride tables, inner nodes and leaves. In a tree below a stride table, the window has the bits that the
	 * stride table leaves, and the bits above them need no look. */
	struct layout_window window;
	bool is_below_stride;

	/* Stride tables: the number of upper bits of the window that index it, and whether it has entries instead
	 * of references. */
	uint32_t stride_bits;
	bool has_ranges;

	uint32_t lane_bits; /* inner nodes and leaves: 16, 32 or 64 */

	/* Leaves and cross-product tables: whether results are narrow. These and entries: the tag of the step that
	 * narrow results lead to, or 0 if all of them are rows. */
	bool is_narrow;
	uint32_t narrow_tag;

	/* Cross-product tables: which class table gives the class of a port. NO_INDEX: there is none; code finds the
	 * run of the port, and each run has a result of its own. */
	struct layout_classes classes;
	uint32_t class_table;
};

static inline bool has_class_table(const struct layout_step *cross)
{
	return cross->class_table != NO_INDEX;
}

/* The number of results in a row of a cross-product table that are in use. */
static inline uint32_t cross_used(const struct layout_step *cross)
{
	return has_class_table(cross) ? cross->classes.count : cross->classes.run_count;
}

/* The first of the ports that have a result. */
static inline uint32_t cross_port(const struct layout_step *cross, uint32_t result)
{
	uint32_t run = has_class_table(cross) ? cross->classes.first_runs[result] : result;

	return run ? cross->classes.starts[run - 1] : 0;
}

static inline bool is_whole_word(const struct layout_step *step)
{
	return step->window.bits == operand_bits(step->operand);
}

/* How many bits of the operand a step compares. */
static inline unsigned compared_bits(const struct layout_step *step)
{
	return step->window.bits - step->window.skip;
}

/* How many bits of its window a stride table leaves to a range, or to a tree below it. */
static inline unsigned rest_bits(const struct layout_step *stride)
{
	return compared_bits(stride) - stride->stride_bits;
}

/* The shift that turns the operand's bits in the window into the index of a stride table's child. */
static inline unsigned stride_shift(const struct layout_step *stride)
{
	return stride->window.bits - stride->stride_bits;
}

/* The steps for all decisions that ask for the fields in one order. */
struct layout_search {
	enum field order[FIELD_COUNT];
	const struct layout_step *steps; /* in the order in which they run */
	size_t step_count;
};

/* Whether a stride table has trees below it. */
static inline bool has_trees_below(const struct layout_search *search, size_t stride)
{
	return stride + 1 < search->step_count && search->steps[stride + 1].is_below_stride;
}

/* Whether the references of all entries of a stride table lead to the next step. */
static inline bool refers_to_next(const struct layout_search *search, size_t stride)
{
	return search->steps[stride].has_ranges && has_trees_below(search, stride) &&
	       search->steps[stride + 1].kind == STEP_LEAF;
}

/* The rows of an outcome after the first are in groups, which subprograms carry out: COUNT groups of at most ROWS rows
 * each. COUNT is 0 where no outcome is long enough to be grouped. */
struct layout_groups {
	uint32_t count, rows;
};

enum layout_form { FORM_UNUSED, FORM_CODE, FORM_TABLE };

/* What a node costs a packet in either form, with all nodes below it, in picoseconds by the model of cost.c.
 * UINT64_MAX: it has too many intervals for code. */
struct form_costs {
	uint64_t code_ps, tables_ps;
};

static inline bool is_better_in_code(const struct form_costs *costs)
{
	return costs->code_ps <= costs->tables_ps;
}

/* What the object file needs of a layout. */
struct layout_object {
	const unsigned char *tables; /* the bytes of .rodata; NULL if there are none */
	size_t table_bytes;
	size_t label_count, interface_count, counter_count;
	bool tries_spares; /* if a label's own slot has no socket, its spare slots are tried */
	const uint8_t *
		label_flow_classes; /* bits 1 << ABI_FLOW_CLASS of each label that the decision reaches */
	const struct abi_prefix *prefixes; /* of the kernel's LPM trie */
	size_t prefix_count;
};

struct layout {
	struct layout_object object;
	const struct policy *policy;
	const struct diagram_node *nodes; /* children before their parents */
	size_t node_count;
	diagram_ref roots[FAMILY_COUNT][PROTOCOL_COUNT];

	const uint8_t *forms;                /* enum layout_form of each node */
	const struct form_costs *form_costs; /* of each node; NULL if an option gave the forms */
	size_t code_intervals;               /* of all nodes in code */
	/* How many instructions the verifier would have walked for tables, where that was too many and all nodes
	 * are in code instead; else 0. */
	size_t instructions_saved;

	const uint32_t *table_refs; /* the reference to each node in the tables */
	struct layout_search searches[FAMILY_COUNT * PROTOCOL_COUNT];
	size_t search_count;

	const uint32_t *rows_of; /* the first row of each outcome */
	size_t rows_max;         /* of one outcome, without its end */
	struct layout_groups groups;
	bool override_others; /* rows attempt labels with BPF_SK_LOOKUP_F_REPLACE */

	struct layout_region rows, classes; /* of the tables: outcome rows, class tables */

	/* The rule that each node in code comes from, and the rule of each of its children, beginning at
	 * first_leaves[node]. {0, 0} where several rules are behind it. */
	const struct span *node_origins, *leaf_origins;
	const uint32_t *first_leaves;
};

/* Whether outcomes have more than one row and the program goes through them in a loop of its own. */
static inline bool layout_loops_over_rows(const struct layout *layout)
{
	return layout->rows_max > 1 && !layout->groups.count;
}

/* Whether the program hands each reference at which the tables are entered to the search as a constant, which the
 * verifier and the optimizer then know. Worth it where nothing is in code, so the entries are few, and outcomes have
 * one row, so the verifier has little to walk again for each. */
static inline bool layout_knows_entries(const struct layout *layout)
{
	return !layout->code_intervals && layout->rows_max <= 1;
}

/* The index of the step at which the search of a node in the tables begins. */
size_t layout_first_step(const struct layout *layout, diagram_ref node);

/* The index of the first step that can have something to do for a packet after STEP has run. (After a step that was
 * passed over, that is the very next one.) */
size_t layout_next_step(const struct layout_search *search, size_t step);

/* The index of the step that narrow results of STEP lead to; only for a step with a narrow_tag. */
size_t layout_narrow_step(const struct layout_search *search, size_t step);

/* Whether two steps of one search are for the nodes of one variable. */
static inline bool is_same_variable(const struct layout_step *a, const struct layout_step *b)
{
	return a->operand == b->operand && a->is_again == b->is_again;
}

static inline const struct layout_object *layout_object(const struct layout *layout)
{
	return &layout->object;
}

#endif
