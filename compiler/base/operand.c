#include "operand.h"

enum part { PART_WHOLE, PART_HIGH, PART_LOW, PARTS };
enum { WORD_BITS = 64 };

static enum part part_of(enum operand operand)
{
	return (enum part)(operand % PARTS);
}

static uint8_t families_of(enum field field, enum part part)
{
	const uint8_t four = 1 << FAMILY_IPV4, six = 1 << FAMILY_IPV6;

	if (!field_has_families(field))
		return part == PART_WHOLE ? four | six : 0;
	return part == PART_WHOLE ? four : six;
}

struct operand_info operand_info(enum operand operand)
{
	enum part part = part_of(operand);
	enum field field = (enum field)(operand / PARTS);
	const struct field_info *info = field_info(field);
	const struct field_member *member =
		&info->members[part == PART_WHOLE ? FAMILY_IPV4 : FAMILY_IPV6];

	return (struct operand_info){
		.field = field,
		.families = families_of(field, part),
		.bits = part == PART_WHOLE ? member->bits : WORD_BITS,
		.shift = part == PART_HIGH ? WORD_BITS : 0,
		.offset = member->offset + (part == PART_LOW ? WORD_BITS / 8 : 0),
		.order = info->order,
	};
}

unsigned operands_of(enum field field, enum family family, enum operand *first)
{
	bool is_one = field_info(field)->members[family].bits <= WORD_BITS;

	*first = (enum operand)(field * PARTS + (is_one ? PART_WHOLE : PART_HIGH));
	return is_one ? 1 : 2;
}

static uint64_t mask_of(const struct operand_info *info)
{
	return UINT64_MAX >> (WORD_BITS - info->bits);
}

uint64_t operand_get(enum operand operand, u128 value)
{
	struct operand_info info = operand_info(operand);

	return (uint64_t)(value >> info.shift) & mask_of(&info);
}

void operand_set(enum operand operand, u128 *value, uint64_t word)
{
	struct operand_info info = operand_info(operand);

	*value &= ~((u128)mask_of(&info) << info.shift);
	*value |= (u128)word << info.shift;
}

const char *operand_words(enum operand operand)
{
	static const char *const words[OPERAND_COUNT] = {
#define WORDS_OF_FIELD(constant, word, ...)                                                        \
	"ip " word, "ip6 " word ", upper half", "ip6 " word ", lower half",
		VALUE_FIELDS(WORDS_OF_FIELD)
#undef WORDS_OF_FIELD
	};
	enum field field = (enum field)(operand / PARTS);

	return field_has_families(field) ? words[operand] : field_word(field);
}
