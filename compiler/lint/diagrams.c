/* One diagram for each family and protocol, whose leaves say which rules are met and what would
 * happen without each. What stands in a leaf is reached; what would differ is needed. On the way
 * to the leaves a packet is put together, as a witness, from values that look like any where
 * they can. */
#include "lint.h"

#include "compiler/base/arena.h"
#include "compiler/decision/decision.h"
#include "marks.h"

/* What the way to a node says of the interface a packet came in by: it may be another one than
 * all, it is one of them, or no packet of a machine that has them all comes this way. */
enum way { WAY_OTHER, WAY_NAMED, WAY_IMPOSSIBLE, WAY_COUNT };

struct search {
	const struct builder *builder;
	const struct leaves *leaves;
	const struct knowledge *known;
	bool *seen; /* nodes, then leaves, for each way */
	size_t node_count;
	struct packet packet;
};

static void look_at_leaf(struct search *search, diagram_ref ref, enum way way)
{
	const struct marked *marked = leaves_at(search->leaves, ref);
	uint32_t i;

	for (i = 0; i < marked->count; i++) {
		uint32_t number = marked->marks[i].number;
		uint8_t *state = &search->known->states[number];

		*state |= RULE_REACHED;
		if (marked->marks[i].without != marked->outcome)
			*state |= RULE_NEEDED;
		if (way == WAY_IMPOSSIBLE || *state & RULE_WITNESS)
			continue;
		*state |= RULE_WITNESS;
		search->known->witnesses[number] = search->packet;
	}
}

static void search_from(struct search *search, diagram_ref ref, enum way way);

/* The example's own value is tried first. */
static void search_values(struct search *search, const struct diagram_node *node, enum way way)
{
	u128 *value = &search->packet.values[node->variable], example = *value;
	uint32_t i;

	search_from(search, node->children[diagram_interval(node, example)], way);
	for (i = 0; i < node->count; i++) {
		*value = node->starts[i];
		search_from(search, node->children[i], way);
	}
	*value = example;
}

static void search_interface(struct search *search, const struct diagram_node *node, enum way way)
{
	uint32_t before = search->packet.interface, i;

	for (i = node->count; i-- > 0;) {
		u128 end = i + 1 == node->count ? INTERFACE_VALUES : node->starts[i + 1];
		enum way on = way;

		if (node->starts[i] == INTERFACE_EQUALS) {
			on = way == WAY_OTHER ? WAY_NAMED : WAY_IMPOSSIBLE;
			search->packet.interface = node->variable - VARIABLE_INTERFACES;
		} else if (end <= INTERFACE_DIFFERS) {
			on = WAY_IMPOSSIBLE;
		}
		search_from(search, node->children[i], on);
		search->packet.interface = before;
	}
}

static void search_from(struct search *search, diagram_ref ref, enum way way)
{
	size_t place = ref_is_outcome(ref) ? search->node_count + ref_index(ref) : ref;
	bool *seen = &search->seen[place * WAY_COUNT + way];

	if (*seen)
		return;
	*seen = true;
	if (ref_is_outcome(ref))
		look_at_leaf(search, ref, way);
	else if (builder_node(search->builder, ref)->variable < VARIABLE_INTERFACES)
		search_values(search, builder_node(search->builder, ref), way);
	else
		search_interface(search, builder_node(search->builder, ref), way);
}

static bool is_asked_in(const struct subset *subset, const struct knowledge *known,
			enum family family, enum protocol protocol)
{
	uint32_t i;

	for (i = 0; i < subset->count; i++)
		if (known->states[subset->numbers[i]] & RULE_ASKED &&
		    subset->rules[i].match.families & 1u << family &&
		    subset->rules[i].match.protocols & 1u << protocol)
			return true;
	return false;
}

static void give_up(const struct subset *subset, const struct knowledge *known, unsigned context)
{
	uint32_t i;

	for (i = 0; i < subset->count; i++)
		if (known->states[subset->numbers[i]] & RULE_ASKED &&
		    rule_contexts(&subset->policy, &subset->rules[i]) & 1u << context)
			known->states[subset->numbers[i]] |= RULE_UNKNOWN;
}

static void search_diagram(const struct builder *builder, const struct leaves *leaves,
			   const struct knowledge *known, diagram_ref root, struct arena *arena,
			   struct packet example)
{
	struct search search = {
		.builder = builder, .leaves = leaves, .known = known, .packet = example};

	builder_nodes(builder, &search.node_count);
	search.seen = arena_alloc(arena, search.node_count + leaves_count(leaves), WAY_COUNT);
	search_from(&search, root, WAY_OTHER);
}

static void ask_diagram(struct lint *lint, const struct subset *subset,
			const struct knowledge *known, enum family family, enum protocol protocol)
{
	const enum field *order = lint->decision->orders[family][protocol];
	struct arena *arena = arena_new();
	struct builder *builder = builder_new(arena, order, lint->effort);
	struct leaves *leaves = leaves_new(arena, builder, subset, known->states);
	diagram_ref root = rules_to_diagram(arena, builder, &subset->policy, family, protocol);

	lint_spend(lint, builder_effort(builder));
	if (builder_is_exhausted(builder))
		give_up(subset, known, context_of(family, protocol));
	else
		search_diagram(builder, leaves, known, root, arena,
			       example_packet(family, protocol));
	arena_free(arena);
}

void lint_diagrams(struct lint *lint, const struct subset *subset, const struct knowledge *known)
{
	enum family family;
	enum protocol protocol;

	for (family = 0; family < FAMILY_COUNT; family++)
		for (protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
			if (protocol == PROTOCOL_UDP &&
			    protocols_are_alike(&subset->policy, family))
				continue;
			if (is_asked_in(subset, known, family, protocol))
				ask_diagram(lint, subset, known, family, protocol);
		}
}
