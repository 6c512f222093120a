/* Tests the soak: a fault that is put into the compiler's programs must be found, and come out as few words of rules
 * and one packet. Prints TAP. */
#include "tests/differential/lib/shrink.h"
#include "tests/differential/lib/child.h"
#include "tests/differential/lib/respell.h"
#include "tests/differential/lib/specimen.h"
#include "tests/differential/lib/tap.h"
#include "tests/differential/lib/variants.h"

#include "compiler/bytecode/bytecode.h"
#include "compiler/object/object.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PACKETS = 4096, SEEDS_MAX = 60, HUNT_SECONDS = 100, SMALL_BYTES = 120 };

static const struct effort EFFORT = {2000, 200, NULL};

/* Faults. Each changes what the direct back end has made, as a wrong line in it would. */

static void emit_again(struct compilation *c)
{
	c->object = bytecode_to_elf(c->arena, c->code, c->layout, c->policy, c->diag);
	if (!c->object)
		abort();
}

/* Port 8080 is compared as if it were 8081, where code compares it. */
static void mistake_port(struct compilation *c)
{
	size_t i;

	for (i = 0; i < c->code->count; i++) {
		struct bpf_insn *insn = &c->code->instructions[i].insn;

		if (BPF_CLASS(insn->code) == BPF_JMP32 && BPF_SRC(insn->code) == BPF_K &&
		    insn->imm == 8080)
			insn->imm = 8081;
	}
	emit_again(c);
}

/* No address is brought into the byte order of the host. */
static void forget_swaps(struct compilation *c)
{
	size_t i;

	for (i = 0; i < c->code->count; i++) {
		struct bpf_insn *insn = &c->code->instructions[i].insn;

		if (insn->code == (BPF_ALU | BPF_END | BPF_TO_BE) && insn->imm == 32) {
			insn->code = BPF_ALU64 | BPF_ADD | BPF_K;
			insn->imm = 0;
		}
	}
	emit_again(c);
}

/* Counts each packet of a counting rule twice. */
static void count_twice(struct compilation *c)
{
	size_t i;

	for (i = 0; i < c->code->count; i++) {
		struct bpf_insn *insn = &c->code->instructions[i].insn;

		if (insn->code == (BPF_ALU64 | BPF_ADD | BPF_K) && insn->imm == 1)
			insn->imm = 2;
	}
	emit_again(c);
}

static void crash(struct compilation *c)
{
	if (c->policy->counter_count)
		abort();
}

static const struct {
	const char *words;
	void (*fault)(struct compilation *c);
	enum failure_kind kind;
	unsigned statements; /* that are enough to show it */
} FAULTS[] = {
	{"a port that is compared with the one beside it", mistake_port, FAILURE_CHOICE, 2},
	{"addresses in the wrong byte order", forget_swaps, FAILURE_CHOICE, 2},
	{"a counter that counts twice", count_twice, FAILURE_COUNTER, 1},
	{"a crash of the compiler", crash, FAILURE_CRASH, 1},
};
enum { FAULT_COUNT = sizeof(FAULTS) / sizeof(FAULTS[0]) };

static void run_hunt(void *data)
{
	hunt_run(data);
}

/* Tries seeds until one fails. Returns its rules, which the caller frees, or NULL. */
static char *find(struct hunt *hunt)
{
	for (hunt->seed = 1; hunt->seed < SEEDS_MAX; hunt->seed++) {
		struct specimen *specimen = hunt->specimen;
		struct random random = {hunt->seed};
		char *text;

		hunt->kind = kind_of_seed(hunt->seed);
		if (!hunt->kind->part)
			continue; /* large files have no part in this */
		text = respell(hunt->kind->generate(&random), &random);
		hunt->text = text;
		specimen->failure = (struct failure){.kind = FAILURE_NONE};
		if (!child_run(run_hunt, hunt, HUNT_SECONDS, true, specimen->failure.text,
			       FAILURE_TEXT))
			specimen->failure.kind = FAILURE_CRASH;
		if (specimen->failure.kind != FAILURE_NONE)
			return text;
		free(text);
	}
	return NULL;
}

static unsigned lines(const char *text)
{
	unsigned count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static bool has_report(const char *folder, const char *text)
{
	char *path = NULL, line[64] = "", all[4096] = "";
	size_t length = 0;
	FILE *file;

	if (asprintf(&path, "%s/rules.conf", folder) < 0)
		abort();
	file = fopen(path, "r");
	if (file && fgets(line, sizeof(line), file))
		length = fread(all, 1, sizeof(all) - 1, file);
	if (file)
		fclose(file);
	unlink(path);
	rmdir(folder);
	free(path);
	return !strncmp(line, "# seed ", 7) && length && strstr(all, text);
}

/* What the fault was found with, made small. */
static void check_small(struct tap *tap, struct hunt *hunt, const char *text, size_t fault)
{
	char folder[] = "/tmp/sklc-shrink-XXXXXX";
	struct specimen *specimen = hunt->specimen;
	struct lab *lab = hunt->lab;
	unsigned tries;
	char *small = specimen_shrink(specimen, lab, text, EFFORT, &tries);

	printf("# seed %lu: %u tries, from %zu bytes to %zu: %s\n", (unsigned long)hunt->seed,
	       tries, strlen(text), strlen(small), strtok(strdupa(small), "\n"));
	tap_result(tap, lines(small) <= FAULTS[fault].statements && strlen(small) <= SMALL_BYTES,
		   "%s is shown by rules of %u lines", FAULTS[fault].words,
		   FAULTS[fault].statements);
	tap_result(tap, specimen->count <= 1, "%s is shown by one packet", FAULTS[fault].words);
	tap_result(tap, tries < EFFORT.tries, "what shows %s is as small as it gets",
		   FAULTS[fault].words);
	tap_result(tap,
		   mkdtemp(folder) && specimen_report(specimen, lab, small, hunt->seed, folder) &&
			   has_report(folder, small),
		   "what shows %s is written to a file", FAULTS[fault].words);
	tap_result(tap,
		   specimen_fails(specimen, lab, small) &&
			   specimen->failure.kind == FAULTS[fault].kind,
		   "what shows %s does so again", FAULTS[fault].words);
	lab->fault = NULL;
	tap_result(tap, !specimen_fails(specimen, lab, small),
		   "what shows %s shows nothing where the compiler is right", FAULTS[fault].words);
	free(small);
}

static void check_fault(struct tap *tap, struct lab *lab, struct specimen *specimen, size_t fault)
{
	struct hunt *hunt = shared_memory(sizeof(*hunt));
	char *text;

	*hunt = (struct hunt){.lab = lab, .packets = PACKETS, .specimen = specimen};
	lab->fault = FAULTS[fault].fault;
	text = find(hunt);
	tap_result(tap, text && specimen->failure.kind == FAULTS[fault].kind, "%s is found",
		   FAULTS[fault].words);
	if (text)
		check_small(tap, hunt, text, fault);
	lab->fault = NULL;
	free(text);
	shared_free(hunt, sizeof(*hunt));
}

/* Texts, without any compiler. */

struct words {
	const char *const *words; /* up to NULL: what a text must have to fail */
	unsigned tries;
};

static bool has_words(void *data, const char *text)
{
	struct words *words = data;
	size_t i;

	words->tries++;
	for (i = 0; words->words[i]; i++)
		if (!strstr(text, words->words[i]))
			return false;
	return true;
}

static void check_text(struct tap *tap)
{
	static const char text[] =
		"policy drop # { \n"
		"chain c0 {\ntcp dport 80 comment \"a } b\" pass\ndport 22 drop\n}\n"
		"set s { type addr; elements = { 10.0.0.0/8, 10.9.9.9, 10.7.7.7 } }\n"
		"daddr @s jump c0\n";
	static const char *const few[] = {"chain c0 {", "dport 22", "\n}", "10.9.9.9", NULL};
	static const char *const all[] = {text, NULL};
	struct words words = {few, 0};
	char *small = shrink_text(text, has_words, &words);

	tap_result(tap, strlen(small) <= strlen("chain c0 {\ndport 22\n}\n{ 10.9.9.9, }}\n"),
		   "statements, lines, elements and words are left out");
	printf("# %s", small);
	free(small);
	words.words = all;
	small = shrink_text(text, has_words, &words);
	tap_result(tap, !strcmp(small, text), "what is needed is not left out");
	free(small);
}

static bool has_two(void *data, const bool *kept)
{
	unsigned *tries = data;

	++*tries;
	return kept[17] && kept[803];
}

static void check_list(struct tap *tap)
{
	static bool kept[1000];
	unsigned tries = 0, count = 0, i;

	memset(kept, true, sizeof(kept));
	shrink_list(kept, 1000, has_two, &tries);
	for (i = 0; i < 1000; i++)
		count += kept[i];
	tap_result(tap, count == 2 && kept[17] && kept[803] && tries < 100,
		   "two of 1,000 pieces are found in %u tries", tries);
}

/* Children. */

static void end_well(void *data)
{
	*(bool *)data = true;
}

static void end_badly(void *data)
{
	(void)data;
	_exit(3);
}

static void die(void *data)
{
	(void)data;
	abort();
}

static void run_on(void *data)
{
	volatile bool *never = data;

	while (!*never)
		;
}

static void check_child(struct tap *tap)
{
	bool *shared = shared_memory(sizeof(*shared));
	char text[FAILURE_TEXT];

	tap_result(tap,
		   !child_run(run_on, shared, 1, true, text, sizeof(text)) &&
			   !strcmp(text, "its CPU time was over"),
		   "what has no end is ended");
	tap_result(tap,
		   !child_run(die, NULL, 1, true, text, sizeof(text)) &&
			   !strncmp(text, "signal 6 ", 9),
		   "a crash is told by its signal");
	tap_result(tap,
		   !child_run(end_badly, NULL, 1, true, text, sizeof(text)) &&
			   !strcmp(text, "exit status 3"),
		   "an exit is told by its status");
	tap_result(tap, child_run(end_well, shared, 1, true, text, sizeof(text)) && *shared,
		   "what a child says is shared");
	shared_free(shared, sizeof(*shared));
}

int main(void)
{
	struct specimen *specimen = shared_memory(sizeof(*specimen));
	struct lab lab = {.fault = NULL};
	struct tap tap = {0};
	size_t i;

	check_text(&tap);
	check_list(&tap);
	check_child(&tap);
	variant_count(); /* opens LLVM once for all */
	if (!lab_open(&lab)) {
		tap_skip(&tap, "faults are looked for in the kernel, which needs root");
		return tap_end(&tap);
	}
	for (i = 0; i < FAULT_COUNT; i++)
		check_fault(&tap, &lab, specimen, i);
	lab_close(&lab);
	return tap_end(&tap);
}
