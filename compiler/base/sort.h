/* Sorts arrays in place, without allocating memory. */
#ifndef SKLC_BASE_SORT_H
#define SKLC_BASE_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Sorts COUNT items of SIZE bytes by the u128 that each begins with; SIZE is 16 or 32. The
 * order of items with equal keys is unspecified. */
void sort_by_key(void *items, size_t count, size_t size);

void sort_numbers(uint32_t *numbers, size_t count);

#endif
