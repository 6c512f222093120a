/* Builds a diagram in one order of the fields after the other. */
#include "orders.h"

#include "compiler/base/arena.h"

#include <string.h>

/* Once one order is done and its diagram has WORTH_A_TRY intervals or more, the orders after it are
 * tried too. Another order is taken if its diagram is WORTH_TAKING times smaller. */
enum { WORTH_A_TRY = 4096, WORTH_TAKING = 2 };

/* The fields that an order begins with; the others follow in the order of enum field. */
struct lead {
	size_t count;
	enum field fields[2];
};

/* The most preferred order first: most rules give the smallest tables with the addresses first. */
static const struct lead LEADS[] = {
	{1, {FIELD_DADDR}},
	{1, {FIELD_IIFNAME}},
	{1, {FIELD_DPORT}},
	{1, {FIELD_SADDR}},
	{2, {FIELD_DADDR, FIELD_SADDR}},
	{2, {FIELD_SADDR, FIELD_DPORT}},
	{2, {FIELD_IIFNAME, FIELD_DPORT}},
	{2, {FIELD_IIFNAME, FIELD_SADDR}},
	{1, {FIELD_SPORT}},
};
enum { ORDER_COUNT = sizeof(LEADS) / sizeof(LEADS[0]) };

static void order_fields(const struct lead *lead, enum field order[VALUE_FIELD_COUNT])
{
	bool leads[VALUE_FIELD_COUNT] = {false};
	enum field field;
	size_t count;

	for (count = 0; count < lead->count; count++) {
		order[count] = lead->fields[count];
		leads[order[count]] = true;
	}
	for (field = 0; field < VALUE_FIELD_COUNT; field++)
		if (!leads[field])
			order[count++] = field;
}

void usual_order(enum field order[VALUE_FIELD_COUNT])
{
	order_fields(&LEADS[0], order);
}

/* Whether an order can give another diagram than those before it: one that leads with interfaces cannot where no rule
 * names any. */
static bool is_of_use(const struct subject *subject, const struct lead *lead)
{
	return lead->fields[0] != FIELD_IIFNAME || subject->has_interfaces;
}

bool try_order(const struct subject *subject, const enum field order[VALUE_FIELD_COUNT],
	       size_t effort, struct trial *trial)
{
	struct arena *arena = arena_new();

	*trial = (struct trial){.arena = arena};
	memcpy(trial->order, order, sizeof(trial->order));
	trial->builder = builder_new(arena, trial->order, effort);
	if (subject->memory)
		builder_remember_at_most(trial->builder, subject->memory);
	trial->root = subject->build(subject->data, arena, trial->builder);
	if (builder_is_exhausted(trial->builder)) {
		arena_free(arena);
		return false;
	}
	trial->extent = builder_extent(trial->builder, trial->root);
	return true;
}

/* Whether another order could give a diagram so much smaller that it would be taken. */
static bool is_worth_a_try(const struct builder_extent *best)
{
	return best->intervals >= WORTH_A_TRY &&
	       best->intervals >= best->least_intervals * WORTH_TAKING;
}

static size_t next_effort(const struct subject *subject, const struct trial *best)
{
	return subject->effort_for_interval ? best->extent.intervals * subject->effort_for_interval
					    : builder_effort(best->builder) / WORTH_TAKING;
}

bool best_order(const struct subject *subject, size_t effort, struct trial *best)
{
	enum field order[VALUE_FIELD_COUNT];
	bool found = false;
	struct trial trial;
	size_t i;

	for (i = 0; i < ORDER_COUNT; i++) {
		if (found && !is_worth_a_try(&best->extent))
			return true;
		if (found)
			effort = next_effort(subject, best);
		order_fields(&LEADS[i], order);
		if (!is_of_use(subject, &LEADS[i]) || !try_order(subject, order, effort, &trial))
			continue;
		if (found && trial.extent.intervals * WORTH_TAKING > best->extent.intervals) {
			arena_free(trial.arena);
			continue;
		}
		if (found)
			arena_free(best->arena);
		*best = trial;
		found = true;
	}
	return found;
}
