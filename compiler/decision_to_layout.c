/* Sees every field as words of 64 bits at most, and gives each node of the diagram its form: small diagrams are
 * compare code, whatever is larger goes to tables, with all that is below it. */
#include "pipeline.h"

#include "arena.h"
#include "budget.h"
#include "decision.h"
#include "decision_builder.h"
#include "diag.h"
#include "layout.h"
#include "layout_origins.h"
#include "layout_tables.h"
#include "policy.h"

#include <stdio.h>
#include <string.h>

/* A node of more intervals is a table, and so is what comes after this many intervals of code in all. */
enum { CODE_NODE_MAX = 32, CODE_TOTAL_MAX = 128, FORCED_CODE_MAX = 8192 };

enum { DEFAULT_TABLE_BYTES_MAX = 256 << 20 };

enum { WORD_BITS = 64 };

/* The words of one family's and one machine's part of a decision. */
struct wording {
	struct arena *arena;
	const struct decision *decision;
	struct builder *words;
	enum family family;
	uint32_t machine;
	decision_ref *done; /* of each node of the decision; REF_MATCH: not yet */
};

static decision_ref word_ref(struct wording *wording, decision_ref ref);

/* How many words a field has, and the key of the first. */
static unsigned field_words(enum field field, enum family family, enum key *first)
{
	switch (field) {
	case FIELD_DADDR:
		*first = family == FAMILY_IPV4 ? KEY_DADDR4 : KEY_DADDR6_HIGH;
		return family == FAMILY_IPV4 ? 1 : 2;
	case FIELD_SADDR:
		*first = family == FAMILY_IPV4 ? KEY_SADDR4 : KEY_SADDR6_HIGH;
		return family == FAMILY_IPV4 ? 1 : 2;
	case FIELD_DPORT:
		*first = KEY_DPORT;
		return 1;
	default:
		*first = KEY_SPORT;
		return 1;
	}
}

/* Intervals [first, end) of a node, within one value of the words before: the first begins at its start
 * whatever its own start is. */
struct slice {
	const struct decision_node *node;
	uint32_t first, end;
};

/* A node for the word at SHIFT bits (0: the last) of the field: where several intervals share a value
 * of this word, the next word tells them apart. */
static decision_ref word_slice(struct wording *wording, struct slice slice, enum key key,
			       unsigned shift)
{
	const struct decision_node *node = slice.node;
	const u128 rest = ((u128)1 << shift) - 1;
	uint32_t k = slice.first + 1, end;

	builder_begin(wording->words);
	/* What begins the slice, unless the first value already needs the next word. */
	if (k == slice.end || (uint64_t)(node->starts[k] >> shift) != 0)
		builder_interval(wording->words, 0, word_ref(wording, node->children[slice.first]));
	for (; k < slice.end; k = end) {
		uint64_t value = (uint64_t)(node->starts[k] >> shift);

		for (end = k + 1; end < slice.end; end++)
			if ((uint64_t)(node->starts[end] >> shift) != value)
				break;
		if (end - k > 1 || node->starts[k] & rest) {
			struct slice within = {node, node->starts[k] & rest ? k - 1 : k, end};

			builder_interval(wording->words, value,
					 word_slice(wording, within, key + 1, shift - WORD_BITS));
			/* What comes next may begin with the next value. */
			if (value == UINT64_MAX ||
			    (end < slice.end &&
			     (uint64_t)(node->starts[end] >> shift) == value + 1))
				continue;
			value++;
		}
		builder_interval(wording->words, value, word_ref(wording, node->children[end - 1]));
	}
	return builder_end(wording->words, wording->machine << MACHINE_SHIFT | key);
}

static decision_ref word_node(struct wording *wording, const struct decision_node *node)
{
	struct slice all = {node, 0, node->count};
	uint32_t variable = node->variable;
	unsigned words;
	enum key key;
	uint32_t i;

	if (variable < VARIABLE_INTERFACES) {
		words = field_words(variable, wording->family, &key);
		return word_slice(wording, all, key, WORD_BITS * (words - 1));
	}
	variable = KEY_INTERFACE + variable - VARIABLE_INTERFACES;
	builder_begin(wording->words);
	for (i = 0; i < node->count; i++)
		builder_interval(wording->words, node->starts[i],
				 word_ref(wording, node->children[i]));
	return builder_end(wording->words, wording->machine << MACHINE_SHIFT | variable);
}

static decision_ref word_ref(struct wording *wording, decision_ref ref)
{
	const struct decision_outcome *outcome;

	if (ref_is_outcome(ref)) {
		outcome = &wording->decision->outcomes[ref_index(ref)];
		return builder_outcome_of(wording->words, outcome->steps, outcome->step_count,
					  outcome->end);
	}
	if (wording->done[ref] == REF_MATCH)
		wording->done[ref] = word_node(wording, &wording->decision->nodes[ref]);
	return wording->done[ref];
}

/* The machine for an order of fields, added if it is new. */
static uint32_t machine_for(struct layout *layout, const enum field *order)
{
	uint32_t i;

	for (i = 0; i < layout->machine_count; i++)
		if (!memcmp(layout->machines[i].order, order, sizeof(layout->machines[i].order)))
			return i;
	memcpy(layout->machines[i].order, order, sizeof(layout->machines[i].order));
	layout->machine_count++;
	return i;
}

static struct builder *to_words(struct arena *arena, struct layout *layout,
				const struct decision *decision)
{
	struct builder *words = builder_new(arena, decision->orders[0][0], SIZE_MAX - 1);
	struct wording wording = {arena, decision, words, FAMILY_IPV4, 0, NULL};
	enum protocol protocol;
	size_t i;

	for (; wording.family < FAMILY_COUNT; wording.family++)
		for (protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
			wording.machine = machine_for(layout,
						      decision->orders[wording.family][protocol]);
			wording.done = arena_alloc(arena, decision->node_count,
						   sizeof(*wording.done));
			for (i = 0; i < decision->node_count; i++)
				wording.done[i] = REF_MATCH;
			layout->roots[wording.family][protocol] = word_ref(
				&wording, decision->roots[wording.family][protocol]);
		}
	return words;
}

static void mark_table(const struct layout *layout, uint8_t *forms, decision_ref ref)
{
	const struct decision_node *node;
	uint32_t i;

	if (ref_is_outcome(ref) || forms[ref] == FORM_TABLE)
		return;
	forms[ref] = FORM_TABLE;
	node = &layout->nodes[ref];
	for (i = 0; i < node->count; i++)
		mark_table(layout, forms, node->children[i]);
}

struct choice {
	struct layout *layout;
	uint8_t *forms;
	decision_ref *queue;
	size_t queued;
	size_t node_max, total_max; /* intervals of a node, and of all nodes in code */
};

static void choose_form(struct choice *choice, decision_ref ref)
{
	if (ref_is_outcome(ref) || choice->forms[ref] != FORM_UNUSED)
		return;
	if (choice->layout->nodes[ref].count > choice->node_max ||
	    choice->layout->code_intervals + choice->layout->nodes[ref].count > choice->total_max) {
		mark_table(choice->layout, choice->forms, ref);
		return;
	}
	choice->forms[ref] = FORM_CODE;
	choice->layout->code_intervals += choice->layout->nodes[ref].count;
	choice->queue[choice->queued++] = ref;
}

/* Nodes near the roots are code as long as that is small. */
static void choose_forms(struct arena *arena, struct layout *layout, enum table_kind tables)
{
	struct choice choice = {layout,
				arena_alloc(arena, layout->node_count + 1, sizeof(uint8_t)),
				arena_alloc(arena, layout->node_count + 1, sizeof(decision_ref)),
				0,
				CODE_NODE_MAX,
				CODE_TOTAL_MAX};
	const struct decision_node *node;
	unsigned context;
	size_t next;
	uint32_t i;

	if (tables == TABLES_CODE)
		choice.node_max = choice.total_max = FORCED_CODE_MAX;
	else if (tables != TABLES_AUTO)
		choice.node_max = 0;
	for (context = 0; context < FAMILY_COUNT * PROTOCOL_COUNT; context++)
		choose_form(&choice, layout->roots[context / 2][context % 2]);
	for (next = 0; next < choice.queued; next++) {
		node = &layout->nodes[choice.queue[next]];
		for (i = 0; i < node->count; i++)
			choose_form(&choice, node->children[i]);
	}
	layout->forms = choice.forms;
}

static bool has_tables(const struct layout *layout)
{
	size_t i;

	for (i = 0; i < layout->node_count; i++)
		if (layout->forms[i] == FORM_TABLE)
			return true;
	return false;
}

/* Marks, for each label, the places where REF may attempt it. */
static void mark_places(const struct layout *layout, const struct decision_outcome *outcomes,
			uint8_t *places, uint8_t *seen, decision_ref ref, uint8_t place)
{
	const struct decision_outcome *outcome;
	const struct decision_node *node;
	size_t i;

	if (ref_is_outcome(ref)) {
		outcome = &outcomes[ref_index(ref)];
		for (i = 0; i < outcome->step_count; i++)
			if (outcome->steps[i].kind == STEP_ATTEMPT)
				places[outcome->steps[i].index] |= place;
		return;
	}
	if (seen[ref] & place)
		return;
	seen[ref] |= place;
	node = &layout->nodes[ref];
	for (i = 0; i < node->count; i++)
		mark_places(layout, outcomes, places, seen, node->children[i], place);
}

static const uint8_t *label_places(struct arena *arena, const struct layout *layout,
				   const struct decision_outcome *outcomes)
{
	uint8_t *places = arena_alloc(arena, layout->object.label_count + 1, sizeof(*places));
	uint8_t *seen = arena_alloc(arena, layout->node_count + 1, sizeof(*seen));
	unsigned context;

	for (context = 0; context < FAMILY_COUNT * PROTOCOL_COUNT; context++)
		mark_places(layout, outcomes, places, seen, layout->roots[context / 2][context % 2],
			    (uint8_t)(1u << context));
	return places;
}

/* The family whose decision is the larger has the rules that count. */
static void report_tables(const struct layout *layout, size_t bytes_max, struct diag *diag)
{
	size_t intervals[FAMILY_COUNT] = {0};
	char limit[120];
	size_t i;

	if (!layout->object.table_bytes) {
		diag_error(diag, layout->policy->interfaces[0].span,
			   "too many interfaces are told apart for one packet: the tables would "
			   "take more "
			   "than %d steps",
			   TAGS_MAX);
		return;
	}
	for (i = 0; i < layout->node_count; i++) {
		enum key key = variable_key(layout->nodes[i].variable);

		intervals[key == KEY_DADDR6_HIGH || key == KEY_DADDR6_LOW ||
			  key == KEY_SADDR6_HIGH || key == KEY_SADDR6_LOW] +=
			layout->nodes[i].count;
	}
	snprintf(limit, sizeof(limit), "fits into the budget of %zu bytes (%zu are needed)",
		 bytes_max, layout->object.table_bytes);
	budget_report(layout->policy, intervals[FAMILY_IPV6] > intervals[FAMILY_IPV4], limit, diag);
}

static bool check_labels(const struct policy *policy, struct diag *diag)
{
	const size_t most = ABI_SLOT_CAPACITY / ABI_PLACES;

	if (policy->label_count <= most)
		return true;
	diag_error(diag, policy->labels[most].span, "more than %zu labels: each has %d of %d slots",
		   most, ABI_PLACES, ABI_SLOT_CAPACITY);
	return false;
}

struct layout *decision_to_layout(struct arena *arena, const struct decision *decision,
				  const struct policy *policy, struct diag *diag,
				  const struct compile_options *options)
{
	struct layout *layout = arena_alloc(arena, 1, sizeof(*layout));
	size_t bytes_max = options->table_bytes_max ? options->table_bytes_max
						    : DEFAULT_TABLE_BYTES_MAX;
	const struct decision_outcome *outcomes;
	struct builder *words;
	size_t outcome_count;

	if (!check_labels(policy, diag))
		return NULL;
	layout->policy = policy;
	layout->override_others = policy->override_others;
	layout->tries_spares = policy->socket_count > 0;
	layout->object.label_count = policy->label_count;
	layout->object.interface_count = policy->interface_count;
	layout->object.counter_count = policy->counter_count;
	words = to_words(arena, layout, decision);
	layout->nodes = builder_nodes(words, &layout->node_count);
	outcomes = builder_outcomes(words, &outcome_count);
	choose_forms(arena, layout, options->tables);
	layout_origins(arena, layout);
	if (options->tables == TABLES_CODE && has_tables(layout)) {
		diag_error(diag, (struct span){0, 0},
			   "the decision is too large for code alone: more than %d intervals",
			   FORCED_CODE_MAX);
		return NULL;
	}
	layout->object.label_places = label_places(arena, layout, outcomes);
	if (!layout_tables(arena, layout, options->tables, outcomes, outcome_count, bytes_max)) {
		report_tables(layout, bytes_max, diag);
		return NULL;
	}
	return layout;
}
