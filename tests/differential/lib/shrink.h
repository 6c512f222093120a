/* Makes what fails small: delta debugging over the statements, lines, elements and words of a text, and over any
 * list. */
#ifndef SKLC_SHRINK_H
#define SKLC_SHRINK_H

#include <stdbool.h>
#include <stddef.h>

/* Leaves out of COUNT pieces, all KEPT, as many as it can, so that ENOUGH still says that the kept ones are enough.
 * Each call of ENOUGH costs the caller: to end early, it says no. */
void shrink_list(bool *kept, size_t count, bool (*enough)(void *data, const bool *kept),
		 void *data);

/* A smaller text that still fails, which the caller frees. */
char *shrink_text(const char *text, bool (*fails)(void *data, const char *text), void *data);

#endif
