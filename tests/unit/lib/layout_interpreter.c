#include "layout_interpreter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <endian.h>
#include <string.h>

static uint64_t operand_value(const struct packet *packet, enum operand operand)
{
	return operand_get(operand, packet->values[operand_info(operand).field]);
}

const unsigned char *layout_element(const struct layout *layout, const struct layout_step *step,
				    uint32_t index)
{
	assert_true(index < step->region.count);
	return layout->object.tables + step->region.offset + (size_t)index * step->element_bytes;
}

uint64_t number_at(const unsigned char *bytes, size_t index, unsigned bits)
{
	uint64_t value64;
	uint32_t value32;
	uint16_t value16;

	memcpy(&value64, bytes + index * sizeof(value64) * (bits == 64), sizeof(value64));
	memcpy(&value32, bytes + index * sizeof(value32) * (bits == 32), sizeof(value32));
	memcpy(&value16, bytes + index * sizeof(value16) * (bits == 16), sizeof(value16));
	return bits == 64 ? value64 : bits == 32 ? value32 : value16;
}

/* -1 if the word is below the step's window, 1 if it is above it, 0 if it is in it. */
static int side_of_window(const struct layout_step *step, uint64_t word)
{
	uint64_t upper = is_whole_word(step) ? step->window.prefix : word >> step->window.bits;

	return (upper > step->window.prefix) - (upper < step->window.prefix);
}

static uint64_t low_bits(uint64_t word, unsigned bits)
{
	return bits < 64 ? word & ((UINT64_C(1) << bits) - 1) : word;
}

/* The rank of the word: the number of keys, in COUNT lanes, that are less than or equal to it. */
static uint32_t rank(const struct layout_step *step, const unsigned char *lanes, uint32_t count,
		     uint64_t word)
{
	int side = step->is_below_stride ? 0 : side_of_window(step, word);
	uint32_t reached = 0, i;

	word = side < 0 ? 0 : low_bits(side > 0 ? UINT64_MAX : word, step->window.bits);
	word >>= step->window.skip;
	for (i = 0; i < count; i++) {
		uint64_t lane = number_at(lanes, i, step->lane_bits);
		uint64_t key = (UINT64_C(1) << (step->lane_bits - 1)) - lane;

		reached += lane && key <= word;
	}
	return reached;
}

static uint32_t narrow_result(const struct layout_step *step, uint32_t found)
{
	if (found < NARROW_BIT)
		return found;
	assert_true(step->narrow_tag);
	return step->narrow_tag << TAG_SHIFT | (found - NARROW_BIT);
}

static uint32_t result(const struct layout_step *step, const unsigned char *results, uint32_t index)
{
	uint32_t found = (uint32_t)number_at(results, index, 8 * result_bytes(step));

	return step->is_narrow ? narrow_result(step, found) : found;
}

/* Searches an inner node, whose children are elements of the next step. */
static uint32_t search_inner(const struct layout *layout, const struct layout_step *step,
			     uint32_t index, uint64_t word)
{
	const unsigned char *node = layout_element(layout, step, index);

	assert_true(step[1].kind == STEP_INNER || step[1].kind == STEP_LEAF);
	return step[1].tag << TAG_SHIFT | ((uint32_t)number_at(node + INNER_LANES_BYTES, 0, 32) +
					   rank(step, node, inner_keys(step), word));
}

static uint32_t search_leaf(const struct layout *layout, const struct layout_step *step,
			    uint32_t index, uint64_t word)
{
	const unsigned char *leaf = layout_element(layout, step, index);
	struct leaf_shape shape = leaf_shape(step);

	return result(step, leaf + shape.lanes_bytes, rank(step, leaf, shape.keys, word));
}

static uint32_t search_entry(const struct layout_step *step, uint64_t entry, uint64_t word)
{
	uint64_t rest = low_bits(word >> step->window.skip, rest_bits(step));
	uint64_t start = entry >> ENTRY_START, length = entry >> ENTRY_LENGTH & ENTRY_LENGTH_MASK;
	bool is_inside = rest >= start && rest - start < UINT64_C(1) << length;

	if (entry >> ENTRY_REFERENCE)
		return (uint32_t)entry;
	return narrow_result(step, entry >> (is_inside ? ENTRY_INSIDE : 0) & UINT16_MAX);
}

static uint32_t search_stride(const struct layout *layout, const struct layout_step *step,
			      uint32_t index, uint64_t word)
{
	const unsigned char *children = layout_element(layout, step, index);
	size_t child = (size_t)low_bits(word, step->window.bits) >> stride_shift(step);
	int side = side_of_window(step, word);

	if (side)
		child = (size_t)(side > 0) + (UINT32_C(1) << step->stride_bits);
	if (step->has_entries)
		return search_entry(step, number_at(children, child, 64), word);
	return (uint32_t)number_at(children, child, 32);
}

static uint32_t search_cross(const struct layout *layout, const struct layout_step *step,
			     uint32_t index, uint64_t word)
{
	const unsigned char *classes = layout->object.tables + layout->classes.offset;
	uint32_t equivalence_class = 0;
	size_t i;

	if (has_class_table(step))
		equivalence_class = classes[step->class_table * CLASS_TABLE + word];
	else
		for (i = 0; i + 1 < step->classes.run_count; i++)
			equivalence_class += step->classes.starts[i] <= word;
	assert_true(equivalence_class < cross_results(step));
	return result(step, layout_element(layout, step, index), equivalence_class);
}

/* Finds the longest prefix that matches, by looking at all of them. */
static uint32_t search_lpm(const struct layout *layout, const struct layout_step *step,
			   uint32_t node, uint64_t word)
{
	const struct abi_prefix *best = NULL;
	size_t i;

	word <<= 64 - operand_bits(step->operand);
	for (i = 0; i < layout->object.prefix_count; i++) {
		const struct abi_prefix *prefix = &layout->object.prefixes[i];
		uint32_t bits = prefix->key.bits - 32;

		if (ntohl(prefix->key.node) != node ||
		    (bits && (be64toh(prefix->key.word) ^ word) >> (64 - bits)))
			continue;
		if (!best || prefix->key.bits > best->key.bits)
			best = prefix;
	}
	assert_non_null(best);
	return best->value;
}

static uint32_t search_step(const struct layout *layout, const struct layout_step *step,
			    uint32_t index, const struct packet *packet)
{
	uint64_t word = operand_value(packet, step->operand);

	switch (step->kind) {
	case STEP_INNER:
		return search_inner(layout, step, index, word);
	case STEP_LEAF:
		return search_leaf(layout, step, index, word);
	case STEP_STRIDE:
		return search_stride(layout, step, index, word);
	case STEP_CROSS:
		return search_cross(layout, step, index, word);
	default:
		return search_lpm(layout, step, index, word);
	}
}

/* Follows a reference through the steps of a search to the first row of the outcome. */
static uint32_t search_tables(const struct layout *layout, const struct layout_search *search,
			      uint32_t ref, const struct packet *packet)
{
	size_t i;

	for (i = 0; i < search->step_count; i++) {
		const struct layout_step *step = &search->steps[i];

		if (ref >> TAG_SHIFT < step->tag)
			continue;
		assert_int_equal(ref >> TAG_SHIFT, step->tag);
		ref = search_step(layout, step, ref & INDEX_MASK, packet);
	}
	return ref;
}

static uint32_t search_part(const struct layout *layout, size_t part, const struct packet *packet)
{
	diagram_ref ref = layout->roots[part][packet->family][packet->protocol];

	while (!ref_is_terminal(ref)) {
		const struct diagram_node *node = &layout->nodes[ref];
		uint64_t value = operand_value(packet, variable_operand(node->variable));
		uint32_t i = node->count - 1;

		if (layout->forms[ref] == FORM_TABLE)
			return search_tables(layout,
					     &layout->searches[node->variable >> SEARCH_SHIFT],
					     layout->table_refs[ref], packet);
		while (node->starts[i] > value)
			i--;
		ref = node->children[i];
	}
	return layout->rows_of[ref_index(ref)];
}

uint32_t search_layout(const struct layout *layout, const struct packet *packet)
{
	uint32_t least = search_part(layout, 0, packet), row;
	size_t part;

	for (part = 1; part < layout->part_count; part++) {
		row = search_part(layout, part, packet);
		if (row < least)
			least = row;
	}
	return least;
}

const struct layout_step *find_step(const struct layout *layout, enum step_kind kind)
{
	size_t i, j;

	for (i = 0; i < layout->search_count; i++)
		for (j = 0; j < layout->searches[i].step_count; j++)
			if (layout->searches[i].steps[j].kind == kind)
				return &layout->searches[i].steps[j];
	return NULL;
}
