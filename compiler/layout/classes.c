/* A run is the ports from one start of an interval of some node up to the next start of any node's interval. Two runs
 * are in one equivalence class if every node leads both to the same child. There may be 65,536 runs and as many nodes,
 * so it would take too long to compare all runs at all nodes. Instead, each run gets a sum: over all nodes, the hash of
 * the node and the child to which the node leads the run. A node changes the sum only where one of its intervals
 * starts, so the time is in proportion to the number of intervals. Runs with equal sums are taken as a class. Since
 * different runs may have equal sums, every node is then checked once for each class. */
#include "classes.h"

#include "compiler/base/arena.h"
#include "compiler/base/lower_bound.h"
#include "table_format.h"

#include <stdlib.h>
#include <string.h>

enum { PORTS = UINT16_MAX + 1 };

struct summed_run {
	uint64_t sum;
	uint32_t run;
};

struct runs {
	const struct layout *layout;
	uint32_t variable;
	uint32_t *of_port; /* the run of each port, and at PORTS the number of runs */
	uint32_t count;
	uint32_t *starts;          /* the first port of each run but the first */
	struct summed_run *sorted; /* by class, and within a class by run */
	uint8_t *classes;
	uint32_t class_count;
	uint32_t ends[CLASSES_MAX]; /* the end of each class in SORTED */
	uint32_t *first_runs; /* the first run of each class; classes are numbered in this order */
};

static bool has_variable(const struct runs *runs, uint32_t node)
{
	return runs->layout->forms[node] == FORM_TABLE &&
	       runs->layout->nodes[node].variable == runs->variable;
}

static void find_runs(struct arena *arena, struct runs *runs)
{
	uint32_t i, j, port;

	for (i = 0; i < runs->layout->node_count; i++)
		for (j = 1; has_variable(runs, i) && j < runs->layout->nodes[i].count; j++)
			runs->of_port[runs->layout->nodes[i].starts[j]] = 1;
	for (port = 1; port < PORTS; port++)
		runs->of_port[port] += runs->of_port[port - 1];
	runs->count = runs->of_port[PORTS] = runs->of_port[PORTS - 1] + 1;
	runs->starts = arena_alloc(arena, runs->count, sizeof(*runs->starts));
	runs->classes = arena_alloc(arena, runs->count, sizeof(*runs->classes));
	runs->first_runs = arena_alloc(arena, CLASSES_MAX, sizeof(*runs->first_runs));
	for (port = 1; port < PORTS; port++)
		if (runs->of_port[port] != runs->of_port[port - 1])
			runs->starts[runs->of_port[port] - 1] = port;
}

static uint64_t mix(uint64_t value)
{
	value ^= value >> 32;
	value *= UINT64_C(0x9e3779b97f4a7c15);
	value ^= value >> 29;
	value *= UINT64_C(0xbf58476d1ce4e5b9);
	return value ^ value >> 32;
}

/* The first run of interval I, or the number of runs after the last interval. */
static uint32_t run_of(const struct runs *runs, const struct diagram_node *node, uint32_t i)
{
	return runs->of_port[i < node->count ? node->starts[i] : PORTS];
}

/* Computes the sum of each run. Adds the hash of each interval at its first run, and subtracts it at the run after its
 * last; the running total at each run is then its sum. */
static void sum_runs(const struct runs *runs, uint64_t *sums)
{
	uint64_t sum = 0;
	uint32_t i, j;

	for (i = 0; i < runs->layout->node_count; i++) {
		const struct diagram_node *node = &runs->layout->nodes[i];

		for (j = 0; has_variable(runs, i) && j < node->count; j++) {
			uint64_t hash = mix((uint64_t)i << 32 | node->children[j]);

			sums[run_of(runs, node, j)] += hash;
			sums[run_of(runs, node, j + 1)] -= hash;
		}
	}
	for (i = 0; i < runs->count; i++)
		sums[i] = sum += sums[i];
}

static int compare_sums(const void *a, const void *b)
{
	const struct summed_run *x = a, *y = b;

	if (x->sum != y->sum)
		return x->sum < y->sum ? -1 : 1;
	return x->run < y->run ? -1 : x->run > y->run;
}

/* For each sum, makes a class of the runs that have it; false if there are more than MOST classes. */
static bool group_runs(struct runs *runs, const uint64_t *sums, uint32_t most)
{
	uint32_t i;

	for (i = 0; i < runs->count; i++)
		runs->sorted[i] = (struct summed_run){sums[i], i};
	qsort(runs->sorted, runs->count, sizeof(*runs->sorted), compare_sums);
	for (i = 0; i < runs->count; i++) {
		if (!i || runs->sorted[i].sum != runs->sorted[i - 1].sum)
			if (runs->class_count++ == most)
				return false;
		runs->classes[runs->sorted[i].run] = (uint8_t)(runs->class_count - 1);
		runs->ends[runs->class_count - 1] = i + 1;
	}
	return true;
}

/* The index of the first of the sorted runs [from, end) that is RUN or a later one. */
static uint32_t first_run(const struct runs *runs, uint32_t from, uint32_t end, uint32_t run)
{
	return LOWER_BOUND(i, from, end, runs->sorted[i].run >= run);
}

/* Whether a node leads all runs of a class to one child. The class is the sorted runs [at, end). */
static bool leads_to_one(const struct runs *runs, const struct diagram_node *node, uint32_t at,
			 uint32_t end)
{
	diagram_ref child = 0;
	uint32_t first = at, i = 0;

	if (end - at == 1)
		return true;
	while (at < end) {
		while (run_of(runs, node, i + 1) <= runs->sorted[at].run)
			i++;
		if (at != first && node->children[i] != child)
			return false;
		child = node->children[i];
		at = first_run(runs, at, end, run_of(runs, node, i + 1));
	}
	return true;
}

/* Whether every node leads all runs with equal sums to one child, so that they are a class. */
static bool are_classes(const struct runs *runs)
{
	uint32_t i, group;

	for (i = 0; i < runs->layout->node_count; i++)
		for (group = 0; has_variable(runs, i) && group < runs->class_count; group++)
			if (!leads_to_one(runs, &runs->layout->nodes[i],
					  group ? runs->ends[group - 1] : 0, runs->ends[group]))
				return false;
	return true;
}

/* Numbers the classes in the order of their first runs. */
static void number_classes(struct runs *runs)
{
	uint8_t numbers[CLASSES_MAX];
	bool known[CLASSES_MAX] = {false};
	uint32_t count = 0, i;

	for (i = 0; i < runs->count; i++) {
		uint8_t class = runs->classes[i];

		if (!known[class]) {
			known[class] = true;
			runs->first_runs[count] = i;
			numbers[class] = (uint8_t)count++;
		}
		runs->classes[i] = numbers[class];
	}
}

bool classes_of(struct arena *arena, const struct layout *layout, uint32_t variable, uint32_t most,
		struct layout_classes *classes)
{
	struct runs runs = {.layout = layout, .variable = variable};
	struct arena *scratch = arena_new();
	uint64_t *sums;
	bool found;

	runs.of_port = arena_alloc(scratch, PORTS + 1, sizeof(*runs.of_port));
	find_runs(arena, &runs);
	sums = arena_alloc(scratch, runs.count + 1, sizeof(*sums));
	runs.sorted = arena_alloc(scratch, runs.count, sizeof(*runs.sorted));
	sum_runs(&runs, sums);
	found = group_runs(&runs, sums, most) && are_classes(&runs);
	if (found)
		number_classes(&runs);
	*classes = (struct layout_classes){runs.count, runs.starts, runs.classes, runs.class_count,
					   runs.first_runs};
	arena_free(scratch);
	return found;
}
