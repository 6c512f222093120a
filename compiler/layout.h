/* How a decision is stored: which nodes are compared in code, which are searched in tables, and the bytes of
 * the tables. Both back ends read this and nothing before it.
 *
 * A packet is seen as words of 32 bits: a port is one, an IPv4 address one, an IPv6 address four. The nodes
 * of a layout ask for one word each, so one kind of search serves them all.
 *
 * The tables are made of lines of 64 bytes, a cache line each, and are searched by steps, a fixed sequence of
 * code. A node in the tables is, step by step, any of
 *
 *     root    references by the upper bits of the word, as many as suit its size
 *     line    one level of a tree: 15 keys in order, and where the line's 16 children begin
 *     cross   a row of references by the class of the word, where all nodes of this word share few classes
 *     interface
 *     lpm     a look-up in the kernel's own trie of prefixes, if that was asked for
 *
 * A table reference says the step at which the search goes on (tag, 6 bits) and the line there (26 bits);
 * tags fall from step to step, so a step passes over what is not its own by one comparison. Tag 0
 * is the end: the rest is the number of an outcome row. */
#ifndef SKLC_LAYOUT_H
#define SKLC_LAYOUT_H

#include "decision.h"
#include "net.h"
#include "policy.h"

#include "../runtime/abi.h"

/* What a node may ask for. */
#define KEYS(X)                                                                                    \
	X(DADDR4, "ip daddr")                                                                      \
	X(DADDR6_0, "ip6 daddr word 0")                                                            \
	X(DADDR6_1, "ip6 daddr word 1")                                                            \
	X(DADDR6_2, "ip6 daddr word 2")                                                            \
	X(DADDR6_3, "ip6 daddr word 3")                                                            \
	X(SADDR4, "ip saddr")                                                                      \
	X(SADDR6_0, "ip6 saddr word 0")                                                            \
	X(SADDR6_1, "ip6 saddr word 1")                                                            \
	X(SADDR6_2, "ip6 saddr word 2")                                                            \
	X(SADDR6_3, "ip6 saddr word 3")                                                            \
	X(DPORT, "dport")                                                                          \
	X(SPORT, "sport")                                                                          \
	X(INTERFACE, "interface") /* and those after it, one for each interface */

enum key {
#define KEY_ENUM(constant, words) KEY_##constant,
	KEYS(KEY_ENUM)
#undef KEY_ENUM
};

const char *key_words(enum key key);

/* A variable of a layout's nodes: a key, and the machine that the node belongs to. */
enum { MACHINE_SHIFT = 24 };

static inline enum key variable_key(uint32_t variable)
{
	uint32_t key = variable & ((1u << MACHINE_SHIFT) - 1);

	return key < KEY_INTERFACE ? (enum key)key : KEY_INTERFACE;
}

static inline uint32_t variable_interface(uint32_t variable)
{
	return (variable & ((1u << MACHINE_SHIFT) - 1)) - KEY_INTERFACE;
}

enum { TAG_SHIFT = 26, TAGS_MAX = 63, LINE_MASK = (1 << TAG_SHIFT) - 1 };
enum { LINE_KEYS = 15, LINE_CHILDREN = 16, LINE_BYTES = 64 };

/* A line of a tree. A child is taken for each key that is less than the word looked for: keys are the first
 * values of the children's intervals less one, and a key that is not there is all ones. In a leaf, FIRST is
 * the index of its first result; above, the reference of its first child line. */
struct layout_line {
	uint32_t keys[LINE_KEYS];
	uint32_t first;
};

/* A node that asks for an interface, in a table: where to go on for each enum value. */
struct layout_interface {
	uint32_t word; /* index of the interface */
	uint32_t children[INTERFACE_VALUES];
};

/* A part of an outcome: count, attempt, and go on. Rows 0 and 1 are the ends. */
struct layout_row {
	uint32_t label;   /* or NO_INDEX */
	uint32_t counter; /* or NO_INDEX */
	uint32_t flags;   /* of bpf_sk_assign */
	uint32_t next;    /* row */
};
enum { ROW_PASS, ROW_DROP };

enum { ROOT_BITS_MIN = 4, ROOT_BITS_MAX = 16 };
enum { CLASSES_MAX = 256, CLASS_TABLE = 1 << 16 }; /* a class table has a byte for each port */

#define SEARCHES(X)                                                                                \
	X(ROOT, "root") X(LINE, "line") X(CROSS, "cross") X(INTERFACE, "interface") X(LPM, "lpm")

enum search {
#define SEARCH_ENUM(constant, word) SEARCH_##constant,
	SEARCHES(SEARCH_ENUM)
#undef SEARCH_ENUM
};

const char *search_word(enum search kind);

/* How many bits of a word count. */
static inline unsigned key_bits(enum key key)
{
	return key == KEY_DPORT || key == KEY_SPORT ? 16 : 32;
}

struct layout_step {
	enum search kind;
	enum key key;
	uint32_t tag;
	bool is_leaf; /* of a line: it gives results, not lines */
	/* Of a cross: where each class but the first starts, lines of a row, and the number of the table that
	 * gives the class, or NO_INDEX where the starts are compared in code. */
	const uint32_t *class_starts;
	uint32_t class_count, row_lines, class_table;
	uint32_t root_bits; /* of a root: it has a reference for each value of so many upper bits */
	uint32_t lines, results; /* how many in the tables are its own: for the dump */
};

static inline uint32_t root_children(const struct layout_step *step)
{
	return UINT32_C(1) << step->root_bits;
}

static inline uint32_t root_lines(const struct layout_step *step)
{
	return root_children(step) / LINE_CHILDREN;
}

/* How far the word is shifted to give the child. */
static inline unsigned root_shift(const struct layout_step *step)
{
	return key_bits(step->key) - step->root_bits;
}

/* The steps for all decisions of one order of fields. */
struct layout_machine {
	enum field order[FIELD_COUNT];
	const struct layout_step *steps; /* in the order of their running */
	size_t step_count;
};

enum layout_form { FORM_UNUSED, FORM_CODE, FORM_TABLE };

struct layout_region {
	uint32_t offset, count; /* in bytes from the start of the tables; in elements */
};

/* What the object file needs of it. */
struct layout_object {
	const unsigned char *tables; /* the bytes of .rodata; NULL if there are none */
	size_t table_bytes;
	size_t label_count, interface_count, counter_count;
	const uint8_t
		*label_places; /* bits 1 << ABI_PLACE of each label that the decision reaches */
	const struct abi_prefix *prefixes; /* of the kernel's LPM trie */
	size_t prefix_count;
};

struct layout {
	struct layout_object object;
	const struct policy *policy;
	const struct decision_node *nodes; /* over variables as above; children before parents */
	size_t node_count;
	const uint8_t *forms;                             /* enum layout_form of each node */
	const uint32_t *table_refs;                       /* of each node in a table */
	const uint32_t *rows_of;                          /* the first row of each outcome */
	decision_ref roots[FAMILY_COUNT][PROTOCOL_COUNT]; /* nodes, or outcomes */
	struct layout_machine machines[FAMILY_COUNT * PROTOCOL_COUNT];
	size_t machine_count;
	struct layout_region lines, results, interfaces, rows, classes;
	size_t code_intervals; /* of the nodes in code */
	/* The rule that each node in code is from, {0, 0} where it serves several; and each of its children,
	 * the first of them at first_leaves. */
	const struct span *node_origins, *leaf_origins;
	const uint32_t *first_leaves;
	size_t rows_max; /* rows of the longest outcome, without its end */
	bool override_others;
	bool tries_spares; /* a label's spare slots, if its own slot has nothing for a packet */
};

/* The step, of its machine's, at which the search of a node in the tables begins. */
size_t layout_first_step(const struct layout *layout, decision_ref node);

/* The step to go on at after one is done; one that was passed over goes on at the very next. */
size_t layout_next_step(const struct layout_machine *machine, size_t step);

static inline const struct layout_object *layout_object(const struct layout *layout)
{
	return &layout->object;
}

#endif
