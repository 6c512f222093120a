/* Sets of values as sorted ranges, so that union, intersection and complement are one walk. */
#include "range_set.h"

#include "arena.h"
#include "lower_bound.h"
#include "sort.h"

static bool is_sorted(const struct range *ranges, size_t count)
{
	size_t i;

	for (i = 1; i < count; i++)
		if (ranges[i].first < ranges[i - 1].first)
			return false;
	return true;
}

struct range_set range_set_of(struct range *ranges, size_t count)
{
	size_t kept = 0, i;

	if (!is_sorted(ranges, count))
		sort_by_key(ranges, count, sizeof(*ranges));
	for (i = 0; i < count; i++) {
		struct range *last = &ranges[kept - (kept > 0)];

		if (!kept || (ranges[i].first > last->last && ranges[i].first - last->last > 1))
			ranges[kept++] = ranges[i];
		else if (ranges[i].last > last->last)
			last->last = ranges[i].last;
	}
	return (struct range_set){ranges, kept};
}

struct range_set range_set_complement(struct arena *arena, struct range_set set, u128 last)
{
	struct range_set gaps = {arena_alloc(arena, set.count + 1, sizeof(*gaps.ranges)), 0};
	u128 next = 0;
	size_t i;

	for (i = 0; i < set.count; i++) {
		if (set.ranges[i].first > next)
			gaps.ranges[gaps.count++] = (struct range){next, set.ranges[i].first - 1};
		if (set.ranges[i].last >= last)
			return gaps;
		next = set.ranges[i].last + 1;
	}
	gaps.ranges[gaps.count++] = (struct range){next, last};
	return gaps;
}

struct range_set range_set_intersect(struct arena *arena, struct range_set a, struct range_set b)
{
	struct range_set both = {arena_alloc(arena, a.count + b.count, sizeof(*both.ranges)), 0};
	size_t i = 0, j = 0;
	u128 first, last;

	while (i < a.count && j < b.count) {
		struct range left = a.ranges[i], right = b.ranges[j];

		first = left.first > right.first ? left.first : right.first;
		last = left.last < right.last ? left.last : right.last;
		if (first <= last)
			both.ranges[both.count++] = (struct range){first, last};
		if (left.last == last)
			i++;
		if (right.last == last)
			j++;
	}
	return both;
}

bool range_set_contains(struct range_set set, u128 value)
{
	size_t i = LOWER_BOUND(j, 0, set.count, set.ranges[j].last >= value);

	return i < set.count && set.ranges[i].first <= value;
}

bool range_set_is_full(struct range_set set, u128 last)
{
	return set.count == 1 && !set.ranges[0].first && set.ranges[0].last >= last;
}
