/* Prefix lengths are distributed as for operators who announce and serve many addresses: half of the prefixes are /24
 * (IPv6: /48), a quarter single addresses (/64), the others in between. */
#include "bindings.h"

#include "compiler/base/arena.h"
#include "tests/lib/random.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_ELSEWHERE = 8, WILDCARDS = 8, COMMON_PORTS = 16, SEED = 20 };

static u128 random_address(struct random *random, enum family family)
{
	if (family == FAMILY_IPV4)
		return (uint32_t)random_next(random);
	/* In 2000::/3, as in the Internet, where the first sixteen bits have few values. */
	return (u128)(0x20010000 | (random_next(random) & 0x1ffffff)) << 96 |
	       (u128)(uint32_t)random_next(random) << 64 | random_next(random);
}

static unsigned random_bits(struct random *random, enum family family)
{
	uint32_t choice = random_below(random, 4);

	if (family == FAMILY_IPV4)
		return choice < 2 ? 24 : choice == 2 ? 32 : 16 + random_below(random, 13);
	return choice < 2 ? 48 : choice == 2 ? 64 : 29 + random_below(random, 36);
}

static uint16_t random_port(struct random *random)
{
	static const uint16_t ports[COMMON_PORTS] = {
		443, 80, 53, 25, 22, 8080, 8443, 993, 3306, 5432, 6379, 9200, 2379, 179, 123, 4433};
	uint32_t choice = random_below(random, 8);

	return choice < 3 ? 443 : choice < 5 ? 80 : ports[random_below(random, COMMON_PORTS)];
}

static u128 host_mask(enum family family, unsigned bits)
{
	unsigned host = address_bits(family) - bits;

	return host == 128 ? ~(u128)0 : ((u128)1 << host) - 1;
}

static struct binding random_binding(struct random *random, enum family family, bool has_ports)
{
	struct binding binding = {.bits = random_bits(random, family)};

	binding.address = random_address(random, family) & ~host_mask(family, binding.bits);
	if (has_ports && random_below(random, WILDCARDS))
		binding.port = random_port(random);
	binding.label = random_below(random, BENCH_LABELS);
	return binding;
}

static int compare_bindings(const void *a, const void *b)
{
	const struct binding *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->bits != y->bits)
		return x->bits < y->bits ? -1 : 1;
	return (int)x->port - (int)y->port;
}

struct bindings bindings_random(struct arena *arena, enum family family, bool has_ports,
				size_t count)
{
	struct bindings bindings = {family, has_ports, 0, NULL};
	struct random random = {SEED + count * 4 + (size_t)family * 2 + has_ports};
	size_t i, kept;

	bindings.items = arena_alloc(arena, count, sizeof(*bindings.items));
	while (bindings.count < count) {
		for (; bindings.count < count; bindings.count++)
			bindings.items[bindings.count] = random_binding(&random, family, has_ports);
		qsort(bindings.items, count, sizeof(*bindings.items), compare_bindings);
		for (i = kept = 1; i < count; i++)
			if (compare_bindings(&bindings.items[i], &bindings.items[kept - 1]))
				bindings.items[kept++] = bindings.items[i];
		bindings.count = kept;
	}
	return bindings;
}

static struct map *make_map(struct arena *arena, const struct bindings *bindings)
{
	struct map *map = arena_alloc(arena, 1, sizeof(*map));
	struct range *key;
	size_t i;

	map->name = "services";
	map->key_count = bindings->has_ports ? 2 : 1;
	map->key_fields[0] = FIELD_DADDR;
	map->key_fields[1] = FIELD_DPORT;
	map->element_count = bindings->count;
	map->elements = arena_alloc(arena, map->element_count, sizeof(*map->elements));
	map->keys = key = arena_alloc(arena, map->element_count * map->key_count,
				      sizeof(*map->keys));
	map->verdict_count = BENCH_LABELS;
	map->verdicts = arena_alloc(arena, BENCH_LABELS, sizeof(*map->verdicts));
	for (i = 0; i < BENCH_LABELS; i++)
		map->verdicts[i] = (struct verdict){VERDICT_REDIRECT, (uint32_t)i, FALLBACK_DROP,
						    false};
	for (i = 0; i < bindings->count; i++) {
		const struct binding *binding = &bindings->items[i];
		u128 last = binding->address | host_mask(bindings->family, binding->bits);

		map->elements[i].families = (uint8_t)(1u << bindings->family);
		map->elements[i].verdict = binding->label;
		*key++ = (struct range){binding->address, last};
		if (bindings->has_ports)
			*key++ = (struct range){binding->port,
						binding->port ? binding->port : UINT16_MAX};
	}
	return map;
}

struct policy *bindings_policy(struct arena *arena, const struct bindings *bindings)
{
	struct policy *policy = arena_alloc(arena, 1, sizeof(*policy));
	struct rule *rule = arena_alloc(arena, 1, sizeof(*rule));
	size_t i;

	rule->match.families = 1u << FAMILY_IPV4 | 1u << FAMILY_IPV6;
	rule->match.protocols = 1u << PROTOCOL_TCP;
	rule->verdict = (struct verdict){VERDICT_MAP, 0, FALLBACK_DROP, false};
	rule->counter = NO_INDEX;
	policy->sources = sources_new(arena);
	policy->end = VERDICT_PASS;
	policy->chains = arena_alloc(arena, 1, sizeof(*policy->chains));
	policy->chains[0] = (struct chain){.rules = rule, .count = 1};
	policy->chain_count = 1;
	policy->maps = make_map(arena, bindings);
	policy->map_count = 1;
	policy->labels = arena_alloc(arena, BENCH_LABELS, sizeof(*policy->labels));
	policy->label_count = BENCH_LABELS;
	for (i = 0; i < BENCH_LABELS; i++)
		policy->labels[i].name = arena_printf(arena, "label%zu", i);
	return policy;
}

static void put_words(uint32_t words[4], u128 address)
{
	size_t i;

	for (i = 0; i < 4; i++)
		words[i] = htonl((uint32_t)(address >> (96 - 32 * i)));
}

void *bindings_keys(struct arena *arena, const struct bindings *bindings, size_t count)
{
	struct random random = {SEED + 1};
	bool ipv4 = bindings->family == FAMILY_IPV4;
	void *keys = arena_alloc(arena, count, ipv4 ? sizeof(struct key4) : sizeof(struct key6));
	size_t i;

	for (i = 0; i < count; i++) {
		const struct binding *binding =
			&bindings->items[random_next(&random) % bindings->count];
		u128 address = random_address(&random, bindings->family);
		uint16_t port = random_port(&random);

		if (random_below(&random, KEYS_ELSEWHERE)) {
			address &= host_mask(bindings->family, binding->bits);
			address |= binding->address;
			port = binding->port ? binding->port : port;
		}
		if (ipv4) {
			((struct key4 *)keys)[i] = (struct key4){htonl((uint32_t)address), port};
		} else {
			put_words(((struct key6 *)keys)[i].address, address);
			((struct key6 *)keys)[i].port = port;
		}
	}
	return keys;
}

static void write_element(FILE *out, const struct bindings *bindings, const struct binding *binding)
{
	u128 last = binding->address | host_mask(bindings->family, binding->bits);
	char prefix[RANGE_TEXT];

	address_range_format(bindings->family, (struct range){binding->address, last}, prefix);
	if (!bindings->has_ports)
		fprintf(out, "%s : redirect to label%u\n", prefix, binding->label);
	else if (binding->port)
		fprintf(out, "%s . %u : redirect to label%u\n", prefix, binding->port,
			binding->label);
	else
		fprintf(out, "%s . 0-65535 : redirect to label%u\n", prefix, binding->label);
}

bool bindings_write(const struct bindings *bindings, const char *rules, const char *elements)
{
	FILE *out = fopen(elements, "w");
	size_t i;

	if (!out)
		return false;
	for (i = 0; i < bindings->count; i++)
		write_element(out, bindings, &bindings->items[i]);
	if (fclose(out))
		return false;
	out = fopen(rules, "w");
	if (!out)
		return false;
	fprintf(out, "map services {\n\ttype %s : verdict\n\tfile \"%s\"\n}\n",
		bindings->has_ports ? "daddr . dport" : "daddr", elements);
	fprintf(out, "tcp %s map @services\n", bindings->has_ports ? "daddr . dport" : "daddr");
	return !fclose(out);
}
