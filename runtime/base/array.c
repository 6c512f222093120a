/* The capacity is the next power of two, so an array is full when its count is one, or 0. */
#include "array.h"

#include <stdlib.h>

void *array_grow(void *all, size_t count, size_t size)
{
	if (count & (count - 1))
		return all;
	return reallocarray(all, count ? 2 * count : 1, size);
}
