/* Builds a diagram for each flow class. Its terminals say which rules match on the way and what would
 * happen without each. A rule in a terminal is reached; it is needed if the outcome without it differs.
 * The path to a terminal gives a witness: a packet with the values of the example packet where the path
 * allows them. */
#include "lint.h"

#include "compiler/base/arena.h"
#include "compiler/decision/decision.h"
#include "marks.h"

struct visit {
	const struct terminals *terminals;
	const struct knowledge *known;
	bool *seen; /* each terminal: by a packet whose interface is not known, and by others */
};

/* Takes down what a terminal says of the rules on the way to it. */
static bool arrive(void *argument, const struct packet *packet, diagram_ref ref)
{
	const struct visit *visit = argument;
	const struct marked *marked;
	bool known = packet->values[FIELD_IIFNAME] != CLASS_NOT_KNOWN;
	bool *seen = &visit->seen[(size_t)ref_index(ref) * 2 + known];
	uint32_t j;

	if (*seen)
		return true;
	*seen = true;
	marked = terminals_at(visit->terminals, ref);
	for (j = 0; j < marked->count; j++) {
		uint32_t number = marked->marks[j].number;
		uint8_t *state = &visit->known->states[number];

		*state |= RULE_REACHED;
		if (marked->marks[j].without != marked->outcome)
			*state |= RULE_NEEDED;
		if (!known || *state & RULE_WITNESS)
			continue;
		*state |= RULE_WITNESS;
		visit->known->witnesses[number] = *packet;
	}
	return true;
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
			  struct packet packet)
{
	struct visit visit = {terminals, known,
			      arena_alloc(arena, terminals_count(terminals), 2 * sizeof(bool))};
	struct diagram_walk walk = {.arrive = arrive, .argument = &visit, .packet = packet};

	walk.nodes = builder_nodes(builder, &walk.node_count);
	diagram_walk(&walk, root);
}

static void ask_diagram(struct lint *lint, const struct subset *subset,
			const struct knowledge *known, enum family family, enum protocol protocol)
{
	const enum field *order = lint->decision->parts[0].orders[family][protocol];
	struct arena *arena = arena_new();
	struct builder *builder = builder_new(arena, order, lint->effort);
	struct terminals *terminals = terminals_new(arena, builder, subset, known->states);
	diagram_ref root = rules_to_diagram(arena, builder, &subset->policy, family, protocol);

	lint_spend(lint, builder_effort(builder));
	if (builder_is_exhausted(builder))
		give_up(subset, known, flow_class_of(family, protocol));
	else
		visit_diagram(builder, terminals, known, root, arena,
			      example_packet(&subset->policy, family, protocol));
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
