/* Walks a diagram with a packet that takes the path to where the walk is. What can lie below a node does not depend
 * on the path, so the walk goes into each node at most once, however many paths lead to it; and once more with a packet
 * whose interface is known, if the first one's was not, since that one is no good example. */
#include "diagram.h"

#include "compiler/base/arena.h"

enum { STATES = 2 };

/* Whether the walk goes into a node; it then does not again with such a packet. */
static bool is_new(struct diagram_walk *walk, diagram_ref ref)
{
	bool known = walk->packet.values[FIELD_IIFNAME] != CLASS_NOT_KNOWN;
	bool *seen = &walk->seen[(size_t)ref * STATES + known], was_seen = *seen;

	*seen = true;
	return !was_seen;
}

/* A value in an interval: its first, but not 0 if there is another, since class 0 of interfaces is *not known*. */
static u128 value_in(const struct diagram_node *node, uint32_t i)
{
	if (!node->starts[i] && (i + 1 == node->count || node->starts[i + 1] > 1))
		return 1;
	return node->starts[i];
}

/* The child for the packet's own value comes first, so that packets keep such values where they can. */
static bool walk_from(struct diagram_walk *walk, diagram_ref ref)
{
	const struct diagram_node *node;
	u128 *value, before;
	uint32_t own, i;

	if (ref_is_terminal(ref))
		return walk->arrive(walk->argument, &walk->packet, ref);
	if (!is_new(walk, ref))
		return true;
	node = &walk->nodes[ref];
	value = &walk->packet.values[node->variable];
	before = *value;
	own = diagram_interval(node, before);
	if (!walk_from(walk, node->children[own]))
		return false;
	for (i = 0; i < node->count && (!walk->varies || walk->varies(node)); i++) {
		if (i == own)
			continue;
		*value = value_in(node, i);
		if (!walk_from(walk, node->children[i]))
			return false;
	}
	*value = before;
	return true;
}

bool diagram_walk(struct diagram_walk *walk, diagram_ref root)
{
	struct arena *arena = arena_new();
	bool goes_on;

	walk->seen = arena_alloc(arena, walk->node_count * STATES, sizeof(*walk->seen));
	goes_on = walk_from(walk, root);
	arena_free(arena);
	walk->seen = NULL;
	return goes_on;
}
