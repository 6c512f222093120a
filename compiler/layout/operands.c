/* Rewrites a decision, whose nodes ask for fields, as a diagram whose nodes compare operands. A node for an IPv6
 * address, a field of more than 64 bits, becomes a node for the upper half, with nodes for the lower half below it. */
#include "operands.h"

#include "compiler/base/arena.h"
#include "compiler/diagram/diagram.h"

#include <string.h>

/* A node is split in two if more than DENSE_MIN of its intervals start in a cluster of at most half of the operand's
 * values, and at most OUTSIDE_MAX start outside of it. */
enum { OUTSIDE_MAX = 16, DENSE_MIN = 64 };

/* The rewriting of the decision for one family, in one search. */
struct rewriting {
	struct arena *arena;
	const struct decision *decision;
	struct builder *builder;
	enum family family;
	uint32_t search;
	diagram_ref *done; /* what each node of the decision has become, or REF_NONE */
};

static diagram_ref operand_ref(struct rewriting *rewriting, diagram_ref ref);

/* Some of a node's starts, [first, end), and the values [base, base + 2^bits) that they are in. */
struct cluster {
	u128 base;
	unsigned bits;
	uint32_t first, end;
};

/* Halves the cluster, and keeps the half that has all of its starts except at most FEW; false if neither half does. */
static bool halve_cluster(const struct diagram_node *node, struct cluster *cluster, uint32_t few)
{
	u128 upper = cluster->base + ((u128)1 << (cluster->bits - 1));
	uint32_t middle = diagram_interval(node, upper - 1) + 1; /* the first at UPPER or above */

	if (middle - cluster->first > few && cluster->end - middle > few)
		return false;
	cluster->bits--;
	if (cluster->end - middle <= few) {
		cluster->end = middle;
	} else {
		cluster->base = upper;
		cluster->first = middle;
	}
	return true;
}

/* The smallest cluster in which nearly all of a node's intervals start. */
static struct cluster densest_cluster(const struct diagram_node *node, unsigned bits)
{
	struct cluster cluster = {0, bits, 1, node->count}, narrower = cluster;
	uint32_t outside;

	do {
		cluster = narrower;
		outside = node->count - 1 - (cluster.end - cluster.first);
	} while (cluster.end - cluster.first > DENSE_MIN &&
		 halve_cluster(node, &narrower, OUTSIDE_MAX - outside));
	return cluster;
}

/* Makes a node for the intervals that start in a cluster, which compares the operand again. */
static diagram_ref cluster_node(struct rewriting *rewriting, const struct diagram_node *node,
				struct cluster cluster)
{
	uint32_t i;

	builder_begin(rewriting->builder);
	builder_interval(rewriting->builder, 0, node->children[cluster.first - 1]);
	for (i = cluster.first; i < cluster.end; i++)
		builder_interval(rewriting->builder, node->starts[i], node->children[i]);
	return builder_end(rewriting->builder, node->variable | VARIABLE_AGAIN);
}

/* A few starts that are far from all others would make the window of the tables as wide as the operand. So the
 * intervals that start near each other become a node of their own, below a node for the few. */
static diagram_ref split_cluster(struct rewriting *rewriting, diagram_ref ref, enum operand operand)
{
	struct diagram_node node;
	struct cluster cluster;
	diagram_ref within;
	uint32_t i;
	size_t count;
	u128 end;

	if (ref_is_terminal(ref) || operand_bits(operand) == 16)
		return ref;
	node = builder_nodes(rewriting->builder, &count)[ref];
	cluster = densest_cluster(&node, operand_bits(operand));
	if (cluster.end - cluster.first == node.count - 1 ||
	    cluster.end - cluster.first <= DENSE_MIN)
		return ref;
	within = cluster_node(rewriting, &node, cluster);
	builder_begin(rewriting->builder);
	for (i = 0; i < cluster.first && node.starts[i] < cluster.base; i++)
		builder_interval(rewriting->builder, node.starts[i], node.children[i]);
	builder_interval(rewriting->builder, cluster.base, within);
	end = cluster.base + ((u128)1 << cluster.bits);
	if (end >> operand_bits(operand) == 0 &&
	    (cluster.end == node.count || node.starts[cluster.end] > end))
		builder_interval(rewriting->builder, end, node.children[cluster.end - 1]);
	for (i = cluster.end; i < node.count; i++)
		builder_interval(rewriting->builder, node.starts[i], node.children[i]);
	return builder_end(rewriting->builder, node.variable);
}

/* Intervals [first, end) of a node: all of them, or those that share a value of the field's upper half. In the latter
 * case the first interval may start below that value; only its part from the value on counts. */
struct slice {
	const struct diagram_node *node;
	uint32_t first, end;
};

/* Makes a node for an operand. Where several intervals share a value of
 * this operand, a node for the next operand, below this node, tells them apart. */
static diagram_ref operand_slice(struct rewriting *rewriting, struct slice slice,
				 enum operand operand)
{
	const struct diagram_node *node = slice.node;
	const unsigned shift = operand_info(operand).shift;
	const u128 rest = ((u128)1 << shift) - 1;
	uint32_t k = slice.first + 1, end;

	builder_begin(rewriting->builder);
	/* The first interval of the slice, unless value 0 needs the next operand. */
	if (k == slice.end || (uint64_t)(node->starts[k] >> shift) != 0)
		builder_interval(rewriting->builder, 0,
				 operand_ref(rewriting, node->children[slice.first]));
	for (; k < slice.end; k = end) {
		uint64_t value = (uint64_t)(node->starts[k] >> shift);

		for (end = k + 1; end < slice.end; end++)
			if ((uint64_t)(node->starts[end] >> shift) != value)
				break;
		if (end - k > 1 || node->starts[k] & rest) {
			struct slice within = {node, node->starts[k] & rest ? k - 1 : k, end};

			builder_interval(rewriting->builder, value,
					 operand_slice(rewriting, within, operand + 1));
			/* The last interval goes on after this value, unless another one starts at the next value. */
			if (value == UINT64_MAX ||
			    (end < slice.end &&
			     (uint64_t)(node->starts[end] >> shift) == value + 1))
				continue;
			value++;
		}
		builder_interval(rewriting->builder, value,
				 operand_ref(rewriting, node->children[end - 1]));
	}
	return split_cluster(rewriting,
			     builder_end(rewriting->builder, rewriting->search << SEARCH_SHIFT |
								     operand << OPERAND_SHIFT),
			     operand);
}

static diagram_ref operand_node(struct rewriting *rewriting, const struct diagram_node *node)
{
	struct slice all = {node, 0, node->count};
	enum operand operand;

	operands_of(node->variable, rewriting->family, &operand);
	return operand_slice(rewriting, all, operand);
}

static diagram_ref operand_ref(struct rewriting *rewriting, diagram_ref ref)
{
	if (ref_is_terminal(ref))
		return builder_add_outcome(rewriting->builder,
					   rewriting->decision->outcomes[ref_index(ref)]);
	if (rewriting->done[ref] == REF_NONE)
		rewriting->done[ref] = operand_node(rewriting, &rewriting->decision->nodes[ref]);
	return rewriting->done[ref];
}

/* The search of a part for an order of fields, added if it is new. */
static uint32_t search_for(struct layout *layout, size_t part, const enum field *order)
{
	uint32_t i;

	for (i = 0; i < layout->search_count; i++)
		if (layout->searches[i].part == part &&
		    !memcmp(layout->searches[i].order, order, sizeof(layout->searches[i].order)))
			return i;
	layout->searches[i].part = part;
	memcpy(layout->searches[i].order, order, sizeof(layout->searches[i].order));
	layout->search_count++;
	return i;
}

/* Rewrites the diagram of a part for one flow class. Diagrams that another search has rewritten are not shared. */
static void rewrite(struct rewriting *rewriting, struct layout *layout, size_t part,
		    enum protocol protocol)
{
	const struct decision *decision = rewriting->decision;
	enum family family = rewriting->family;
	diagram_ref root = decision->parts[part].roots[family][protocol];

	if (!part || !ref_is_terminal(root))
		rewriting->search = search_for(layout, part,
					       decision->parts[part].orders[family][protocol]);
	_Static_assert(REF_NONE == UINT32_MAX, "all bits are set");
	memset(rewriting->done, 0xff, decision->node_count * sizeof(*rewriting->done));
	layout->roots[part][family][protocol] = operand_ref(rewriting, root);
}

struct builder *layout_operands(struct arena *arena, struct layout *layout,
				const struct decision *decision)
{
	struct builder *builder = builder_new(arena, decision->parts[0].orders[0][0], SIZE_MAX - 1);
	struct rewriting rewriting = {arena, decision, builder, FAMILY_IPV4, 0, NULL};
	enum protocol protocol;
	size_t part;

	rewriting.done = arena_alloc(arena, decision->node_count + 1, sizeof(*rewriting.done));
	for (part = 0; part < decision->part_count; part++)
		for (rewriting.family = 0; rewriting.family < FAMILY_COUNT; rewriting.family++)
			for (protocol = 0; protocol < PROTOCOL_COUNT; protocol++)
				rewrite(&rewriting, layout, part, protocol);
	return builder;
}
