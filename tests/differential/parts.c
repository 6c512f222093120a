/* Holds decisions in parts against the definition, for many more packets than the kernel's test can run. Each random
 * rules file is cut wherever it can be. Prints TAP. Arguments: how many rules files, and the number of the first. */
#include "tests/differential/lib/expected.h"
#include "tests/differential/lib/generate.h"
#include "tests/differential/lib/packets.h"
#include "tests/differential/lib/tap.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/pipeline.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_FILES = 400, PACKETS = 400, FEW = 50 };

/* How many of the files have a decision of so many parts. */
struct tally {
	size_t files[PARTS_MAX + 1];
};

static bool check_packets(const struct compilation *c, uint64_t seed)
{
	struct edges edges = edges_of(c->arena, c->policy);
	struct action actions[DECIDED_ACTIONS_MAX];
	struct random random = {seed};
	struct outcome outcome;
	int i;

	for (i = 0; i < PACKETS; i++) {
		struct packet packet = random_packet(&random, &edges);

		if (decided_alike(c->policy, c->decision, &packet, &outcome))
			continue;
		printf("# of %s, the definition has %zu actions, the parts have %zu\n",
		       packet_text(c->arena, c->policy, &packet), outcome.action_count,
		       decision_eval(c->decision, &packet, actions).action_count);
		return false;
	}
	return true;
}

static bool check_file(struct tally *tally, const char *text, uint64_t seed)
{
	const struct compile_options options = {.parts = PARTS_ALWAYS, .instructions_max = 1 << 20};
	struct compilation c;
	bool good = compile_text(&c, text, strlen(text), &options);

	if (good) {
		tally->files[c.decision->part_count]++;
		good = check_packets(&c, seed);
	} else {
		diag_print(c.diag, stdout, DIAG_COLOR_NEVER);
	}
	if (!good)
		printf("# rules file %lu:\n%s\n", (unsigned long)seed, text);
	compilation_free(&c);
	return good;
}

static void check_files(struct tap *tap, char *(*generate)(struct random *random), const char *word,
			uint64_t first, uint64_t count)
{
	struct tally tally = {{0}};
	bool good = true;
	uint64_t seed;

	for (seed = first; good && seed < first + count; seed++) {
		struct random random = {seed};
		char *text = generate(&random);

		good = check_file(&tally, text, seed);
		free(text);
	}
	tap_result(tap, good, "%lu %s rules files decide the same in parts as in the definition",
		   (unsigned long)count, word);
	tap_result(tap,
		   !good || count < FEW || (tally.files[2] && tally.files[3] && tally.files[4]),
		   "some of the %s rules files have two parts, some three, some four", word);
	printf("# files of one, two, three and four parts: %zu %zu %zu %zu\n", tally.files[1],
	       tally.files[2], tally.files[3], tally.files[4]);
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : DEFAULT_FILES;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct tap tap = {0};

	check_files(&tap, generate_rules, "random", first, count);
	return tap_end(&tap);
}
