/* How a decision is stored: which nodes are compared in code, which are searched in tables, and the bytes of
 * the tables. Both back ends read this and nothing before it.
 *
 * A packet is seen as words: a port has 16 bits, an IPv4 address 32, each half of an IPv6 address 64. The nodes
 * of a layout ask for one word each, so one kind of search serves them all.
 *
 * The tables are searched by steps, a fixed sequence of code. Each step has a region of the tables, of
 * elements that are alike. A node in the tables is, step by step, any of
 *
 *     root    references by the upper bits of the word, within the window where its nodes differ; or entries
 *             by them, which hold what is below where that is no more than a range, and else refer to it
 *     line    one level of a tree: keys in order, and which line of the next level its children begin at
 *     leaf    the last level: keys in order, and a result for each interval between them
 *     cross   a row of results by the class of the word, where all nodes of this word share few classes
 *     interface
 *     lpm     a look-up in the kernel's own trie of prefixes, if that was asked for
 *
 * A reference says the step at which the search goes on (tag, 6 bits) and the element there (26 bits); tags
 * fall from step to step, so a step passes over what is not its own by one comparison. Tag 0 is the end: the
 * rest is the number of an outcome row.
 *
 * An entry has 64 bits. It holds two results of two bytes and a range: so many of the words below it as a power
 * of two says, from a start on, have one result, and all others the other. That is one prefix inside of another,
 * of which sparse tables are full, and it is found without a line being fetched. With the uppermost bit set, the
 * lower half is a reference.
 *
 * A line and a leaf are 64 bytes, a cache line. Their keys stand in lanes of 16, 32 or 64 bits, the narrowest
 * that have room for what the steps before left of the word, and one bit more: a lane holds 2^(bits - 1) less
 * its key, so that adding the word to all lanes at once sets the upper bit of those whose key it has reached. */
#ifndef SKLC_LAYOUT_H
#define SKLC_LAYOUT_H

#include "compiler/base/net.h"
#include "compiler/decision/decision.h"
#include "compiler/policy/policy.h"

#include "runtime/abi.h"

/* What a node may ask for. A word may be asked for again, in the window where nearly all is. */
#define OPERANDS(X)                                                                                \
	X(DADDR4, "ip daddr")                                                                      \
	X(DADDR6_HIGH, "ip6 daddr, upper half")                                                    \
	X(DADDR6_LOW, "ip6 daddr, lower half")                                                     \
	X(SADDR4, "ip saddr")                                                                      \
	X(SADDR6_HIGH, "ip6 saddr, upper half")                                                    \
	X(SADDR6_LOW, "ip6 saddr, lower half")                                                     \
	X(DPORT, "dport")                                                                          \
	X(SPORT, "sport")                                                                          \
	X(DADDR4_AGAIN, "ip daddr again")                                                          \
	X(DADDR6_HIGH_AGAIN, "ip6 daddr, upper half again")                                        \
	X(DADDR6_LOW_AGAIN, "ip6 daddr, lower half again")                                         \
	X(SADDR4_AGAIN, "ip saddr again")                                                          \
	X(SADDR6_HIGH_AGAIN, "ip6 saddr, upper half again")                                        \
	X(SADDR6_LOW_AGAIN, "ip6 saddr, lower half again")                                         \
	X(INTERFACE, "interface") /* and those after it, one for each interface */

enum operand {
#define OPERAND_ENUM(constant, words) OPERAND_##constant,
	OPERANDS(OPERAND_ENUM)
#undef OPERAND_ENUM
};

enum { OPERAND_AGAIN = OPERAND_DADDR4_AGAIN - OPERAND_DADDR4 };

const char *operand_words(enum operand operand);

/* What the packet is asked for. */
static inline enum operand operand_asked(enum operand operand)
{
	return operand >= OPERAND_DADDR4_AGAIN && operand < OPERAND_INTERFACE
		       ? (enum operand)(operand - OPERAND_AGAIN)
		       : operand;
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

enum { TAG_SHIFT = 26, TAGS_MAX = 63, INDEX_MASK = (1 << TAG_SHIFT) - 1 };

enum { NODE_BYTES = 64, LANES_WORD_BYTES = 8 };

/* Of a line: seven times eight bytes of lanes, then the index of the first child, a u32. */
enum { INNER_LANES_BYTES = 7 * LANES_WORD_BYTES };

/* How the results of a leaf or a cross are written: as references of four bytes; or, where every result is an
 * early row or leads to one and the same step, as two bytes: the row, or NARROW_BIT and the element there. Those
 * of an entry are always as the latter. */
enum { NARROW_BIT = 1 << 15 };

/* Where the parts of an entry begin, from bit 0 on: the result around the range, that inside of it, how many bits
 * its words differ in, and its first. A reference's bit is the uppermost. */
enum { ENTRY_INSIDE = 16, ENTRY_LENGTH = 32, ENTRY_START = 38, ENTRY_REFERENCE = 63 };
enum { ENTRY_LENGTH_MASK = (1 << (ENTRY_START - ENTRY_LENGTH)) - 1, ENTRY_START_BITS = 24 };

/* A node that asks for an interface, in a table: where to go on for each enum value. */
struct layout_interface {
	uint32_t word; /* index of the interface */
	uint32_t children[INTERFACE_VALUES];
};

/* A part of an outcome: count, attempt, and go on. Rows 0 and 1 are the ends. A row may also be the head of a
 * group (see layout_rows.h): then it says no more than where the group begins. */
struct layout_row {
	union {
		uint32_t label; /* or NO_INDEX */
		uint32_t group; /* of a head: the group's first row */
	};
	uint32_t counter; /* or NO_INDEX */
	uint32_t flags;   /* of bpf_sk_assign; or HEAD_FLAGS */
	uint32_t next;    /* row; or NO_INDEX: the group ends */
};
enum { ROW_PASS, ROW_DROP };
enum { HEAD_FLAGS = 1 << 16 };

/* Groups of an outcome's later rows: so many, of so many rows each, at the most. */
struct layout_groups {
	uint32_t count, rows; /* 0: all rows stand in line */
};

enum { STRIDE_BITS_MIN = 1, STRIDE_BITS_MAX = 20 };
enum { CLASSES_MAX = 256, CLASS_TABLE = 1 << 16 }; /* a class table has a byte for each port */

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

/* How many bits the word of a key has. */
static inline unsigned operand_bits(enum operand operand)
{
	switch (operand_asked(operand)) {
	case OPERAND_DPORT:
	case OPERAND_SPORT:
		return 16;
	case OPERAND_DADDR4:
	case OPERAND_SADDR4:
		return 32;
	default:
		return 64;
	}
}

/* Where the intervals of some nodes start: all at words whose bits above the lowest BITS are PREFIX, and whose
 * lowest SKIP are 0. Any other word is below all of them, or above. */
struct layout_window {
	uint64_t prefix;
	unsigned bits, skip;
};

/* The smallest window of words from FIRST to LAST, of which ALL has every bit that any of them has, and some bit. */
struct layout_window layout_window_of(uint64_t first, uint64_t last, uint64_t all);

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

/* Of a line, so many keys; its children are one more. */
static inline uint32_t inner_keys(const struct layout_step *step)
{
	return 8 * INNER_LANES_BYTES / step->lane_bits;
}

static inline uint32_t result_bytes(const struct layout_step *step)
{
	return step->is_narrow ? sizeof(uint16_t) : sizeof(uint32_t);
}

/* An index below COUNT is masked to be one below this, the next power of two: so the verifier has its bound. */
static inline uint32_t masked_room(uint32_t count)
{
	return count <= 1 ? 1 : UINT32_C(1) << (32 - __builtin_clz(count - 1));
}

/* The keys of a leaf, and the bytes of its lanes, after which its results come: as many as fit. */
struct leaf_shape {
	uint32_t keys, lanes_bytes;
};

struct leaf_shape leaf_shape(const struct layout_step *step);

static inline bool is_whole_word(const struct layout_step *step)
{
	return step->window.bits == operand_bits(step->operand);
}

/* The narrowest lanes for keys of so many bits, 63 at the most. */
static inline uint32_t lane_bits_for(unsigned bits)
{
	return bits < 16 ? 16 : bits < 32 ? 32 : 64;
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

/* Whether intervals [first, end) of a node have one result, but for one range at the most. */
bool fits_entry(const struct diagram_node *node, uint32_t first, uint32_t end);

/* What a root has for each child: an entry or a reference. */
static inline uint32_t child_bytes(const struct layout_step *root)
{
	return root->has_ranges ? sizeof(uint64_t) : sizeof(uint32_t);
}

/* How far a word is shifted to give a root's child. */
static inline unsigned stride_shift(const struct layout_step *step)
{
	return step->window.bits - step->stride_bits;
}

/* A row of a cross has room for so many results, a power of two. */
static inline uint32_t cross_results(const struct layout_step *step)
{
	return step->element_bytes / result_bytes(step);
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
	const uint8_t
		*label_places; /* bits 1 << ABI_PLACE of each label that the decision reaches */
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
