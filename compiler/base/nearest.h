/* Finds the word that somebody probably meant. Allocates no memory. */
#ifndef SKLC_BASE_NEAREST_H
#define SKLC_BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

enum { NEAREST_WORD_MAX = 64 };

/* The fewest insertions, deletions, substitutions and swaps of neighbours that make A into B, where swapped
 * letters may be edited again; the case of ASCII letters is no difference. Neither word may be longer than
 * NEAREST_WORD_MAX bytes. */
unsigned edit_distance(const char *a, size_t a_length, const char *b, size_t b_length);

/* Whether one such edit makes A into B, of any lengths; here the case of letters is a difference. */
bool is_one_edit_away(const char *a, const char *b);

/* The nearest of COUNT words by edit distance, or NULL if none is near enough to be meant. */
const char *nearest_word(const char *word, size_t length, const char *const *words, size_t count);

#endif
