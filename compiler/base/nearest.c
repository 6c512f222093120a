/* Compares words by the Damerau-Levenshtein distance, for "did you mean". */
#include "nearest.h"

#include <stdint.h>
#include <string.h>

/* Changes ASCII letters to lower case, whatever the locale. */
static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Row and column 0 of the table hold a bound that no distance reaches, so row and column i + 1 belong to the
 * first i letters. */
static unsigned table_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned table[NEAREST_WORD_MAX + 2][NEAREST_WORD_MAX + 2];
	unsigned bound = (unsigned)(a_length + b_length), cost;
	uint8_t row_of[256] = {0};
	size_t i, j, row, column;

	table[0][0] = bound;
	for (i = 0; i <= a_length; i++) {
		table[i + 1][0] = bound;
		table[i + 1][1] = (unsigned)i;
	}
	for (j = 0; j <= b_length; j++) {
		table[0][j + 1] = bound;
		table[1][j + 1] = (unsigned)j;
	}
	for (i = 1; i <= a_length; i++) {
		column = 0;
		for (j = 1; j <= b_length; j++) {
			row = row_of[fold(b[j - 1])];
			cost = fold(a[i - 1]) != fold(b[j - 1]);
			table[i + 1][j + 1] = least(
				least(table[i][j] + cost,
				      table[row][column] + (unsigned)(i - row + j - column - 1)),
				least(table[i + 1][j], table[i][j + 1]) + 1);
			if (!cost)
				column = j;
		}
		row_of[fold(a[i - 1])] = (uint8_t)i;
	}
	return table[a_length + 1][b_length + 1];
}

/* Skips the common beginning and end first, after which little is left of most pairs of words. */
unsigned edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	while (a_length && b_length && fold(*a) == fold(*b)) {
		a++, a_length--;
		b++, b_length--;
	}
	while (a_length && b_length && fold(a[a_length - 1]) == fold(b[b_length - 1])) {
		a_length--;
		b_length--;
	}
	return table_distance(a, a_length, b, b_length);
}

/* A word is near with at most a third of its letters wrong (or one, in a short word), but never all of them. */
const char *nearest_word(const char *word, size_t length, const char *const *words, size_t count)
{
	size_t limit = length / 3 ? length / 3 : 1, other, i;
	const char *nearest = NULL;
	size_t distance;

	if (limit >= length)
		limit = length ? length - 1 : 0;
	if (length > NEAREST_WORD_MAX)
		return NULL;
	for (i = 0; i < count; i++) {
		other = strlen(words[i]);
		if (other > NEAREST_WORD_MAX || other > length + limit || length > other + limit)
			continue;
		distance = edit_distance(word, length, words[i], other);
		if (distance > limit || (nearest && distance == limit))
			continue;
		nearest = words[i];
		limit = distance;
	}
	return nearest;
}

bool is_one_edit_away(const char *a, const char *b)
{
	size_t first = 0, length_a = strlen(a), length_b = strlen(b);
	const char *end_a = a + length_a, *end_b = b + length_b;

	while (a[first] && a[first] == b[first])
		first++;
	while (end_a > a + first && end_b > b + first && end_a[-1] == end_b[-1]) {
		end_a--;
		end_b--;
	}
	length_a = (size_t)(end_a - a) - first;
	length_b = (size_t)(end_b - b) - first;
	if (length_a == 2 && length_b == 2)
		return a[first] == b[first + 1] && a[first + 1] == b[first];
	return length_a <= 1 && length_b <= 1 && length_a + length_b > 0;
}
