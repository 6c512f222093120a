/* Rules files that tell many interfaces apart: a chain for each, rules for sets of them, wildcards within wildcards. */
#include "generate.h"

#include <stdio.h>
#include <stdlib.h>

struct generator {
	struct random *random;
	FILE *out;
	uint32_t names, chains;
};

static uint32_t below(struct generator *g, uint32_t n)
{
	return random_below(g->random, n);
}

static bool percent(struct generator *g, uint32_t chance)
{
	return random_percent(g->random, chance);
}

/* Names have few letters, so that many begin alike. The last two are a name that ends in '*', and one that is all
 * that some wildcards have. */
void generate_interface(struct random *random, FILE *out, uint32_t names)
{
	static const char *const wildcards[] = {"e*",     "eth*",   "eth1*", "eth2*",
						"eth10*", "eth11*", "w*",    "x*"};
	static const char *const odd[] = {"eth\\*", "eth"};

	if (random_percent(random, 15))
		fprintf(out, "\"%s\"", wildcards[random_below(random, 8)]);
	else if (random_percent(random, 4))
		fprintf(out, "\"%s\"", odd[random_below(random, 2)]);
	else
		fprintf(out, "\"eth%u\"", random_below(random, names));
}

static void interfaces(struct generator *g)
{
	uint32_t count = percent(g, 70) ? 1 : 2 + below(g, percent(g, 20) ? 100 : 4), i;

	fputs("iifname ", g->out);
	if (percent(g, 15))
		fputs("!= ", g->out);
	if (count > 1)
		fputs("{ ", g->out);
	for (i = 0; i < count; i++) {
		fputs(i ? ", " : "", g->out);
		generate_interface(g->random, g->out, g->names);
	}
	fputs(count > 1 ? " } " : " ", g->out);
}

static void other_matches(struct generator *g)
{
	static const char *const protocols[] = {"", "tcp ", "udp "};

	fputs(protocols[below(g, 3)], g->out);
	if (percent(g, 60))
		fprintf(g->out, "dport %u ", 8000 + below(g, 20));
	if (percent(g, 20))
		fprintf(g->out, "dport %u-65535 ", 8000 + below(g, 20));
	if (percent(g, 30))
		fprintf(g->out, "%s 10.0.%u.0/%u ", percent(g, 50) ? "daddr" : "saddr",
			2 * below(g, 8), 23 + below(g, 2));
}

static void verdict(struct generator *g)
{
	static const char *const words[] = {"pass", "drop"};
	static const char *const ends[] = {"", " else pass", " else continue"};

	if (percent(g, 30))
		fputs(words[below(g, 2)], g->out);
	else
		fprintf(g->out, "redirect to l%u%s", below(g, GENERATE_LABELS), ends[below(g, 3)]);
	fputc('\n', g->out);
}

static void chain(struct generator *g)
{
	uint32_t count = 1 + below(g, 3);

	fprintf(g->out, "chain c%u {\n", g->chains++);
	while (count-- > 0) {
		if (percent(g, 10))
			interfaces(g);
		other_matches(g);
		verdict(g);
	}
	fputs("}\n", g->out);
}

char *generate_interfaces(struct random *random)
{
	static const uint32_t sizes[] = {3, 12, 40, 200};
	struct generator g = {.random = random};
	uint32_t rules, chains;
	char *text = NULL;
	size_t size;

	g.names = sizes[below(&g, 4)];
	rules = 1 + below(&g, g.names);
	chains = 1 + below(&g, g.names / 2);
	g.out = open_memstream(&text, &size);
	if (!g.out)
		abort();
	fprintf(g.out, "policy %s\n", below(&g, 2) ? "drop" : "pass");
	while (chains-- > 0)
		chain(&g);
	while (rules-- > 0) {
		interfaces(&g);
		if (percent(&g, 40)) {
			fprintf(g.out, "jump c%u\n", below(&g, g.chains));
			continue;
		}
		other_matches(&g);
		verdict(&g);
	}
	fclose(g.out);
	return text;
}
