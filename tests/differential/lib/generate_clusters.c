/* Rules files for tests of tables: hundreds of elements that are near each other, and near where a
 * word of 32 or 64 bits begins or ends; a few that are far from all others; and ports at both ends
 * of their range. */
#include "generate.h"

#include "compiler/base/net.h"

#include <stdio.h>
#include <stdlib.h>

struct generator {
	struct random *random;
	FILE *out;
	enum family family;
};

static uint32_t below(struct generator *g, uint32_t n)
{
	return random_below(g->random, n);
}

static unsigned bits(const struct generator *g)
{
	return address_bits(g->family);
}

static u128 some_address(struct generator *g)
{
	u128 upper = random_next(g->random);

	return (upper << 64 | random_next(g->random)) & address_last(g->family);
}

/* An address beside which many bits change at once, or any address. */
static u128 some_base(struct generator *g)
{
	switch (below(g, 7)) {
	case 0:
		return 0;
	case 1:
		return address_last(g->family);
	case 2:
		return (u128)1 << (bits(g) - 1);
	case 3:
		return (u128)1 << bits(g) / 2;
	case 4:
		return address_last(g->family) << bits(g) / 2 & address_last(g->family);
	case 5:
		return some_address(g) << bits(g) / 2 & address_last(g->family);
	default:
		return some_address(g);
	}
}

/* The address, or 0 for an IPv4-mapped one, which rules refuse. */
static u128 not_mapped(const struct generator *g, u128 address)
{
	return g->family == FAMILY_IPV6 && address_is_mapped(address) ? 0 : address;
}

/* Writes an address, the prefix around it that leaves SIZE bits free, or a range from it of about
 * that many addresses. */
static void put_element(struct generator *g, u128 address, unsigned size)
{
	u128 last = address_last(g->family), others = size ? last >> (bits(g) - size) : 0;
	struct range range = {address & last, address & last};
	char text[RANGE_TEXT];

	switch (below(g, 3)) {
	case 0:
		break;
	case 1:
		range = (struct range){range.first & ~others, range.first | others};
		break;
	default:
		others = some_address(g) & (2 * others + 1);
		range.last = others < last - range.first ? range.first + others : last;
	}
	range.first = not_mapped(g, range.first);
	if (range.last < range.first || not_mapped(g, range.last) != range.last)
		range.last = range.first;
	address_range_format(g->family, range, text);
	fputs(text, g->out);
}

/* COUNT addresses near BASE. */
struct cluster {
	u128 base;
	uint32_t count;
	unsigned shift; /* addresses differ by multiples of 2^SHIFT */
	bool is_dense;  /* no multiple is left out */
};

static struct cluster some_cluster(struct generator *g)
{
	static const uint32_t counts[] = {1, 4, 17, 70, 300};
	const unsigned shifts[] = {0,          1, 8, bits(g) / 2 - 1, bits(g) / 2, bits(g) - 12,
				   bits(g) - 9};

	return (struct cluster){some_base(g), counts[below(g, 5)], shifts[below(g, 7)],
				random_percent(g->random, 50)};
}

/* Address I: addresses are above and below the base in turn. */
static u128 cluster_address(struct generator *g, const struct cluster *cluster, uint32_t i)
{
	u128 away = (u128)(cluster->is_dense ? i / 2 : below(g, 4096)) << cluster->shift;

	return i % 2 ? cluster->base - away : cluster->base + away;
}

static void put_port(struct generator *g)
{
	static const uint32_t ports[] = {0, 1, 80, 32767, 32768, 65534, 65535};
	uint32_t first = below(g, 10) ? ports[below(g, 7)] : below(g, 65536);

	fprintf(g->out, "%u", first);
	if (random_percent(g->random, 20))
		fprintf(g->out, "-%u", first + below(g, 65536 - first));
}

static void put_verdict(struct generator *g)
{
	static const char *const ends[] = {"pass", "drop"};

	if (random_percent(g->random, 15))
		fputs(ends[below(g, 2)], g->out);
	else
		fprintf(g->out, "redirect to l%u", below(g, GENERATE_LABELS));
	fputc('\n', g->out);
}

/* How the rules of a cluster are written: their fields, and in how many of 100 rules the last two
 * are. */
struct manner {
	const char *protocol, *address, *other_address, *port;
	uint32_t port_percent, other_percent;
};

static struct manner some_manner(struct generator *g)
{
	static const char *const protocols[] = {"", "tcp ", "udp "};
	static const char *const addresses[] = {"daddr", "saddr"};
	static const char *const ports[] = {"dport", "sport"};
	static const uint32_t chances[] = {0, 0, 30, 100};
	uint32_t address = below(g, 2);

	return (struct manner){protocols[below(g, 3)], addresses[address],   addresses[!address],
			       ports[below(g, 2)],     chances[below(g, 4)], chances[below(g, 3)]};
}

static void put_rule(struct generator *g, const struct manner *manner, u128 address, unsigned size)
{
	fprintf(g->out, "%s%s ", manner->protocol, manner->address);
	put_element(g, address, size);
	if (random_percent(g->random, manner->other_percent)) {
		fprintf(g->out, " %s ", manner->other_address);
		put_element(g, some_base(g), below(g, 2));
	}
	if (random_percent(g->random, manner->port_percent)) {
		fprintf(g->out, " %s ", manner->port);
		put_port(g);
	}
	if (random_percent(g->random, 2))
		fprintf(g->out, " iifname \"eth%u\"", below(g, GENERATE_INTERFACES));
	fputc(' ', g->out);
	put_verdict(g);
}

static void put_cluster(struct generator *g)
{
	struct cluster cluster;
	struct manner manner;
	uint32_t far, i;

	g->family = (enum family)below(g, FAMILY_COUNT);
	cluster = some_cluster(g);
	manner = some_manner(g);
	for (far = below(g, 3) * 8; far > 0; far--)
		put_rule(g, &manner, some_base(g), bits(g) - below(g, 3));
	for (i = 0; i < cluster.count; i++)
		put_rule(g, &manner, cluster_address(g, &cluster, i), cluster.shift);
	if (random_percent(g->random, 40)) {
		fprintf(g->out, "%s%s ", manner.protocol, manner.port);
		put_port(g);
		fputc(' ', g->out);
		put_verdict(g);
	}
}

char *generate_clusters(struct random *random)
{
	struct generator g = {random, NULL, FAMILY_IPV4};
	uint32_t clusters = 1 + random_below(random, 4);
	char *text = NULL;
	size_t size;

	g.out = open_memstream(&text, &size);
	if (!g.out)
		abort();
	fprintf(g.out, "policy %s\n", below(&g, 2) ? "drop" : "pass");
	while (clusters-- > 0)
		put_cluster(&g);
	fclose(g.out);
	return text;
}
