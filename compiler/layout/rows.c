/* The rows of an outcome are written from the last to the first, so that the number of the next row is known. */
#include "rows.h"

#include "compiler/base/arena.h"
#include "part_rows.h"

#include <linux/bpf.h>

/* The most rows of an outcome for which there are no groups. A second attempt takes 10 ns in the program itself, and
 * 28 in a group; but for a third one in the program, the verifier would walk as many instructions as for all
 * groups. */
enum { UNGROUPED_MAX = 2 };

struct row_list list_rows(const struct layout *layout, const struct diagram_outcome *outcome)
{
	uint32_t override = layout->override_others ? BPF_SK_LOOKUP_F_REPLACE : 0;
	struct row_list list = {.end = outcome->end == OUTCOME_PASS ? ROW_PASS : ROW_DROP};
	struct layout_row row = {{NO_INDEX}, NO_INDEX, 0, 0};
	size_t i;

	for (i = 0; i < outcome->action_count; i++) {
		const struct action *action = &outcome->actions[i];

		if (action->kind == ACTION_COUNT) {
			row.counter = action->index;
			if (i + 1 < outcome->action_count && action[1].kind != ACTION_COUNT &&
			    outcome_number(outcome, i) == outcome_number(outcome, i + 1))
				continue;
		} else {
			row.label = action->index;
			row.flags = override |
				    (action->no_reuseport ? BPF_SK_LOOKUP_F_NO_REUSEPORT : 0);
		}
		list.numbers[list.count] = outcome_number(outcome, i);
		list.rows[list.count++] = row;
		row = (struct layout_row){{NO_INDEX}, NO_INDEX, 0, 0};
	}
	return list;
}

static uint32_t add_row(struct arena *arena, struct layout_rows *rows, struct layout_row row)
{
	*ARENA_PUSH(arena, rows->items, rows->count, rows->capacity) = row;
	return (uint32_t)rows->count - 1;
}

/* Adds rows [first, end) of the list, with row NEXT after the last of them. Gives the number of the first. */
static uint32_t add_sequence(struct arena *arena, struct layout_rows *rows, struct row_list *list,
			     uint32_t first, uint32_t end, uint32_t next)
{
	while (end-- > first) {
		list->rows[end].next = next;
		next = add_row(arena, rows, list->rows[end]);
	}
	return next;
}

/* Adds all rows of the list from FIRST on, in groups. Gives the number of the first head. */
static uint32_t add_groups(struct arena *arena, struct layout_rows *rows, struct row_list *list,
			   uint32_t first, uint32_t in_group)
{
	uint32_t next = list->end, end = list->count, begin;

	for (; end > first; end = begin) {
		begin = end - 1 - (end - 1 - first) % in_group;
		next = add_row(arena, rows,
			       (struct layout_row){{.group = add_sequence(arena, rows, list, begin,
									  end, NO_INDEX)},
						   NO_INDEX,
						   HEAD_FLAGS,
						   next});
	}
	return next;
}

/* The index in the list of the first row that is in a group. It is 1; or 0 if the first row has a label, since only the
 * subprograms of groups try spare slots. The first row is then in the first group once more, without its counter. */
static uint32_t grouped_from(const struct row_list *list)
{
	return list->rows[0].label == NO_INDEX;
}

static uint32_t add_outcome(struct arena *arena, struct layout_rows *rows,
			    const struct layout *layout, struct row_list list)
{
	struct layout_row first = list.rows[0];

	if (!list.count || !layout->groups.rows)
		return add_sequence(arena, rows, &list, 0, list.count, list.end);
	list.rows[0].counter = NO_INDEX;
	first.next = add_groups(arena, rows, &list, grouped_from(&list), layout->groups.rows);
	return add_row(arena, rows, first);
}

static const bool *used_outcomes(struct arena *arena, const struct layout *layout, size_t count)
{
	bool *used = arena_alloc(arena, count, sizeof(*used));
	size_t i, j;

	for (i = 0; i < layout->part_count * FLOW_CLASSES; i++) {
		diagram_ref root = layout->roots[i / FLOW_CLASSES][flow_class_family(
			i % FLOW_CLASSES)][flow_class_protocol(i % FLOW_CLASSES)];

		if (ref_is_terminal(root))
			used[ref_index(root)] = true;
	}
	for (i = 0; i < layout->node_count; i++)
		for (j = 0; j < layout->nodes[i].count; j++)
			if (ref_is_terminal(layout->nodes[i].children[j]))
				used[ref_index(layout->nodes[i].children[j])] = true;
	return used;
}

/* The verifier walks all heads of the longest outcome, and the rows of one group. The sum is least if there are about
 * as many groups as rows in a group. */
static struct layout_groups groups_for(const struct layout *layout)
{
	uint32_t grouped = (uint32_t)layout->rows_max - !layout->object.label_count;
	struct layout_groups groups = {0, 0};

	if (layout->rows_max <= UNGROUPED_MAX)
		return groups;
	while (groups.rows * groups.rows < grouped)
		groups.rows++;
	groups.count = (grouped + groups.rows - 1) / groups.rows;
	return groups;
}

struct layout_rows layout_rows_of(struct arena *arena, struct layout *layout,
				  const struct diagram_outcome *outcomes, size_t count)
{
	uint32_t *rows_of = arena_alloc(arena, count, sizeof(*rows_of));
	const bool *used = used_outcomes(arena, layout, count);
	struct layout_rows rows = {0};
	size_t i;

	if (layout->part_count > 1)
		return part_rows_of(arena, layout, outcomes, used, count);
	for (i = 0; i < count; i++) {
		size_t length = used[i] ? list_rows(layout, &outcomes[i]).count : 0;

		if (length > layout->rows_max)
			layout->rows_max = length;
	}
	layout->groups = groups_for(layout);
	add_row(arena, &rows, (struct layout_row){{NO_INDEX}, NO_INDEX, 0, ROW_PASS});
	add_row(arena, &rows, (struct layout_row){{NO_INDEX}, NO_INDEX, 0, ROW_DROP});
	for (i = 0; i < count; i++)
		if (used[i])
			rows_of[i] = add_outcome(arena, &rows, layout,
						 list_rows(layout, &outcomes[i]));
	layout->rows_of = rows_of;
	return rows;
}
