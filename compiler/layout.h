/* How a decision is stored: tables of bytes, and the steps that search them. Both back ends read this
 * and nothing before it. */
#ifndef SKLC_LAYOUT_H
#define SKLC_LAYOUT_H

#include "net.h"
#include "policy.h"

/* What the object file needs of it. */
struct layout_object {
	const unsigned char *tables; /* the bytes of .rodata; NULL if there are none */
	size_t table_bytes;
	size_t label_count, interface_count, counter_count;
	const uint8_t *label_places; /* bits 1 << ABI_PLACE of each label that the decision reaches */
};

struct layout;
const struct layout_object *layout_object(const struct layout *layout);

#endif
