/* Two runs are of one class if every node leads from both to the same child. They are compared by a sum over
 * all nodes, to which each adds a number of its own for each child, so that a node costs as much as it has
 * intervals; and then once more in full, for the sums may lie. */
#include "layout_classes.h"

#include "arena.h"

#include <stdlib.h>
#include <string.h>

enum { PORTS = UINT16_MAX + 1 };

struct runs {
	const struct layout *layout;
	uint32_t variable;
	uint32_t *of_port; /* of each port the run, and of one more */
	uint32_t count;
	uint32_t *starts;
	uint8_t *classes;
	uint32_t class_count;
};

static bool is_asked(const struct runs *runs, uint32_t node)
{
	return runs->layout->forms[node] == FORM_TABLE &&
	       runs->layout->nodes[node].variable == runs->variable;
}

static void find_runs(struct arena *arena, struct runs *runs)
{
	uint32_t i, j, port;

	for (i = 0; i < runs->layout->node_count; i++)
		for (j = 1; is_asked(runs, i) && j < runs->layout->nodes[i].count; j++)
			runs->of_port[runs->layout->nodes[i].starts[j]] = 1;
	for (port = 1; port < PORTS; port++)
		runs->of_port[port] += runs->of_port[port - 1];
	runs->count = runs->of_port[PORTS] = runs->of_port[PORTS - 1] + 1;
	runs->starts = arena_alloc(arena, runs->count, sizeof(*runs->starts));
	runs->classes = arena_alloc(arena, runs->count, sizeof(*runs->classes));
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

/* The first run of interval I, or the end of all. */
static uint32_t run_of(const struct runs *runs, const struct decision_node *node, uint32_t i)
{
	return runs->of_port[i < node->count ? node->starts[i] : PORTS];
}

/* Of each run, the sum over all nodes of the number for the child that it leads to. */
static void sum_runs(const struct runs *runs, uint64_t *sums)
{
	uint64_t sum = 0;
	uint32_t i, j;

	for (i = 0; i < runs->layout->node_count; i++) {
		const struct decision_node *node = &runs->layout->nodes[i];

		for (j = 0; is_asked(runs, i) && j < node->count; j++) {
			uint64_t number = mix((uint64_t)i << 32 | node->children[j]);

			sums[run_of(runs, node, j)] += number;
			sums[run_of(runs, node, j + 1)] -= number;
		}
	}
	for (i = 0; i < runs->count; i++)
		sums[i] = sum += sums[i];
}

struct summed_run {
	uint64_t sum;
	uint32_t run;
};

static int compare_sums(const void *a, const void *b)
{
	const struct summed_run *x = a, *y = b;

	if (x->sum != y->sum)
		return x->sum < y->sum ? -1 : 1;
	return x->run < y->run ? -1 : x->run > y->run;
}

/* Numbers the classes in the order of their first runs; false if they are too many. */
static bool number_classes(struct runs *runs, const uint64_t *sums)
{
	struct summed_run *sorted = malloc(runs->count * sizeof(*sorted));
	uint32_t *first = malloc(runs->count * sizeof(*first)); /* run of the same class */
	uint32_t i;

	if (!sorted || !first)
		abort();
	for (i = 0; i < runs->count; i++)
		sorted[i] = (struct summed_run){sums[i], i};
	qsort(sorted, runs->count, sizeof(*sorted), compare_sums);
	for (i = 0; i < runs->count; i++)
		first[sorted[i].run] = i && sorted[i].sum == sorted[i - 1].sum
					       ? first[sorted[i - 1].run]
					       : sorted[i].run;
	for (i = 0; i < runs->count && runs->class_count <= CLASSES_MAX; i++)
		runs->classes[i] = first[i] == i ? (uint8_t)runs->class_count++
						 : runs->classes[first[i]];
	free(sorted);
	free(first);
	return runs->class_count <= CLASSES_MAX;
}

/* Whether the node leads from all runs of a class to one child. */
static bool tells_nothing_more(const struct runs *runs, const struct decision_node *node)
{
	decision_ref children[CLASSES_MAX];
	bool known[CLASSES_MAX] = {false};
	uint32_t i, run;

	for (i = 0; i < node->count; i++)
		for (run = run_of(runs, node, i); run < run_of(runs, node, i + 1); run++) {
			uint8_t class = runs->classes[run];

			if (known[class] && children[class] != node->children[i])
				return false;
			known[class] = true;
			children[class] = node->children[i];
		}
	return true;
}

static bool are_classes(const struct runs *runs)
{
	uint32_t i;

	for (i = 0; i < runs->layout->node_count; i++)
		if (is_asked(runs, i) && !tells_nothing_more(runs, &runs->layout->nodes[i]))
			return false;
	return true;
}

bool classes_of(struct arena *arena, const struct layout *layout, uint32_t variable,
		struct layout_classes *classes)
{
	struct runs runs = {.layout = layout, .variable = variable};
	uint64_t *sums;
	bool found;

	runs.of_port = calloc(PORTS + 1, sizeof(*runs.of_port));
	if (!runs.of_port)
		abort();
	find_runs(arena, &runs);
	sums = calloc(runs.count + 1, sizeof(*sums));
	if (!sums)
		abort();
	sum_runs(&runs, sums);
	found = number_classes(&runs, sums) && are_classes(&runs);
	*classes = (struct layout_classes){runs.count, runs.starts, runs.classes, runs.class_count};
	free(sums);
	free(runs.of_port);
	return found;
}
