/* Sees the fields of a decision as words of 64 bits at most. */
#include "words.h"

#include "compiler/base/arena.h"
#include "compiler/diagram/diagram.h"

#include <string.h>

enum { WORD_BITS = 64 };

/* A node is split in two where all but so many of its intervals start within half of its values or less, and so
 * many at the least do. */
enum { OUTSIDE_MAX = 16, DENSE_MIN = 64 };

/* The words of one family's and one machine's part of a decision. */
struct wording {
	struct arena *arena;
	const struct decision *decision;
	struct builder *words;
	enum family family;
	uint32_t search;
	diagram_ref *done; /* of each node of the decision, or REF_NONE */
};

static diagram_ref word_ref(struct wording *wording, diagram_ref ref);

/* Some of a node's starts, [first, end), and the values [base, base + 2^bits) that they are in. */
struct window {
	u128 base;
	unsigned bits;
	uint32_t first, end;
};

/* The half of a window that has all of its starts but FEW at the most; false if neither has. */
static bool narrow(const struct diagram_node *node, struct window *window, uint32_t few)
{
	u128 upper = window->base + ((u128)1 << (window->bits - 1));
	uint32_t middle = diagram_interval(node, upper - 1) + 1; /* the first at UPPER or above */

	if (middle - window->first > few && window->end - middle > few)
		return false;
	window->bits--;
	if (window->end - middle <= few) {
		window->end = middle;
	} else {
		window->base = upper;
		window->first = middle;
	}
	return true;
}

/* Where nearly all of a node's intervals start. */
static struct window dense_window(const struct diagram_node *node, unsigned bits)
{
	struct window window = {0, bits, 1, node->count}, narrower = window;
	uint32_t outside;

	do {
		window = narrower;
		outside = node->count - 1 - (window.end - window.first);
	} while (window.end - window.first > DENSE_MIN &&
		 narrow(node, &narrower, OUTSIDE_MAX - outside));
	return window;
}

/* The intervals of a node within a window, as a node that asks again. */
static diagram_ref window_node(struct wording *wording, const struct diagram_node *node,
			       struct window window)
{
	uint32_t i;

	builder_begin(wording->words);
	builder_interval(wording->words, 0, node->children[window.first - 1]);
	for (i = window.first; i < window.end; i++)
		builder_interval(wording->words, node->starts[i], node->children[i]);
	return builder_end(wording->words, node->variable + OPERAND_AGAIN);
}

/* A few starts far from all others would make the tables as wide as the word. So what is in the window of those
 * others becomes a node of its own, below one that knows the few. */
static diagram_ref split_window(struct wording *wording, diagram_ref ref, enum operand operand)
{
	struct diagram_node node;
	struct window window;
	diagram_ref within;
	uint32_t i;
	size_t count;
	u128 end;

	if (ref_is_outcome(ref) || operand_bits(operand) == 16)
		return ref;
	node = builder_nodes(wording->words, &count)[ref];
	window = dense_window(&node, operand_bits(operand));
	if (window.end - window.first == node.count - 1 || window.end - window.first <= DENSE_MIN)
		return ref;
	within = window_node(wording, &node, window);
	builder_begin(wording->words);
	for (i = 0; i < window.first && node.starts[i] < window.base; i++)
		builder_interval(wording->words, node.starts[i], node.children[i]);
	builder_interval(wording->words, window.base, within);
	end = window.base + ((u128)1 << window.bits);
	if (end >> operand_bits(operand) == 0 &&
	    (window.end == node.count || node.starts[window.end] > end))
		builder_interval(wording->words, end, node.children[window.end - 1]);
	for (i = window.end; i < node.count; i++)
		builder_interval(wording->words, node.starts[i], node.children[i]);
	return builder_end(wording->words, node.variable);
}

/* Intervals [first, end) of a node, within one value of the words before: the first begins at its start
 * whatever its own start is. */
struct slice {
	const struct diagram_node *node;
	uint32_t first, end;
};

/* A node for the word at SHIFT bits (0: the last) of the field: where several intervals share a value
 * of this word, the next word tells them apart. */
static diagram_ref word_slice(struct wording *wording, struct slice slice, enum operand operand,
			      unsigned shift)
{
	const struct diagram_node *node = slice.node;
	const u128 rest = ((u128)1 << shift) - 1;
	uint32_t k = slice.first + 1, end;

	builder_begin(wording->words);
	/* What begins the slice, unless the first value already needs the next word. */
	if (k == slice.end || (uint64_t)(node->starts[k] >> shift) != 0)
		builder_interval(wording->words, 0, word_ref(wording, node->children[slice.first]));
	for (; k < slice.end; k = end) {
		uint64_t value = (uint64_t)(node->starts[k] >> shift);

		for (end = k + 1; end < slice.end; end++)
			if ((uint64_t)(node->starts[end] >> shift) != value)
				break;
		if (end - k > 1 || node->starts[k] & rest) {
			struct slice within = {node, node->starts[k] & rest ? k - 1 : k, end};

			builder_interval(
				wording->words, value,
				word_slice(wording, within, operand + 1, shift - WORD_BITS));
			/* What comes next may begin with the next value. */
			if (value == UINT64_MAX ||
			    (end < slice.end &&
			     (uint64_t)(node->starts[end] >> shift) == value + 1))
				continue;
			value++;
		}
		builder_interval(wording->words, value, word_ref(wording, node->children[end - 1]));
	}
	return split_window(wording,
			    builder_end(wording->words, wording->search << SEARCH_SHIFT | operand),
			    operand);
}

static diagram_ref word_node(struct wording *wording, const struct diagram_node *node)
{
	struct slice all = {node, 0, node->count};
	uint32_t variable = node->variable;
	unsigned words;
	enum operand operand;
	uint32_t i;

	if (variable < VARIABLE_INTERFACES) {
		words = operands_of(variable, wording->family, &operand);
		return word_slice(wording, all, operand, WORD_BITS * (words - 1));
	}
	variable = OPERAND_INTERFACE + variable - VARIABLE_INTERFACES;
	builder_begin(wording->words);
	for (i = 0; i < node->count; i++)
		builder_interval(wording->words, node->starts[i],
				 word_ref(wording, node->children[i]));
	return builder_end(wording->words, wording->search << SEARCH_SHIFT | variable);
}

static diagram_ref word_ref(struct wording *wording, diagram_ref ref)
{
	if (ref_is_outcome(ref))
		return builder_add_outcome(wording->words,
					   wording->decision->outcomes[ref_index(ref)]);
	if (wording->done[ref] == REF_NONE)
		wording->done[ref] = word_node(wording, &wording->decision->nodes[ref]);
	return wording->done[ref];
}

/* The machine for an order of fields, added if it is new. */
static uint32_t search_for(struct layout *layout, const enum field *order)
{
	uint32_t i;

	for (i = 0; i < layout->search_count; i++)
		if (!memcmp(layout->searches[i].order, order, sizeof(layout->searches[i].order)))
			return i;
	memcpy(layout->searches[i].order, order, sizeof(layout->searches[i].order));
	layout->search_count++;
	return i;
}

struct builder *layout_words(struct arena *arena, struct layout *layout,
			     const struct decision *decision)
{
	struct builder *words = builder_new(arena, decision->orders[0][0], SIZE_MAX - 1);
	struct wording wording = {arena, decision, words, FAMILY_IPV4, 0, NULL};
	enum protocol protocol;
	size_t i;

	for (; wording.family < FAMILY_COUNT; wording.family++)
		for (protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
			wording.search = search_for(layout,
						    decision->orders[wording.family][protocol]);
			wording.done = arena_alloc(arena, decision->node_count,
						   sizeof(*wording.done));
			for (i = 0; i < decision->node_count; i++)
				wording.done[i] = REF_NONE;
			layout->roots[wording.family][protocol] = word_ref(
				&wording, decision->roots[wording.family][protocol]);
		}
	return words;
}
