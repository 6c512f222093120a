/* Sweeps over the values of one field after the other. For a field, neighbouring clauses with the
 * same condition on it are a group; the diagram of a group in the later fields is built first. A
 * group holds at the values in its ranges. An event is a value at which a group begins or ceases to
 * hold. Between two events one diagram is the child for all values: "first the first group that
 * holds, then the second, and so on". A segment tree over the groups gives it: an event changes one
 * path of the tree, not the whole, and the events at one value change what their paths share once. */
#include "sweep.h"

#include "compiler/base/arena.h"

#include <string.h>

/* From this value on, the group holds if it did not before, and does not hold if it did. */
struct event {
	u128 value;
	uint32_t group;
} __attribute__((packed, aligned(4)));

struct sweep {
	struct arena *arena;
	struct builder *builder;
	enum family family;
	const enum field *order;
};

struct group {
	const struct clause *first; /* all clauses of the group have its condition on the field */
	diagram_ref body;           /* what all its clauses do, in the later fields */
};

/* The segment tree. tree[groups + i] is the body of group i, or REF_NEXT if the group does not hold
 * at the current value; tree[i] is "first tree[2 * i], then tree[2 * i + 1]"; so tree[1] is all. */
struct fold {
	struct builder *builder;
	diagram_ref *tree;
	size_t groups; /* room for groups: a power of two */
};

static bool same_condition(const struct clause *a, const struct clause *b, enum field field)
{
	const struct range *ranges_a = a->ranges[field], *ranges_b = b->ranges[field];
	uint32_t i;

	if (ranges_a == ranges_b)
		return a->counts[field] == b->counts[field];
	if (!ranges_a || !ranges_b || a->counts[field] != b->counts[field])
		return false;
	for (i = 0; i < a->counts[field]; i++)
		if (ranges_a[i].first != ranges_b[i].first || ranges_a[i].last != ranges_b[i].last)
			return false;
	return true;
}

static void fold_new(struct fold *fold, struct builder *builder, struct arena *arena, size_t count)
{
	size_t i;

	fold->builder = builder;
	for (fold->groups = 1; fold->groups < count;)
		fold->groups *= 2;
	fold->tree = arena_alloc(arena, 2 * fold->groups, sizeof(*fold->tree));
	for (i = 0; i < 2 * fold->groups; i++)
		fold->tree[i] = REF_NEXT;
}

/* Brings the tree up to date after the leaves TOUCHED, in ascending order, have changed. All that changes at one value
 * is done at once, since each node near the root is as large as all rules that hold there. Overwrites TOUCHED. */
static void fold_update(struct fold *fold, size_t *touched, size_t count)
{
	size_t last, kept, i;

	while (count && touched[0] > 1) {
		last = kept = 0;
		for (i = 0; i < count; i++) {
			size_t at = touched[i] / 2;
			diagram_ref both;

			if (at == last)
				continue;
			last = at;
			both = builder_then(fold->builder, fold->tree[2 * at],
					    fold->tree[2 * at + 1]);
			if (both == fold->tree[at])
				continue;
			fold->tree[at] = both;
			touched[kept++] = at;
		}
		count = kept;
	}
}

static void fold_fill(struct fold *fold)
{
	size_t at;

	for (at = fold->groups - 1; at; at--)
		fold->tree[at] = builder_then(fold->builder, fold->tree[2 * at],
					      fold->tree[2 * at + 1]);
}

/* A stable radix sort by value, a byte at a time. Bytes that are the same in all events, as most
 * are, are only counted. */
static void sort_events(struct arena *arena, struct event *events, size_t count)
{
	struct event *from = events, *to = arena_alloc(arena, count, sizeof(*to)), *swap;
	size_t starts[257];
	unsigned shift;
	size_t i;

	for (shift = 0; shift < 128; shift += 8) {
		memset(starts, 0, sizeof(starts));
		for (i = 0; i < count; i++)
			starts[1 + (size_t)(from[i].value >> shift & 255)]++;
		if (starts[1 + (size_t)(from[0].value >> shift & 255)] == count)
			continue;
		for (i = 1; i < 257; i++)
			starts[i] += starts[i - 1];
		for (i = 0; i < count; i++)
			to[starts[from[i].value >> shift & 255]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	if (from != events)
		memcpy(events, from, count * sizeof(*events));
}

static bool events_sorted(const struct event *events, size_t count)
{
	size_t i;

	for (i = 1; i < count; i++)
		if (events[i].value < events[i - 1].value)
			return false;
	return true;
}

/* The events of all groups, in ascending order. LAST is the last value of the field. */
static struct event *group_events(struct arena *arena, u128 last, enum field field,
				  const struct group *groups, size_t group_count, size_t *count)
{
	struct event *events;
	size_t n = 0;
	uint32_t g, r;

	for (g = 0; g < group_count; g++)
		n += 2 * groups[g].first->counts[field];
	events = arena_alloc(arena, n, sizeof(*events));
	n = 0;
	for (g = 0; g < group_count; g++) {
		const struct range *ranges = groups[g].first->ranges[field];

		for (r = 0; ranges && r < groups[g].first->counts[field]; r++) {
			events[n++] = (struct event){ranges[r].first, g};
			if (ranges[r].last < last)
				events[n++] = (struct event){ranges[r].last + 1, g};
		}
	}
	if (n && !events_sorted(events, n))
		sort_events(arena, events, n);
	*count = n;
	return events;
}

static diagram_ref sweep_groups(struct sweep *sweep, enum field field, const struct group *groups,
				size_t group_count)
{
	struct arena *scratch = arena_new();
	struct event *events;
	struct fold fold;
	size_t *touched;
	size_t count, i, n;
	u128 value = 0;

	fold_new(&fold, sweep->builder, scratch, group_count);
	for (i = 0; i < group_count; i++)
		if (!groups[i].first->ranges[field])
			fold.tree[fold.groups + i] = groups[i].body;
	fold_fill(&fold);
	events = group_events(scratch, field_last(field, sweep->family), field, groups, group_count,
			      &count);
	touched = arena_alloc(scratch, count, sizeof(*touched));
	builder_begin(sweep->builder);
	for (i = 0;;) {
		for (n = 0; i < count && events[i].value == value; i++) {
			size_t leaf = fold.groups + events[i].group;

			fold.tree[leaf] = fold.tree[leaf] == REF_NEXT ? groups[events[i].group].body
								      : REF_NEXT;
			touched[n++] = leaf;
		}
		fold_update(&fold, touched, n);
		builder_interval(sweep->builder, value, fold.tree[1]);
		if (i == count || builder_is_exhausted(sweep->builder))
			break;
		value = events[i].value;
	}
	arena_free(scratch);
	return builder_end(sweep->builder, field);
}

/* The diagram of one clause: a node for each of its conditions, from the last field to the
 * first. */
static diagram_ref clause_diagram(struct sweep *sweep, size_t position, const struct clause *clause)
{
	diagram_ref body = clause->body;
	size_t at;
	uint32_t i;

	for (at = VALUE_FIELD_COUNT; at-- > position;) {
		enum field field = sweep->order[at];
		const struct range *ranges = clause->ranges[field];
		u128 last = field_last(field, sweep->family);

		if (!ranges)
			continue;
		builder_begin(sweep->builder);
		if (!clause->counts[field] || ranges[0].first)
			builder_interval(sweep->builder, 0, REF_NEXT);
		for (i = 0; i < clause->counts[field]; i++) {
			builder_interval(sweep->builder, ranges[i].first, body);
			if (ranges[i].last < last)
				builder_interval(sweep->builder, ranges[i].last + 1, REF_NEXT);
		}
		body = builder_end(sweep->builder, field);
	}
	return body;
}

/* "First the first body, then the second, and so on", up to the first body that is closed. */
static diagram_ref bodies_in_turn(struct builder *builder, const struct clause *clauses,
				  size_t count)
{
	diagram_ref all = REF_NEXT;
	size_t n, i;

	for (n = 0; n < count; n++)
		if (builder_is_closed(builder, clauses[n].body)) {
			n++;
			break;
		}
	for (i = n; i-- > 0;)
		all = builder_then(builder, clauses[i].body, all);
	return all;
}

/* The diagram of clauses that are known to agree in the fields before POSITION of the order. */
static diagram_ref sweep_from(struct sweep *sweep, size_t position, const struct clause *clauses,
			      size_t count)
{
	enum field field;
	struct group *groups;
	size_t group_count = 0;
	size_t i, first;

	if (count == 0)
		return REF_NEXT;
	if (count == 1)
		return clause_diagram(sweep, position, clauses);
	if (position == VALUE_FIELD_COUNT)
		return bodies_in_turn(sweep->builder, clauses, count);
	field = sweep->order[position];
	for (i = 0; i < count; i++)
		group_count += i == 0 || !same_condition(&clauses[i - 1], &clauses[i], field);
	if (group_count == 1 && !clauses[0].ranges[field])
		return sweep_from(sweep, position + 1, clauses, count);
	groups = arena_alloc(sweep->arena, group_count, sizeof(*groups));
	group_count = 0;
	for (first = 0; first < count; first = i) {
		for (i = first + 1; i < count; i++)
			if (!same_condition(&clauses[first], &clauses[i], field))
				break;
		groups[group_count++] = (struct group){
			&clauses[first],
			sweep_from(sweep, position + 1, &clauses[first], i - first)};
		if (builder_is_exhausted(sweep->builder))
			return REF_NEXT;
	}
	return sweep_groups(sweep, field, groups, group_count);
}

diagram_ref sweep_clauses(struct arena *arena, struct builder *builder, enum family family,
			  const struct clause *clauses, size_t count)
{
	struct sweep sweep = {arena, builder, family, builder_order(builder)};

	return sweep_from(&sweep, 0, clauses, count);
}

diagram_ref join_diagrams(struct builder *builder, const diagram_ref *diagrams, size_t count)
{
	size_t half = count / 2;

	if (count == 0)
		return REF_NEXT;
	if (count == 1)
		return diagrams[0];
	return builder_then(builder, join_diagrams(builder, diagrams, half),
			    join_diagrams(builder, diagrams + half, count - half));
}
