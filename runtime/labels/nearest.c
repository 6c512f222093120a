/* The distance of two names is the least number of letters that are inserted, removed, changed, or
 * swapped with the next. */
#include "labels.h"

#include <string.h>

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static unsigned int distance(const char *left, const char *right)
{
	unsigned int rows[ABI_LABEL_KEY + 1][ABI_LABEL_KEY + 1];
	size_t height = strnlen(left, ABI_LABEL_NAME_MAX);
	size_t width = strnlen(right, ABI_LABEL_NAME_MAX);

	for (unsigned int i = 0; i <= height; i++)
		rows[i][0] = i;
	for (unsigned int j = 0; j <= width; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= height; i++) {
		for (size_t j = 1; j <= width; j++) {
			unsigned int change = left[i - 1] == right[j - 1] ? 0 : 1;
			unsigned int cost = least(rows[i - 1][j] + 1, rows[i][j - 1] + 1);

			cost = least(cost, rows[i - 1][j - 1] + change);
			if (i > 1 && j > 1 && left[i - 1] == right[j - 2] &&
			    left[i - 2] == right[j - 1])
				cost = least(cost, rows[i - 2][j - 2] + 1);
			rows[i][j] = cost;
		}
	}
	return rows[height][width];
}

const struct label_entry *nearest_label(const char *name, const struct label_entry *entries,
					size_t count)
{
	const struct label_entry *nearest = NULL;
	unsigned int best = (unsigned int)strnlen(name, ABI_LABEL_NAME_MAX) / 3 + 2;

	for (size_t i = 0; i < count; i++) {
		unsigned int cost = distance(name, entries[i].name);

		if (cost < best) {
			best = cost;
			nearest = &entries[i];
		}
	}
	return nearest;
}
