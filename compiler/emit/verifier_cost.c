/*
 * Estimates, from a layout, how many instructions the kernel's verifier walks in the program that will be emitted for
 * it. The verifier walks each path through the code, so this is more than the length of the program, and the kernel
 * refuses programs for which it is too large. The layout pass asks before any code is emitted, to choose code where the
 * steps of tables would need too many instructions. Nodes in code are not counted.
 *
 * The constants describe what the emitter in this folder writes, and must change with it. They are fitted to what Linux
 * 6.18 walked for random rules files. tests/differential/verified.c compares the estimate with the kernel.
 */
#include "compiler/layout/layout.h"
#include "compiler/pipeline.h"

/* Instructions walked for the outcome. */
enum {
	OUTCOME = 90,
	SPARES = 210,       /* spare slots, where an outcome may have several rows */
	SPARES_ALONE = 330, /* spare slots, where it has one: each call then tries more slots */
	COUNTERS = 27,
	CLASS = 40,       /* the subprogram that looks up the class of the interface */
	SECOND_ROW = 100, /* each further row, where the program loops over rows */
	GROUPS = 80,      /* later rows in groups */
	GROUPED_ROW = 24, /* each row of a group */
	PART = 12,        /* each part: its row is kept, and compared with those of the others */
	MERGED = 220,     /* rows of several parts by turns: the spare slots once more */
	MERGED_ROW = 105, /* each of these rows */
};

/* Instructions walked for a search, without its steps. */
enum {
	TABLES = 50,
	TABLES_KNOWN = 15, /* where layout_knows_roots */
	KNOWN_ENTRY = 30,  /* there, each root but one, from which it walks some steps again */
	PART_ENTRY = 50,   /* each root of a part but one, of which the verifier knows none */
};

/* Instructions walked for a step, more or less than for others of its kind. */
enum {
	WIDE_LANES = 15, /* of 64 bits, in a leaf */
	RUN = 9,         /* each run of ports, where a cross-product table has no class table */
	NARROW = 30,     /* narrow results that lead to another step */
	ENTRIES = 15, /* less, where a stride table has entries: references lead to the next step */
	CLASS_CALL = 6, /* the call that looks up the class of the interface */
};

static size_t step_instructions(const struct layout_step *step)
{
	static const size_t counts[] = {
		[STEP_STRIDE] = 45, [STEP_INNER] = 50, [STEP_LEAF] = 45,
		[STEP_CROSS] = 5,   [STEP_LPM] = 45,
	};
	size_t count = counts[step->kind];

	if (step->kind == STEP_LEAF && step->lane_bits == 64)
		count += WIDE_LANES;
	if (step->kind == STEP_CROSS && !has_class_table(step))
		count += step->classes.run_count * RUN;
	if (step->operand == OPERAND_IIFNAME)
		count += CLASS_CALL;
	if (step->has_entries)
		return count - ENTRIES;
	return count + (step->narrow_tag ? NARROW : 0);
}

static size_t outcome_instructions(const struct layout *layout)
{
	size_t count = OUTCOME;

	if (layout->groups.count)
		count += GROUPS + GROUPED_ROW * layout->groups.rows;
	else if (layout_merges_rows(layout))
		count += MERGED + MERGED_ROW * layout->rows_max;
	else if (layout->rows_max > 1)
		count += SECOND_ROW * (layout->rows_max - 1);
	if (layout->object.label_count)
		count += layout->rows_max > 1 ? SPARES : SPARES_ALONE;
	if (layout->object.asks_interface)
		count += CLASS;
	if (layout->part_count > 1)
		count += PART * layout->part_count;
	return count + (layout->object.counter_count ? COUNTERS : 0);
}

/* The number of nodes in tables that are roots of a part. A node that is the root of several flow classes counts
 * once. */
static size_t entry_count(const struct layout *layout, size_t part)
{
	diagram_ref entries[FLOW_CLASSES];
	size_t count = 0;
	unsigned flow_class, i;

	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++) {
		diagram_ref root = layout->roots[part][flow_class_family(flow_class)]
						[flow_class_protocol(flow_class)];

		if (ref_is_terminal(root) || layout->forms[root] != FORM_TABLE)
			continue;
		for (i = 0; i < count && entries[i] != root; i++)
			;
		if (i == count)
			entries[count++] = root;
	}
	return count;
}

static size_t search_instructions(const struct layout *layout, const struct layout_search *search)
{
	size_t count, i;

	if (!search->step_count)
		return 0;
	count = layout_knows_roots(layout) ? TABLES_KNOWN : TABLES;
	for (i = 0; i < search->step_count; i++)
		count += step_instructions(&search->steps[i]);
	return count;
}

size_t layout_verified_instructions(const struct layout *layout)
{
	size_t count = outcome_instructions(layout), entries, entry = 0;
	size_t i;

	if (layout->part_count > 1)
		entry = PART_ENTRY;
	else if (layout_knows_roots(layout))
		entry = KNOWN_ENTRY;
	for (i = 0; i < layout->part_count; i++) {
		entries = entry_count(layout, i);
		count += entries ? entry * (entries - 1) : 0;
	}
	for (i = 0; i < layout->search_count; i++)
		count += search_instructions(layout, &layout->searches[i]);
	return count;
}
