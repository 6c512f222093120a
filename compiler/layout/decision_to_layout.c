/* Rewrites the decision as a diagram over operands, chooses how each of its nodes is stored, writes the tables, and
 * refuses what does not fit. */
#include "compiler/pipeline.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/diagram/diagram.h"
#include "compiler/policy/policy.h"
#include "forms.h"
#include "layout.h"
#include "operands.h"
#include "origins.h"
#include "table_format.h"
#include "write.h"

#include <stdio.h>
#include <string.h>

/* A decision of at most this number of intervals may be code alone, where its tables would need too many
 * instructions. */
enum { CODE_INSTEAD_MAX = 1024 };

enum { DEFAULT_TABLE_BYTES_MAX = 256 << 20, DEFAULT_INSTRUCTIONS_MAX = 1350 };

/* The largest budget for tables that a user can ask for. Beyond it the verifier says: "direct value offset of 536870912
 * is not allowed". */
enum { TABLE_BYTES_MOST = 512 << 20 };

/* The most elements of one step that a reference can tell apart. A step has at most one element for each node, or
 * its elements have at least eight bytes each, so that TABLE_BYTES_MOST is a limit for them. */
enum { NODES_MOST = INDEX_MASK + 1 };
_Static_assert(TABLE_BYTES_MOST / 8 <= NODES_MOST, "an index of an element may not fit");

static bool has_tables(const struct layout *layout)
{
	size_t i;

	for (i = 0; i < layout->node_count; i++)
		if (layout->forms[i] == FORM_TABLE)
			return true;
	return false;
}

/* The family with more intervals of addresses in the decision. */
static enum family larger_family(const struct layout *layout)
{
	size_t intervals[FAMILY_COUNT] = {0};
	size_t i;

	for (i = 0; i < layout->node_count; i++) {
		enum operand operand = variable_operand(layout->nodes[i].variable);

		if (operand_bits(operand) > 16)
			intervals[operand_bits(operand) == 64] += layout->nodes[i].count;
	}
	return intervals[FAMILY_IPV6] > intervals[FAMILY_IPV4] ? FAMILY_IPV6 : FAMILY_IPV4;
}

static void report_budget(const struct layout *layout, const char *limit, struct diag *diag)
{
	report_decision_too_large(layout->policy, larger_family(layout), limit, diag);
}

/* Reports that a search needs more steps than there are tags. */
static void report_steps(const struct layout *layout, struct diag *diag)
{
	char limit[120];

	snprintf(limit, sizeof(limit), "a search of %d steps can tell apart", TAGS_MAX);
	report_budget(layout, limit, diag);
}

static void report_tables(const struct layout *layout, size_t bytes_max, struct diag *diag)
{
	char limit[120];

	snprintf(limit, sizeof(limit), "fits into the budget of %zu bytes (%zu are needed)",
		 bytes_max, layout->object.table_bytes);
	report_budget(layout, limit, diag);
	if (layout->object.table_bytes <= TABLE_BYTES_MOST)
		diag_note(diag, (struct span){0, 0}, "'--tables-max' sets another budget");
}

static size_t table_bytes_max(const struct compile_options *options)
{
	size_t most = options->table_bytes_max ? options->table_bytes_max : DEFAULT_TABLE_BYTES_MAX;

	return most < TABLE_BYTES_MOST ? most : TABLE_BYTES_MOST;
}

/* How many instructions the verifier may have to walk, without the nodes in code. With --tables there is no default
 * limit, since the user has chosen. */
static size_t instructions_max(const struct compile_options *options)
{
	if (options->instructions_max)
		return (size_t)options->instructions_max;
	return options->tables == TABLES_AUTO ? DEFAULT_INSTRUCTIONS_MAX : SIZE_MAX;
}

/* What all attempts to make a layout of one decision share. */
struct laying {
	struct arena *arena;
	struct layout plan; /* what does not depend on how nodes are stored */
	const struct diagram_outcome *outcomes;
	size_t outcome_count;
	const struct compile_options *options;
	struct diag *diag;
};

/* Writes the tables, or reports why they do not fit. */
static bool make_tables(const struct laying *laying, struct layout *layout, enum table_kind tables)
{
	size_t bytes_max = table_bytes_max(laying->options);
	char limit[120];

	if (layout->node_count > NODES_MOST) {
		snprintf(limit, sizeof(limit), "%d nodes can have", NODES_MOST);
		report_budget(layout, limit, laying->diag);
		return false;
	}
	if (write_tables(laying->arena, layout, tables, laying->outcomes, laying->outcome_count,
			 bytes_max))
		return true;
	if (layout->object.table_bytes)
		report_tables(layout, bytes_max, laying->diag);
	else
		report_steps(layout, laying->diag);
	return false;
}

/* Makes a layout for one value of --tables; NULL after reporting why it does not fit. */
static struct layout *lay(const struct laying *laying, enum table_kind tables)
{
	struct layout *layout = arena_alloc(laying->arena, 1, sizeof(*layout));

	*layout = laying->plan;
	layout_forms(laying->arena, layout, tables);
	layout_origins(laying->arena, layout);
	if (tables == TABLES_CODE && has_tables(layout)) {
		diag_error(laying->diag, (struct span){0, 0},
			   "the decision is too large for code alone: more than %d intervals",
			   FORCED_CODE_MAX);
		diag_note(laying->diag, (struct span){0, 0},
			  "without '--tables code', the rest of it is in tables");
		return NULL;
	}
	return make_tables(laying, layout, tables) ? layout : NULL;
}

static size_t count_intervals(const struct layout *layout)
{
	size_t count = 0, i;

	for (i = 0; i < layout->node_count; i++)
		count += layout->nodes[i].count;
	return count;
}

/* Makes a layout without tables, for a small decision whose tables need too many instructions, NEEDED. The verifier
 * walks code only once. NULL if the decision is too large for that. */
static struct layout *lay_as_code(const struct laying *laying, size_t needed)
{
	struct layout *layout;

	if (laying->options->tables != TABLES_AUTO ||
	    count_intervals(&laying->plan) > CODE_INSTEAD_MAX)
		return NULL;
	layout = lay(laying, TABLES_CODE);
	if (!layout || layout_verified_instructions(layout) > instructions_max(laying->options))
		return NULL;
	layout->instructions_saved = needed;
	return layout;
}

static bool asks_interface(const struct layout *layout)
{
	size_t i;

	for (i = 0; i < layout->node_count; i++)
		if (variable_operand(layout->nodes[i].variable) == OPERAND_IIFNAME)
			return true;
	return false;
}

struct layout *decision_to_layout(struct arena *arena, const struct decision *decision,
				  const struct policy *policy, struct diag *diag,
				  const struct compile_options *options)
{
	struct laying laying = {.arena = arena, .options = options, .diag = diag};
	struct layout *layout, *code;
	struct builder *builder;
	size_t needed;

	laying.plan.policy = policy;
	laying.plan.part_count = decision->part_count;
	laying.plan.override_others = policy->override_others;
	laying.plan.object.tables_option = options->tables;
	laying.plan.object.parts_option = options->parts;
	laying.plan.object.backend = options->backend;
	laying.plan.object.backend_version = options->backend_version;
	laying.plan.object.tables_max = options->table_bytes_max;
	laying.plan.object.tables_frozen = options->freeze_tables;
	laying.plan.object.instructions_max = options->instructions_max;
	laying.plan.object.label_count = policy->label_count;
	laying.plan.object.counter_count = policy->counter_count;
	laying.plan.object.label_flow_classes = decision_attempts(arena, decision);
	builder = layout_operands(arena, &laying.plan, decision);
	laying.plan.nodes = builder_nodes(builder, &laying.plan.node_count);
	laying.plan.object.asks_interface = asks_interface(&laying.plan);
	laying.outcomes = builder_outcomes(builder, &laying.outcome_count);
	layout = lay(&laying, options->tables);
	if (!layout)
		return NULL;
	needed = layout_verified_instructions(layout);
	if (needed <= instructions_max(options))
		return layout;
	code = lay_as_code(&laying, needed);
	if (!code)
		report_program_too_large(policy, larger_family(layout), needed,
					 instructions_max(options), diag);
	return code;
}
