/* The rows are written outcome by outcome, then sorted by their numbers, and then told where the next one stands. */
#include "part_rows.h"

#include "compiler/base/arena.h"

#include <stdlib.h>
#include <string.h>

/* A row whose `next` is still the index at which the next row was written, or one of NEXT_PASS to NEXT_OPEN. */
struct numbered_row {
	struct layout_row row;
	uint32_t number;
	uint32_t written; /* its own index */
};

enum { NEXT_PASS = 0xffffffff, NEXT_DROP = 0xfffffffe, NEXT_OPEN = 0xfffffffd };

struct writing {
	struct arena *arena;
	const struct layout *layout;
	struct numbered_row *rows;
	size_t count, capacity;
};

static void add_row(struct writing *writing, struct layout_row row, uint32_t number)
{
	uint32_t index = (uint32_t)writing->count;

	row.next = index + 1;
	*ARENA_APPEND(writing->arena, writing->rows, writing->count,
		      writing->capacity) = (struct numbered_row){row, number, index};
}

/* Adds the rows of an outcome. Gives the index of the first one, or NEXT_OPEN if it does nothing. */
static uint32_t add_outcome(struct writing *writing, const struct diagram_outcome *outcome)
{
	const struct layout_row none = {{NO_INDEX}, NO_INDEX, 0, 0};
	const struct row_list list = list_rows(writing->layout, outcome);
	uint32_t first = (uint32_t)writing->count, i;
	uint32_t number = outcome_number(outcome, outcome->action_count);
	uint32_t next = outcome->end == OUTCOME_PASS   ? NEXT_PASS
			: outcome->end == OUTCOME_DROP ? NEXT_DROP
						       : NEXT_OPEN;

	for (i = 0; i < list.count; i++)
		add_row(writing, list.rows[i], list.numbers[i]);
	if (next != NEXT_OPEN &&
	    (writing->count == first || writing->rows[writing->count - 1].number != number))
		add_row(writing, none, number);
	if (writing->count == first)
		return NEXT_OPEN;
	writing->rows[writing->count - 1].row.next = next;
	return first;
}

/* How many rows an outcome has that are not its end. */
static size_t open_rows(const struct writing *writing, size_t first)
{
	size_t count = writing->count - first;

	return count && writing->rows[writing->count - 1].row.next != NEXT_OPEN ? count - 1 : count;
}

static int compare_rows(const void *a, const void *b)
{
	const struct numbered_row *first = a, *second = b;

	if (first->number != second->number)
		return first->number < second->number ? -1 : 1;
	return first->written < second->written ? -1 : 1;
}

/* Rows 0 and 1 are the ends; the row for open ends is the last one. */
static uint32_t final_index(const uint32_t *places, size_t count, uint32_t written)
{
	switch (written) {
	case NEXT_PASS:
		return ROW_PASS;
	case NEXT_DROP:
		return ROW_DROP;
	case NEXT_OPEN:
		return (uint32_t)count + ROW_DROP + 1;
	default:
		return places[written];
	}
}

static struct layout_rows sort_rows(struct writing *writing, uint32_t *rows_of,
				    size_t outcome_count)
{
	enum verdict_kind end = writing->layout->policy->end;
	struct layout_rows rows = {.count = writing->count + ROW_DROP + 2};
	uint32_t *places = arena_alloc(writing->arena, writing->count, sizeof(*places));
	size_t i;

	qsort(writing->rows, writing->count, sizeof(*writing->rows), compare_rows);
	for (i = 0; i < writing->count; i++)
		places[writing->rows[i].written] = (uint32_t)i + ROW_DROP + 1;
	rows.items = arena_alloc(writing->arena, rows.count, sizeof(*rows.items));
	for (i = 0; i < rows.count; i++)
		rows.items[i] = (struct layout_row){{NO_INDEX}, NO_INDEX, 0, (uint32_t)i};
	for (i = 0; i < writing->count; i++) {
		struct layout_row *row = &rows.items[i + ROW_DROP + 1];

		*row = writing->rows[i].row;
		row->next = final_index(places, writing->count, row->next);
	}
	rows.items[rows.count - 1].next = end == VERDICT_PASS ? ROW_PASS : ROW_DROP;
	for (i = 0; i < outcome_count; i++)
		rows_of[i] = final_index(places, writing->count, rows_of[i]);
	return rows;
}

/* The outcomes that a part leads to. */
static const bool *outcomes_of_part(struct arena *arena, const struct layout *layout, size_t part,
				    size_t count)
{
	bool *outcomes = arena_alloc(arena, count, sizeof(*outcomes));
	bool *nodes = arena_alloc(arena, layout->node_count + 1, sizeof(*nodes));
	unsigned flow_class;

	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++) {
		memset(nodes, 0, layout->node_count * sizeof(*nodes));
		diagram_mark_reached(layout->nodes,
				     layout->roots[part][flow_class_family(flow_class)]
						  [flow_class_protocol(flow_class)],
				     nodes, outcomes);
	}
	return outcomes;
}

/* The most rows for one packet: of each part those of its outcome that are not its end, and then one for the end. */
static size_t most_rows(const struct layout *layout, const size_t *open, size_t count)
{
	struct arena *scratch = arena_new();
	size_t sum = 1, part, i;

	for (part = 0; part < layout->part_count; part++) {
		const bool *reached = outcomes_of_part(scratch, layout, part, count);
		size_t most = 0;

		for (i = 0; i < count; i++)
			if (reached[i] && open[i] > most)
				most = open[i];
		sum += most;
	}
	arena_free(scratch);
	return sum;
}

struct layout_rows part_rows_of(struct arena *arena, struct layout *layout,
				const struct diagram_outcome *outcomes, const bool *used,
				size_t count)
{
	struct writing writing = {.arena = arena, .layout = layout};
	uint32_t *rows_of = arena_alloc(arena, count, sizeof(*rows_of));
	size_t *open = arena_alloc(arena, count, sizeof(*open));
	size_t i;

	for (i = 0; i < count; i++) {
		size_t first = writing.count;

		rows_of[i] = used[i] ? add_outcome(&writing, &outcomes[i]) : NEXT_PASS;
		open[i] = open_rows(&writing, first);
	}
	layout->rows_max = most_rows(layout, open, count);
	layout->groups = (struct layout_groups){0, 0};
	layout->rows_of = rows_of;
	return sort_rows(&writing, rows_of, count);
}
