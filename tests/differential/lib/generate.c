/* Writes text, as an operator would, so that the tests run the whole compiler. */
#include "generate.h"

#include "compiler/base/fields.h"
#include "tuples.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAPS_MAX = 2 };

struct generator {
	struct random *random;
	FILE *out;
	uint32_t counters; /* how many more rules may count */
	uint32_t chains;   /* written so far; rules jump only to those */
	uint32_t sets4, sets6, port_sets, interface_sets, map_count, key_set_count;
	struct tuples maps[MAPS_MAX], key_sets[MAPS_MAX];
};

enum family_choice { ANY_FAMILY, IPV4, IPV6 };
enum protocol_choice { ANY_PROTOCOL, TCP, UDP };

static uint32_t below(struct generator *g, uint32_t n)
{
	return random_below(g->random, n);
}

static bool percent(struct generator *g, uint32_t chance)
{
	return random_percent(g->random, chance);
}

/* Only a few bits vary, those where the prefixes end, so that addresses are often in each other's
 * prefixes. */
static uint32_t some_ipv4(struct generator *g, uint32_t bits)
{
	static const uint32_t bases[] = {0xc0000200, 0xc0000280, 0x0a000000, 0x00000000,
					 0xffffff00};
	uint32_t address = bases[below(g, 5)] | (below(g, 4) << 6) | below(g, 4);

	return bits ? address & ~UINT32_C(0) << (32 - bits) : 0;
}

static void ipv4_text(struct generator *g, uint32_t a)
{
	fprintf(g->out, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static void ipv4_value(struct generator *g)
{
	static const uint32_t lengths[] = {0, 1, 8, 23, 24, 25, 26, 30, 31, 32};
	uint32_t bits = lengths[below(g, 10)], a, b;

	switch (below(g, 3)) {
	case 0:
		ipv4_text(g, some_ipv4(g, 32));
		return;
	case 1:
		ipv4_text(g, some_ipv4(g, bits));
		fprintf(g->out, "/%u", bits);
		return;
	default:
		a = some_ipv4(g, 32);
		b = some_ipv4(g, 32);
		ipv4_text(g, a < b ? a : b);
		fputc('-', g->out);
		ipv4_text(g, a < b ? b : a);
	}
}

/* Four words. The last three vary only a little. All bits but the first BITS are 0. */
static void some_ipv6(struct generator *g, uint32_t bits, uint32_t words[4])
{
	static const uint32_t bases[] = {0x20010db8, 0xfd000000, 0x00000000, 0xffffffff};
	uint32_t i;

	words[0] = bases[below(g, 4)];
	words[1] = below(g, 3) << 30 | below(g, 2);
	words[2] = percent(g, 50) ? 0 : below(g, 2) << 31 | below(g, 2);
	words[3] = percent(g, 30) ? UINT32_MAX : below(g, 4);
	for (i = 0; i < 4; i++) {
		uint32_t kept = bits > 32 * i ? bits - 32 * i : 0;

		if (kept < 32)
			words[i] &= kept ? ~UINT32_C(0) << (32 - kept) : 0;
	}
}

static void ipv6_text(struct generator *g, const uint32_t words[4])
{
	uint32_t i;

	for (i = 0; i < 8; i++)
		fprintf(g->out, "%s%x", i ? ":" : "", words[i / 2] >> (i % 2 ? 0 : 16) & 0xffff);
}

static bool ipv6_less(const uint32_t a[4], const uint32_t b[4])
{
	uint32_t i;

	for (i = 0; i < 3 && a[i] == b[i];)
		i++;
	return a[i] < b[i];
}

/* No value is IPv4-mapped, since rules refuse such addresses: the third word of some_ipv6 is never
 * 0xffff. */
static void ipv6_value(struct generator *g)
{
	static const uint32_t lengths[] = {0, 3, 32, 34, 63, 64, 65, 96, 97, 126, 127, 128};
	uint32_t bits = lengths[below(g, 12)], a[4], b[4];

	switch (below(g, 3)) {
	case 0:
		some_ipv6(g, 128, a);
		ipv6_text(g, a);
		return;
	case 1:
		some_ipv6(g, bits, a);
		ipv6_text(g, a);
		fprintf(g->out, "/%u", bits);
		return;
	default:
		some_ipv6(g, 128, a);
		some_ipv6(g, 128, b);
		ipv6_text(g, ipv6_less(a, b) ? a : b);
		fputc('-', g->out);
		ipv6_text(g, ipv6_less(a, b) ? b : a);
	}
}

static void address_value(struct generator *g, enum family_choice family)
{
	if (family == IPV4 || (family == ANY_FAMILY && percent(g, 50)))
		ipv4_value(g);
	else
		ipv6_value(g);
}

static uint32_t some_port(struct generator *g)
{
	static const uint32_t ports[] = {0, 1, 22, 53, 80, 443, 8000, 8080, 65534, 65535};

	return percent(g, 80) ? ports[below(g, 10)] : below(g, 65536);
}

static void port_value(struct generator *g)
{
	static const char *const names[] = {"ssh", "domain", "http", "https"};
	uint32_t a = some_port(g), b = some_port(g);

	if (percent(g, 20))
		fputs(names[below(g, 4)], g->out);
	else if (percent(g, 60) || a == b)
		fprintf(g->out, "%u", a);
	else
		fprintf(g->out, "%u-%u", a < b ? a : b, a < b ? b : a);
}

static void interface_value(struct generator *g)
{
	generate_interface(g->random, g->out, GENERATE_INTERFACES);
}

/* A value, or a list of them. */
static void addresses(struct generator *g, enum family_choice family)
{
	uint32_t count = percent(g, 60) ? 1 : 2 + below(g, 4), i;

	if (count == 1) {
		address_value(g, family);
		return;
	}
	fputs("{ ", g->out);
	for (i = 0; i < count; i++) {
		fputs(i ? ", " : "", g->out);
		address_value(g, family);
	}
	fputs(" }", g->out);
}

static void ports(struct generator *g)
{
	uint32_t count = percent(g, 60) ? 1 : 2 + below(g, 8), i;

	if (count == 1) {
		port_value(g);
		return;
	}
	fputs("{ ", g->out);
	for (i = 0; i < count; i++) {
		fputs(i ? ", " : "", g->out);
		port_value(g);
	}
	fputs(" }", g->out);
}

static void not_equal(struct generator *g)
{
	if (percent(g, 20))
		fputs("!= ", g->out);
}

static void address_match(struct generator *g, const char *word, enum family_choice family)
{
	fprintf(g->out, "%s%s ",
		percent(g, 30) ? family == IPV4   ? "ip "
				 : family == IPV6 ? "ip6 "
						  : ""
			       : "",
		word);
	not_equal(g);
	if (percent(g, 15) && family == IPV4 && g->sets4)
		fprintf(g->out, "@four%u ", below(g, g->sets4));
	else if (percent(g, 15) && family == IPV6 && g->sets6)
		fprintf(g->out, "@six%u ", below(g, g->sets6));
	else
		addresses(g, family);
	fputc(' ', g->out);
}

static void port_match(struct generator *g, const char *word)
{
	static const char *const comparisons[] = {"<", "<=", ">", ">=", "=="};
	uint32_t comparison;

	fprintf(g->out, "%s ", word);
	if (percent(g, 15)) {
		comparison = below(g, 5);
		/* No port is below 0 or above 65535; a rule that says so is allowed, but never matches. */
		fprintf(g->out, "%s %u ", comparisons[comparison], some_port(g));
		return;
	}
	not_equal(g);
	if (percent(g, 15) && g->port_sets)
		fprintf(g->out, "@ports%u", below(g, g->port_sets));
	else
		ports(g);
	fputc(' ', g->out);
}

static void interface_match(struct generator *g)
{
	fprintf(g->out, "iifname ");
	not_equal(g);
	if (percent(g, 25) && g->interface_sets) {
		fprintf(g->out, "@cards%u ", below(g, g->interface_sets));
	} else if (percent(g, 25)) {
		fputs("{ ", g->out);
		interface_value(g);
		fputs(", ", g->out);
		interface_value(g);
		fputs(" } ", g->out);
	} else {
		interface_value(g);
		fputc(' ', g->out);
	}
}

static void redirect(struct generator *g)
{
	static const char *const fallbacks[] = {"", " else pass", " else drop", " else continue"};

	fprintf(g->out, "redirect to l%u%s%s", below(g, GENERATE_LABELS),
		percent(g, 20) ? " no-reuseport" : "", fallbacks[below(g, 4)]);
}

static void plain_verdict(struct generator *g)
{
	static const char *const words[] = {"pass", "accept", "drop", "reject"};

	if (percent(g, 65))
		redirect(g);
	else
		fputs(words[below(g, 4)], g->out);
}

static void map_lookup(struct generator *g)
{
	uint32_t number = below(g, g->map_count);

	put_fields(g->out, &g->maps[number]);
	fprintf(g->out, " map @map%u", number);
}

static void verdict(struct generator *g, bool in_chain)
{
	uint32_t choice = below(g, 100);

	if (choice < 15 && g->chains)
		fprintf(g->out, "%s c%u", percent(g, 60) ? "jump" : "goto", below(g, g->chains));
	else if (choice < 25 && g->map_count)
		map_lookup(g);
	else if (choice < 32 && in_chain)
		fputs("return", g->out);
	else
		plain_verdict(g);
}

/* A rule that may be of either family has at most one match of addresses: two could be lists with
 * no family in common, and such a rule is refused. */
static bool maybe_match_address(struct generator *g, enum field field, enum family_choice family,
				bool has_address)
{
	bool is_local = field_info(field)->side == FIELD_LOCAL;

	if (!percent(g, is_local ? 60 : 20) || (has_address && family == ANY_FAMILY))
		return false;
	address_match(g, field_word(field), family);
	return true;
}

static void maybe_match_port(struct generator *g, enum field field)
{
	if (percent(g, field_info(field)->side == FIELD_LOCAL ? 55 : 15))
		port_match(g, field_word(field));
}

static void key_lists(struct generator *g, const struct tuples *tuples)
{
	unsigned i;

	fputs("{ ", g->out);
	for (i = 0; i < tuples->count; i++) {
		fputs(i ? ", " : "", g->out);
		put_tuple(g->out, tuples, i);
	}
	fputs(" }", g->out);
}

/* A match of several fields together. It may limit the family, so no other match of the rule does. */
static void keys_match(struct generator *g)
{
	uint32_t number = g->key_set_count ? below(g, g->key_set_count) : 0;
	struct tuples in_place;

	if (g->key_set_count && percent(g, 60)) {
		put_fields(g->out, &g->key_sets[number]);
		fprintf(g->out, " %s@keys%u ", percent(g, 30) ? "!= " : "", number);
		return;
	}
	some_tuples(g->random, &in_place, 2, false);
	put_fields(g->out, &in_place);
	fputs(percent(g, 30) ? " != " : " ", g->out);
	if (percent(g, 30))
		put_tuple(g->out, &in_place, 0);
	else
		key_lists(g, &in_place);
	fputc(' ', g->out);
}

static void matches(struct generator *g)
{
	static const char *const families[] = {"", "meta nfproto ipv4 ", "meta nfproto ipv6 "};
	static const char *const protocols[] = {"", "tcp ", "udp "};
	enum family_choice family = below(g, 3);
	enum protocol_choice protocol = below(g, 3);
	bool has_address = false;
	enum field field;

	if (percent(g, 5))
		fputs("meta l4proto { tcp, udp } ", g->out);
	else
		fputs(protocols[protocol], g->out);
	if (percent(g, 10))
		fputs(families[family], g->out);
	for (field = 0; field < VALUE_FIELD_COUNT; field++)
		if (field_has_families(field))
			has_address |= maybe_match_address(g, field, family, has_address);
		else if (field_type(field) == TYPE_PORT)
			maybe_match_port(g, field);
	if (percent(g, 15))
		interface_match(g);
	if (percent(g, 10) && family == ANY_FAMILY && !has_address)
		keys_match(g);
}

static void rule(struct generator *g, bool in_chain)
{
	matches(g);
	if (g->counters && percent(g, 20)) {
		fputs("counter ", g->out);
		g->counters--;
	}
	verdict(g, in_chain);
	if (percent(g, 10))
		fputs(" comment \"as said: { drop } # all\"", g->out);
	fputc('\n', g->out);
}

static void set(struct generator *g, const char *name, uint32_t number, const char *type,
		void (*value)(struct generator *g))
{
	uint32_t count = 1 + below(g, 6), i;

	fprintf(g->out, "set %s%u { type %s; elements = { ", name, number, type);
	for (i = 0; i < count; i++) {
		fputs(i ? ", " : "", g->out);
		value(g);
	}
	fputs(" } }\n", g->out);
}

static void map(struct generator *g)
{
	struct tuples *tuples = &g->maps[g->map_count];
	unsigned i;

	some_tuples(g->random, tuples, 1, true);
	fprintf(g->out, "map map%u { type ", g->map_count++);
	put_types(g->out, g->random, tuples);
	fputs(" : verdict\n elements = {\n", g->out);
	for (i = 0; i < tuples->count; i++) {
		fputs("  ", g->out);
		put_tuple(g->out, tuples, i);
		fputs(" : ", g->out);
		if (g->chains && percent(g, 10))
			fprintf(g->out, "jump c%u", below(g, g->chains));
		else
			plain_verdict(g);
		fputs(",\n", g->out);
	}
	fputs(" } }\n", g->out);
}

static void key_set(struct generator *g)
{
	struct tuples *tuples = &g->key_sets[g->key_set_count];

	some_tuples(g->random, tuples, 2, false);
	fprintf(g->out, "set keys%u { type ", g->key_set_count++);
	put_types(g->out, g->random, tuples);
	fputs("; elements = ", g->out);
	key_lists(g, tuples);
	fputs(" }\n", g->out);
}

static void chain(struct generator *g)
{
	uint32_t count = 1 + below(g, 5), i;

	fprintf(g->out, "chain c%u {\n", g->chains);
	for (i = 0; i < count; i++)
		rule(g, true);
	fputs("}\n", g->out);
	g->chains++;
}

/* The definitions of sets, chains and maps. */
static void definitions(struct generator *g)
{
	if (percent(g, 40)) {
		set(g, "four", g->sets4++, "addr", ipv4_value);
		set(g, "six", g->sets6++, "addr", ipv6_value);
		set(g, "ports", g->port_sets++, "port", port_value);
		set(g, "cards", g->interface_sets++, "ifname", interface_value);
	}
	if (percent(g, 50)) /* the program then has the subprogram that tries spare slots */
		fprintf(g->out, "socket l%u { tcp 127.0.0.1%s:1 }\n",
			random_below(g->random, GENERATE_LABELS), percent(g, 20) ? "%eth1" : "");
	while (percent(g, 40) && g->chains < 4)
		chain(g);
	while (percent(g, 30) && g->map_count < MAPS_MAX)
		map(g);
	while (percent(g, 30) && g->key_set_count < MAPS_MAX)
		key_set(g);
}

static FILE *memory(char **text, size_t *size)
{
	FILE *out = open_memstream(text, size);

	if (!out)
		abort();
	return out;
}

char *generate_rules(struct random *random)
{
	struct generator g = {.random = random, .counters = 20};
	uint32_t rules = 1 + random_below(random, 12);
	char *text = NULL, *defined = NULL;
	bool defined_last = percent(&g, 30);
	size_t size;

	g.out = memory(&defined, &size);
	definitions(&g);
	fclose(g.out);
	g.out = memory(&text, &size);
	if (percent(&g, 50))
		fprintf(g.out, "policy %s\n", percent(&g, 50) ? "drop" : "pass");
	if (!defined_last)
		fputs(defined, g.out);
	while (rules-- > 0)
		rule(&g, false);
	if (defined_last)
		fputs(defined, g.out);
	fclose(g.out);
	free(defined);
	return text;
}

char *generate_large(struct random *random, const char *family, uint32_t count)
{
	struct generator g = {.random = random};
	bool ipv6 = family[2];
	char *text = NULL;
	size_t size;
	uint32_t i;

	g.out = memory(&text, &size);
	fprintf(g.out, "tcp saddr 198.51.100.0/24 drop\n");
	fprintf(g.out, "map big { type addr . port : verdict\n elements = {\n");
	for (i = 0; i < count; i++) {
		uint32_t n = i << 8 | random_below(random, 2) << 7;

		/* Each prefix is in a /24 (or /64) of its own, so no two of them are the same. */
		if (ipv6)
			fprintf(g.out, "2001:%x:%x:%x::%s . %u : redirect to l%u,\n", n >> 24,
				n >> 8 & 0xffff, n & 0xff, n & 128 ? "/64" : "ffff/128",
				1 + random_below(random, 4), random_below(random, GENERATE_LABELS));
		else
			fprintf(g.out, "%u.%u.%u.%u/%u . %u : redirect to l%u,\n", 1 + (n >> 24),
				n >> 16 & 255, n >> 8 & 255, n & 255,
				n & 128 ? 25 : 24 + random_below(random, 9),
				1 + random_below(random, 4), random_below(random, GENERATE_LABELS));
	}
	/* A few are far from all others. */
	fprintf(g.out, ipv6 ? "fe80::/10 . 1 : drop, a00::5 . 2-3 : redirect to l1,\n"
			    : "240.1.2.3 . 1 : drop, 224.0.0.0/4 . 2-3 : redirect to l1,\n");
	fprintf(g.out, " %s . 0-65535 : redirect to l0 } }\n", ipv6 ? "::/0" : "0.0.0.0/0");
	fprintf(g.out, "daddr . dport map @big\n");
	fclose(g.out);
	return text;
}
