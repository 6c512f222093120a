/* The words for kinds of steps, and the order in which a packet goes through the steps. */
#include "layout.h"

#include "table_format.h"

static const char *const STEP_WORDS[] = {
#define STEP_WORD(constant, word) word,
	STEP_KINDS(STEP_WORD)
#undef STEP_WORD
};

const char *step_word(enum step_kind kind)
{
	return STEP_WORDS[kind];
}

/* Tags count the steps from the last one of a search, which has tag 1. */
static size_t step_of_tag(const struct layout_search *search, uint32_t tag)
{
	return search->step_count - tag;
}

size_t layout_first_step(const struct layout *layout, diagram_ref node)
{
	uint32_t search = layout->nodes[node].variable >> SEARCH_SHIFT;

	return step_of_tag(&layout->searches[search], layout->table_refs[node] >> TAG_SHIFT);
}

/* Whether a root is one of several elements of a step in memory. (The kernel's trie takes a node as part of a key.) */
static bool is_among_others(const struct layout *layout, diagram_ref root)
{
	const struct layout_step *first;

	if (ref_is_terminal(root) || layout->forms[root] != FORM_TABLE)
		return false;
	first = &layout->searches[layout->nodes[root].variable >> SEARCH_SHIFT]
			 .steps[layout_first_step(layout, root)];
	return first->kind != STEP_LPM && first->region.count > 1;
}

bool layout_knows_roots(const struct layout *layout)
{
	unsigned i;

	if (layout->code_intervals || layout->rows_max > 1 || layout->part_count > 1)
		return false;
	for (i = 0; i < FLOW_CLASSES; i++)
		if (is_among_others(layout,
				    layout->roots[0][flow_class_family(i)][flow_class_protocol(i)]))
			return false;
	return true;
}

/* Whether A is part of an IPv4 address and B of an IPv6 address: a packet for which a step for A has run has nothing to
 * do in a step for B. IPv6 packets pass over the steps for IPv4 by the tags of their references. */
static bool is_other_family(enum operand a, enum operand b)
{
	return operand_info(a).families == 1 << FAMILY_IPV4 &&
	       operand_info(b).families == 1 << FAMILY_IPV6;
}

size_t layout_next_step(const struct layout_search *search, size_t step)
{
	const struct layout_step *done = &search->steps[step];
	size_t next = step + 1;

	if (done->kind == STEP_STRIDE || done->kind == STEP_INNER)
		return next;
	while (next < search->step_count &&
	       (is_same_variable(&search->steps[next], done) ||
		is_other_family(done->operand, search->steps[next].operand)))
		next++;
	return next;
}

size_t layout_narrow_step(const struct layout_search *search, size_t step)
{
	return step_of_tag(search, search->steps[step].narrow_tag);
}
