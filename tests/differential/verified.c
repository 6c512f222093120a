/* The instructions that the verifier walks do not grow with the number of rules, only the tables
 * do. Prints TAP. */
#include "tests/differential/lib/generate.h"
#include "tests/differential/lib/kernel.h"
#include "tests/differential/lib/tap.h"

#include "compiler/base/diag.h"
#include "compiler/layout/layout.h"
#include "compiler/pipeline.h"

#include <stdlib.h>
#include <string.h>

enum { VERIFIED_MAX = 1100, SIZES = 3 };

/* The number of instructions that the verifier walked; 0 if it refused the program. Gives the
 * compiler's estimate of it in ESTIMATE. */
static uint32_t verified_and_estimated(const char *text, enum parts parts, size_t *estimate)
{
	struct compile_options options = {.tables = TABLES_AUTO, .parts = parts};
	struct program program = {0};
	struct compilation c;
	bool good = compile_text(&c, text, strlen(text), &options);

	if (!good)
		diag_print(c.diag, stdout, DIAG_COLOR_NEVER);
	good = good && program_load(&program, c.object, &c);
	if (good)
		program_close(&program);
	*estimate = good ? layout_verified_instructions(c.layout) : 0;
	compilation_free(&c);
	return good ? program.verified_instructions : 0;
}

static uint32_t verified_instructions(const char *text)
{
	size_t estimate;

	return verified_and_estimated(text, PARTS_AUTO, &estimate);
}

/* Rules alone, or above bindings, the elements of the map of generate_large: labels that one packet
 * tries in turn, then counters. */
struct shape {
	const char *words;
	uint32_t attempts, counters;
	bool counted; /* the rules of the attempts have counters */
};

/* Writes the rules of a shape, ONE_LESS: with one attempt less, since the bindings below add
 * one. */
static void write_shape(FILE *out, const struct shape *shape, bool one_less)
{
	uint32_t i;

	for (i = 0; i + one_less < shape->attempts; i++)
		fprintf(out, "dport 1-4 %sredirect to t%u else continue\n",
			shape->counted ? "counter " : "", i);
	for (i = 0; i < shape->counters; i++)
		fprintf(out, "%sdport 1-4 counter jump none\n",
			i ? "" : "chain none { dport 9 drop }\n");
}

static const struct shape SHAPES[] = {
	{"nothing", 0, 0, false},
	{"an attempt", 1, 0, false},
	{"a second attempt", 2, 0, false},
	{"a second attempt, counted", 2, 0, true},
	{"a third attempt, counted", 3, 0, true},
	{"16 attempts", 16, 0, false},
	{"16 attempts, counted", 16, 0, true},
	{"32 counters", 0, 32, false},
	{"16 attempts and 32 counters", 16, 32, false},
};
enum { SHAPE_COUNT = sizeof(SHAPES) / sizeof(SHAPES[0]) };

/* How many instructions the verifier walks for the shape above COUNT bindings, or alone if COUNT is
 * 0. */
static uint32_t verified_shape(const struct shape *shape, const char *family, uint32_t count)
{
	struct random random = {1};
	char *rules = count ? generate_large(&random, family, count) : NULL, *text = NULL;
	uint32_t verified;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	write_shape(out, shape, count);
	fputs(rules ? rules : "", out);
	if (fclose(out))
		abort();
	verified = verified_instructions(text);
	free(text);
	free(rules);
	return verified;
}

static void check_shape(struct tap *tap, const struct shape *shape, const char *family)
{
	static const uint32_t sizes[SIZES] = {1000, 10000, 100000};
	uint32_t verified[SIZES];
	bool few = true;
	size_t i;

	for (i = 0; i < SIZES; i++) {
		verified[i] = verified_shape(shape, family, sizes[i]);
		few = few && verified[i] && verified[i] <= VERIFIED_MAX;
	}
	tap_result(tap, few,
		   "%s below %s: %u instructions verified for 1,000 bindings, %u for 10,000, %u "
		   "for 100,000",
		   family, shape->words, verified[0], verified[1], verified[2]);
	tap_result(tap, verified[2] <= verified[0] + verified[0] / 2,
		   "%s below %s: a hundred times the bindings take at most half as many "
		   "instructions more",
		   family, shape->words);
}

static void check_alone(struct tap *tap, const struct shape *shape)
{
	uint32_t verified = verified_shape(shape, NULL, 0);

	tap_result(tap, verified && verified <= VERIFIED_MAX, "%u instructions verified for %s",
		   verified, shape->words);
}

/* Checks COUNT labels, each with a rule of its own. */
static void check_labels(struct tap *tap, uint32_t count)
{
	char *text = NULL;
	uint32_t i, verified;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (i = 0; out && i < count; i++)
		fprintf(out, "tcp dport %u redirect to l%u\n", 80 + 2 * i, i);
	if (!out || fclose(out))
		abort();
	verified = verified_instructions(text);
	tap_result(tap, verified && verified <= VERIFIED_MAX,
		   "%u instructions verified for %u labels", verified, count);
	free(text);
}

/* Writes a rule. KINDS has a letter for each thing that the rules have: '4' and '6' the families,
 * in turn if both are there; 'u' both protocols in turn; 's' sources; 'p' ports; 'c' counters; 'x' in turn
 * both addresses, the destination alone and the source alone; 'm' rules that leave the decision open. */
static void print_rule(FILE *out, const char *kinds, uint32_t number, uint32_t address)
{
	bool is_ipv6 = strchr(kinds, '6') && (number & 2 || !strchr(kinds, '4'));
	bool has_source = strchr(kinds, 's') && (!strchr(kinds, 'x') || number % 3 != 1);
	bool has_destination = !strchr(kinds, 'x') || number % 3 != 2;

	fputs(strchr(kinds, 'u') && number & 1 ? "udp" : "tcp", out);
	if (!has_destination)
		;
	else if (is_ipv6)
		fprintf(out, " daddr 2001:%x:%x::/48", address >> 16, address & 0xffff);
	else
		fprintf(out, " daddr %u.%u.%u.0/24", address >> 24, address >> 16 & 255,
			address >> 8 & 255);
	if (has_source && is_ipv6)
		fprintf(out, " saddr 2001:%x::/32", address & 0xffff);
	else if (has_source)
		fprintf(out, " saddr %u.%u.0.0/16", address >> 8 & 255, address & 255);
	if (strchr(kinds, 'p'))
		fprintf(out, " dport %u", 1 + address % 3000);
	if (strchr(kinds, 'i'))
		fprintf(out, " iifname \"v%u\"", address % 300);
	fprintf(out, "%s redirect to l%u%s\n", strchr(kinds, 'c') ? " counter" : "", number % 7,
		strchr(kinds, 'm') && number & 1 ? " else continue" : "");
}

/* Compares the estimate with what the verifier walks, for rules of these kinds. There are enough
 * rules that no node is in code. */
static void check_estimate(struct tap *tap, const char *kinds)
{
	struct random random = {3};
	char *text = NULL;
	size_t size, estimate;
	uint32_t i, verified;
	FILE *out = open_memstream(&text, &size);

	for (i = 0; out && i < 500; i++)
		print_rule(out, kinds, i, (uint32_t)random_next(&random));
	if (!out || fclose(out))
		abort();
	verified = verified_and_estimated(text, strchr(kinds, 'x') ? PARTS_ALWAYS : PARTS_AUTO,
					  &estimate);
	tap_result(tap, verified && estimate > verified * 3 / 4 && estimate < verified * 4 / 3,
		   "'%s': %zu instructions were expected, %u verified", kinds, estimate, verified);
	free(text);
}

int main(void)
{
	static const char *const kinds[] = {"4",    "6",     "4p",     "6p",   "4s",     "4sp",
					    "4c",   "6pc",   "6u",     "46",   "46u",    "46s",
					    "46up", "46usp", "4i",     "46i",  "4spi",   "4sx",
					    "4spx", "46sx",  "46uspx", "4sxm", "46spxcm"};
	static const uint32_t counts[] = {1, 2, 16, 32};
	struct sentinels sentinels;
	struct tap tap = {0};
	size_t i;

	if (!kernel_sentinels_open(&sentinels, 1)) {
		tap_skip(&tap, "loading programs needs root");
		return tap_end(&tap);
	}
	for (i = 0; i < SHAPE_COUNT; i++) {
		check_alone(&tap, &SHAPES[i]);
		check_shape(&tap, &SHAPES[i], "ip");
		check_shape(&tap, &SHAPES[i], "ip6");
	}
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		check_labels(&tap, counts[i]);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		check_estimate(&tap, kinds[i]);
	kernel_sentinels_close(&sentinels);
	return tap_end(&tap);
}
