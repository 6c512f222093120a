/* Rules files as those of firewalls: each rule has up to five fields, of which many are wildcards, and addresses of few
 * networks, so that most rules overlap. */
#include "generate.h"

#include <stdio.h>
#include <stdlib.h>

struct generator {
	struct random *random;
	FILE *out;
	bool is_ipv6;
	uint32_t networks;  /* how many there are on each side */
	uint32_t wildcards; /* in how many of 100 rules an address is one */
};

static uint32_t below(struct generator *g, uint32_t n)
{
	return random_below(g->random, n);
}

static bool percent(struct generator *g, uint32_t chance)
{
	return random_percent(g->random, chance);
}

/* A network, or a part of it down to a host. */
static void put_prefix(struct generator *g, const char *word)
{
	static const uint32_t lengths[] = {16, 20, 22, 24, 24, 25, 26, 28, 30, 31, 32, 32};
	uint32_t host = below(g, g->networks) << 12 | below(g, 4) << 10 | below(g, 4) << 6 |
			below(g, 4);
	uint32_t length = percent(g, 3) ? below(g, 16) : lengths[below(g, 12)], rest = 32 - length;
	uint32_t address = rest == 32 ? 0 : (UINT32_C(0x0a000000) | host) >> rest << rest;

	if (g->is_ipv6)
		fprintf(g->out, "%s 2001:db8:%x:%x::/%u ", word, address >> 16, address & 0xffff,
			32 + length);
	else
		fprintf(g->out, "%s %u.%u.%u.%u/%u ", word, address >> 24, address >> 16 & 255,
			address >> 8 & 255, address & 255, length);
}

/* One of both, or both. Now and then neither. */
static void put_prefixes(struct generator *g)
{
	bool any_source = percent(g, g->wildcards), any_destination = percent(g, g->wildcards);

	if (!any_source || (any_destination && percent(g, 45)))
		put_prefix(g, "saddr");
	if (!any_destination || (any_source && percent(g, 90)))
		put_prefix(g, "daddr");
}

static void maybe_ports(struct generator *g, const char *word, uint32_t chance)
{
	static const uint32_t ports[] = {22, 25, 53, 80, 110, 123, 143, 443, 993, 1521, 3306, 8080};
	uint32_t port = ports[below(g, 12)];

	if (!percent(g, chance))
		return;
	if (percent(g, 60))
		fprintf(g->out, "%s %u ", word, port);
	else if (percent(g, 50))
		fprintf(g->out, "%s 1024-65535 ", word);
	else
		fprintf(g->out, "%s %u-%u ", word, port, port + below(g, 1000));
}

static void rule(struct generator *g)
{
	static const char *const protocols[] = {"", "tcp ", "tcp ", "udp "};
	static const char *const fallbacks[] = {"", " else pass", " else continue"};

	fputs(protocols[below(g, 4)], g->out);
	put_prefixes(g);
	maybe_ports(g, "sport", 10);
	maybe_ports(g, "dport", 70);
	if (percent(g, 5))
		fputs("counter ", g->out);
	if (percent(g, 40))
		fputs(percent(g, 50) ? "pass" : "drop", g->out);
	else
		fprintf(g->out, "redirect to l%u%s", below(g, GENERATE_LABELS),
			fallbacks[below(g, 3)]);
	fputc('\n', g->out);
}

char *generate_filters(struct random *random)
{
	static const uint32_t sizes[] = {8, 40, 120, 300};
	struct generator g = {.random = random};
	uint32_t rules = sizes[random_below(random, 4)];
	char *text = NULL;
	size_t size;

	g.is_ipv6 = percent(&g, 30);
	g.networks = 2 + below(&g, rules);
	g.wildcards = 20 + below(&g, 40);
	g.out = open_memstream(&text, &size);
	if (!g.out)
		abort();
	fprintf(g.out, "policy %s\n", percent(&g, 50) ? "drop" : "pass");
	while (rules-- > 0)
		rule(&g);
	fclose(g.out);
	return text;
}
