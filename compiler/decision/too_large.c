/* Reports decisions and programs that are too large. For each field, the first value of each range
 * in a rule or map starts an interval, and so does the value after the range; so does 0. Any
 * decision tells these intervals apart. Where two fields have many intervals, their numbers may multiply. The
 * messages call the intervals of a field its places. */
#include "decision.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/base/sort.h"
#include "compiler/policy/policy.h"

#include <inttypes.h>
#include <stdlib.h>

/* What the rules tell apart in one field. */
struct breadth {
	enum field field;
	u128 last;    /* the greatest value */
	u128 *starts; /* the first value of each range, and the value after each, but for 0 */
	size_t count, capacity;
	const struct rule *widest; /* the rule with the most values of the field */
	size_t widest_values;
};

static void add_range(struct arena *arena, struct breadth *breadth, struct range range)
{
	if (range.first)
		*ARENA_APPEND(arena, breadth->starts, breadth->count,
			      breadth->capacity) = range.first;
	if (range.last < breadth->last)
		*ARENA_APPEND(arena, breadth->starts, breadth->count,
			      breadth->capacity) = range.last + 1;
}

static void note_widest(struct breadth *breadth, const struct rule *rule, size_t values)
{
	if (values <= breadth->widest_values)
		return;
	breadth->widest = rule;
	breadth->widest_values = values;
}

static void add_map(struct arena *arena, struct breadth *breadth, const struct rule *rule,
		    const struct map *map, enum family family)
{
	size_t values = 0;
	size_t k, i;

	for (k = 0; k < map->key_count; k++) {
		if (map->key_fields[k] != breadth->field)
			continue;
		for (i = 0; i < map->element_count; i++) {
			if (!(map->elements[i].families & 1u << family))
				continue;
			add_range(arena, breadth, map->keys[i * map->key_count + k]);
			values++;
		}
	}
	note_widest(breadth, rule, values);
}

static void add_rule(struct arena *arena, struct breadth *breadth, const struct policy *policy,
		     const struct rule *rule, enum family family)
{
	const struct range_set *values = rule->match.values[family][breadth->field];
	size_t i;

	if (rule->verdict.kind == VERDICT_MAP)
		add_map(arena, breadth, rule, &policy->maps[rule->verdict.target], family);
	for (i = 0; i < rule->match.key_match_count; i++)
		add_map(arena, breadth, rule, &policy->key_sets[rule->match.key_matches[i].set],
			family);
	for (i = 0; values && i < values->count; i++)
		add_range(arena, breadth, values->ranges[i]);
	note_widest(breadth, rule, values ? values->count : 0);
}

/* Makes COUNT the number of different starts. */
static void count_starts(struct breadth *breadth)
{
	size_t different = 0;
	size_t i;

	sort_by_key(breadth->starts, breadth->count, sizeof(*breadth->starts));
	for (i = 0; i < breadth->count; i++)
		different += i == 0 || breadth->starts[i] != breadth->starts[i - 1];
	breadth->count = different;
}

static int compare_breadths(const void *a, const void *b)
{
	const struct breadth *first = a, *second = b;

	if (first->count != second->count)
		return first->count > second->count ? -1 : 1;
	return first->field < second->field ? -1 : 1;
}

static void note_rule(struct diag *diag, const struct breadth *breadth)
{
	if (!breadth->count)
		return;
	if (breadth->widest_values == 1)
		diag_note(diag, breadth->widest->span,
			  "this rule and its like have the values of %s",
			  field_word(breadth->field));
	else if (breadth->widest)
		diag_note(diag, breadth->widest->span, "this rule has %zu of the values of %s",
			  breadth->widest_values, field_word(breadth->field));
}

/* What the rules tell apart in each field, the field with the most intervals first. */
static void find_breadths(struct arena *arena, const struct policy *policy, enum family family,
			  struct breadth breadths[VALUE_FIELD_COUNT])
{
	enum field field;
	size_t i, j;

	for (field = 0; field < VALUE_FIELD_COUNT; field++) {
		breadths[field] = (struct breadth){.field = field,
						   .last = field_last(field, family)};
		for (i = 0; i < policy->chain_count; i++)
			for (j = 0; j < policy->chains[i].count; j++)
				add_rule(arena, &breadths[field], policy,
					 &policy->chains[i].rules[j], family);
		count_starts(&breadths[field]);
	}
	qsort(breadths, VALUE_FIELD_COUNT, sizeof(breadths[0]), compare_breadths);
}

static struct span error_span(const struct breadth *breadths, const struct policy *policy)
{
	return breadths[0].widest ? breadths[0].widest->span : policy->chains[0].span;
}

/* "401 places in daddr, 3 in dport"; "" where the rules tell nothing apart. */
static const char *list_breadths(struct arena *arena, const struct breadth *breadths)
{
	const char *list = "";
	size_t i;

	for (i = 0; i < VALUE_FIELD_COUNT && breadths[i].count; i++)
		list = arena_printf(arena, "%s%s%zu%s in %s", list, i ? ", " : "",
				    breadths[i].count + 1, i ? "" : " places",
				    field_word(breadths[i].field));
	return list;
}

/* Reports what the rules tell apart, and the rules with the most values in the two fields with the most. */
static void report_list(const struct policy *policy, enum family family,
			const struct breadth *breadths, const char *list, const char *limit,
			struct diag *diag)
{
	if (*list)
		diag_error(diag, error_span(breadths, policy),
			   "the rules for %s tell apart %s, more than %s", family_word(family),
			   list, limit);
	else
		diag_error(diag, error_span(breadths, policy), "the rules for %s take more than %s",
			   family_word(family), limit);
	note_rule(diag, &breadths[0]);
	note_rule(diag, &breadths[1]);
}

void report_decision_too_large(const struct policy *policy, enum family family, const char *limit,
			       struct diag *diag)
{
	struct arena *arena = arena_new();
	struct breadth breadths[VALUE_FIELD_COUNT];

	find_breadths(arena, policy, family, breadths);
	if (!breadths[1].count) {
		report_list(policy, family, breadths, list_breadths(arena, breadths), limit, diag);
		arena_free(arena);
		return;
	}
	diag_error(diag, error_span(breadths, policy),
		   "the rules for %s multiply each other: %zu places in %s by %zu in %s "
		   "make up to %ju table entries, more than %s",
		   family_word(family), breadths[0].count + 1, field_word(breadths[0].field),
		   breadths[1].count + 1, field_word(breadths[1].field),
		   (uintmax_t)(breadths[0].count + 1) * (breadths[1].count + 1), limit);
	note_rule(diag, &breadths[0]);
	note_rule(diag, &breadths[1]);
	diag_note(diag, (struct span){0, 0},
		  "fewer places help: neighbouring values as one prefix or range, or rules "
		  "that match in one of the two fields alone");
	arena_free(arena);
}

void report_parts_too_large(const struct policy *policy, enum family family, const char *limit,
			    struct diag *diag)
{
	struct arena *arena = arena_new();
	struct breadth breadths[VALUE_FIELD_COUNT];

	find_breadths(arena, policy, family, breadths);
	report_list(policy, family, breadths, list_breadths(arena, breadths), limit, diag);
	diag_note(diag, (struct span){0, 0},
		  "fewer places help: neighbouring values as one prefix or range");
	arena_free(arena);
}

void report_program_too_large(const struct policy *policy, enum family family, size_t needed,
			      size_t most, size_t least, struct diag *diag)
{
	struct arena *arena = arena_new();
	struct breadth breadths[VALUE_FIELD_COUNT];
	const char *list;
	size_t i;

	find_breadths(arena, policy, family, breadths);
	list = list_breadths(arena, breadths);
	if (*list)
		list = arena_printf(arena, ": for %s alone the rules tell apart %s",
				    family_word(family), list);
	diag_error(diag, error_span(breadths, policy),
		   "the program would have the verifier walk about %zu instructions, more than its "
		   "budget of %zu%s",
		   needed, most, list);
	for (i = 0; i < VALUE_FIELD_COUNT; i++)
		note_rule(diag, &breadths[i]);
	if (least < needed)
		diag_note(
			diag, (struct span){0, 0},
			"'--instructions-max' sets another budget; with about %zu, slower kinds of "
			"tables fit",
			least);
	else
		diag_note(diag, (struct span){0, 0}, "'--instructions-max' sets another budget");
	arena_free(arena);
}
