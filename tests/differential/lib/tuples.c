/* Keys are taken from a few ranges, of which some are the same, some lie in each other and some cross. */
#include "tuples.h"

#include "compiler/base/net.h"

#define V6(upper, lower) ((u128)(upper) << 64 | (lower))

static const struct range IPV4[] = {
	{0x00000000, 0xffffffff}, {0x0a000000, 0x0affffff}, {0xc0000200, 0xc00002ff},
	{0xc0000200, 0xc000027f}, {0xc0000240, 0xc000027f}, {0xc0000207, 0xc0000207},
	{0xc0000260, 0xc0000290}, {0x0a800000, 0xc0000240},
};
static const struct range IPV6[] = {
	{0, ~(u128)0},
	{V6(0x20010db800000000, 0), V6(0x20010db8ffffffff, UINT64_MAX)},
	{V6(0x20010db800000000, 0), V6(0x20010db800000000, UINT64_MAX)},
	{V6(0x20010db800000000, 1), V6(0x20010db800000000, 1)},
	{V6(0x20010db800000000, 0x8000), V6(0x20010db800000001, 7)},
	{V6(0xfd00000000000000, 0), V6(0xfd00000000000003, 0)},
};
static const struct range PORTS[] = {
	{0, 65535},   {53, 53},     {80, 80},  {8000, 8999},
	{8080, 8080}, {8500, 9500}, {0, 1023}, {80, 8080},
};
/* A name or a wildcard is the range of names that it holds. */
static const struct range INTERFACES[] = {{0, 9}, {1, 4}, {2, 3}, {0, 0}, {1, 1},
					  {2, 2}, {3, 3}, {4, 4}, {5, 5}};
static const char *const INTERFACE_TEXTS[] = {"e*",    "eth1*",  "eth10*", "e",   "eth1",
					      "eth10", "eth101", "eth11",  "eth2"};
static const struct range PROTOCOLS[] = {{PROTOCOL_TCP, PROTOCOL_TCP},
					 {PROTOCOL_UDP, PROTOCOL_UDP}};

#define PICK(random, ranges) (ranges)[random_below((random), sizeof(ranges) / sizeof(*(ranges)))]

static struct range some_range(struct random *random, enum field field, enum family family)
{
	if (field == FIELD_L4PROTO)
		return PICK(random, PROTOCOLS);
	if (field_type(field) == TYPE_PORT)
		return PICK(random, PORTS);
	if (field_type(field) == TYPE_INTERFACE)
		return PICK(random, INTERFACES);
	return family == FAMILY_IPV4 ? PICK(random, IPV4) : PICK(random, IPV6);
}

bool tuples_have_families(const struct tuples *tuples)
{
	unsigned k;

	for (k = 0; k < tuples->key_count; k++)
		if (field_has_families(tuples->fields[k]))
			return true;
	return false;
}

static void some_fields(struct random *random, struct tuples *tuples, unsigned least)
{
	enum field fields[] = {FIELD_DADDR, FIELD_DPORT,   FIELD_SADDR,
			       FIELD_SPORT, FIELD_L4PROTO, FIELD_IIFNAME};
	unsigned left = sizeof(fields) / sizeof(*fields), k, pick;

	tuples->key_count = least + random_below(random, MAP_KEYS_MAX + 1 - least);
	for (k = 0; k < tuples->key_count; k++) {
		pick = random_below(random, left);
		tuples->fields[k] = fields[pick];
		fields[pick] = fields[--left];
	}
}

static bool inside(const struct range *a, const struct range *b)
{
	return a->first >= b->first && a->last <= b->last;
}

/* Whether two elements may stand in one map: no packet matches both, or one of them wins. */
static bool fit(const struct tuples *tuples, const struct tuple *a, const struct tuple *b)
{
	unsigned k;

	if (tuples_have_families(tuples) && a->family != b->family)
		return true;
	for (k = 0; k < tuples->key_count; k++)
		if (a->keys[k].first > b->keys[k].last || b->keys[k].first > a->keys[k].last)
			return true;
	for (k = 0; k < tuples->key_count; k++)
		if (!inside(&a->keys[k], &b->keys[k]) || !inside(&b->keys[k], &a->keys[k]))
			return inside(&a->keys[k], &b->keys[k]) || inside(&b->keys[k], &a->keys[k]);
	return false;
}

void some_tuples(struct random *random, struct tuples *tuples, unsigned least_keys, bool for_map)
{
	unsigned tries = 1 + random_below(random, TUPLES_MAX), i, k;

	tuples->count = 0;
	some_fields(random, tuples, least_keys);
	while (tries-- > 0) {
		struct tuple *tuple = &tuples->items[tuples->count];

		tuple->family = (enum family)random_below(random, FAMILY_COUNT);
		for (k = 0; k < tuples->key_count; k++)
			tuple->keys[k] = some_range(random, tuples->fields[k], tuple->family);
		for (i = 0; for_map && i < tuples->count; i++)
			if (!fit(tuples, &tuples->items[i], tuple))
				break;
		tuples->count += !for_map || i == tuples->count;
	}
}

void put_fields(FILE *out, const struct tuples *tuples)
{
	unsigned k;

	for (k = 0; k < tuples->key_count; k++)
		fprintf(out, "%s%s", k ? " . " : "", field_word(tuples->fields[k]));
}

void put_types(FILE *out, struct random *random, const struct tuples *tuples)
{
	unsigned k;

	for (k = 0; k < tuples->key_count; k++) {
		enum field field = tuples->fields[k];
		bool by_type = field != FIELD_L4PROTO && random_percent(random, 50);

		fprintf(out, "%s%s", k ? " . " : "",
			by_type ? type_word(field_type(field)) : field_word(field));
	}
}

static void put_interface(FILE *out, struct range range)
{
	size_t i = 0;

	while (INTERFACES[i].first != range.first || INTERFACES[i].last != range.last)
		i++;
	fprintf(out, "\"%s\"", INTERFACE_TEXTS[i]);
}

static void put_key(FILE *out, enum field field, enum family family, struct range key)
{
	char text[RANGE_TEXT];

	if (field == FIELD_L4PROTO) {
		fputs(protocol_word((enum protocol)key.first), out);
	} else if (field == FIELD_IIFNAME) {
		put_interface(out, key);
	} else {
		field_range_format(field, family, key, text);
		fputs(text, out);
	}
}

void put_tuple(FILE *out, const struct tuples *tuples, unsigned index)
{
	const struct tuple *tuple = &tuples->items[index];
	unsigned k;

	for (k = 0; k < tuples->key_count; k++) {
		fputs(k ? " . " : "", out);
		put_key(out, tuples->fields[k], tuple->family, tuple->keys[k]);
	}
}
