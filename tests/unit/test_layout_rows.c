/* Outcomes as rows, one after the other or in groups: they hold what the decision says, in its
 * order. */
#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/layout/layout.h"
#include "compiler/layout/table_format.h"
#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/* Rules that match all packets: the numbers of labels that they attempt, of counters before each
 * attempt, and of counters after the last. */
struct shape {
	uint32_t attempts, counters_before, counters_after;
	bool drop; /* the policy drops */
};

/* What a walk over rows found: END is the row at which it ended. */
struct walked {
	struct action actions[ACTIONS_MAX];
	size_t action_count;
	uint32_t groups, end;
};

static char *write_rules(const struct shape *shape)
{
	char *text = NULL;
	uint32_t i, j;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "policy %s\nchain none { return }\n", shape->drop ? "drop" : "pass");
	for (i = 0; i < shape->attempts; i++) {
		for (j = 0; j < shape->counters_before; j++)
			fputs("counter jump none\n", out);
		fprintf(out, "redirect to l%u %selse continue\n", i, i % 2 ? "no-reuseport " : "");
	}
	for (i = 0; i < shape->counters_after; i++)
		fputs("counter jump none\n", out);
	fclose(out);
	return text;
}

static const struct layout_row *row_at(const struct layout *layout, uint32_t row)
{
	assert_in_range(row, ROW_DROP + 1, layout->rows.count - 1);
	return (const struct layout_row *)(layout->object.tables + layout->rows.offset) + row;
}

static void add_action(struct walked *walked, enum action_kind kind, uint32_t index,
		       bool no_reuseport)
{
	assert_true(walked->action_count < ACTIONS_MAX);
	walked->actions[walked->action_count++] = (struct action){kind, index, no_reuseport};
}

/* Adds the actions of a row; returns the next row. */
static uint32_t walk_row(const struct layout *layout, uint32_t number, struct walked *walked)
{
	const struct layout_row *row = row_at(layout, number);

	assert_int_not_equal(row->flags, HEAD_FLAGS);
	if (row->counter != NO_INDEX)
		add_action(walked, ACTION_COUNT, row->counter, false);
	if (row->label != NO_INDEX)
		add_action(walked, ACTION_ATTEMPT, row->label,
			   row->flags & BPF_SK_LOOKUP_F_NO_REUSEPORT);
	return row->next;
}

static void walk_group(const struct layout *layout, uint32_t first, struct walked *walked)
{
	uint32_t row = first, count = 0;

	while (row != NO_INDEX) {
		row = walk_row(layout, row, walked);
		count++;
	}
	assert_in_range(count, 1, layout->groups.rows);
	walked->groups++;
}

/* Takes out an action that is there twice: the first group begins with the label of the first
 * row again, without its counter. */
static void skip_repeated(struct walked *walked, size_t from)
{
	const struct action *last = &walked->actions[from - 1];

	assert_int_equal(walked->actions[from].kind, ACTION_ATTEMPT);
	assert_int_equal(walked->actions[from].index, last->index);
	assert_int_equal(walked->actions[from].no_reuseport, last->no_reuseport);
	memmove(&walked->actions[from], &walked->actions[from + 1],
		(--walked->action_count - from) * sizeof(walked->actions[0]));
}

static struct walked walk(const struct layout *layout, uint32_t row)
{
	struct walked walked = {0};
	size_t from;

	if (row > ROW_DROP)
		row = walk_row(layout, row, &walked);
	from = walked.action_count;
	while (row > ROW_DROP && !layout->groups.count)
		row = walk_row(layout, row, &walked);
	while (row > ROW_DROP) {
		const struct layout_row *head = row_at(layout, row);

		assert_int_equal(head->flags, HEAD_FLAGS);
		assert_int_equal(head->counter, NO_INDEX);
		walk_group(layout, head->group, &walked);
		row = head->next;
		if (from && walked.groups == 1 && walked.actions[from - 1].kind == ACTION_ATTEMPT)
			skip_repeated(&walked, from);
	}
	walked.end = row;
	return walked;
}

static void compile_shape(const struct shape *shape, struct compilation *c)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	char *text = write_rules(shape);

	if (!compile_text(c, text, strlen(text), &options)) {
		diag_print(c->diag, stderr, DIAG_COLOR_NEVER);
		fail();
	}
	free(text);
}

static void check_shape(const struct shape *shape)
{
	static const struct packet packet;
	struct action actions[DECIDED_ACTIONS_MAX];
	struct diagram_outcome decided;
	const struct diagram_outcome *outcome = &decided;
	struct compilation c;
	struct walked walked;
	diagram_ref root;
	size_t i;

	compile_shape(shape, &c);
	decided = decision_eval(c.decision, &packet, actions);
	root = c.layout->roots[0][0][0];
	assert_true(ref_is_terminal(root));
	walked = walk(c.layout, c.layout->rows_of[ref_index(root)]);
	assert_int_equal(walked.action_count, outcome->action_count);
	for (i = 0; i < walked.action_count; i++) {
		assert_int_equal(walked.actions[i].kind, outcome->actions[i].kind);
		assert_int_equal(walked.actions[i].index, outcome->actions[i].index);
		assert_int_equal(walked.actions[i].no_reuseport, outcome->actions[i].no_reuseport);
	}
	assert_int_equal(walked.end, shape->drop ? ROW_DROP : ROW_PASS);
	assert_in_range(walked.groups, 0, c.layout->groups.count);
	compilation_free(&c);
}

static void rows_say_what_the_decision_says_in_its_order(void **state)
{
	static const uint32_t counters[][2] = {{0, 0}, {1, 0}, {2, 0}, {0, 1}, {0, 32}, {1, 16}};
	struct shape shape;
	uint32_t i, drop;

	(void)state;
	for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		for (shape.attempts = 0; shape.attempts <= ATTEMPTS_MAX; shape.attempts++)
			for (drop = 0; drop < 2; drop++) {
				shape.counters_before = counters[i][0];
				shape.counters_after = counters[i][1];
				shape.drop = drop;
				check_shape(&shape);
			}
}

static struct layout_groups groups_of(struct shape shape)
{
	struct layout_groups groups;
	struct compilation c;

	compile_shape(&shape, &c);
	groups = c.layout->groups;
	compilation_free(&c);
	return groups;
}

static void assert_groups(struct layout_groups groups, uint32_t count, uint32_t rows)
{
	assert_int_equal(groups.count, count);
	assert_int_equal(groups.rows, rows);
}

static void there_are_about_as_many_groups_as_rows_in_each(void **state)
{
	(void)state;
	assert_groups(groups_of((struct shape){.attempts = 2}), 0, 0);
	assert_groups(groups_of((struct shape){.attempts = 3}), 2, 2);
	assert_groups(groups_of((struct shape){.counters_after = 5}), 2, 2);
	assert_groups(groups_of((struct shape){.attempts = 16}), 4, 4);
	assert_groups(groups_of((struct shape){.attempts = 16, .counters_after = 32}), 7, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_say_what_the_decision_says_in_its_order),
		cmocka_unit_test(there_are_about_as_many_groups_as_rows_in_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
