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

/* Whether a packet that has done a step of A has nothing to do at one of B: an IPv4 packet asks for no
 * words of IPv6 addresses. */
static bool is_other_family(enum key a, enum key b)
{
	return (a == KEY_DADDR4 && b > KEY_DADDR4 && b <= KEY_DADDR6_3) ||
	       (a == KEY_SADDR4 && b > KEY_SADDR4 && b <= KEY_SADDR6_3);
}

size_t layout_next_step(const struct layout_machine *machine, size_t step)
{
	size_t next = step + 1;

	while (next < machine->step_count &&
	       is_other_family(machine->steps[step].key, machine->steps[next].key))
		next++;
	return next;
}
