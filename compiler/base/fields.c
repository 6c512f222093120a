#include "fields.h"

const char *map_key_word(enum map_key key)
{
	static const char *const words[] = {
#define MAP_KEY_WORD(constant, word) [MAP_KEY_##constant] = word,
		MAP_KEYS(MAP_KEY_WORD)
#undef MAP_KEY_WORD
	};

	return words[key];
}

const char *field_word(enum field field)
{
	static const char *const words[] = {
#define FIELD_WORD(constant, word) [FIELD_##constant] = word,
		FIELDS(FIELD_WORD)
#undef FIELD_WORD
	};

	return words[field];
}

enum field map_key_field(enum map_key key)
{
	switch (key) {
	case MAP_KEY_DADDR:
		return FIELD_DADDR;
	case MAP_KEY_DPORT:
		return FIELD_DPORT;
	case MAP_KEY_SADDR:
		return FIELD_SADDR;
	case MAP_KEY_SPORT:
		return FIELD_SPORT;
	default:
		return FIELD_COUNT;
	}
}

bool field_is_port(enum field field)
{
	return field == FIELD_DPORT || field == FIELD_SPORT;
}

u128 field_last(enum field field, enum family family)
{
	return field_is_port(field) ? UINT16_MAX : address_last(family);
}
