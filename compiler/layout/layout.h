/* The layout: how a decision is stored. It says which nodes of the diagram are compare code and which are in
 * tables, by which steps the tables are searched, and what bytes the tables have (table_format.h has their format).
 * Both back ends read a layout and nothing before it.
 *
 * A layout sees a packet as operands: a port is one of 16 bits, an IPv4 address one of 32, each half of an IPv6
 * address one of 64. Each node of a layout's diagram compares one operand with constants, so the same kinds of
 * steps search all fields.
 *
 * A search is a sequence of steps, run from the first to the last, for all diagrams that ask for the fields in one
 * order. If the decision has several parts, a search is for one of them, and a packet goes through a search of each
 * part. A step is a kind of table for one operand:
 *
 *     stride  a table indexed by the upper bits of the operand, as far as the nodes differ in them
 *     inner   one level of a search tree, above its leaves
 *     leaf    the last level of a search tree: a result for each interval between keys
 *     cross   a cross-product table: for each node, a row of results by the equivalence class of the operand
 *     lpm     a look-up in a BPF map of type LPM_TRIE, only with --tables lpm
 *
 * The search of a node in the tables begins at an element of one step. It may continue in later steps: from a stride
 * table to the trees below it, from the top level of a tree to its lower levels. Its results are elements of later
 * steps, or outcome rows. Each step has a tag, and tags decrease from the first step of a search to the last. A
 * reference has the tag of the step at which the search continues, so one comparison of tags tells a step whether
 * it has anything to do for a packet. */
#ifndef SKLC_LAYOUT_H
#define SKLC_LAYOUT_H

#include "compiler/base/net.h"
#include "compiler/base/operand.h"
#include "compiler/decision/decision.h"
#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"

#include "runtime/abi.h"

/* A variable of a layout's nodes, from its lowest bit on:
 *
 *     1 bit     set if the node above has compared the same operand already. This node then compares it again,
 *               within the window in which nearly all intervals start (see split_cluster in operands.c). Such
 *               nodes have steps of their own
 *     23 bits   the operand
 *     8 bits    the search that the node belongs to */
enum { VARIABLE_AGAIN = 1, OPERAND_SHIFT = 1, SEARCH_SHIFT = 24 };

static inline enum operand variable_operand(uint32_t variable)
{
	return (enum operand)((variable & ((1u << SEARCH_SHIFT) - 1)) >> OPERAND_SHIFT);
}

/* A variable without its search. */
static inline uint32_t variable_in_search(uint32_t variable)
{
	return variable & ((1u << SEARCH_SHIFT) - 1);
}

static inline bool variable_is_again(uint32_t variable)
{
	return variable & VARIABLE_AGAIN;
}

#define STEP_KINDS(X)                                                                              \
	X(STRIDE, "stride table")                                                                  \
	X(INNER, "inner node")                                                                     \
	X(LEAF, "leaf")                                                                            \
	X(CROSS, "cross-product table")                                                            \
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
 * lowest BITS are PREFIX, and the lowest SKIP bits are 0. An operand with other upper bits is outside of the window:
 * less than all starts, or greater than all of them. */
struct layout_window {
	uint64_t prefix;
	unsigned bits, skip;
};

/* The equivalence classes of ports for all nodes of one variable. A run begins at each port at which an interval of
 * some node starts. Runs are in one class if every node leads them to the same child. A class often has many runs:
 * where rules match single ports, the runs of ports between those are usually all in one class. */
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

/* What each way to store the nodes of a variable would cost a packet, in picoseconds by the model of cost.c. 0: the way
 * is not possible. */
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
	struct search_costs costs; /* only in the first step of a variable */

	/* Stride tables, inner nodes and leaves. In a tree below a stride table, the window has the bits that the
	 * stride table leaves, and the bits above them are not compared again. */
	struct layout_window window;
	bool is_below_stride;

	/* Stride tables: the number of upper bits of the window that index it, and whether it has entries instead
	 * of references. */
	uint32_t stride_bits;
	bool has_entries;

	uint32_t lane_bits; /* inner nodes and leaves: 16, 32 or 64 */

	/* IS_NARROW, of leaves and cross-product tables: results are narrow. NARROW_TAG, of these and of stride tables
	 * with entries: the tag of the step that narrow results lead to; 0 if all of them are rows. */
	bool is_narrow;
	uint32_t narrow_tag;

	/* Cross-product tables: the index of the class table that gives the equivalence class of a port. NO_INDEX:
	 * there is none; code finds the run of the port, and each run has a result of its own. */
	struct layout_classes classes;
	uint32_t class_table;
};

static inline bool has_class_table(const struct layout_step *cross)
{
	return cross->class_table != NO_INDEX;
}

/* The number of results that are in use in each row of a cross-product table. */
static inline uint32_t cross_used(const struct layout_step *cross)
{
	return has_class_table(cross) ? cross->classes.count : cross->classes.run_count;
}

/* The lowest port that leads to the result with this index in a row of a cross-product table. */
static inline uint32_t cross_port(const struct layout_step *cross, uint32_t result)
{
	uint32_t run = has_class_table(cross) ? cross->classes.first_runs[result] : result;

	return run ? cross->classes.starts[run - 1] : 0;
}

/* Whether no operand is outside of the step's window. */
static inline bool is_whole_word(const struct layout_step *step)
{
	return step->window.bits == operand_bits(step->operand);
}

/* How many bits of the operand are compared in a window: those that are not skipped. */
static inline unsigned compared_bits(struct layout_window window)
{
	return window.bits - window.skip;
}

/* How many bits of its window a stride table leaves to a range, or to a tree below it. */
static inline unsigned rest_bits(const struct layout_step *stride)
{
	return compared_bits(stride->window) - stride->stride_bits;
}

/* How far the operand is shifted right to give the index of a child of a stride table. */
static inline unsigned stride_shift(const struct layout_step *stride)
{
	return stride->window.bits - stride->stride_bits;
}

enum { SEARCHES_MAX = PARTS_MAX * FLOW_CLASSES };

/* The steps for all diagrams of one part of the decision that ask for the fields in one order. */
struct layout_search {
	size_t part;
	enum field order[VALUE_FIELD_COUNT];
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
	return search->steps[stride].has_entries && has_trees_below(search, stride) &&
	       search->steps[stride + 1].kind == STEP_LEAF;
}

/* Where some outcome has more than two rows, the later rows of every outcome are in groups, which subprograms carry out
 * (see rows.h). A group has at most ROWS rows, and an outcome at most COUNT groups. Both are 0 where no rows are in
 * groups. */
struct layout_groups {
	uint32_t count, rows;
};

/* Where a node is. FORM_UNUSED: no flow class reaches it. */
enum layout_form { FORM_UNUSED, FORM_CODE, FORM_TABLE };

/* What a node, with all nodes below it, costs a packet in either form, in picoseconds by the model of cost.c.
 * UINT64_MAX: the node has too many intervals for code. */
struct form_costs {
	uint64_t code_ps, tables_ps;
};

static inline bool is_better_in_code(const struct form_costs *costs)
{
	return costs->code_ps <= costs->tables_ps;
}

/* What the object file needs of a layout. */
struct layout_object {
	const unsigned char *tables; /* the bytes of the tables; NULL if there are none */
	size_t table_bytes;
	size_t label_count, counter_count;
	bool asks_interface; /* some node compares the class of the packet's interface */
	/* The options that make the same layout and program again. */
	enum table_kind tables_option;
	enum parts parts_option;
	enum backend backend;
	const char *backend_version; /* NULL: none */
	size_t tables_max;           /* 0: the default */
	bool tables_frozen;          /* they are read-only data */
	int instructions_max;        /* 0: the default */
	const uint8_t *
		label_flow_classes; /* of each label: bits 1 << flow class of the packets that the decision gives it */
	const struct abi_prefix *prefixes; /* of the kernel's LPM trie */
	size_t prefix_count;
};

/* What counts against --tables-max: the tables, and the entries of the kernel's LPM trie, in bytes. */
static inline size_t layout_bytes(const struct layout_object *object)
{
	return object->table_bytes + object->prefix_count * sizeof(*object->prefixes);
}

struct layout {
	struct layout_object object;
	const struct policy *policy;
	const struct diagram_node *nodes; /* children before their parents */
	size_t node_count;
	diagram_ref roots[PARTS_MAX][FAMILY_COUNT][PROTOCOL_COUNT]; /* of each part */
	size_t part_count;

	const uint8_t *forms;                /* enum layout_form of each node */
	const struct form_costs *form_costs; /* of each node; NULL if an option gave the forms */
	size_t code_intervals;               /* of all nodes in code */
	/* Nonzero if the nodes are not stored in the fastest way, since that does not fit: how many instructions the
	 * verifier would have walked, without the nodes in code, and how many bytes the tables would have had; the
	 * latter is 0 if all nodes are in code instead. */
	size_t instructions_saved, bytes_saved;

	const uint32_t *table_refs; /* the reference to each node in the tables */
	struct layout_search searches[SEARCHES_MAX];
	size_t search_count;

	const uint32_t *rows_of; /* the first row of each outcome */
	/* Of the longest outcome, without its end. If there are several parts: the most rows that are carried out for
	 * one packet, one of them for the end. */
	size_t rows_max;
	struct layout_groups groups;
	bool override_others; /* rows attempt labels with BPF_SK_LOOKUP_F_REPLACE */

	struct layout_region rows, classes; /* of the tables: outcome rows, class tables */

	/* The rule that each node in code comes from, and the rule of each child of these nodes. The children of a
	 * node are at child_origins[first_children[node]] and after it. Code finds a child by binary search: where
	 * it compares with the start of child I, split_origins has the rule of all children that are left. {0, 0}:
	 * several rules. */
	const struct span *node_origins, *child_origins, *split_origins;
	const uint32_t *first_children;
};

/* Where the binary search among children [FIRST, END) compares. */
static inline uint32_t layout_split(uint32_t first, uint32_t end)
{
	return first + (end - first) / 2;
}

/* How many rows of an outcome the program itself has code for, where some outcome has a row. It has no loop over rows:
 * without CAP_PERFMON the verifier also follows the jumps that a processor may guess, and so round a loop without end
 * ("infinite loop detected", "the sequence of 8193 jumps is too complex"). */
static inline size_t layout_rows_in_program(const struct layout *layout)
{
	return !layout->groups.count && layout->part_count == 1 ? layout->rows_max : 1;
}

/* Whether more than one row of several parts may have to be carried out for a packet, in the order of their numbers. */
static inline bool layout_merges_rows(const struct layout *layout)
{
	return layout->rows_max > 1 && layout->part_count > 1;
}

/* Whether some rows have no label. */
static inline bool layout_has_rows_without_label(const struct layout *layout)
{
	return layout->object.counter_count || layout->part_count > 1;
}

/* Whether the references with which the program enters the tables are constants that the verifier and the optimizer
 * know. This pays where no node is in code, since then there are few such references; and where outcomes have one row,
 * since then the verifier has little code to walk again for each of them. It cannot be where a root is one of several
 * elements of a step: the verifier would come to the addition of an index to a pointer with a number that it knows from
 * this root, and with another one from elsewhere. It refuses that without CAP_PERFMON, for any processor may guess the
 * wrong one. */
bool layout_knows_roots(const struct layout *layout);

/* The index of the step at which the search of a node in the tables begins. */
size_t layout_first_step(const struct layout *layout, diagram_ref node);

/* The index of the next step that may have something to do for a packet, after STEP has run for it. (If STEP has not
 * run, it is the one right after STEP.) */
size_t layout_next_step(const struct layout_search *search, size_t step);

/* The index of the step that narrow results of STEP lead to; only for a step with a narrow_tag. */
size_t layout_narrow_step(const struct layout_search *search, size_t step);

/* Whether two steps of one search are for the nodes of one variable. */
static inline bool is_same_variable(const struct layout_step *a, const struct layout_step *b)
{
	return a->operand == b->operand && a->is_again == b->is_again;
}

#endif
