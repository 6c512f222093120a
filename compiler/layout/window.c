#include "window.h"

void starts_add(struct starts *starts, const struct diagram_node *node)
{
	uint64_t first = (uint64_t)node->starts[1], last = (uint64_t)node->starts[node->count - 1];
	uint32_t i;

	if (!starts->bits || first < starts->first)
		starts->first = first;
	if (last > starts->last)
		starts->last = last;
	for (i = 1; i < node->count; i++)
		starts->bits |= (uint64_t)node->starts[i];
}

static struct layout_window window_from(const struct starts *starts, uint64_t first)
{
	unsigned skip, bits;

	if (!starts->bits)
		return (struct layout_window){0};
	skip = (unsigned)__builtin_ctzll(starts->bits);
	bits = first == starts->last ? skip + 1
				     : 64 - (unsigned)__builtin_clzll(first ^ starts->last);
	return (struct layout_window){bits < 64 ? first >> bits : 0, bits, skip};
}

struct layout_window starts_window(const struct starts *starts)
{
	return window_from(starts, starts->first);
}

struct layout_window starts_tree_window(const struct starts *starts)
{
	return window_from(starts, starts->first - 1);
}
