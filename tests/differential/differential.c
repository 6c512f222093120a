/* Compares the language's definition (policy_eval), the diagram, and the programs of both back ends
 * in the kernel, on random rules and on packets at the edges of the rules' values, with all sockets
 * present, none, and half of them. Prints TAP. Arguments: how many rules files, and the number of
 * the first. */
#include "tests/differential/lib/bundle.h"
#include "tests/differential/lib/expected.h"
#include "tests/differential/lib/generate.h"
#include "tests/differential/lib/kernel.h"
#include "tests/differential/lib/packets.h"
#include "tests/differential/lib/respell.h"
#include "tests/differential/lib/tap.h"
#include "tests/differential/lib/variants.h"

#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/layout/layout.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_FILES = 200, PACKETS = 150, FILLINGS = 3 };

/* One rules file compiled, and what is expected of its counters. */
struct trial {
	struct compilation c;
	struct random random;
	struct edges edges;
	const struct sentinels *sentinels;
	struct program program;
	bool filled[SLOTS];     /* the slots that have sockets */
	struct counted counted; /* expected so far */
};

static void show_packet(const struct packet *packet)
{
	char local[ADDRESS_TEXT], remote[ADDRESS_TEXT];

	address_format(packet->family, packet->values[FIELD_DADDR], local);
	address_format(packet->family, packet->values[FIELD_SADDR], remote);
	printf("# %s [%s]:%u -> [%s]:%u interface class %u\n", protocol_word(packet->protocol),
	       remote, (unsigned)packet->values[FIELD_SPORT], local,
	       (unsigned)packet->values[FIELD_DPORT], (unsigned)packet->values[FIELD_IIFNAME]);
}

static bool check_packet(struct trial *trial)
{
	struct packet packet = random_packet(&trial->random, &trial->edges);
	struct outcome outcome;
	bool alike = decided_alike(trial->c.policy, trial->c.decision, &packet, &outcome);
	int chosen, expected;

	chosen = program_run(&trial->program, trial->sentinels, &packet);
	expected = expected_choice(&outcome, &packet, trial->filled, &trial->counted);
	if (alike && chosen == expected)
		return true;
	show_packet(&packet);
	printf("# diagram %s; kernel chose %d, the rules %d\n", alike ? "agrees" : "differs",
	       chosen, expected);
	return false;
}

/* Loads the program once, and tries packets with all sockets in their slots (FILLING 0), with none
 * (1), or with about half of them (2). */
static bool check_filling(struct trial *trial, int filling, int packets)
{
	size_t labels = trial->c.layout->object.label_count;
	char counter[COUNTER_TEXT];
	bool good = true;
	int i;

	if (!program_load(&trial->program, trial->c.object, &trial->c)) {
		puts("# the kernel refuses the program");
		return false;
	}
	counted_reset(&trial->counted, trial->c.policy);
	for (i = 0; i < SLOTS; i++)
		trial->filled[i] = filling == 0 ||
				   (filling == 2 && random_percent(&trial->random, 50));
	good = program_fill(&trial->program, trial->sentinels, trial->filled, labels);
	for (i = 0; good && i < packets; i++)
		good = check_packet(trial);
	if (good &&
	    !same_counters(&trial->program, &trial->c.layout->object, &trial->counted, counter)) {
		printf("# %s\n", counter);
		good = false;
	}
	program_close(&trial->program);
	return good;
}

/* Whether a text compiles, or is refused by a variant that may refuse it. */
static bool compiles(struct compilation *c, const char *text, size_t variant)
{
	compilation_start(c);
	if (bundle_compile(c, text, variant_options(variant), STAGE_OBJECT) ||
	    (variant_at(variant)->may_refuse && c->decision && !c->layout))
		return true;
	diag_print(c->diag, stdout, DIAG_COLOR_NEVER);
	return false;
}

static bool check_text(const struct sentinels *sentinels, uint64_t seed, const char *text,
		       size_t variant, int packets)
{
	struct trial trial = {.random = {seed}, .sentinels = sentinels};
	bool good = compiles(&trial.c, text, variant);
	int filling;

	if (good) {
		trial.edges = edges_of(trial.c.arena, trial.c.policy);
		trial.counted = counted_new(trial.c.arena, trial.c.policy);
	}
	for (filling = 0; good && trial.c.object && filling < FILLINGS; filling++)
		good = check_filling(&trial, filling, packets);
	compilation_free(&trial.c);
	return good;
}

static void check_random_files(struct tap *tap, const struct sentinels *sentinels,
			       const struct kind_of_file *kind, uint64_t first, uint64_t count)
{
	uint64_t seed;
	size_t variant;

	for (variant = 0; variant < variant_count(); variant++) {
		bool good = true;

		if (!variant_suits(variant, kind))
			continue;
		for (seed = first; good && seed < first + count; seed++) {
			struct random random = {seed};
			char *text = respell(kind->generate(&random), &random);

			good = check_text(sentinels, seed, text, variant, PACKETS);
			if (!good)
				printf("# rules file %lu:\n%s\n", (unsigned long)seed, text);
			free(text);
		}
		tap_result(tap, good,
			   "%lu %s rules files decide alike in definition, diagram and kernel, "
			   "tables %s, back end %s",
			   (unsigned long)count, kind->word, variant_at(variant)->word,
			   variant_backend_word(variant));
	}
}

/* Whether a variant is tried for a map of so many elements: they are too many for code, and both back ends call the
 * same trie of the kernel. */
static bool suits_large(size_t variant)
{
	return !variant_at(variant)->may_refuse && variant_at(variant)->tables != TABLES_CODE &&
	       (variant_at(variant)->tables != TABLES_LPM ||
		variant_backend(variant) == BACKEND_DIRECT);
}

static void check_large_files(struct tap *tap, const struct sentinels *sentinels, uint32_t prefixes,
			      int packets)
{
	static const char *const families[] = {"ip", "ip6"};
	struct random random = {prefixes};
	size_t i, variant;

	for (i = 0; i < 2; i++) {
		char *text = generate_large(&random, families[i], prefixes);

		for (variant = 0; variant < variant_count(); variant++) {
			if (!suits_large(variant))
				continue;
			tap_result(tap, check_text(sentinels, prefixes, text, variant, packets),
				   "%u %s prefixes decide alike in definition, diagram and kernel, "
				   "tables %s, back end %s",
				   prefixes, families[i], variant_at(variant)->word,
				   variant_backend_word(variant));
		}
		free(text);
	}
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : DEFAULT_FILES;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct sentinels sentinels;
	struct tap tap = {0};
	size_t i;

	if (!kernel_sentinels_open(&sentinels, GENERATE_LABELS)) {
		tap_skip(&tap,
			 "the differential test needs root, for a network namespace of its own");
		return tap_end(&tap);
	}
	for (i = 0; i < kind_count(); i++) {
		const struct kind_of_file *kind = kind_at(i);

		if (kind->part)
			check_random_files(&tap, &sentinels, kind, first,
					   (count + kind->part - 1) / kind->part);
	}
	check_large_files(&tap, &sentinels, 1000, 1000);
	check_large_files(&tap, &sentinels, 10000, 300);
	check_large_files(&tap, &sentinels, 100000, 40);
	kernel_sentinels_close(&sentinels);
	return tap_end(&tap);
}
