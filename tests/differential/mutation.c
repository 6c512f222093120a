/* Tests the differential test: breaks the emitted program and its tables in one place at a time (a boundary off
 * by one, a byte order not swapped, a wrong slot, a wrong child), and asks that packets tell. Prints TAP. */
#include "kernel.h"
#include "packets.h"
#include "tap.h"

#include "../../compiler/arena.h"
#include "../../compiler/bytecode.h"
#include "../../compiler/decision.h"
#include "../../compiler/diag.h"
#include "../../compiler/layout.h"
#include "../../runtime/abi.h"

#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

enum { PACKETS = 16000, LABELS = 8, SHOWN_MAX = 5 };

/* All sockets are there, or those of every other label. */
enum { FILLINGS = 2 };

struct subject {
	struct compilation c;
	const struct sentinels *sentinels;
	struct packet packets[PACKETS];
	int expected[FILLINGS][PACKETS];
	bool filled[FILLINGS][LABELS * ABI_PLACES];
};

/* A rules file for each way to store a decision. */
static const struct {
	const char *name, *rules;
	enum table_kind tables;
} SUBJECTS[] = {
	{"code",
	 "tcp daddr 192.0.2.0/24 dport { 80, 443 } redirect to a\n"
	 "udp daddr 2001:db8::/48 dport 53 redirect to b else pass\n"
	 "tcp saddr 10.0.0.0/8 sport 1024-65535 drop\n",
	 TABLES_CODE},
	{"splus",
	 "tcp daddr { 10.0.0.0/8, 10.1.0.0/16, 192.0.2.7 } dport { 80, 443, 8000-8999 } redirect "
	 "to a\n"
	 "daddr { 192.0.2.0/24, 2001:db8::/33, 2001:db8:8000:1:a2b3:c4d5:e6f7:1829 } redirect to b "
	 "else continue\n"
	 "dport { 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21 } redirect to c\n",
	 TABLES_SPLUS},
	{"trie",
	 "tcp daddr { 10.0.0.0/8, 10.1.2.0/24, 10.1.2.3, 192.0.2.7 } redirect to a\n"
	 "daddr { 192.0.2.0/24, 2001:db8::/33, 2001:db8:8000:1:a2b3:c4d5:e6f7:1829 } redirect to "
	 "b\n",
	 TABLES_TRIE},
	{"cross",
	 "daddr { 10.0.0.0/8, 192.0.2.7 } dport { 53, 80 } redirect to a\n"
	 "daddr { 10.1.0.0/16, 192.0.2.0/24 } dport { 80, 443 } redirect to b\n"
	 "dport 8000-8999 redirect to c\n",
	 TABLES_TRIE},
};
enum { SUBJECT_COUNT = sizeof(SUBJECTS) / sizeof(SUBJECTS[0]) };

static int expected_choice(const struct subject *subject, const bool *filled,
			   const struct packet *packet)
{
	static const bool known[1];
	struct environment environment = {known};
	uint32_t place = 2u * (packet->family == FAMILY_IPV6) + (packet->protocol == PROTOCOL_UDP);
	const struct rule *deciding;
	struct outcome outcome;
	size_t i;

	policy_eval(subject->c.policy, &environment, packet, &outcome, &deciding);
	for (i = 0; i < outcome.step_count; i++) {
		uint32_t slot = outcome.steps[i].index * ABI_PLACES + place;

		if (outcome.steps[i].kind == STEP_ATTEMPT && filled[slot])
			return (int)slot;
	}
	return outcome.end == END_PASS ? CHOSE_PASS : CHOSE_DROP;
}

static void choose_packets(struct subject *subject)
{
	struct edges edges = edges_of(subject->c.arena, subject->c.policy);
	struct random random = {1};
	size_t i, filling;

	for (i = 0; i < LABELS * ABI_PLACES; i++) {
		subject->filled[0][i] = true;
		subject->filled[1][i] = i / ABI_PLACES % 2 == 0;
	}
	for (i = 0; i < PACKETS; i++) {
		subject->packets[i] = random_packet(&random, &edges);
		for (filling = 0; filling < FILLINGS; filling++)
			subject->expected[filling][i] = expected_choice(
				subject, subject->filled[filling], &subject->packets[i]);
	}
}

static bool chooses_wrongly(const struct subject *subject, struct program *program, size_t filling)
{
	size_t labels = layout_object(subject->c.layout)->label_count;
	size_t i;

	if (!program_fill(program, subject->sentinels, subject->filled[filling], labels))
		abort();
	for (i = 0; i < PACKETS; i++)
		if (program_run(program, subject->sentinels, &subject->packets[i]) !=
		    subject->expected[filling][i])
			return true;
	return false;
}

/* Whether the program, as it is now, is refused or chooses wrongly for some packet. */
static bool is_caught(struct subject *subject)
{
	struct compilation *c = &subject->c;
	struct program program;
	struct object *object;
	bool caught;

	object = bytecode_to_elf(c->arena, c->code, c->layout, c->policy, c->diag);
	if (!object || !program_load(&program, object, layout_object(c->layout), NULL))
		return true;
	caught = chooses_wrongly(subject, &program, 0) || chooses_wrongly(subject, &program, 1);
	program_close(&program);
	return caught;
}

struct tally {
	unsigned made, caught;
};

static void tally_add(struct tally *tally, struct subject *subject, const char *what, size_t where)
{
	bool caught = is_caught(subject);

	tally->made++;
	tally->caught += caught;
	if (!caught && tally->made - tally->caught <= SHOWN_MAX)
		printf("# not caught: %s at %zu\n", what, where);
}

/* Compares of packets' values are 32 bits wide; those that keep the verifier's bounds are 64. */
static bool is_boundary(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP32 | BPF_JGE | BPF_K);
}

static bool is_class_boundary(const struct bytecode_instruction *instructions, size_t i)
{
	return instructions[i].insn.code == (BPF_ALU64 | BPF_MOV | BPF_K) &&
	       instructions[i].insn.dst_reg == R5;
}

static bool is_swap(const struct bpf_insn *insn)
{
	return insn->code == (BPF_ALU | BPF_END | BPF_TO_BE);
}

static struct tally mutate_code(struct subject *subject)
{
	struct bytecode_instruction *instructions = subject->c.code->instructions;
	struct tally tally = {0};
	size_t i;

	for (i = 0; i < subject->c.code->count; i++) {
		struct bpf_insn *insn = &instructions[i].insn, before = *insn;

		if (is_boundary(insn) || is_class_boundary(instructions, i)) {
			insn->imm++;
			tally_add(&tally, subject, "boundary above", i);
			insn->imm -= 2;
			tally_add(&tally, subject, "boundary below", i);
		} else if (is_swap(insn)) {
			insn->code = BPF_ALU64 | BPF_ADD | BPF_K;
			insn->imm = 0;
			tally_add(&tally, subject, "byte order", i);
		} else if (instructions[i].symbol == SYMBOL_MACHINE) {
			insn->imm += 4;
			tally_add(&tally, subject, "slot", i);
		}
		*insn = before;
	}
	return tally;
}

/* The child that a line or a result leads to, changed to another. */
static void mutate_word(struct subject *subject, struct tally *tally, uint32_t *word,
			uint32_t other, const char *what, size_t where)
{
	uint32_t before = *word;

	if (before == other)
		return;
	*word = other;
	tally_add(tally, subject, what, where);
	*word = before;
}

static uint32_t *region_words(const struct layout *layout, struct layout_region region)
{
	return (uint32_t *)(layout->object.tables + region.offset);
}

static bool has_roots(const struct layout *layout)
{
	size_t i, j;

	for (i = 0; i < layout->machine_count; i++)
		for (j = 0; j < layout->machines[i].step_count; j++)
			if (layout->machines[i].steps[j].kind == SEARCH_ROOT)
				return true;
	return false;
}

static bool has_crosses(const struct layout *layout)
{
	size_t i, j;

	for (i = 0; i < layout->machine_count; i++)
		for (j = 0; j < layout->machines[i].step_count; j++)
			if (layout->machines[i].steps[j].kind == SEARCH_CROSS)
				return true;
	return false;
}

/* Keys of trees, up and down; results; and the labels of rows. Roots and crosses are reached by their results,
 * where a line cannot be told from a tree's. */
static struct tally mutate_tables(struct subject *subject)
{
	const struct layout *layout = subject->c.layout;
	uint32_t *lines = region_words(layout, layout->lines);
	uint32_t *results = region_words(layout, layout->results);
	struct layout_row *rows = (void *)region_words(layout, layout->rows);
	struct tally tally = {0};
	size_t i;

	for (i = 0; !has_roots(layout) && !has_crosses(layout) && i < layout->lines.count * 16; i++)
		if (i % 16 != 15 && lines[i] != UINT32_MAX) {
			mutate_word(subject, &tally, &lines[i], lines[i] + 1, "key above", i);
			mutate_word(subject, &tally, &lines[i], lines[i] - 1, "key below", i);
		}
	for (i = 0; i < layout->results.count; i++)
		mutate_word(subject, &tally, &results[i],
			    results[i] == ROW_DROP ? ROW_PASS : ROW_DROP, "result", i);
	for (i = ROW_DROP + 1; i < layout->rows.count; i++)
		mutate_word(subject, &tally, &rows[i].label,
			    (rows[i].label + 1) % (uint32_t)layout->object.label_count, "label", i);
	return tally;
}

static void check_subject(struct tap *tap, const struct sentinels *sentinels, size_t index)
{
	struct compile_options options = {.tables = SUBJECTS[index].tables};
	struct subject subject = {.sentinels = sentinels};
	struct tally code, tables;

	if (!compile_text(&subject.c, SUBJECTS[index].rules, strlen(SUBJECTS[index].rules),
			  &options)) {
		diag_print(subject.c.diag, stdout, DIAG_COLOR_NEVER);
		tap_result(tap, false, "%s compiles", SUBJECTS[index].name);
		return;
	}
	choose_packets(&subject);
	tap_result(tap, !is_caught(&subject), "%s: the program as emitted chooses rightly",
		   SUBJECTS[index].name);
	code = mutate_code(&subject);
	tap_result(tap, code.made && code.caught == code.made,
		   "%s: %u of %u mutations of the code are caught", SUBJECTS[index].name,
		   code.caught, code.made);
	tables = mutate_tables(&subject);
	tap_result(tap, tables.made && tables.caught == tables.made,
		   "%s: %u of %u mutations of the tables are caught", SUBJECTS[index].name,
		   tables.caught, tables.made);
	compilation_free(&subject.c);
}

int main(void)
{
	struct sentinels sentinels;
	struct tap tap = {0};
	size_t i;

	libbpf_set_print(
		NULL); /* a mutation that the verifier refuses is caught, and needs no words */
	if (!sentinels_open(&sentinels, LABELS)) {
		tap_skip(&tap, "mutations are run in the kernel, which needs root");
		return tap_end(&tap);
	}
	for (i = 0; i < SUBJECT_COUNT; i++)
		check_subject(&tap, &sentinels, i);
	sentinels_close(&sentinels);
	return tap_end(&tap);
}
