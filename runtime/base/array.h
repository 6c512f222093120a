/* Arrays that grow. */
#ifndef SKLC_ARRAY_H
#define SKLC_ARRAY_H

#include <stddef.h>

/* Makes room for one more element in an array of COUNT elements of SIZE bytes, which must have
 * grown only by this function. Returns the array, which may have moved; NULL if there is no memory,
 * and then ALL stays as it is. */
void *array_grow(void *all, size_t count, size_t size);

#endif
