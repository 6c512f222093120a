/* The fields of a packet that rules speak about. */
#ifndef SKLC_FIELDS_H
#define SKLC_FIELDS_H

#include "net.h"

/* The fields of a packet that have values known when compiling. */
#define FIELDS(X) X(DADDR, "daddr") X(DPORT, "dport") X(SADDR, "saddr") X(SPORT, "sport")

enum field {
#define FIELD_ENUM(constant, word) FIELD_##constant,
	FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
		FIELD_COUNT
};

const char *field_word(enum field field);
bool field_is_port(enum field field);

/* The last value of a field in a family. */
u128 field_last(enum field field, enum family family);

#define MAP_KEYS(X)                                                                                \
	X(L4PROTO, "l4proto")                                                                      \
	X(DADDR, "daddr") X(DPORT, "dport") X(SADDR, "saddr") X(SPORT, "sport")

enum map_key {
#define MAP_KEY_ENUM(constant, word) MAP_KEY_##constant,
	MAP_KEYS(MAP_KEY_ENUM)
#undef MAP_KEY_ENUM
		MAP_KEY_COUNT
};

const char *map_key_word(enum map_key key);

/* The field that a key is asked of; FIELD_COUNT for the protocol. */
enum field map_key_field(enum map_key key);

enum { MAP_KEYS_MAX = 3 };

#endif
