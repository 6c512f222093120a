/* Prints a decision: for each family, the roots, then every node once, parents first, with a line
 * for each interval. */
#include "compiler/pipeline.h"

#include "compiler/base/arena.h"
#include "decision.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct dump {
	const struct decision *decision;
	FILE *out;
	struct arena *arena;
	uint32_t *numbers; /* the number that each node is printed with; 0: not met yet */
	uint32_t *queue;   /* of nodes to print */
	size_t queue_count;
	uint32_t printed;
	const struct decision_part *part; /* being printed */
	enum family family; /* being printed; nodes that both families share are printed for each */
};

/* Prints the number of an action or an end, unless it is that of the action before. */
static void dump_number(struct dump *dump, const struct diagram_outcome *outcome, size_t index)
{
	if (outcome->numbers && (!index || outcome->numbers[index] != outcome->numbers[index - 1]))
		fprintf(dump->out, "at %" PRIu32 ": ", outcome->numbers[index]);
}

static void dump_outcome(struct dump *dump, const struct diagram_outcome *outcome)
{
	const struct policy *policy = dump->decision->policy;
	size_t i;

	for (i = 0; i < outcome->action_count; i++) {
		const struct action *action = &outcome->actions[i];

		dump_number(dump, outcome, i);
		if (action->kind == ACTION_COUNT)
			fprintf(dump->out, "count %" PRIu32 ", ", action->index);
		else
			fprintf(dump->out, "redirect to %s%s, else ",
				policy->labels[action->index].name,
				action->no_reuseport ? " no-reuseport" : "");
	}
	if (outcome->end == OUTCOME_NEXT) {
		fputs(outcome->action_count ? "open" : "nothing", dump->out);
		return;
	}
	dump_number(dump, outcome, i);
	fprintf(dump->out, "%s",
		verdict_word(outcome->end == OUTCOME_PASS ? VERDICT_PASS : VERDICT_DROP));
}

static void dump_ref(struct dump *dump, diagram_ref ref)
{
	if (ref_is_terminal(ref)) {
		dump_outcome(dump, &dump->decision->outcomes[ref_index(ref)]);
		return;
	}
	if (!dump->numbers[ref]) {
		dump->queue[dump->queue_count++] = ref;
		dump->numbers[ref] = dump->printed + (uint32_t)dump->queue_count;
	}
	fprintf(dump->out, "node %" PRIu32, dump->numbers[ref]);
}

static void dump_interval(struct dump *dump, const struct diagram_node *node, size_t i)
{
	char text[RANGE_TEXT];
	struct range range = {node->starts[i], field_last(node->variable, dump->family)};

	if (i + 1 < node->count)
		range.last = node->starts[i + 1] - 1;
	if (field_type(node->variable) == TYPE_INTERFACE) {
		fprintf(dump->out, "\t%-40s ",
			class_range_text(dump->arena, dump->decision->policy, range));
		return;
	}
	field_range_format(node->variable, dump->family, range, text);
	fprintf(dump->out, "\t%-40s ", text);
}

static void dump_node(struct dump *dump, uint32_t index)
{
	const struct diagram_node *node = &dump->decision->nodes[index];
	size_t i;

	fprintf(dump->out, "node %" PRIu32 ": %s\n", dump->numbers[index],
		field_word(node->variable));
	for (i = 0; i < node->count; i++) {
		dump_interval(dump, node, i);
		dump_ref(dump, node->children[i]);
		fputc('\n', dump->out);
	}
}

static void dump_family(struct dump *dump)
{
	enum protocol protocol;
	size_t next;

	for (protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
		fprintf(dump->out, "%s %s: ", family_word(dump->family), protocol_word(protocol));
		dump_ref(dump, dump->part->roots[dump->family][protocol]);
		fputc('\n', dump->out);
	}
	for (next = 0; next < dump->queue_count; next++)
		dump_node(dump, dump->queue[next]);
}

static void dump_part(struct dump *dump, size_t part)
{
	const struct decision *decision = dump->decision;

	dump->part = &decision->parts[part];
	if (decision->part_count > 1)
		fprintf(dump->out, "%spart %zu of %zu\n", part ? "\n" : "", part + 1,
			decision->part_count);
	for (dump->family = 0; dump->family < FAMILY_COUNT; dump->family++) {
		dump_family(dump);
		dump->printed += (uint32_t)dump->queue_count;
		dump->queue_count = 0;
		memset(dump->numbers, 0, (decision->node_count + 1) * sizeof(uint32_t));
	}
}

void decision_dump(const struct decision *decision, FILE *out)
{
	size_t count = decision->node_count + 1;
	struct dump dump = {.decision = decision,
			    .out = out,
			    .arena = arena_new(),
			    .numbers = calloc(count, sizeof(uint32_t)),
			    .queue = calloc(count, sizeof(uint32_t))};
	size_t part;

	for (part = 0; dump.numbers && dump.queue && part < decision->part_count; part++)
		dump_part(&dump, part);
	free(dump.numbers);
	free(dump.queue);
	arena_free(dump.arena);
}
