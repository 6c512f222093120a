/* Walks over diagrams. */
#include "builder.h"

#include "compiler/base/arena.h"
#include "compiler/base/lower_bound.h"

uint32_t diagram_interval(const struct diagram_node *node, u128 value)
{
	return LOWER_BOUND(i, 1, node->count, node->starts[i] > value) - 1;
}

static void mark_ref(diagram_ref ref, bool *reached, bool *outcomes)
{
	if (!ref_is_terminal(ref))
		reached[ref] = true;
	else if (outcomes)
		outcomes[ref_index(ref)] = true;
}

void diagram_mark_reached(const struct diagram_node *nodes, diagram_ref root, bool *reached,
			  bool *outcomes)
{
	uint32_t index, i;

	mark_ref(root, reached, outcomes);
	if (ref_is_terminal(root))
		return;
	for (index = root + 1; index-- > 0;)
		for (i = 0; reached[index] && i < nodes[index].count; i++)
			mark_ref(nodes[index].children[i], reached, outcomes);
}

struct builder_extent builder_extent(const struct builder *builder, diagram_ref root)
{
	bool *reached = arena_alloc(builder->arena, builder->node_count, sizeof(*reached));
	uint32_t largest[VALUE_FIELD_COUNT] = {0};
	struct builder_extent extent = {0, 0};
	size_t i;

	diagram_mark_reached(builder->nodes, root, reached, NULL);
	for (i = 0; i < builder->node_count; i++) {
		const struct diagram_node *node = &builder->nodes[i];

		if (!reached[i])
			continue;
		extent.intervals += node->count;
		if (node->count > largest[node->variable])
			largest[node->variable] = node->count;
	}
	for (i = 0; i < VALUE_FIELD_COUNT; i++)
		extent.least_intervals += largest[i];
	return extent;
}

struct import {
	struct builder *to;
	const struct builder *from;
	diagram_ref *copies; /* of each node of FROM, or REF_NONE */
};

static diagram_ref import_ref(struct import *import, diagram_ref ref)
{
	const struct diagram_node *node;
	size_t i;

	if (ref_is_terminal(ref))
		return builder_add_outcome(import->to, *builder_outcome(import->from, ref));
	if (import->copies[ref] != REF_NONE)
		return import->copies[ref];
	node = builder_node(import->from, ref);
	builder_begin(import->to);
	for (i = 0; i < node->count; i++)
		builder_interval(import->to, node->starts[i],
				 import_ref(import, node->children[i]));
	import->copies[ref] = builder_end(import->to, node->variable);
	return import->copies[ref];
}

diagram_ref builder_import(struct builder *to, const struct builder *from, diagram_ref root)
{
	struct import import = {to, from, NULL};
	size_t i;

	import.copies = arena_alloc(from->arena, from->node_count, sizeof(*import.copies));
	for (i = 0; i < from->node_count; i++)
		import.copies[i] = REF_NONE;
	return import_ref(&import, root);
}
