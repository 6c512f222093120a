/* Rules files with large maps and sets of several keys. Of two values of a key, one lies in the other or they have
 * nothing in common, so elements of a map are in no other's way, but where all keys are the same. */
#include "generate.h"

#include "compiler/base/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ELEMENTS_MAX = 400, KEY_FIELDS = 6 };

struct generator {
	struct random *random;
	FILE *out;
	enum field fields[MAP_KEYS_MAX]; /* of the map or set that is written now */
	unsigned field_count;
	char *elements[ELEMENTS_MAX]; /* their keys */
	size_t element_count;
};

static uint32_t below(struct generator *g, uint32_t n)
{
	return random_below(g->random, n);
}

static bool percent(struct generator *g, uint32_t chance)
{
	return random_percent(g->random, chance);
}

static void put_address(struct generator *g, FILE *out, bool is_ipv6)
{
	static const uint32_t lengths[] = {8, 16, 20, 24, 24, 28, 32, 32};
	uint32_t length = lengths[below(g, 8)], rest = 32 - length;
	uint32_t address = (UINT32_C(0x0a000000) | below(g, 3) << 16 | below(g, 4) << 11 |
			    below(g, 4) << 6 | below(g, 4)) >>
			   rest << rest;

	if (is_ipv6)
		fprintf(out, "2001:db8:%x:%x::/%u", address >> 16, address & 0xffff, 32 + length);
	else
		fprintf(out, "%u.%u.%u.%u/%u", address >> 24, address >> 16 & 255,
			address >> 8 & 255, address & 255, length);
}

static void put_ports(struct generator *g, FILE *out)
{
	static const uint32_t sizes[] = {1, 1, 16, 256, 4096, 65536};
	uint32_t size = sizes[below(g, 6)];
	uint32_t first = (below(g, 3) << 14 | below(g, 3) << 9 | below(g, 6)) / size * size;

	if (size == 1)
		fprintf(out, "%u", first);
	else
		fprintf(out, "%u-%u", first, first + size - 1);
}

static void put_key(struct generator *g, FILE *out, enum field field, bool is_ipv6)
{
	switch (field_type(field)) {
	case TYPE_ADDRESS:
		put_address(g, out, is_ipv6);
		break;
	case TYPE_PORT:
		put_ports(g, out);
		break;
	case TYPE_INTERFACE:
		generate_interface(g->random, out, 20);
		break;
	default:
		fputs(percent(g, 50) ? "tcp" : "udp", out);
	}
}

/* Keeps the keys of one more element, unless there are such. */
static void add_element(struct generator *g)
{
	bool is_ipv6 = percent(g, 30);
	char *keys = NULL;
	size_t size, i;
	FILE *out = open_memstream(&keys, &size);

	if (!out)
		abort();
	for (i = 0; i < g->field_count; i++) {
		fputs(i ? " . " : "", out);
		put_key(g, out, g->fields[i], is_ipv6);
	}
	fclose(out);
	for (i = 0; i < g->element_count && strcmp(g->elements[i], keys) != 0;)
		i++;
	if (i == g->element_count)
		g->elements[g->element_count++] = keys;
	else
		free(keys);
}

static void some_fields(struct generator *g, unsigned least)
{
	enum field left[KEY_FIELDS] = {FIELD_DADDR, FIELD_DPORT,   FIELD_SADDR,
				       FIELD_SPORT, FIELD_L4PROTO, FIELD_IIFNAME};
	unsigned count = KEY_FIELDS, i, pick;

	g->field_count = least + below(g, MAP_KEYS_MAX + 1 - least);
	for (i = 0; i < g->field_count; i++) {
		pick = below(g, count);
		g->fields[i] = left[pick];
		left[pick] = left[--count];
	}
}

static void put_fields(struct generator *g)
{
	unsigned i;

	for (i = 0; i < g->field_count; i++)
		fprintf(g->out, "%s%s", i ? " . " : "", field_word(g->fields[i]));
}

static void put_verdict(struct generator *g)
{
	static const char *const fallbacks[] = {"", " else pass", " else continue"};

	if (percent(g, 30))
		fputs(percent(g, 50) ? "pass" : "drop", g->out);
	else
		fprintf(g->out, "redirect to l%u%s", below(g, GENERATE_LABELS),
			fallbacks[below(g, 3)]);
}

/* Writes a map or a set of several keys, and the rule that asks for it. */
static void put_table(struct generator *g, unsigned number)
{
	static const uint32_t sizes[] = {10, 50, 150, ELEMENTS_MAX};
	bool is_map = percent(g, 65);
	uint32_t tries = sizes[below(g, 4)];
	size_t i;

	some_fields(g, is_map ? 1 : 2);
	g->element_count = 0;
	while (tries-- > 0)
		add_element(g);
	fprintf(g->out, "%s t%u { type ", is_map ? "map" : "set", number);
	put_fields(g);
	fprintf(g->out, "%s; elements = {\n", is_map ? " : verdict" : "");
	for (i = 0; i < g->element_count; i++) {
		fprintf(g->out, "%s%s", g->elements[i], is_map ? " : " : "");
		if (is_map)
			put_verdict(g);
		fputs(",\n", g->out);
		free(g->elements[i]);
	}
	fputs("} }\n", g->out);
	put_fields(g);
	if (is_map) {
		fprintf(g->out, " map @t%u\n", number);
		return;
	}
	fprintf(g->out, " %s@t%u ", percent(g, 30) ? "!= " : "", number);
	put_verdict(g);
	fputc('\n', g->out);
}

char *generate_keys(struct random *random)
{
	struct generator g = {.random = random};
	unsigned tables = 1 + random_below(random, 3), i;
	char *text = NULL;
	size_t size;

	g.out = open_memstream(&text, &size);
	if (!g.out)
		abort();
	fprintf(g.out, "policy %s\n", percent(&g, 50) ? "drop" : "pass");
	for (i = 0; i < tables; i++)
		put_table(&g, i);
	fclose(g.out);
	return text;
}
