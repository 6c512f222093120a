/* Gives interfaces their classes, when all rules are there: sorts what rules say of interfaces, and makes the set of
 * classes of each rule, and those of the keys of maps and sets. */
#include "ast_to_policy.h"

#include "compiler/base/lower_bound.h"

#include <stdlib.h>
#include <string.h>

/* By name; a wildcard comes before the exact name that it ends in, and so before all that it matches. */
static int compare_interfaces(const void *a, const void *b, void *data)
{
	const struct interface *interfaces = data;
	const struct interface *first = &interfaces[*(const uint32_t *)a];
	const struct interface *second = &interfaces[*(const uint32_t *)b];
	int order = strcmp(first->name, second->name);

	return order ? order : second->is_wildcard - first->is_wildcard;
}

uint32_t *sort_interfaces(struct arena *arena, struct interface **interfaces, size_t count)
{
	struct interface *sorted = arena_alloc(arena, count, sizeof(*sorted));
	uint32_t *order = arena_alloc(arena, count, sizeof(*order));
	uint32_t *moved = arena_alloc(arena, count, sizeof(*moved));
	uint32_t i;

	for (i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), compare_interfaces, *interfaces);
	for (i = 0; i < count; i++) {
		sorted[i] = (*interfaces)[order[i]];
		moved[order[i]] = i;
	}
	*interfaces = sorted;
	return moved;
}

struct range interface_classes(const struct interface *interfaces, size_t count, uint32_t index)
{
	const struct interface *entry = &interfaces[index];
	size_t length = strlen(entry->name), end = index + 1;

	if (entry->is_wildcard)
		end = LOWER_BOUND(i, end, count,
				  strncmp(interfaces[i].name, entry->name, length) != 0);
	return (struct range){CLASS_FIRST + index, CLASS_FIRST + end - 1};
}

/* The classes for which a match holds; never CLASS_NOT_KNOWN. */
static struct range_set classes_matched(struct translation *t, const struct interface_match *match)
{
	struct range *ranges = arena_alloc(t->arena, match->count + 1, sizeof(*ranges));
	size_t count = 0, i;

	if (match->negated)
		ranges[count++] = (struct range){CLASS_NOT_KNOWN, CLASS_NOT_KNOWN};
	for (i = 0; i < match->count; i++)
		ranges[count++] = interface_classes(
			t->policy->interfaces, t->policy->interface_count, match->interfaces[i]);
	if (!match->negated)
		return range_set_of(ranges, count);
	return range_set_complement(t->arena, range_set_of(ranges, count),
				    field_last(FIELD_IIFNAME, FAMILY_IPV4));
}

/* Whether a match of several fields, one of them the interface, is negated: it holds for no packet whose interface is
 * not known either. */
static bool negates_interfaces(const struct policy *policy, const struct match *match)
{
	size_t i, k;

	for (i = 0; i < match->key_match_count; i++) {
		const struct map *set = &policy->key_sets[match->key_matches[i].set];

		for (k = 0; match->key_matches[i].negated && k < set->key_count; k++)
			if (set->key_fields[k] == FIELD_IIFNAME)
				return true;
	}
	return false;
}

static void set_classes(struct translation *t, struct match *match)
{
	struct range_set *classes = arena_alloc(t->arena, 1, sizeof(*classes));
	struct range *known = arena_alloc(t->arena, 1, sizeof(*known));
	enum family family;
	size_t i;

	*known = (struct range){CLASS_FIRST, field_last(FIELD_IIFNAME, FAMILY_IPV4)};
	*classes = (struct range_set){known, 1};
	for (i = 0; i < match->interface_count; i++)
		*classes = range_set_intersect(t->arena, *classes,
					       classes_matched(t, &match->interfaces[i]));
	for (family = 0; family < FAMILY_COUNT; family++)
		if (!match->families || match->families & 1u << family)
			match->values[family][FIELD_IIFNAME] = classes;
}

static void classify_rule(struct translation *t, struct match *match, const uint32_t *moved)
{
	size_t m, i;

	for (m = 0; m < match->interface_count; m++) {
		uint32_t *interfaces = (uint32_t *)match->interfaces[m].interfaces;

		for (i = 0; i < match->interfaces[m].count; i++)
			interfaces[i] = moved[interfaces[i]];
	}
	if (match->interface_count || negates_interfaces(t->policy, match))
		set_classes(t, match);
}

static void classify_expect(const struct policy *policy, struct expect *expect)
{
	expect->packet.values[FIELD_IIFNAME] =
		expect->interface ? interface_class(policy, expect->interface)
				  : class_other(policy);
}

void classify_interfaces(struct translation *t)
{
	struct policy *policy = t->policy;
	const uint32_t *moved;
	size_t i, j;

	if (policy->interface_count > INTERFACES_MAX) {
		diag_error(t->diag, policy->interfaces[INTERFACES_MAX].span,
			   "the rules name more than %d interfaces", INTERFACES_MAX);
		return;
	}
	moved = sort_interfaces(t->arena, &policy->interfaces, policy->interface_count);
	classify_key_interfaces(t, moved);
	for (i = 0; i < policy->chain_count; i++)
		for (j = 0; j < policy->chains[i].count; j++)
			classify_rule(t, &policy->chains[i].rules[j].match, moved);
	for (i = 0; i < policy->expect_count; i++)
		classify_expect(policy, &policy->expects[i]);
}
