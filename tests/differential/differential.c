/* Compares the language's definition (policy_eval), the diagram, and the programs of both back ends
 * in the kernel, on random rules and on packets at the edges of the rules' values, with all sockets
 * present, none, and half of them. Prints TAP. Arguments: how many rules files, and the number of
 * the first. */
#include "tests/differential/lib/generate.h"
#include "tests/differential/lib/kernel.h"
#include "tests/differential/lib/packets.h"
#include "tests/differential/lib/tap.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/layout/layout.h"
#include "compiler/llvm/llvm.h"
#include "runtime/abi.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_FILES = 200, PACKETS = 150, FILLINGS = 3 };

/* Files of hundreds of rules take longer: one is tested for each CLUSTERED_PART small files. */
enum { CLUSTERED_PART = 10 };

/* With a kind of tables that does not suit the rules, programs are longer than the default
 * limit. */
enum { INSTRUCTIONS_MAX = 10000 };
enum { SLOTS = GENERATE_LABELS * ABI_FLOW_CLASSES };

/* One rules file compiled, and what is expected of its counters. */
struct trial {
	struct compilation c;
	struct random random;
	struct edges edges;
	const struct sentinels *sentinels;
	struct program program;
	bool filled[SLOTS];                                /* the slots that have sockets */
	uint64_t *rule_counts, hits[SLOTS], misses[SLOTS]; /* expected so far */
};

/* The slot that must be chosen, as the slots are filled now. Adds to the counts that are
 * expected. */
static int expected_choice(struct trial *trial, const struct outcome *outcome,
			   const struct packet *packet)
{
	uint32_t flow_class = 2u * (packet->family == FAMILY_IPV6) +
			      (packet->protocol == PROTOCOL_UDP);
	size_t i;

	for (i = 0; i < outcome->action_count; i++) {
		const struct action *action = &outcome->actions[i];
		uint32_t slot = action->index * ABI_FLOW_CLASSES + flow_class;

		if (action->kind == ACTION_COUNT) {
			trial->rule_counts[action->index]++;
		} else if (trial->filled[slot]) {
			trial->hits[slot]++;
			return (int)slot;
		} else {
			trial->misses[slot]++;
		}
	}
	return outcome->end == END_PASS ? CHOSE_PASS : CHOSE_DROP;
}

static bool same_outcome(const struct outcome *a, const struct diagram_outcome *b)
{
	size_t i;

	if (a->action_count != b->action_count ||
	    b->end != (a->end == END_PASS ? OUTCOME_PASS : OUTCOME_DROP))
		return false;
	for (i = 0; i < a->action_count; i++)
		if (a->actions[i].kind != b->actions[i].kind ||
		    a->actions[i].index != b->actions[i].index ||
		    a->actions[i].no_reuseport != b->actions[i].no_reuseport)
			return false;
	return true;
}

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
	struct action actions[DECIDED_ACTIONS_MAX];
	struct diagram_outcome walked;
	const struct rule *deciding;
	struct outcome outcome;
	int chosen, expected;

	if (!policy_eval(trial->c.policy, &packet, &outcome, &deciding)) {
		puts("# the outcome has too many actions, and yet the rules compiled");
		return false;
	}
	walked = decision_eval(trial->c.decision, &packet, actions);
	chosen = program_run(&trial->program, trial->sentinels, &packet);
	expected = expected_choice(trial, &outcome, &packet);
	if (same_outcome(&outcome, &walked) && chosen == expected)
		return true;
	show_packet(&packet);
	printf("# diagram %s; kernel chose %d, the rules %d\n",
	       same_outcome(&outcome, &walked) ? "agrees" : "differs", chosen, expected);
	return false;
}

static bool check_counters(struct trial *trial)
{
	const struct layout_object *object = &trial->c.layout->object;
	uint64_t hits, misses;
	uint32_t i;

	for (i = 0; i < object->counter_count; i++)
		if (program_rule_counter(&trial->program, i) != trial->rule_counts[i]) {
			printf("# counter %u is not %lu\n", i,
			       (unsigned long)trial->rule_counts[i]);
			return false;
		}
	for (i = 0; i < object->label_count * ABI_FLOW_CLASSES; i++) {
		if (!program_label_counter(&trial->program, i, &hits, &misses))
			return false;
		if (hits != trial->hits[i] || misses != trial->misses[i]) {
			printf("# slot %u counts %lu, %lu, not %lu, %lu\n", i, (unsigned long)hits,
			       (unsigned long)misses, (unsigned long)trial->hits[i],
			       (unsigned long)trial->misses[i]);
			return false;
		}
	}
	return true;
}

/* Loads the program once, and tries packets with all sockets in their slots (FILLING 0), with none
 * (1), or with about half of them (2). */
static bool check_filling(struct trial *trial, int filling, int packets)
{
	size_t labels = trial->c.layout->object.label_count;
	bool good = true;
	int i;

	if (!program_load(&trial->program, trial->c.object, &trial->c)) {
		puts("# the kernel refuses the program");
		return false;
	}
	memset(trial->hits, 0, sizeof(trial->hits));
	memset(trial->misses, 0, sizeof(trial->misses));
	memset(trial->rule_counts, 0, (trial->c.policy->counter_count + 1) * sizeof(uint64_t));
	for (i = 0; i < SLOTS; i++)
		trial->filled[i] = filling == 0 ||
				   (filling == 2 && random_percent(&trial->random, 50));
	good = program_fill(&trial->program, trial->sentinels, trial->filled, labels);
	for (i = 0; good && i < packets; i++)
		good = check_packet(trial);
	good = good && check_counters(trial);
	program_close(&trial->program);
	return good;
}

static bool compiles(struct compilation *c, const char *text, const struct compile_options *options)
{
	if (compile_text(c, text, strlen(text), options))
		return true;
	diag_print(c->diag, stdout, DIAG_COLOR_NEVER);
	return false;
}

static bool check_text(const struct sentinels *sentinels, uint64_t seed, const char *text,
		       const struct compile_options *options, int packets)
{
	struct trial trial = {.random = {seed}, .sentinels = sentinels};
	bool good = compiles(&trial.c, text, options);
	int filling;

	if (good) {
		trial.edges = edges_of(trial.c.arena, trial.c.policy);
		trial.rule_counts = arena_alloc(trial.c.arena, trial.c.policy->counter_count + 1,
						sizeof(uint64_t));
	}
	for (filling = 0; good && filling < FILLINGS; filling++)
		good = check_filling(&trial, filling, packets);
	compilation_free(&trial.c);
	return good;
}

/* Names, by enum backend; a build without LLVM has only the first. */
static const char *const BACKENDS[] = {"direct", "LLVM"};

static size_t backends_built(void)
{
	return llvm_backend() ? 2 : 1;
}

/* Each way to store the decision: in one diagram, and in parts wherever the rules can be cut. */
static const struct {
	enum table_kind tables;
	enum parts parts;
	const char *word;
} TABLES[] = {
	{TABLES_AUTO, PARTS_AUTO, "auto"},
	{TABLES_CODE, PARTS_AUTO, "code"},
	{TABLES_SPLUS, PARTS_AUTO, "splus"},
	{TABLES_TRIE, PARTS_AUTO, "trie"},
	{TABLES_RANGES, PARTS_AUTO, "ranges"},
	{TABLES_LPM, PARTS_AUTO, "lpm"},
	{TABLES_AUTO, PARTS_ALWAYS, "auto in parts"},
	{TABLES_CODE, PARTS_ALWAYS, "code in parts"},
	{TABLES_SPLUS, PARTS_ALWAYS, "splus in parts"},
	{TABLES_TRIE, PARTS_ALWAYS, "trie in parts"},
	{TABLES_RANGES, PARTS_ALWAYS, "ranges in parts"},
};
enum { TABLES_COUNT = sizeof(TABLES) / sizeof(TABLES[0]) };

/* A generator of rules files. */
struct kind_of_file {
	char *(*generate)(struct random *random);
	const char *word;
	bool fits_code; /* every file fits into a program without tables */
};

static void check_random_files(struct tap *tap, const struct sentinels *sentinels,
			       struct kind_of_file kind, uint64_t first, uint64_t count)
{
	uint64_t seed;
	size_t i;

	for (i = 0; i < TABLES_COUNT * backends_built(); i++) {
		struct compile_options options = {.tables = TABLES[i % TABLES_COUNT].tables,
						  .parts = TABLES[i % TABLES_COUNT].parts,
						  .backend = (enum backend)(i / TABLES_COUNT),
						  .instructions_max = INSTRUCTIONS_MAX};
		bool good = true;

		if (options.tables == TABLES_CODE && !kind.fits_code)
			continue;
		for (seed = first; good && seed < first + count; seed++) {
			struct random random = {seed};
			char *text = kind.generate(&random);

			good = check_text(sentinels, seed, text, &options, PACKETS);
			if (!good)
				printf("# rules file %lu:\n%s\n", (unsigned long)seed, text);
			free(text);
		}
		tap_result(tap, good,
			   "%lu %s rules files decide alike in definition, diagram and kernel, "
			   "tables %s, back end %s",
			   (unsigned long)count, kind.word, TABLES[i % TABLES_COUNT].word,
			   BACKENDS[options.backend]);
	}
}

static void check_large_files(struct tap *tap, const struct sentinels *sentinels, uint32_t prefixes,
			      int packets)
{
	static const char *const families[] = {"ip", "ip6"};
	struct random random = {prefixes};
	size_t i, j;

	for (i = 0; i < 2; i++) {
		char *text = generate_large(&random, families[i], prefixes);

		for (j = 0; j < TABLES_COUNT * backends_built(); j++) {
			struct compile_options options = {
				.tables = TABLES[j % TABLES_COUNT].tables,
				.parts = TABLES[j % TABLES_COUNT].parts,
				.backend = (enum backend)(j / TABLES_COUNT)};

			/* So many prefixes are too many for code. Both back ends call the same trie of the kernel. */
			if (options.tables == TABLES_CODE ||
			    (options.tables == TABLES_LPM && options.backend == BACKEND_LLVM))
				continue;
			tap_result(tap, check_text(sentinels, prefixes, text, &options, packets),
				   "%u %s prefixes decide alike in definition, diagram and kernel, "
				   "tables %s, "
				   "back end %s",
				   prefixes, families[i], TABLES[j % TABLES_COUNT].word,
				   BACKENDS[options.backend]);
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

	if (!sentinels_open(&sentinels, GENERATE_LABELS)) {
		tap_skip(&tap,
			 "the differential test needs root, for a network namespace of its own");
		return tap_end(&tap);
	}
	check_random_files(&tap, &sentinels, (struct kind_of_file){generate_rules, "random", true},
			   first, count);
	check_random_files(&tap, &sentinels,
			   (struct kind_of_file){generate_clusters, "clustered", false}, first,
			   (count + CLUSTERED_PART - 1) / CLUSTERED_PART);
	check_random_files(&tap, &sentinels,
			   (struct kind_of_file){generate_interfaces, "interface", false}, first,
			   (count + CLUSTERED_PART - 1) / CLUSTERED_PART);
	check_large_files(&tap, &sentinels, 1000, 1000);
	check_large_files(&tap, &sentinels, 10000, 300);
	check_large_files(&tap, &sentinels, 100000, 40);
	sentinels_close(&sentinels);
	return tap_end(&tap);
}
