/* The words of a layout, and the way of a packet through the steps of its tables. */
#include "layout.h"

static const char *const KEY_WORDS[] = {
#define KEY_WORD(constant, words) words,
	KEYS(KEY_WORD)
#undef KEY_WORD
};

static const char *const SEARCH_WORDS[] = {
#define SEARCH_WORD(constant, word) word,
	SEARCHES(SEARCH_WORD)
#undef SEARCH_WORD
};

const char *key_words(enum key key)
{
	return KEY_WORDS[key];
}

const char *search_word(enum search kind)
{
	return SEARCH_WORDS[kind];
}

size_t layout_first_step(const struct layout *layout, decision_ref node)
{
	const struct layout_machine *machine =
		&layout->machines[layout->nodes[node].variable >> MACHINE_SHIFT];
	size_t step = 0;

	while (machine->steps[step].tag != layout->table_refs[node] >> TAG_SHIFT)
		step++;
	return step;
}

struct leaf_shape leaf_shape(const struct layout_step *step)
{
	struct leaf_shape best = {0, 0};
	uint32_t bytes, lanes, results;

	for (bytes = LANES_WORD_BYTES; bytes < LINE_BYTES; bytes += LANES_WORD_BYTES) {
		lanes = 8 * bytes / step->lane_bits;
		results = (LINE_BYTES - bytes) / result_bytes(step);
		if (lanes + 1 > results)
			lanes = results - 1;
		if (lanes > best.keys)
			best = (struct leaf_shape){lanes, bytes};
	}
	return best;
}

struct layout_window layout_window_of(uint64_t first, uint64_t last, uint64_t all)
{
	unsigned skip = (unsigned)__builtin_ctzll(all);
	unsigned bits = first == last ? skip + 1 : 64 - (unsigned)__builtin_clzll(first ^ last);

	return (struct layout_window){bits < 64 ? first >> bits : 0, bits, skip};
}

/* Of two intervals, the second is the range: to have as many words as the child has is to reach its end. */
bool fits_entry(const struct decision_node *node, uint32_t first, uint32_t end)
{
	u128 words;

	if (end - first < 3)
		return true;
	words = node->starts[first + 2] - node->starts[first + 1];
	return end - first == 3 && node->children[first] == node->children[first + 2] &&
	       !(words & (words - 1));
}

/* Whether a packet that has done a step of A has nothing to do at one of B: an IPv4 packet asks for no
 * words of IPv6 addresses. */
static bool is_other_family(enum key a, enum key b)
{
	return key_bits(a) == 32 && key_bits(b) == 64 && b != KEY_INTERFACE;
}

size_t layout_next_step(const struct layout_machine *machine, size_t step)
{
	const struct layout_step *done = &machine->steps[step];
	size_t next = step + 1;

	if (done->kind == SEARCH_ROOT || done->kind == SEARCH_LINE ||
	    done->kind == SEARCH_INTERFACE)
		return next;
	while (next < machine->step_count && (machine->steps[next].key == done->key ||
					      is_other_family(done->key, machine->steps[next].key)))
		next++;
	return next;
}

size_t layout_narrow_step(const struct layout_machine *machine, size_t step)
{
	size_t next = step;

	while (machine->steps[next].tag != machine->steps[step].narrow_tag)
		next++;
	return next;
}
