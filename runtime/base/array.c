/* The capacity is the smallest power of two that is at least the count. So an array is full when
 * its count is 0 or a power of two. */
#include "array.h"

#include <stdlib.h>

void *array_grow(void *all, size_t count, size_t size)
{
	if (count & (count - 1))
		return all;
	return reallocarray(all, count ? 2 * count : 1, size);
}
