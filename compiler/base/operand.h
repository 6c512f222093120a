/* Operands: the words of a packet that the nodes of a layout compare. A field of up to 64 bits is one operand; an IPv6
 * address is two, its upper and its lower half. All of it follows from the table of fields. The operand of an interface
 * is its class, which a program looks up by the number in the context. */
#ifndef SKLC_OPERAND_H
#define SKLC_OPERAND_H

#include "fields.h"

/* For each field: the whole of it (of an address, IPv4's), and the halves of its IPv6 value. */
enum operand {
#define OPERANDS_OF_FIELD(constant, ...)                                                           \
	OPERAND_##constant, OPERAND_##constant##_HIGH, OPERAND_##constant##_LOW,
	VALUE_FIELDS(OPERANDS_OF_FIELD)
#undef OPERANDS_OF_FIELD
		OPERAND_COUNT
};

struct operand_info {
	enum field field;
	uint8_t families; /* bits 1 << enum family: whose packets have it; 0: a port has no halves */
	unsigned bits;    /* 16, 32 or 64 */
	unsigned shift;   /* of its lowest bit in the field's value */
	unsigned offset;  /* of its first byte in struct bpf_sk_lookup */
	enum byte_order order;
};

struct operand_info operand_info(enum operand operand);

/* The operands of a field in a family: how many, 1 or 2, and the first, which is the upper one. */
unsigned operands_of(enum field field, enum family family, enum operand *first);

/* Reads an operand from the value of its field, and puts it there. */
uint64_t operand_get(enum operand operand, u128 value);
void operand_set(enum operand operand, u128 *value, uint64_t word);

const char *operand_words(enum operand operand); /* "dport", "ip6 daddr, upper half" */

#endif
