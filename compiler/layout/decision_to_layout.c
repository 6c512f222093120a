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

/* A decision of at most CODE_INSTEAD_MAX intervals is code alone where its tables would take more than
 * TABLES_WITHOUT_CODE_MAX instructions, or than the budget that the user has set. */
enum { CODE_INSTEAD_MAX = 1024, TABLES_WITHOUT_CODE_MAX = 1350 };

/* The budgets, unless the user sets others. Linux 6.18 was seen to take LOAD_NS to verify and translate an
 * instruction that it walks, so a program within the default loads in 10 ms. */
enum { DEFAULT_TABLE_BYTES_MAX = 256 << 20, DEFAULT_INSTRUCTIONS_MAX = 9000, LOAD_NS = 1100 };

/* How many instructions the verifier walks for each interval of a node in code, in halves. */
enum { CODE_INTERVAL_HALVES = 5 };

/* The largest budget for tables that a user can ask for. Beyond it the verifier says: "direct value offset of 536870912
 * is not allowed". */
enum { TABLE_BYTES_MOST = 512 << 20 };

/* The most elements of one step that a reference can tell apart. A step has at most one element for each node, or
 * its elements have at least eight bytes each, so that TABLE_BYTES_MOST is a limit for them. */
enum { NODES_MOST = INDEX_MASK + 1 };
_Static_assert(TABLE_BYTES_MOST / 8 <= NODES_MOST, "an index of an element may not fit");

/* What all attempts to make a layout of one decision share. */
struct laying {
	struct arena *arena;
	struct layout plan; /* what does not depend on how nodes are stored */
	const struct diagram_outcome *outcomes;
	size_t outcome_count;
	const struct compile_options *options;
	struct diag *diag;
};

/* A layout for one value of --tables, and why it does not fit. */
enum misfit {
	FITS,
	TOO_LARGE_FOR_CODE,
	TOO_MANY_NODES,
	TOO_MANY_STEPS,
	TOO_MANY_BYTES,
	TOO_MANY_INSTRUCTIONS
};

struct attempt {
	enum table_kind tables;
	enum misfit misfit;
	struct layout *layout;
	size_t instructions; /* if it fits, or there are too many */
};

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

static enum misfit misfit_of(const struct laying *laying, const struct attempt *attempt)
{
	struct layout *layout = attempt->layout;

	if (attempt->tables == TABLES_CODE && has_tables(layout))
		return TOO_LARGE_FOR_CODE;
	if (layout->node_count > NODES_MOST)
		return TOO_MANY_NODES;
	if (write_tables(laying->arena, layout, attempt->tables, laying->outcomes,
			 laying->outcome_count, table_bytes_max(laying->options)))
		return FITS;
	return layout_bytes(&layout->object) ? TOO_MANY_BYTES : TOO_MANY_STEPS;
}

/* Makes a layout for one value of --tables. */
static struct attempt lay(const struct laying *laying, enum table_kind tables)
{
	struct layout *layout = arena_alloc(laying->arena, 1, sizeof(*layout));
	struct attempt attempt = {tables, FITS, layout, 0};

	*layout = laying->plan;
	layout_forms(laying->arena, layout, tables);
	layout_origins(laying->arena, layout);
	attempt.misfit = misfit_of(laying, &attempt);
	if (attempt.misfit != FITS)
		return attempt;
	attempt.instructions = layout_verified_instructions(layout);
	if (attempt.instructions > instructions_max(laying->options))
		attempt.misfit = TOO_MANY_INSTRUCTIONS;
	return attempt;
}

static size_t count_intervals(const struct layout *layout)
{
	size_t count = 0, i;

	for (i = 0; i < layout->node_count; i++)
		count += layout->nodes[i].count;
	return count;
}

/* Whether a small decision may be better in code alone, since its tables need many instructions. The verifier walks
 * code only once. */
static bool is_for_code(const struct laying *laying, const struct attempt *first)
{
	size_t most = laying->options->instructions_max ? instructions_max(laying->options)
							: TABLES_WITHOUT_CODE_MAX;

	return first->instructions > most && count_intervals(&laying->plan) <= CODE_INSTEAD_MAX;
}

/* Whether an attempt is refused for the same reason as another, and by less. */
static bool is_nearer(const struct attempt *attempt, const struct attempt *other)
{
	if (attempt->misfit != other->misfit)
		return false;
	if (attempt->misfit == TOO_MANY_BYTES)
		return layout_bytes(&attempt->layout->object) <
		       layout_bytes(&other->layout->object);
	return attempt->instructions < other->instructions;
}

/* Tries kinds of tables that take fewer instructions or bytes than those that would be faster, the fastest of them
 * first. Gives the first one that fits; else the one that is the nearest to what refused the first attempt. */
static struct attempt lay_cheaper(const struct laying *laying, const struct attempt *first)
{
	static const enum table_kind kinds[] = {TABLES_TRIE, TABLES_SPLUS, TABLES_LPM};
	struct attempt best = *first, attempt;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		attempt = lay(laying, kinds[i]);
		if (attempt.misfit == FITS) {
			attempt.layout->instructions_saved = first->instructions;
			attempt.layout->bytes_saved = layout_bytes(&first->layout->object);
			return attempt;
		}
		if (is_nearer(&attempt, &best))
			best = attempt;
	}
	return best;
}

static void report_budget(const struct layout *layout, const char *limit, struct diag *diag)
{
	enum family family = larger_family(layout);

	if (layout->part_count > 1)
		report_parts_too_large(layout->policy, family, limit, diag);
	else
		report_decision_too_large(layout->policy, family, limit, diag);
}

static void report_bytes(const struct laying *laying, const struct layout *layout)
{
	size_t needed = layout_bytes(&layout->object);
	char limit[120];

	snprintf(limit, sizeof(limit), "fits into the budget of %zu bytes (%zu are needed)",
		 table_bytes_max(laying->options), needed);
	report_budget(layout, limit, laying->diag);
	if (needed <= TABLE_BYTES_MOST)
		diag_note(laying->diag, (struct span){0, 0}, "'--tables-max' sets another budget");
}

/* Reports why the first attempt does not fit. NEAREST is that of the same fault that needs the least. */
static void report(const struct laying *laying, const struct attempt *first,
		   const struct attempt *nearest)
{
	const struct layout *layout = first->layout;
	char limit[120];

	switch (first->misfit) {
	case FITS:
		return;
	case TOO_LARGE_FOR_CODE:
		diag_error(laying->diag, (struct span){0, 0},
			   "the decision is too large for code alone: more than %d intervals",
			   FORCED_CODE_MAX);
		diag_note(laying->diag, (struct span){0, 0},
			  "without '--tables code', the rest of it is in tables");
		return;
	case TOO_MANY_NODES:
		snprintf(limit, sizeof(limit), "%d nodes can have", NODES_MOST);
		report_budget(layout, limit, laying->diag);
		return;
	case TOO_MANY_STEPS:
		snprintf(limit, sizeof(limit), "a search of %d steps can tell apart", TAGS_MAX);
		report_budget(layout, limit, laying->diag);
		return;
	case TOO_MANY_BYTES:
		report_bytes(laying, nearest->layout);
		return;
	case TOO_MANY_INSTRUCTIONS:
		report_program_too_large(layout->policy, larger_family(layout), first->instructions,
					 instructions_max(laying->options), nearest->instructions,
					 laying->diag);
	}
}

/* Warns where the user's options let a program take longer to load than the default budget. */
static void warn_of_time(const struct laying *laying, const struct attempt *attempt)
{
	size_t walked = attempt->instructions +
			attempt->layout->code_intervals * CODE_INTERVAL_HALVES / 2;

	if (walked > DEFAULT_INSTRUCTIONS_MAX)
		diag_warning(laying->diag, WARNING_LOAD_TIME, (struct span){0, 0},
			     "the program takes about %zu ms to load: the verifier walks about %zu "
			     "instructions",
			     walked * LOAD_NS / 1000000, walked);
}

/* Makes the layout that fits, or reports that none does. */
static struct layout *lay_to_fit(const struct laying *laying)
{
	bool is_auto = laying->options->tables == TABLES_AUTO;
	struct attempt first = lay(laying, laying->options->tables), attempt = first;

	if (is_auto && is_for_code(laying, &first)) {
		attempt = lay(laying, TABLES_CODE);
		attempt.layout->instructions_saved = first.instructions;
		if (attempt.misfit != FITS)
			attempt = first;
	}
	if (is_auto && attempt.misfit != FITS)
		attempt = lay_cheaper(laying, &first);
	if (attempt.misfit != FITS) {
		report(laying, &first, &attempt);
		if (!is_auto && first.misfit != TOO_LARGE_FOR_CODE)
			diag_note(laying->diag, (struct span){0, 0},
				  "without '--tables', all kinds of tables are tried");
		return NULL;
	}
	warn_of_time(laying, &attempt);
	return attempt.layout;
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
	struct builder *builder;

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
	return lay_to_fit(&laying);
}
