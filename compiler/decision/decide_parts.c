/* Decides each part of a flow class in a diagram, in the order of fields that makes it small. Then parts are united,
 * two at a time, where they are hardly larger as one: the rules that ask for neither of the fields that they are cut
 * by are often few, and each part takes the program another search. */
#include "parts.h"

#include "compiler/base/arena.h"

#include <stdlib.h>

/* The effort for a part grows more slowly than for an undivided flow class, since a better order may take little more
 * than it has, and may become larger; but a part may not take more memory. */
enum {
	FIRST_EFFORT = 1 << 20,
	EFFORT_FOR_VALUE = 16,
	EFFORT_GROWTH = 2,
	LAST_EFFORT = 1 << 24,
	LAST_EFFORT_FOR_VALUE = 64,
	MEMORY = 1 << 20
};

/* Two parts are united if all parts together then have at most HALVES_OF_APART halves of the intervals that they have
 * apart. */
enum { HALVES_OF_APART = 3 };

/* What is built: some parts of a cut, as one. */
struct subject_parts {
	const struct cut *cut;
	enum family family;
	uint32_t parts; /* bits 1 << part */
};

/* Parts that are done as one. */
struct piece {
	struct trial trial;
	uint32_t parts; /* bits 1 << part */
};

struct deciding {
	struct subject_parts what;
	struct subject subject;
	struct piece pieces[PARTS_MAX];
	size_t count;
	size_t first_effort, last_effort;  /* for a part */
	size_t intervals, intervals_apart; /* of all parts; and before any were united */
};

static diagram_ref build(const void *data, struct arena *arena, struct builder *builder)
{
	const struct subject_parts *what = data;

	return parts_to_diagram(arena, builder, what->cut, what->family, what->parts);
}

/* Leaves only the diagram, without the memory that building it took. */
static void make_compact(struct trial *trial)
{
	struct arena *arena = arena_new();
	struct builder *builder = builder_new(arena, trial->order, SIZE_MAX - 1);

	trial->root = builder_import(builder, trial->builder, trial->root);
	trial->builder = builder;
	arena_free(trial->arena);
	trial->arena = arena;
}

static bool decide_part(struct deciding *deciding, uint32_t part)
{
	struct piece *piece = &deciding->pieces[deciding->count];
	size_t effort = deciding->first_effort;

	deciding->what.parts = piece->parts = 1u << part;
	while (!best_order(&deciding->subject, effort, &piece->trial)) {
		effort *= EFFORT_GROWTH;
		if (effort > deciding->last_effort)
			return false;
	}
	make_compact(&piece->trial);
	deciding->intervals += piece->trial.extent.intervals;
	deciding->count++;
	return true;
}

/* Puts the one with the most intervals first. */
static int compare_pieces(const void *a, const void *b)
{
	const struct piece *first = a, *second = b;

	if (first->trial.extent.intervals != second->trial.extent.intervals)
		return first->trial.extent.intervals > second->trial.extent.intervals ? -1 : 1;
	return first->parts < second->parts ? -1 : first->parts > second->parts;
}

/* Unites two parts, in the order of fields of the first. */
static bool unite(struct deciding *deciding, struct piece *large, const struct piece *small)
{
	struct trial united;
	size_t intervals;

	deciding->what.parts = large->parts | small->parts;
	if (!try_order(&deciding->subject, large->trial.order, deciding->first_effort, &united))
		return false;
	intervals = deciding->intervals - large->trial.extent.intervals -
		    small->trial.extent.intervals + united.extent.intervals;
	if (intervals > deciding->intervals_apart / 2 * HALVES_OF_APART) {
		arena_free(united.arena);
		return false;
	}
	make_compact(&united);
	arena_free(large->trial.arena);
	arena_free(small->trial.arena);
	large->trial = united;
	large->parts = deciding->what.parts;
	deciding->intervals = intervals;
	return true;
}

/* Unites the smallest part with another, as often as that can be. Two parts stay: one diagram for all rules was too
 * large. */
static void unite_parts(struct deciding *deciding)
{
	bool is_united = true;
	size_t i;

	deciding->intervals_apart = deciding->intervals;
	while (is_united && deciding->count > 2) {
		struct piece *smallest = &deciding->pieces[deciding->count - 1];

		qsort(deciding->pieces, deciding->count, sizeof(*deciding->pieces), compare_pieces);
		is_united = false;
		for (i = deciding->count - 1; !is_united && i-- > 0;)
			is_united = unite(deciding, &deciding->pieces[i], smallest);
		deciding->count -= is_united;
	}
}

/* What the parts may do to one packet, all together. */
static struct most most_of(const struct deciding *deciding)
{
	struct most most = {0, 0};
	size_t i;

	for (i = 0; i < deciding->count; i++)
		most_add(&most, deciding->pieces[i].trial.builder, deciding->pieces[i].trial.root);
	return most;
}

size_t decide_parts(const struct policy *policy, enum family family, enum protocol protocol,
		    size_t values, bool as_few_as_fit, struct trial done[PARTS_MAX],
		    struct most *most)
{
	struct deciding deciding = {
		.first_effort = FIRST_EFFORT + values * EFFORT_FOR_VALUE,
		.last_effort = LAST_EFFORT + values * LAST_EFFORT_FOR_VALUE,
	};
	struct arena *arena = arena_new();
	struct turns turns;
	uint32_t part;
	struct cut cut;
	bool fits;
	size_t i;

	deciding.what = (struct subject_parts){&cut, family, 0};
	deciding.subject = (struct subject){build, &deciding.what, policy->interface_count, 0,
					    MEMORY};
	fits = turns_of(arena, policy, family, protocol, &turns) && cut_turns(arena, turns, &cut);
	for (part = 0; fits && part < cut.part_count; part++)
		fits = decide_part(&deciding, part);
	if (fits && as_few_as_fit)
		unite_parts(&deciding);
	if (fits) {
		*most = most_of(&deciding);
		fits = most_is_allowed(most, policy->label_count);
	}
	for (i = 0; i < deciding.count; i++) {
		done[i] = deciding.pieces[i].trial;
		if (!fits)
			arena_free(done[i].arena);
	}
	arena_free(arena);
	return fits ? deciding.count : 0;
}
