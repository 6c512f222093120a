/* The one table of the packet fields that rules speak about. What a field is called, what its values look like, where
 * the kernel keeps it and what may be done with it is said here alone; grammar, policy, diagram, tables, both back ends
 * and the tests' generators ask this table. CONTRIBUTING.md lists what a new field needs beside its line here. */
#ifndef SKLC_FIELDS_H
#define SKLC_FIELDS_H

#include "net.h"

/* What the values of a field are. Columns: constant; the word, which is a set's `type`; what messages about a value of
 * another type ask for; what messages about a missing value ask for. */
/* clang-format off */
#define VALUE_TYPES(X) \
	X(ADDRESS, "addr", "an address", "an address") \
	X(PORT, "port", "a port", "a port") \
	X(INTERFACE, "ifname", "an interface", "an interface's name") \
	X(PROTOCOL, "l4proto", "'tcp' or 'udp'", "a protocol ('tcp', 'udp')") \
	X(FAMILY, "nfproto", "'ipv4' or 'ipv6'", "a family ('ipv4', 'ipv6')")
/* clang-format on */

enum value_type {
#define VALUE_TYPE_ENUM(constant, ...) TYPE_##constant,
	VALUE_TYPES(VALUE_TYPE_ENUM)
#undef VALUE_TYPE_ENUM
		TYPE_COUNT
};

const char *type_word(enum value_type type);
const char *type_meaning(enum value_type type);
const char *type_phrase(enum value_type type);

/* Fields whose values are numbers; each is a variable of the decision diagram. Columns: constant; word; type; whose
 * end of the connection it is; bits of a value and member of the kernel's context, struct bpf_sk_lookup, for IPv4 and
 * for IPv6; byte order of the member; whether a map may have it as a key. The value of an interface is not its
 * member, which is a number of the host, but its class: see struct interface in policy.h. */
/* clang-format off */
#define VALUE_FIELDS(X) \
	X(DADDR, "daddr", ADDRESS, LOCAL, 32, local_ip4, 128, local_ip6, NETWORK, true) \
	X(DPORT, "dport", PORT, LOCAL, 16, local_port, 16, local_port, HOST, true) \
	X(SADDR, "saddr", ADDRESS, REMOTE, 32, remote_ip4, 128, remote_ip6, NETWORK, true) \
	X(SPORT, "sport", PORT, REMOTE, 16, remote_port, 16, remote_port, NETWORK, true) \
	X(IIFNAME, "iifname", INTERFACE, NO_SIDE, 16, ingress_ifindex, 16, ingress_ifindex, HOST, true)

/* Fields that are no variables: protocol and family say at which root of the diagram a packet starts; `iif` is
 * `iifname` of an interface that must exist. Columns: constant; word; type; whether a map may have it as a key. */
#define OTHER_FIELDS(X) \
	X(L4PROTO, "l4proto", PROTOCOL, true) \
	X(NFPROTO, "nfproto", FAMILY, false) \
	X(IIF, "iif", INTERFACE, true)
/* clang-format on */

enum field {
#define FIELD_ENUM(constant, ...) FIELD_##constant,
	VALUE_FIELDS(FIELD_ENUM) OTHER_FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
		FIELD_COUNT,
	FIELD_NONE = FIELD_COUNT
};

/* How many fields have values; they come first. */
#define PLUS_ONE(...)     +1
#define VALUE_FIELD_COUNT (0 VALUE_FIELDS(PLUS_ONE))

enum field_side { FIELD_LOCAL, FIELD_REMOTE, FIELD_NO_SIDE };
enum byte_order { ORDER_HOST, ORDER_NETWORK };

/* Where the context has a field: members in host order are numbers of 32 bits; those in network order begin with the
 * value's first byte and have as many bits as the value. */
struct field_member {
	unsigned bits;   /* of a value */
	unsigned offset; /* in struct bpf_sk_lookup, in bytes */
};

struct field_info {
	const char *word;
	enum value_type type;
	bool is_map_key;
	/* of a field with values */
	enum field_side side;
	enum byte_order order;
	struct field_member members[FAMILY_COUNT];
};

const struct field_info *field_info(enum field field);

static inline const char *field_word(enum field field)
{
	return field_info(field)->word;
}

static inline enum value_type field_type(enum field field)
{
	return field_info(field)->type;
}

/* Whether its values belong to a family each, as addresses do; those of a port are the same in both. */
static inline bool field_has_families(enum field field)
{
	return field_type(field) == TYPE_ADDRESS;
}

/* Writes a range of a field's values as in rules. Not for interfaces, whose classes are those of one policy. */
void field_range_format(enum field field, enum family family, struct range range,
			char text[RANGE_TEXT]);

/* The last value of a field in a family. */
u128 field_last(enum field field, enum family family);

/* A map has as many keys at most. */
enum { MAP_KEYS_MAX = 3 };

#endif
