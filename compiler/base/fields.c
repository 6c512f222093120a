#include "fields.h"

#include <linux/bpf.h>

static const struct field_info FIELDS[FIELD_COUNT] = {
/* clang-format off */
#define VALUE_FIELD(constant, word, type, side, bits4, member4, bits6, member6, order, is_key) \
	[FIELD_##constant] = {word, TYPE_##type, is_key, FIELD_##side, ORDER_##order, \
			      {{bits4, offsetof(struct bpf_sk_lookup, member4)}, \
			       {bits6, offsetof(struct bpf_sk_lookup, member6)}}},
	VALUE_FIELDS(VALUE_FIELD)
#undef VALUE_FIELD
#define OTHER_FIELD(constant, word, type, is_key) \
	[FIELD_##constant] = {word, TYPE_##type, is_key, FIELD_NO_SIDE, ORDER_HOST, {{0, 0}, {0, 0}}},
	OTHER_FIELDS(OTHER_FIELD)
#undef OTHER_FIELD
	/* clang-format on */
};

/* `iif` as a key has the values of `iifname`. */
#define IS_KEY(constant, word, type, is_key) +((is_key) && FIELD_##constant != FIELD_IIF)
_Static_assert((0 OTHER_FIELDS(IS_KEY)) == 1,
	       "a key without a value is the protocol, which code relies on");
#undef IS_KEY

const struct field_info *field_info(enum field field)
{
	return &FIELDS[field];
}

u128 field_last(enum field field, enum family family)
{
	return ~(u128)0 >> (128 - field_info(field)->members[family].bits);
}

void field_range_format(enum field field, enum family family, struct range range,
			char text[RANGE_TEXT])
{
	if (field_has_families(field))
		address_range_format(family, range, text);
	else
		port_range_format(range, text);
}

struct type_words {
	const char *word, *meaning, *phrase;
};

static const struct type_words TYPES[TYPE_COUNT] = {
#define VALUE_TYPE(constant, word, meaning, phrase) [TYPE_##constant] = {word, meaning, phrase},
	VALUE_TYPES(VALUE_TYPE)
#undef VALUE_TYPE
};

const char *type_word(enum value_type type)
{
	return TYPES[type].word;
}

const char *type_meaning(enum value_type type)
{
	return TYPES[type].meaning;
}

const char *type_phrase(enum value_type type)
{
	return TYPES[type].phrase;
}
