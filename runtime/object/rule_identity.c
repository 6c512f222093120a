/* Sorts the texts that identify rules or labels in both objects, then walks the two lists in
 * parallel. */
#include "object.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <string.h>

/* A rule or a label: the text that identifies it, in two parts, and its index. */
struct entry {
	const char *first, *second;
	uint32_t index;
};

struct entries {
	struct entry *all;
	size_t count;
};

static int compare_words(const struct entry *left, const struct entry *right)
{
	int order = strcmp(left->first, right->first);

	return order ? order : strcmp(left->second, right->second);
}

/* Entries with the same text are sorted by index. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	int order = compare_words(left, right);

	return order ? order : (left->index > right->index) - (left->index < right->index);
}

static int collect_rules(const struct object *object, struct entries *entries)
{
	entries->count = 0;
	entries->all = calloc(object->rule_count + 1, sizeof(*entries->all));
	if (!entries->all)
		return fail(object->report, ENOMEM, "compare the rules");
	for (size_t i = 0; i < object->rule_count; i++) {
		const struct abi_rule *rule = &object->rules[i];
		const char *expanded = object_string(object, rule->expanded);
		const char *chain = object_string(object, rule->chain);

		if (rule->counter == ABI_NO_COUNTER)
			continue;
		entries->all[entries->count++] = (struct entry){
			.first = expanded ? expanded : object_string(object, rule->text),
			.second = chain ? chain : "",
			.index = rule->counter,
		};
	}
	qsort(entries->all, entries->count, sizeof(*entries->all), compare_entries);
	return 0;
}

static int collect_labels(const struct object *object, struct entries *entries)
{
	entries->count = object->header.label_count;
	entries->all = calloc(entries->count + 1, sizeof(*entries->all));
	if (!entries->all)
		return fail(object->report, ENOMEM, "compare the labels");
	for (uint32_t i = 0; i < entries->count; i++)
		entries->all[i] = (struct entry){object_label(object, i), "", i};
	qsort(entries->all, entries->count, sizeof(*entries->all), compare_entries);
	return 0;
}

/* Maps entries with the same text to each other, in their order. */
static int join(struct report *report, const struct entries *from, const struct entries *to,
		size_t size, uint32_t none, uint32_t **map)
{
	uint32_t *indices = malloc((size + 1) * sizeof(*indices));
	size_t i = 0, j = 0;

	if (!indices)
		return fail(report, ENOMEM, "compare the rules");
	for (size_t k = 0; k < size; k++)
		indices[k] = none;
	while (i < from->count && j < to->count) {
		int order = compare_words(&from->all[i], &to->all[j]);

		if (order == 0)
			indices[from->all[i].index] = to->all[j].index;
		i += order <= 0;
		j += order >= 0;
	}
	*map = indices;
	return 0;
}

static int match(const struct object *from, const struct object *to,
		 int (*collect)(const struct object *object, struct entries *entries), size_t size,
		 uint32_t none, uint32_t **map)
{
	struct entries left = {0}, right = {0};
	int err = collect(from, &left);

	if (!err)
		err = collect(to, &right);
	if (!err)
		err = join(from->report, &left, &right, size, none, map);
	free(left.all);
	free(right.all);
	return err;
}

int identity_of_counters(const struct object *from, const struct object *to, uint32_t **map)
{
	return match(from, to, collect_rules, from->header.counter_count, ABI_NO_COUNTER, map);
}

int identity_of_labels(const struct object *from, const struct object *to, uint32_t **map)
{
	return match(from, to, collect_labels, from->header.label_count, ABI_NO_STRING, map);
}
