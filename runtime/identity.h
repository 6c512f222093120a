/* Which rule or label of one object is which of another. A rule is the same if it means the same (its
 * expanded text) in the same chain, and has the same place among its equals. */
#ifndef SKLC_IDENTITY_H
#define SKLC_IDENTITY_H

#include <stdint.h>

struct object;

/* *MAP[counter of FROM] is the counter of TO, or ABI_NO_COUNTER; the caller frees. -ENOMEM. */
int identity_of_counters(const struct object *from, const struct object *to, uint32_t **map);

/* *MAP[label of FROM] is the label of TO, or ABI_NO_STRING; the caller frees. -ENOMEM. */
int identity_of_labels(const struct object *from, const struct object *to, uint32_t **map);

#endif
