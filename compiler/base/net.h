/* Addresses, ports and protocols as numbers and as text. */
#ifndef SKLC_NET_H
#define SKLC_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value of any field, in host order: an IPv4 address in the low 32 bits, an IPv6 address, or a port. */
typedef unsigned __int128 u128;

enum family { FAMILY_IPV4, FAMILY_IPV6, FAMILY_COUNT };
enum protocol { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_COUNT };

/* A flow class: family and protocol as one number, the same as ABI_FLOW_CLASS of the runtime. */
enum { FLOW_CLASSES = FAMILY_COUNT * PROTOCOL_COUNT };

static inline unsigned flow_class_of(enum family family, enum protocol protocol)
{
	return (unsigned)family * PROTOCOL_COUNT + (unsigned)protocol;
}

static inline enum family flow_class_family(unsigned flow_class)
{
	return flow_class / PROTOCOL_COUNT;
}

static inline enum protocol flow_class_protocol(unsigned flow_class)
{
	return flow_class % PROTOCOL_COUNT;
}

const char *family_word(enum family family);       /* "ipv4", "ipv6" */
const char *protocol_word(enum protocol protocol); /* "tcp", "udp" */

/* An inclusive interval of values. */
struct range {
	u128 first, last;
};

u128 address_last(enum family family); /* the highest address of a family */
unsigned address_bits(enum family family);

enum { ADDRESS_TEXT = 64, RANGE_TEXT = 112 };

/* Writes an address (IPv6 as in RFC 5952), or a range as an address, a prefix or first-last. */
void address_format(enum family family, u128 value, char text[ADDRESS_TEXT]);
void address_range_format(enum family family, struct range range, char text[RANGE_TEXT]);
void port_range_format(struct range range, char text[RANGE_TEXT]);

enum { ADDRESS_REASON = 160 };

/* Reads an address: IPv6 (RFC 4291) where TEXT has a colon, else a dotted quad. TEXT need not end in NUL.
 * Returns false after writing to REASON what is wrong: "octet 256 is larger than 255". */
bool address_parse(const char *text, size_t length, enum family *family, u128 *value,
		   char reason[ADDRESS_REASON]);

/* Whether this is an IPv4-mapped IPv6 address, ::ffff:0:0/96, which no rule may name. */
bool address_is_mapped(u128 value);

/* The length of the prefix that is exactly this range, or -1. */
int range_prefix_bits(enum family family, struct range range);

#endif
