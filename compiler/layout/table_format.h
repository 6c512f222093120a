/* The format of a layout's tables: what the bytes of each kind of element mean. The layout pass writes them, and
 * both back ends emit the code that reads them. All numbers are in the byte order of the host.
 *
 * The tables are regions, each aligned to a cache line: the outcome rows, the class tables, and one region for each
 * step, an array of elements of one size.
 *
 * A reference names an element of a step, or an outcome row, whose tag is 0:
 *
 *     bit  31     26 25                        0
 *         +---------+---------------------------+
 *         |   tag   |           index           |
 *         +---------+---------------------------+
 *
 * A stride table is an array of references or of entries, its children: one for each value of the upper bits of
 * the window; then, unless the window has all bits of the operand, one for operands below the window and one for
 * those above it.
 *
 * An entry has one of two forms. If all operands that lead to the child have one result, except those of one range
 * whose size is a power of two, the entry can hold the range and both results. A prefix inside another one is such a
 * range, so most children of sparse tables have this form, which needs no second fetch. Else the entry holds a
 * reference:
 *
 *     bit  63  62  61        38 37      32 31      16 15       0
 *         +---+---+------------+----------+----------+----------+
 *         | 0 | 0 |   start    |  length  |  inside  |  around  |
 *         +---+---+------------+----------+----------+----------+
 *         | 1 |             0             |      reference      |
 *         +---+---------------------------+---------------------+
 *
 * "inside" is the narrow result of the 2^length values from "start" on, "around" that of all others. These values are
 * the bits of the operand below those that index the stride table, without the lowest ones, which the window skips.
 *
 * An inner node and a leaf are a cache line of 64 bytes. Both begin with lanes, one for each key:
 *
 *     byte 0                                     56            60       64
 *         +--------+--------+-- ... --+----------+-------------+--------+
 *         | lane 0 | lane 1 |         |  lane n  | first child | unused |     inner node
 *         +--------+--------+-- ... --+----------+-------------+--------+
 *
 *     byte 0                          lanes_bytes                       64
 *         +--------+--------+-- ... --+----------+----------+-- ... ----+
 *         | lane 0 | lane 1 |         | result 0 | result 1 |           |     leaf
 *         +--------+--------+-- ... --+----------+----------+-- ... ----+
 *
 * Keys and operands are compared by their bits in the window of the step, without those that it skips. An operand
 * outside of the window counts as the first or the last value in it; below a stride table, no operand is outside. The
 * rank of an operand is the number of keys that are less than or equal to it. The search of an inner node continues at
 * element "first child" + rank of the next step; that of a leaf has found the result whose index is the rank.
 *
 * An operand is compared with all keys in eight bytes at once. For this, a lane of b bits holds 2^(b-1) - key, where
 * keys and operands have fewer than b bits. The sum of operand and lane then has the upper bit of the lane set if and
 * only if the operand is at least the key, and it never carries into the next lane. An unused lane is 0, so its upper
 * bit is never set. Lanes have 16, 32 or 64 bits, the fewest that are enough for the bits that the tree compares.
 *
 * A leaf and a row of a cross-product table hold results. These are references; or narrow results of two bytes, which
 * are numbers of outcome rows below NARROW_BIT, or NARROW_BIT plus the index of an element of the one step that all
 * other results lead to. */
#ifndef SKLC_TABLE_FORMAT_H
#define SKLC_TABLE_FORMAT_H

#include "layout.h"

enum { TAG_SHIFT = 26, TAGS_MAX = 63, INDEX_MASK = (1 << TAG_SHIFT) - 1 };

enum { NODE_BYTES = 64, LANES_WORD_BYTES = 8 };

/* The lanes of an inner node; the index of its first child, a u32, follows them. */
enum { INNER_LANES_BYTES = 7 * LANES_WORD_BYTES };

enum { NARROW_BIT = 1 << 15 };

/* The lowest bit of each part of an entry. The result "around" begins at bit 0. */
enum { ENTRY_INSIDE = 16, ENTRY_LENGTH = 32, ENTRY_START = 38, ENTRY_REFERENCE = 63 };
enum { ENTRY_INSIDE_SHIFT = 4 };
_Static_assert(1 << ENTRY_INSIDE_SHIFT == ENTRY_INSIDE,
	       "programs make 0 or ENTRY_INSIDE of a bit by a shift");
enum { ENTRY_LENGTH_MASK = (1 << (ENTRY_START - ENTRY_LENGTH)) - 1, ENTRY_START_BITS = 24 };

/* A class table has one byte for each port: its equivalence class. */
enum { CLASSES_MAX = 256, CLASS_TABLE = 1 << 16 };

/* An outcome row: count a rule, attempt a label, and go on at another row. Rows ROW_PASS and ROW_DROP are the ends of
 * outcomes. A row may also be the head of a group of rows (see rows.h): it only says where the group begins, and which
 * row comes after the group. */
struct layout_row {
	union {
		uint32_t label; /* or NO_INDEX */
		uint32_t group; /* of a head: the group's first row */
	};
	uint32_t counter; /* or NO_INDEX */
	uint32_t flags;   /* of bpf_sk_assign; or HEAD_FLAGS */
	uint32_t next;    /* row; NO_INDEX: the last one of a group */
};
enum { ROW_PASS, ROW_DROP };
enum { HEAD_FLAGS = 1 << 16 };

/* An inner node has one child more than it has keys. */
static inline uint32_t inner_keys(const struct layout_step *step)
{
	return 8 * INNER_LANES_BYTES / step->lane_bits;
}

/* The most keys in a leaf, and the size of their lanes. The results come after the lanes; there is one more than
 * keys. */
struct leaf_shape {
	uint32_t keys, lanes_bytes;
};

/* The shape that has room for the most keys. */
struct leaf_shape leaf_shape(const struct layout_step *step);

/* The bits of the narrowest lanes for a tree that compares BITS bits, 63 at most. */
static inline uint32_t lane_bits_for(unsigned bits)
{
	return bits < 16 ? 16 : bits < 32 ? 32 : 64;
}

static inline uint32_t result_bytes(const struct layout_step *step)
{
	return step->is_narrow ? sizeof(uint16_t) : sizeof(uint32_t);
}

/* Whether the start of a range fits into an entry, for every range in a child of the stride table. */
static inline bool fits_start(const struct layout_step *stride)
{
	return rest_bits(stride) <= ENTRY_START_BITS;
}

/* The size of one child of a stride table: an entry or a reference. */
static inline uint32_t child_bytes(const struct layout_step *stride)
{
	return stride->has_entries ? sizeof(uint64_t) : sizeof(uint32_t);
}

/* How many elements to reserve for COUNT of them: the next power of two. The programs mask an index with this minus
 * one; the mask tells the verifier that the index is in bounds. */
static inline uint32_t masked_room(uint32_t count)
{
	return count <= 1 ? 1 : UINT32_C(1) << (32 - __builtin_clz(count - 1));
}

/* How many results a row of a cross-product table has room for, a power of two. */
static inline uint32_t cross_results(const struct layout_step *cross)
{
	return cross->element_bytes / result_bytes(cross);
}

/* Whether an entry has room for intervals [first, end) of a node, which are those of one child of a stride table. */
bool fits_entry(const struct diagram_node *node, uint32_t first, uint32_t end);

#endif
