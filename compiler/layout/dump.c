/* Prints a layout: the form of each root, the size of the code, the steps of each search with the sizes of their
 * tables and the costs that decided, and the outcome rows. */
#include "compiler/pipeline.h"
#include "forms.h"
#include "layout.h"
#include "table_format.h"

#include "runtime/abi.h"

#include <inttypes.h>
#include <linux/bpf.h>

static bool is_below_tables(const struct layout *layout, diagram_ref ref)
{
	uint32_t i, j;

	for (i = 0; i < layout->node_count; i++)
		for (j = 0; layout->forms[i] == FORM_TABLE && j < layout->nodes[i].count; j++)
			if (layout->nodes[i].children[j] == ref)
				return true;
	return false;
}

/* Prints why a node is not in code, although it would cost less there. */
static void dump_hindrance(const struct layout *layout, diagram_ref node, FILE *out)
{
	if (is_below_tables(layout, node))
		fputs(", but tables lead there too", out);
	else
		fprintf(out, ", but code has %d in all at the most", CODE_MAX);
}

/* Prints what a node costs in code and in tables. */
static void dump_form_costs(const struct layout *layout, diagram_ref node, FILE *out)
{
	const struct form_costs *costs = &layout->form_costs[node];

	if (costs->code_ps == UINT64_MAX) {
		fprintf(out, " (code has %d at the most)", CODE_MAX);
		return;
	}
	fprintf(out, " (about %.1f ns in code, %.1f in tables", (double)costs->code_ps / 1000,
		(double)costs->tables_ps / 1000);
	if (layout->forms[node] == FORM_TABLE && is_better_in_code(costs))
		dump_hindrance(layout, node, out);
	fputc(')', out);
}

static void dump_root(const struct layout *layout, diagram_ref root, FILE *out)
{
	const struct diagram_node *node;

	if (ref_is_terminal(root)) {
		fprintf(out, "row %" PRIu32 "\n", layout->rows_of[ref_index(root)]);
		return;
	}
	node = &layout->nodes[root];
	fprintf(out, "%s, %" PRIu32 " intervals of %s%s",
		layout->forms[root] == FORM_CODE ? "code" : "table", node->count,
		operand_words(variable_operand(node->variable)),
		variable_is_again(node->variable) ? " again" : "");
	if (layout->form_costs)
		dump_form_costs(layout, root, out);
	if (layout->forms[root] == FORM_TABLE)
		fprintf(out, ", from step %" PRIu32, layout->table_refs[root] >> TAG_SHIFT);
	fputc('\n', out);
}

static void dump_code(const struct layout *layout, FILE *out)
{
	size_t nodes = 0;
	size_t i;

	for (i = 0; i < layout->node_count; i++)
		nodes += layout->forms[i] == FORM_CODE;
	fprintf(out, "code: %zu nodes of %zu intervals", nodes, layout->code_intervals);
	if (layout->instructions_saved && !layout->bytes_saved)
		fprintf(out, " (the steps of tables would take about %zu verified instructions)",
			layout->instructions_saved);
	fputc('\n', out);
	if (layout->bytes_saved)
		fprintf(out,
			"tables of other kinds would be faster, but have %zu bytes and take about "
			"%zu verified instructions\n",
			layout->bytes_saved, layout->instructions_saved);
}

static void dump_window(const struct layout_step *step, FILE *out)
{
	if (!step->is_below_stride && !is_whole_word(step))
		fprintf(out, " in %#" PRIx64 " of %u bits",
			step->window.prefix << step->window.bits, step->window.bits);
}

/* Prints what each way to store the nodes of a variable would have cost. */
static void dump_search_costs(const struct search_costs *costs, FILE *out)
{
	if (!costs->stride_ps)
		return;
	fprintf(out, " (about %.1f ns by a stride table", (double)costs->stride_ps / 1000);
	if (costs->ranges_ps)
		fprintf(out, ", %.1f by one of ranges", (double)costs->ranges_ps / 1000);
	if (costs->tree_ps)
		fprintf(out, ", %.1f by a tree alone", (double)costs->tree_ps / 1000);
	if (costs->cross_ps)
		fprintf(out, ", %.1f by a cross-product table", (double)costs->cross_ps / 1000);
	fputc(')', out);
}

static void dump_step(const struct layout_step *step, FILE *out)
{
	fprintf(out, "  step %" PRIu32 ": %s%s, %s", step->tag, operand_words(step->operand),
		step->is_again ? " again" : "", step_word(step->kind));
	if (step->kind == STEP_CROSS)
		fprintf(out, " of %" PRIu32 " classes by %s", cross_used(step),
			has_class_table(step) ? "a table" : "code");
	if (step->kind == STEP_STRIDE)
		fprintf(out, " of %" PRIu32 " bits%s", step->stride_bits,
			step->has_entries ? ", of ranges" : "");
	if (step->kind == STEP_INNER || step->kind == STEP_LEAF)
		fprintf(out, " of lanes of %" PRIu32 " bits", step->lane_bits);
	if (step->kind == STEP_STRIDE || step->kind == STEP_INNER || step->kind == STEP_LEAF)
		dump_window(step, out);
	dump_search_costs(&step->costs, out);
	if (step->kind == STEP_LEAF || step->kind == STEP_CROSS)
		fprintf(out, ", results of %" PRIu32 " bytes", result_bytes(step));
	fprintf(out, ": %" PRIu32, step->region.count);
	if (step->kind == STEP_LPM)
		fputs(", in the kernel's trie\n", out);
	else
		fprintf(out, ", %zu bytes\n", (size_t)step->region.count * step->element_bytes);
}

static void dump_search(const struct layout *layout, const struct layout_search *search, FILE *out)
{
	size_t i;

	if (!search->step_count)
		return;
	fputs("tables", out);
	if (layout->part_count > 1)
		fprintf(out, " of part %zu", search->part + 1);
	fputs(", fields in the order", out);
	for (i = 0; i < VALUE_FIELD_COUNT; i++)
		if (search->order[i] != FIELD_IIFNAME || layout->object.asks_interface)
			fprintf(out, " %s", field_word(search->order[i]));
	fputs(":\n", out);
	for (i = 0; i < search->step_count; i++)
		dump_step(&search->steps[i], out);
}

static void dump_row(const struct layout *layout, uint32_t index, FILE *out)
{
	const struct layout_row *row = (const void *)(layout->object.tables + layout->rows.offset +
						      index * sizeof(*row));

	fprintf(out, "row %" PRIu32 ":", index);
	if (row->counter != NO_INDEX)
		fprintf(out, " count %" PRIu32 ",", row->counter);
	if (row->flags == HEAD_FLAGS)
		fprintf(out, " group from row %" PRIu32 ",", row->group);
	else if (row->label != NO_INDEX)
		fprintf(out, " redirect to %s%s,", layout->policy->labels[row->label].name,
			row->flags & BPF_SK_LOOKUP_F_NO_REUSEPORT ? " no-reuseport" : "");
	if (row->next == NO_INDEX)
		fputs(" then the next group\n", out);
	else if (row->next == ROW_PASS || row->next == ROW_DROP)
		fprintf(out, " then %s\n", row->next == ROW_PASS ? "pass" : "drop");
	else
		fprintf(out, " then row %" PRIu32 "\n", row->next);
}

static void dump_roots(const struct layout *layout, size_t part, FILE *out)
{
	enum protocol protocol;
	enum family family;

	for (family = 0; family < FAMILY_COUNT; family++)
		for (protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
			if (layout->part_count > 1)
				fprintf(out, "part %zu, ", part + 1);
			fprintf(out, "%s %s: ", family_word(family), protocol_word(protocol));
			dump_root(layout, layout->roots[part][family][protocol], out);
		}
}

void layout_dump(const struct layout *layout, FILE *out)
{
	uint32_t row;
	size_t i;

	for (i = 0; i < layout->part_count; i++)
		dump_roots(layout, i, out);
	dump_code(layout, out);
	for (i = 0; i < layout->search_count; i++)
		dump_search(layout, &layout->searches[i], out);
	for (row = ROW_DROP + 1; row < layout->rows.count; row++)
		dump_row(layout, row, out);
	fprintf(out, "tables: %zu bytes\n", layout->object.table_bytes);
	if (layout->object.prefix_count)
		fprintf(out, "the kernel's trie: %zu prefixes\n", layout->object.prefix_count);
}
