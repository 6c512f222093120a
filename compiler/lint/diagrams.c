/* Builds a diagram for each flow class. Its terminals say which rules match on the way and what would
 * happen without each. A rule in a terminal is reached; it is needed if the outcome without it differs.
 * The path to a terminal gives a witness: a packet with the values of the example packet where the path
 * allows them. */
#include "lint.h"

#include "compiler/base/arena.h"
#include "compiler/decision/decision.h"
#include "marks.h"

/* Which packets take the path to a node. */
enum way {
	WAY_SHOWN,   /* some that are an example */
	WAY_UNKNOWN, /* only those whose interface is not known */
	WAY_COUNT
};

struct visit {
	const struct builder *builder;
	const struct terminals *terminals;
	const struct knowledge *known;
	bool *seen; /* for each node, then for each terminal: one for each way */
	size_t node_count;
	struct packet packet; /* one that takes the path, unless its interface is not known */
};

static void visit_terminal(struct visit *visit, diagram_ref ref, enum way way)
{
	const struct marked *marked = terminals_at(visit->terminals, ref);
	uint32_t i;

	for (i = 0; i < marked->count; i++) {
		uint32_t number = marked->marks[i].number;
		uint8_t *state = &visit->known->states[number];

		*state |= RULE_REACHED;
		if (marked->marks[i].without != marked->outcome)
			*state |= RULE_NEEDED;
		if (way == WAY_UNKNOWN || *state & RULE_WITNESS)
			continue;
		*state |= RULE_WITNESS;
		visit->known->witnesses[number] = visit->packet;
	}
}

static void visit_ref(struct visit *visit, diagram_ref ref, enum way way);

/* Visits the child for the example's own value first. */
static void visit_values(struct visit *visit, const struct diagram_node *node, enum way way)
{
	u128 *value = &visit->packet.values[node->variable], example = *value;
	uint32_t i;

	visit_ref(visit, node->children[diagram_interval(node, example)], way);
	for (i = 0; i < node->count; i++) {
		*value = node->starts[i];
		visit_ref(visit, node->children[i], way);
	}
	*value = example;
}

/* The same for the interface: of an interval that begins with the class that is not known, another class is the
 * example, if there is one. */
static void visit_interface(struct visit *visit, const struct diagram_node *node, enum way way)
{
	u128 *class = &visit->packet.values[FIELD_IIFNAME], example = *class;
	uint32_t i;

	visit_ref(visit, node->children[diagram_interval(node, example)], way);
	for (i = 0; i < node->count; i++) {
		bool is_unknown = node->starts[i] == CLASS_NOT_KNOWN;

		*class = is_unknown ? CLASS_FIRST : node->starts[i];
		visit_ref(visit, node->children[i],
			  is_unknown && node->starts[1] == CLASS_FIRST ? WAY_UNKNOWN : way);
	}
	*class = example;
}

static void visit_ref(struct visit *visit, diagram_ref ref, enum way way)
{
	size_t index = ref_is_terminal(ref) ? visit->node_count + ref_index(ref) : ref;
	bool *seen = &visit->seen[index * WAY_COUNT + way];

	if (*seen)
		return;
	*seen = true;
	if (ref_is_terminal(ref))
		visit_terminal(visit, ref, way);
	else if (builder_node(visit->builder, ref)->variable == FIELD_IIFNAME)
		visit_interface(visit, builder_node(visit->builder, ref), way);
	else
		visit_values(visit, builder_node(visit->builder, ref), way);
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

/* Makes the rules UNKNOWN that the diagram of a flow class was to tell of. */
static void give_up(const struct subset *subset, const struct knowledge *known, unsigned flow_class)
{
	uint32_t i;

	for (i = 0; i < subset->count; i++)
		if (known->states[subset->numbers[i]] & RULE_ASKED &&
		    rule_flow_classes(&subset->policy, &subset->rules[i]) & 1u << flow_class)
			known->states[subset->numbers[i]] |= RULE_UNKNOWN;
}

static void visit_diagram(const struct builder *builder, const struct terminals *terminals,
			  const struct knowledge *known, diagram_ref root, struct arena *arena,
			  struct packet example)
{
	struct visit visit = {
		.builder = builder, .terminals = terminals, .known = known, .packet = example};

	builder_nodes(builder, &visit.node_count);
	visit.seen = arena_alloc(arena, visit.node_count + terminals_count(terminals), WAY_COUNT);
	visit_ref(&visit, root, WAY_SHOWN);
}

static void ask_diagram(struct lint *lint, const struct subset *subset,
			const struct knowledge *known, enum family family, enum protocol protocol)
{
	const enum field *order = lint->decision->orders[family][protocol];
	struct arena *arena = arena_new();
	struct builder *builder = builder_new(arena, order, lint->effort);
	struct terminals *terminals = terminals_new(arena, builder, subset, known->states);
	diagram_ref root = rules_to_diagram(arena, builder, &subset->policy, family, protocol);

	lint_spend(lint, builder_effort(builder));
	if (builder_is_exhausted(builder))
		give_up(subset, known, flow_class_of(family, protocol));
	else
		visit_diagram(builder, terminals, known, root, arena,
			      example_packet(lint->policy, family, protocol));
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
