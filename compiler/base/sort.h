/* Sorting in place, without memory. */
#ifndef SKLC_BASE_SORT_H
#define SKLC_BASE_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Sorts COUNT items of SIZE bytes, a multiple of 16, by the u128 that each begins with. Equal ones come in any
 * order. */
void sort_by_key(void *items, size_t count, size_t size);

void sort_numbers(uint32_t *numbers, size_t count);

#endif
