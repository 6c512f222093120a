/* Tests the differential test: makes one change at a time in the emitted program or its tables (a
 * boundary off by one, a byte order not swapped, a wrong slot, a wrong child). The program must
 * then choose wrongly for some packet. Prints TAP. */
#include "compiler/object/object.h"
#include "tests/differential/lib/kernel.h"
#include "tests/differential/lib/packets.h"
#include "tests/differential/lib/tap.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/decision/decision.h"
#include "compiler/layout/layout.h"
#include "compiler/layout/table_format.h"
#include "runtime/abi.h"

#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

enum { PACKETS = 16000, LABELS = 8, SHOWN_MAX = 5 };

/* The slots of all labels are filled, of every other label, or of one label alone. */
enum { FILLINGS = 2 + LABELS };

/* What is mutated, and the slots that the unchanged program chooses. */
struct subject {
	struct compilation c;
	const struct sentinels *sentinels;
	struct packet packets[PACKETS];
	int expected[FILLINGS][PACKETS];
	bool filled[FILLINGS][LABELS * ABI_FLOW_CLASSES];
};

#define RULES_OF_PARTS                                                                             \
	"daddr 192.0.2.0/24 redirect to a else continue\n"                                         \
	"saddr 198.51.100.0/24 redirect to b else continue\n"                                      \
	"daddr 192.0.2.0/25 saddr 198.51.100.0/25 redirect to c else pass\n"                       \
	"dport 80 redirect to d else pass\n"                                                       \
	"daddr 192.0.2.7 redirect to e else pass\n"                                                \
	"saddr 198.51.100.7 redirect to f else pass\n"

/* A rules file for each way to store a decision. */
static const struct {
	const char *name, *rules;
	enum table_kind tables;
	enum parts parts;
} SUBJECTS[] = {
	{"code",
	 "tcp daddr 192.0.2.0/24 dport { 80, 443 } redirect to a\n"
	 "udp daddr 2001:db8::/48 dport 53 redirect to b else pass\n"
	 "tcp saddr 10.0.0.0/8 sport 1024-65535 drop\n",
	 TABLES_CODE, PARTS_AUTO},
	{"splus",
	 "tcp daddr { 10.0.0.0/8, 10.1.0.0/16, 192.0.2.7 } dport { 80, 443, 8000-8999 } redirect "
	 "to a\n"
	 "daddr { 192.0.2.0/24, 2001:db8::/33, 2001:db8:8000:1:a2b3:c4d5:e6f7:1829 } redirect to b "
	 "else continue\n"
	 "dport { 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21 } redirect to c\n",
	 TABLES_SPLUS, PARTS_AUTO},
	{"trie",
	 "tcp daddr { 10.0.0.0/8, 10.1.2.0/24, 10.1.2.3, 192.0.2.7 } redirect to a\n"
	 "daddr { 192.0.2.0/24, 2001:db8::/33, 2001:db8:8000:1:a2b3:c4d5:e6f7:1829 } redirect to "
	 "b\n",
	 TABLES_TRIE, PARTS_AUTO},
	{"ranges",
	 "tcp daddr { 10.0.0.0/8, 10.1.2.0/24, 172.16.0.7, 192.0.2.7, 198.51.100.0/25 } redirect "
	 "to "
	 "a\n"
	 "udp daddr { 10.1.2.3, 128.0.0.0/1, 224.0.0.1-224.0.0.16 } redirect to b\n"
	 "daddr { 2001:db8:7::/48, 2001:db8:9000::/36, 2001:db8:c00f:100::/56, "
	 "2001:db8:5123:4500::/56 } redirect to c\n",
	 TABLES_RANGES, PARTS_AUTO},
	{"ranges over ports",
	 "daddr { 10.0.0.0/8, 10.9.0.7, 192.0.2.7 } dport { 53, 443, 1024-2047 } redirect to a\n"
	 "daddr { 10.1.0.0/16, 198.51.100.0/24 } dport 8000-8999 redirect to b\n",
	 TABLES_RANGES, PARTS_AUTO},
	{"cross",
	 "daddr { 10.0.0.0/8, 192.0.2.7 } dport { 53, 80 } redirect to a\n"
	 "daddr { 10.1.0.0/16, 192.0.2.0/24 } dport { 80, 443 } redirect to b\n"
	 "dport 8000-8999 redirect to c\n",
	 TABLES_TRIE, PARTS_AUTO},
	{"lanes of 16 bits",
	 "daddr { 2001:db8:0:10::/64, 2001:db8:0:21::/64, 2001:db8:0:33::/64, 2001:db8:0:47::/64,"
	 " 2001:db8:0:59::/64, 2001:db8:0:61::/64, 2001:db8:0:70::/63, 2001:db8:0:81::/64,"
	 " 2001:db8:0:93::/64, 2001:db8:0:100::/60, 2001:db8:0:201::/64, 2001:db8:0:300::/56,"
	 " 2001:db8:0:777::/64 } redirect to a\n",
	 TABLES_SPLUS, PARTS_AUTO},
	{"lanes of 64 bits",
	 "saddr { 2001:db8::1, 2001:db8:0:1::2, 2a00:1450::/29, 2600:9000:1::3, "
	 "2001:db8:1:2:3:4:5:6,"
	 " 2003::/19, 2a02:26f0::/48, 2620:fe::fe, 2400:cb00::/32, fd00:1:2:3::/64, 1::/16 } "
	 "drop\n",
	 TABLES_SPLUS, PARTS_AUTO},
	{"results of four bytes",
	 "daddr { 10.0.0.0/8, 192.0.2.7, 198.51.100.0/24 } dport 53 redirect to a\n"
	 "daddr { 172.16.0.0/12, 203.0.113.0/24 } sport 1-1023 redirect to b\n",
	 TABLES_SPLUS, PARTS_AUTO},
	{"rows in groups",
	 "daddr 192.0.2.0/24 redirect to f else continue\n"
	 "tcp dport 80 redirect to a else continue\n"
	 "dport { 80, 443 } redirect to b else continue\n"
	 "daddr 192.0.2.0/24 redirect to c else continue\n"
	 "dport 80 redirect to d else continue\n"
	 "tcp dport { 80, 443 } redirect to e else pass\n",
	 TABLES_AUTO, PARTS_AUTO},
	{"parts in code", RULES_OF_PARTS, TABLES_CODE, PARTS_ALWAYS},
	{"parts in tables", RULES_OF_PARTS, TABLES_SPLUS, PARTS_ALWAYS},
};
enum { SUBJECT_COUNT = sizeof(SUBJECTS) / sizeof(SUBJECTS[0]) };

static int expected_choice(const struct subject *subject, const bool *filled,
			   const struct packet *packet)
{
	uint32_t flow_class = 2u * (packet->family == FAMILY_IPV6) +
			      (packet->protocol == PROTOCOL_UDP);
	const struct rule *deciding;
	struct outcome outcome;
	size_t i;

	policy_eval(subject->c.policy, packet, &outcome, &deciding);
	for (i = 0; i < outcome.action_count; i++) {
		uint32_t slot = outcome.actions[i].index * ABI_FLOW_CLASSES + flow_class;

		if (outcome.actions[i].kind == ACTION_ATTEMPT && filled[slot])
			return (int)slot;
	}
	return outcome.end == END_PASS ? CHOSE_PASS : CHOSE_DROP;
}

static void choose_packets(struct subject *subject)
{
	struct edges edges = edges_of(subject->c.arena, subject->c.policy);
	struct random random = {1};
	size_t i, filling;

	for (i = 0; i < LABELS * ABI_FLOW_CLASSES; i++) {
		subject->filled[0][i] = true;
		subject->filled[1][i] = i / ABI_FLOW_CLASSES % 2 == 0;
		subject->filled[2 + i / ABI_FLOW_CLASSES][i] = true;
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
	size_t labels = subject->c.layout->object.label_count;
	size_t i;

	if (!program_fill(program, subject->sentinels, subject->filled[filling], labels))
		abort();
	for (i = 0; i < PACKETS; i++)
		if (program_run(program, subject->sentinels, &subject->packets[i]) !=
		    subject->expected[filling][i])
			return true;
	return false;
}

/* Whether the mutation is found: the kernel refuses the program, or it chooses wrongly for some
 * packet. */
static bool is_caught(struct subject *subject)
{
	struct compilation *c = &subject->c;
	struct program program;
	struct object *object;
	bool caught = false;
	size_t i;

	object = bytecode_to_elf(c->arena, c->code, c->layout, c->policy, c->diag);
	if (!object || !program_load(&program, object, c))
		return true;
	for (i = 0; i < FILLINGS && !caught; i++)
		caught = chooses_wrongly(subject, &program, i);
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

/* Whether an instruction compares a value of the packet with a constant: it is 32 bits wide, and of
 * R1. Comparisons that only tell the verifier of bounds are not like that. */
static bool is_boundary(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_JMP32 && BPF_SRC(insn->code) == BPF_K &&
	       insn->dst_reg == R1;
}

/* Whether instructions load a constant of 64 bits and compare with it. */
static bool is_wide_boundary(const struct bytecode_instruction *instructions, size_t i)
{
	return bytecode_is_wide(&instructions[i]) && instructions[i].symbol == SYMBOL_NONE &&
	       bytecode_is_jump(&instructions[i + 2]);
}

/* Adds to the constant of a 64-bit immediate load, which takes two instructions. */
static void add_wide(struct bytecode_instruction *instruction, int64_t difference)
{
	uint64_t value = bytecode_wide_value(instruction) + (uint64_t)difference;

	instruction[0].insn.imm = (int32_t)(uint32_t)value;
	instruction[1].insn.imm = (int32_t)(uint32_t)(value >> 32);
}

/* Whether instructions compare a port with the start of a run of an equivalence class, without a
 * branch. */
static bool is_class_boundary(const struct bytecode_instruction *instructions, size_t i)
{
	return instructions[i].insn.code == (BPF_ALU64 | BPF_MOV | BPF_K) &&
	       instructions[i].insn.dst_reg == R5 &&
	       instructions[i + 1].insn.code == (BPF_ALU64 | BPF_SUB | BPF_X);
}

/* Whether an instruction takes a range's start or length out of a stride table's entry, or compares
 * a word with the range. */
static bool is_range_part(const struct bpf_insn *insn)
{
	if (insn->code == (BPF_ALU64 | BPF_RSH | BPF_K))
		return (insn->dst_reg == R3 && insn->imm == ENTRY_START) ||
		       (insn->dst_reg == R4 && insn->imm == ENTRY_LENGTH);
	return insn->code == (BPF_ALU64 | BPF_SUB | BPF_K) && insn->dst_reg == R1;
}

/* Whether an instruction compares the rows of two parts, to find the one that comes first. */
static bool is_row_order(const struct bpf_insn *insn)
{
	return (insn->code == (BPF_JMP | BPF_JLE | BPF_X) ||
		insn->code == (BPF_JMP | BPF_JGT | BPF_X)) &&
	       insn->dst_reg == R7 && insn->src_reg == R1;
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

		if (is_boundary(insn) || is_class_boundary(instructions, i) ||
		    is_range_part(insn)) {
			insn->imm++;
			tally_add(&tally, subject, "boundary above", i);
			insn->imm -= 2;
			tally_add(&tally, subject, "boundary below", i);
		} else if (is_wide_boundary(instructions, i)) {
			add_wide(&instructions[i], 1);
			tally_add(&tally, subject, "wide boundary above", i);
			add_wide(&instructions[i], -2);
			tally_add(&tally, subject, "wide boundary below", i);
			add_wide(&instructions[i], 1);
		} else if (is_row_order(insn)) {
			insn->code = BPF_JMP | BPF_X |
				     (BPF_OP(before.code) == BPF_JLE ? BPF_JGE : BPF_JLT);
			tally_add(&tally, subject, "order of rows", i);
		} else if (is_swap(insn)) {
			insn->code = BPF_ALU64 | BPF_ADD | BPF_K;
			insn->imm = 0;
			tally_add(&tally, subject, "byte order", i);
		} else if (instructions[i].symbol == SYMBOL_HOST) {
			insn->imm += 4;
			tally_add(&tally, subject, "slot", i);
		}
		*insn = before;
	}
	return tally;
}

/* Changes the number of BITS at AT in the tables to OTHER, counts whether that is caught, and
 * changes it back. */
static void mutate_number(struct subject *subject, struct tally *tally, unsigned char *at,
			  unsigned bits, uint64_t other, const char *what)
{
	size_t where = (size_t)(at - subject->c.layout->object.tables);
	uint64_t before = 0;

	/* This is right only on little-endian hosts, which are all that sklc runs on. */
	memcpy(&before, at, bits / 8);
	if (before == other)
		return;
	memcpy(at, &other, bits / 8);
	tally_add(tally, subject, what, where);
	memcpy(at, &before, bits / 8);
}

/* Changes each key of an inner node or a leaf by one, up and down. Returns how many keys there
 * are. */
static uint32_t mutate_keys(struct subject *subject, struct tally *tally,
			    const struct layout_step *step, unsigned char *lanes, uint32_t keys)
{
	unsigned bits = step->lane_bits;
	uint32_t i;

	for (i = 0; i < keys; i++) {
		unsigned char *at = lanes + i * bits / 8;
		uint64_t lane = 0;

		memcpy(&lane, at, bits / 8);
		if (!lane)
			return i;
		mutate_number(subject, tally, at, bits, lane - 1, "key above");
		mutate_number(subject, tally, at, bits, lane + 1, "key below");
	}
	return keys;
}

static void mutate_results(struct subject *subject, struct tally *tally,
			   const struct layout_step *step, unsigned char *results, uint32_t count)
{
	unsigned bits = 8 * result_bytes(step);
	uint32_t i;

	for (i = 0; i < count; i++) {
		uint64_t result = 0;

		memcpy(&result, results + i * bits / 8, bits / 8);
		mutate_number(subject, tally, results + i * bits / 8, bits,
			      result == ROW_DROP ? ROW_PASS : ROW_DROP, "result");
	}
}

/* The highest tag below those of the trees that belong to a stride table. */
static uint32_t tag_below_trees(const struct layout_step *stride)
{
	uint32_t tag = stride->tag - 1;

	while (tag && stride[stride->tag - tag].is_below_stride)
		tag--;
	return tag;
}

/* Changes what an entry of a stride table holds, if it is a reference or has a range: packets at
 * both ends of ranges are always tried. The length of a range is left alone if the range reaches
 * the last word of the entry: a greater length would change nothing. */
static void mutate_entry(struct subject *subject, struct tally *tally,
			 const struct layout_step *step, unsigned char *at)
{
	uint64_t entry, start, length, one = 1;
	unsigned shift;

	memcpy(&entry, at, sizeof(entry));
	start = entry >> ENTRY_START;
	length = entry >> ENTRY_LENGTH & ENTRY_LENGTH_MASK;
	if (entry >> ENTRY_REFERENCE) {
		mutate_number(subject, tally, at, 64, ROW_DROP, "entry's reference");
		return;
	}
	if (!start)
		return;
	for (shift = 0; shift <= ENTRY_INSIDE; shift += ENTRY_INSIDE)
		mutate_number(subject, tally, at + shift / 8, 16,
			      (entry >> shift & UINT16_MAX) == ROW_DROP ? ROW_PASS : ROW_DROP,
			      "entry's result");
	mutate_number(subject, tally, at, 64, entry + (one << ENTRY_START), "range later");
	mutate_number(subject, tally, at, 64, entry - (one << ENTRY_START), "range earlier");
	if (start + (one << length) >= one << rest_bits(step))
		return;
	mutate_number(subject, tally, at, 64, entry + (one << ENTRY_LENGTH), "range longer");
	if (length)
		mutate_number(subject, tally, at, 64, entry - (one << ENTRY_LENGTH),
			      "range shorter");
}

/* Changes the entries of a stride table, or those of its references that lead to its own trees: the
 * starts of intervals are there, and packets at them are always tried. The last step of a search
 * has tag 1. */
static void mutate_stride(struct subject *subject, struct tally *tally,
			  const struct layout_step *step, unsigned char *references)
{
	uint32_t i, reference;

	for (i = 0; step->has_entries && i < step->element_bytes / sizeof(uint64_t); i++)
		mutate_entry(subject, tally, step, references + i * sizeof(uint64_t));
	for (i = 0; !step->has_entries && i < step->element_bytes / sizeof(reference); i++) {
		memcpy(&reference, references + i * sizeof(reference), sizeof(reference));
		if (step->tag > 1 && step[1].is_below_stride &&
		    reference >> TAG_SHIFT <= step[1].tag &&
		    reference >> TAG_SHIFT > tag_below_trees(step))
			mutate_number(subject, tally, references + i * sizeof(reference), 32,
				      ROW_DROP, "stride table");
	}
}

static void mutate_element(struct subject *subject, struct tally *tally,
			   const struct layout_step *step, unsigned char *element)
{
	struct leaf_shape shape;

	switch (step->kind) {
	case STEP_INNER:
		mutate_keys(subject, tally, step, element, inner_keys(step));
		break;
	case STEP_LEAF:
		shape = leaf_shape(step);
		mutate_results(subject, tally, step, element + shape.lanes_bytes,
			       mutate_keys(subject, tally, step, element, shape.keys) + 1);
		break;
	case STEP_CROSS:
		mutate_results(subject, tally, step, element, cross_used(step));
		break;
	case STEP_STRIDE:
		mutate_stride(subject, tally, step, element);
		break;
	default:
		break;
	}
}

static void mutate_search(struct subject *subject, struct tally *tally,
			  const struct layout_search *search)
{
	unsigned char *tables = (unsigned char *)subject->c.layout->object.tables;
	size_t i, j;

	for (i = 0; i < search->step_count; i++) {
		const struct layout_step *step = &search->steps[i];

		for (j = 0; j < step->region.count; j++)
			mutate_element(subject, tally, step,
				       tables + step->region.offset + j * step->element_bytes);
	}
}

/* Whether a row of a group is the first row of the outcome once more. It tries the spare slots of
 * that row's label, which are empty here (tests/differential/spares.c fills them). */
static bool is_repeated(const struct layout *layout, uint32_t number)
{
	const struct layout_row *rows = (const void *)(layout->object.tables + layout->rows.offset);
	uint32_t i;

	for (i = ROW_DROP + 1; i < layout->rows.count; i++)
		if (rows[i].flags != HEAD_FLAGS && rows[i].next > ROW_DROP &&
		    rows[i].next < layout->rows.count && rows[rows[i].next].flags == HEAD_FLAGS &&
		    rows[rows[i].next].group == number && rows[i].label == rows[number].label)
			return true;
	return false;
}

/* Gives a row another label, or a head a group that is none, and then another next row. The last
 * row of a group keeps its next row, since any number that is not a row ends a group. A repeated row
 * keeps its label, and a head the group that has only that row. */
static void mutate_row(struct subject *subject, struct tally *tally, struct layout_row *rows,
		       uint32_t number)
{
	const struct layout *layout = subject->c.layout;
	uint32_t labels = (uint32_t)layout->object.label_count;
	struct layout_row *row = &rows[number];
	bool is_head = row->flags == HEAD_FLAGS;

	if (is_head && (rows[row->group].next != NO_INDEX || !is_repeated(layout, row->group)))
		mutate_number(subject, tally, (unsigned char *)&row->group, 32, ROW_PASS, "group");
	if (!is_head && !is_repeated(layout, number))
		mutate_number(subject, tally, (unsigned char *)&row->label, 32,
			      (row->label + 1) % labels, "label");
	if (row->next != NO_INDEX)
		mutate_number(subject, tally, (unsigned char *)&row->next, 32,
			      row->next == ROW_DROP ? ROW_PASS : ROW_DROP, "next");
}

static struct tally mutate_tables(struct subject *subject)
{
	const struct layout *layout = subject->c.layout;
	struct layout_row *rows = (void *)(layout->object.tables + layout->rows.offset);
	struct tally tally = {0};
	uint32_t i;

	for (i = 0; i < layout->search_count; i++)
		mutate_search(subject, &tally, &layout->searches[i]);
	for (i = ROW_DROP + 1; i < layout->rows.count; i++)
		mutate_row(subject, &tally, rows, i);
	return tally;
}

static void check_subject(struct tap *tap, const struct sentinels *sentinels, size_t index)
{
	struct compile_options options = {.tables = SUBJECTS[index].tables,
					  .parts = SUBJECTS[index].parts};
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

	/* A mutation that the verifier refuses is caught, so the verifier's log is of no interest. */
	libbpf_set_print(NULL);
	if (!kernel_sentinels_open(&sentinels, LABELS)) {
		tap_skip(&tap, "mutations are run in the kernel, which needs root");
		return tap_end(&tap);
	}
	for (i = 0; i < SUBJECT_COUNT; i++)
		check_subject(&tap, &sentinels, i);
	kernel_sentinels_close(&sentinels);
	return tap_end(&tap);
}
