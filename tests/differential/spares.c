/* Tests spare slots in the kernel. A packet must get to the first socket that can take it, in its
 * label's own slot or in the label's blocks, and to no socket in another block; blocks without a
 * mark must be passed over. Then each constant of the subprograms that try the slots is changed in
 * turn, and a check must fail. Prints TAP. */
#include "compiler/object/object.h"
#include "tests/differential/lib/kernel.h"
#include "tests/differential/lib/tap.h"

#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/layout/layout.h"
#include "compiler/llvm/llvm.h"
#include "runtime/abi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LABELS_MAX = 6 };

/* The slot word of each label for IPv4 and TCP: its slot and its run of blocks. The first and the
 * last block of all are among these, and runs of each length. */
static const uint32_t WORDS[LABELS_MAX] = {
	ABI_SPARE_WORD(1, 4) | 7,   ABI_SPARE_WORD(ABI_SPARE_BLOCKS - ABI_SPARE_RUN_MAX + 1, 4) | 9,
	ABI_SPARE_WORD(20, 0) | 12, ABI_SPARE_WORD(30, 1) | 14,
	ABI_SPARE_WORD(40, 2) | 16, ABI_SPARE_WORD(50, 3) | 18,
};

/* The slot word of a label for another flow class: a slot, and no blocks. */
static uint32_t other_word(uint32_t label, uint32_t flow_class)
{
	return 100 + label * ABI_FLOW_CLASSES + flow_class;
}

/* Labels that one packet tries in turn, or each for a port of its own. The rows of two attempts
 * come one after the other; those of more attempts are in groups. */
static const struct shape {
	const char *words;
	uint32_t labels;
	bool apart;   /* each label is for a port of its own */
	bool counted; /* the rules have counters */
} SHAPES[] = {{"alone", LABELS_MAX, true, false},
	      {"one after the other", 2, false, false},
	      {"in groups", LABELS_MAX, false, true}};
enum { SHAPE_COUNT = sizeof(SHAPES) / sizeof(SHAPES[0]) };

/* A loaded program, and what its counters should be. */
struct trial {
	const struct sentinels *sentinels;
	const struct shape *shape;
	struct program program;
	int marks; /* the map of spare marks */
	struct abi_label_count counts[LABELS_MAX * ABI_FLOW_CLASSES];
};

/* The label's slot (I is 0), or its spare slot number I. */
static uint32_t slot_of(uint32_t word, uint32_t i)
{
	return i ? ABI_SPARE_SLOT(ABI_SPARE_BLOCK(word), i - 1) : ABI_SLOT(word);
}

static uint32_t slots_of(uint32_t word)
{
	return 1 + ABI_SPARE_RUN(word) * ABI_SPARES;
}

static bool set_words(struct bpf_object *object, uint32_t labels)
{
	struct bpf_map *host = bpf_object__find_map_by_name(object, ABI_MACHINE);
	uint32_t words[LABELS_MAX * ABI_FLOW_CLASSES], i;

	for (i = 0; i < labels * ABI_FLOW_CLASSES; i++)
		words[i] = ABI_HOST_WORD(i % ABI_FLOW_CLASSES ? other_word(i / ABI_FLOW_CLASSES,
									   i % ABI_FLOW_CLASSES)
							      : WORDS[i / ABI_FLOW_CLASSES],
					 i);
	return !bpf_map__set_initial_value(host, words,
					   labels * ABI_FLOW_CLASSES * sizeof(words[0]));
}

static bool load(struct trial *trial, const struct object *object)
{
	struct program *program = &trial->program;
	struct bpf_map *sockets;

	program->object = bpf_object__open_mem(object->bytes, object->size, NULL);
	if (!program->object)
		return false;
	sockets = bpf_object__find_map_by_name(program->object, ABI_SOCKETS);
	if (bpf_map__set_max_entries(sockets, ABI_SOCKETS_MAX) ||
	    !set_words(program->object, trial->shape->labels) ||
	    bpf_object__load(program->object)) {
		bpf_object__close(program->object);
		return false;
	}
	program->fd = bpf_program__fd(bpf_object__next_program(program->object, NULL));
	program->sockets = bpf_map__fd(sockets);
	program->interfaces = -1; /* the rules do not ask for interfaces */
	trial->marks = bpf_object__find_map_fd_by_name(program->object, ABI_SPARE_MARKS);
	program->label_counters = bpf_object__find_map_fd_by_name(program->object,
								  ABI_LABEL_COUNTERS);
	program->rule_counters = bpf_object__find_map_fd_by_name(program->object,
								 ABI_RULE_COUNTERS);
	return true;
}

static bool put(const struct trial *trial, uint32_t slot, int socket)
{
	uint64_t value = (uint64_t)socket;

	return !bpf_map_update_elem(trial->program.sockets, &slot, &value, BPF_ANY);
}

/* Marks the label's blocks [FIRST, END) as used, and no others. */
static bool mark(const struct trial *trial, uint32_t label, uint32_t first, uint32_t end)
{
	uint32_t i, block = ABI_SPARE_BLOCK(WORDS[label]);
	struct abi_spare_marks marks = {0};

	for (i = first; i < end; i++)
		marks.used[ABI_SPARE_MARK(i)] = 1;
	return !bpf_map_update_elem(trial->marks, &block, &marks, BPF_ANY);
}

/* Marks the block that has slot I of the label; slot 0 is in no block. */
static bool mark_slot(const struct trial *trial, uint32_t label, uint32_t i)
{
	uint32_t block = i ? (i - 1) / ABI_SPARES : 0;

	return mark(trial, label, block, i ? block + 1 : block);
}

static bool mark_all(const struct trial *trial)
{
	uint32_t label;
	bool good = true;

	for (label = 0; label < trial->shape->labels; label++)
		good = good && mark(trial, label, 0, ABI_SPARE_RUN(WORDS[label]));
	return good;
}

/* Whether each label's hits and misses are as expected, and its rule was counted as often as the
 * label was tried. */
static bool are_counted(const struct trial *trial)
{
	struct abi_label_count count;
	uint64_t tried = 0;
	uint32_t i;

	for (i = 0; i < trial->shape->labels * ABI_FLOW_CLASSES; i++) {
		if (!program_label_counter(&trial->program, i, &count.hits, &count.misses) ||
		    memcmp(&count, &trial->counts[i], sizeof(count)))
			return false;
		tried += count.hits + count.misses;
		if (i % ABI_FLOW_CLASSES < ABI_FLOW_CLASSES - 1)
			continue;
		if (trial->shape->counted &&
		    program_rule_counter(&trial->program, i / ABI_FLOW_CLASSES) != tried)
			return false;
		tried = 0;
	}
	return true;
}

/* Whether a packet of the flow class to a port misses the labels from FIRST on until the label
 * WANTED gets it. LABELS_MAX: no label gets it. */
static bool sent_to(struct trial *trial, uint32_t flow_class, uint32_t port, uint32_t first,
		    uint32_t wanted)
{
	const struct packet packet = {.family = flow_class / 2 ? FAMILY_IPV6 : FAMILY_IPV4,
				      .protocol = flow_class % 2 ? PROTOCOL_UDP : PROTOCOL_TCP,
				      .values = {[FIELD_DPORT] = port}};
	int choice = program_run(&trial->program, trial->sentinels, &packet);
	uint32_t i, end = trial->shape->apart ? first + 1 : trial->shape->labels;

	for (i = first; i < wanted && i < end; i++)
		trial->counts[i * ABI_FLOW_CLASSES + flow_class].misses++;
	if (wanted < end)
		trial->counts[wanted * ABI_FLOW_CLASSES + flow_class].hits++;
	return choice == (wanted < end ? (int)(wanted * ABI_FLOW_CLASSES + flow_class)
				       : CHOSE_DROP) &&
	       are_counted(trial);
}

static bool gets_at(struct trial *trial, uint32_t flow_class, uint32_t wanted)
{
	uint32_t label;

	if (!trial->shape->apart)
		return sent_to(trial, flow_class, 80, 0, wanted);
	if (wanted < trial->shape->labels)
		return sent_to(trial, flow_class, 80 + wanted, wanted, wanted);
	for (label = 0; label < trial->shape->labels; label++)
		if (!sent_to(trial, flow_class, 80 + label, label, LABELS_MAX))
			return false;
	return true;
}

static bool gets(struct trial *trial, uint32_t wanted)
{
	return gets_at(trial, 0, wanted);
}

static bool each_slot_serves(struct trial *trial)
{
	uint32_t label, i, slot;

	for (label = 0; label < trial->shape->labels; label++)
		for (i = 0; i < slots_of(WORDS[label]); i++) {
			slot = slot_of(WORDS[label], i);
			if (!mark_slot(trial, label, i) ||
			    !put(trial, slot,
				 trial->sentinels->sockets[label * ABI_FLOW_CLASSES]) ||
			    !gets(trial, label))
				return false;
			bpf_map_delete_elem(trial->program.sockets, &slot);
		}
	return gets(trial, LABELS_MAX);
}

/* Whether a socket in a block is not found while all blocks of the label but this one are marked,
 * and is found once this one is. */
static bool block_without_mark_does_not_serve(struct trial *trial, uint32_t label, uint32_t block)
{
	uint32_t slot = slot_of(WORDS[label], 1 + block * ABI_SPARES);
	struct abi_spare_marks marks;
	uint32_t first = ABI_SPARE_BLOCK(WORDS[label]);
	bool good;

	memset(&marks, 1, sizeof(marks));
	marks.used[ABI_SPARE_MARK(block)] = 0;
	good = put(trial, slot, trial->sentinels->sockets[label * ABI_FLOW_CLASSES]) &&
	       !bpf_map_update_elem(trial->marks, &first, &marks, BPF_ANY) &&
	       gets(trial, LABELS_MAX) && mark(trial, label, block, block + 1) &&
	       gets(trial, label);
	bpf_map_delete_elem(trial->program.sockets, &slot);
	return good;
}

static bool blocks_without_mark_do_not_serve(struct trial *trial)
{
	uint32_t label, block;

	for (label = 0; label < trial->shape->labels; label++)
		for (block = 0; block < ABI_SPARE_RUN(WORDS[label]); block++)
			if (!block_without_mark_does_not_serve(trial, label, block))
				return false;
	return mark_all(trial);
}

static bool each_flow_class_has_its_slot(struct trial *trial)
{
	uint32_t label, flow_class, slot;

	for (label = 0; label < trial->shape->labels; label++)
		for (flow_class = 1; flow_class < ABI_FLOW_CLASSES; flow_class++) {
			slot = other_word(label, flow_class);
			if (!put(trial, slot,
				 trial->sentinels
					 ->sockets[label * ABI_FLOW_CLASSES + flow_class]) ||
			    !gets_at(trial, flow_class, label))
				return false;
			bpf_map_delete_elem(trial->program.sockets, &slot);
		}
	return true;
}

/* Fills slots that no label has, beside those that labels have. */
static bool neighbours_do_not_serve(struct trial *trial)
{
	const uint32_t slots[] = {6,
				  8,
				  10,
				  ABI_SLOT_CAPACITY - 1,
				  ABI_SPARE_SLOT(1 + ABI_SPARE_RUN_MAX, 0),
				  ABI_SPARE_SLOT(20, 0) - 1,
				  ABI_SPARE_SLOT(21, 0),
				  ABI_SPARE_SLOT(32, 0),
				  ABI_SPARE_SLOT(44, 0),
				  ABI_SPARE_SLOT(58, 0),
				  ABI_SPARE_SLOT(ABI_SPARE_BLOCKS - ABI_SPARE_RUN_MAX + 1, 0) - 1};
	bool good = mark_all(trial);
	size_t i;

	for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		good = good && put(trial, slots[i], trial->sentinels->sockets[0]);
	good = good && gets(trial, LABELS_MAX);
	for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		bpf_map_delete_elem(trial->program.sockets, &slots[i]);
	return good;
}

/* A listener that was shut down stays in its slot, but cannot take packets. */
static bool label_passes_over_what_cannot_take_it(struct trial *trial, uint32_t label)
{
	int deaf = socket(AF_INET, SOCK_STREAM, 0);
	uint32_t i, slot, count = slots_of(WORDS[label]), last = slot_of(WORDS[label], count - 1);
	bool good = !listen(deaf, 1) && mark_all(trial);

	for (i = 0; i + 1 < count; i++)
		good = good && put(trial, slot_of(WORDS[label], i), deaf);
	shutdown(deaf, SHUT_RD);
	good = good && gets(trial, LABELS_MAX) &&
	       put(trial, last, trial->sentinels->sockets[label * ABI_FLOW_CLASSES]) &&
	       gets(trial, label);
	for (i = 0; i < count; i++) {
		slot = slot_of(WORDS[label], i);
		bpf_map_delete_elem(trial->program.sockets, &slot);
	}
	close(deaf);
	return good;
}

static bool passes_over_what_cannot_take_it(struct trial *trial)
{
	uint32_t label;

	for (label = 0; label < trial->shape->labels; label++)
		if (!label_passes_over_what_cannot_take_it(trial, label))
			return false;
	return true;
}

typedef bool check(struct trial *trial);

static const struct {
	check *holds;
	const char *words;
} CHECKS[] = {
	{each_slot_serves, "each slot of a label serves, in the order of the rules"},
	{blocks_without_mark_do_not_serve, "a block without a mark is passed over"},
	{each_flow_class_has_its_slot, "each flow class of a label has its own slot"},
	{neighbours_do_not_serve, "no slot serves but a label's own and those of its blocks"},
	{passes_over_what_cannot_take_it, "a socket that was shut down is passed over"},
};
enum { CHECK_COUNT = sizeof(CHECKS) / sizeof(CHECKS[0]) };

static struct object *assemble(struct compilation *c)
{
	return bytecode_to_elf(c->arena, c->code, c->layout, c->policy, c->diag);
}

static void check_program(struct tap *tap, struct trial *trial, struct compilation *c,
			  const char *backend)
{
	bool loaded = load(trial, assemble(c));
	size_t i;

	for (i = 0; i < CHECK_COUNT; i++)
		tap_result(tap, loaded && CHECKS[i].holds(trial), "%s, %s: %s", backend,
			   trial->shape->words, CHECKS[i].words);
	if (loaded)
		program_close(&trial->program);
}

static bool is_caught(struct trial trial, struct compilation *c)
{
	bool good = true;
	size_t i;

	if (!load(&trial, assemble(c)))
		return true;
	for (i = 0; i < CHECK_COUNT; i++)
		good = good && CHECKS[i].holds(&trial);
	program_close(&trial.program);
	return !good;
}

/* Adds one, in turn, to each constant that the subprogram counts or addresses by. R0 is left alone:
 * it holds results, which are only compared with 0. */
static void mutate(struct tap *tap, struct trial trial, struct compilation *c,
		   const struct bytecode_subprogram *subprogram)
{
	const struct bytecode *code = subprogram->code;
	unsigned made = 0, caught = 0;
	size_t i;

	for (i = 0; i < code->count; i++) {
		struct bpf_insn *insn = &code->instructions[i].insn;

		if (BPF_CLASS(insn->code) != BPF_ALU64 || BPF_SRC(insn->code) != BPF_K ||
		    insn->dst_reg == R0)
			continue;
		insn->imm++;
		made++;
		caught += is_caught(trial, c);
		insn->imm--;
	}
	tap_result(tap, made && caught == made, "%s: %u of %u mutations of %s are caught",
		   trial.shape->words, caught, made, subprogram->name);
}

static char *write_rules(const struct shape *shape)
{
	char *text = NULL;
	uint32_t i;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (i = 0; out && i < shape->labels; i++)
		fprintf(out,
			"socket l%u { tcp 127.0.0.1:%u }\n"
			"dport %u %sredirect to l%u no-reuseport else %s\n",
			i, 1 + i, 80 + i * shape->apart, shape->counted ? "counter " : "", i,
			i + 1 < shape->labels && !shape->apart ? "continue" : "drop");
	if (!out || fclose(out))
		abort();
	return text;
}

static void check_shape(struct tap *tap, const struct sentinels *sentinels,
			const struct shape *shape, enum backend backend)
{
	struct compile_options options = {.backend = backend};
	const struct trial trial = {.sentinels = sentinels, .shape = shape};
	char *rules = write_rules(shape);
	struct compilation c;
	size_t i;

	if (!compile_text(&c, rules, strlen(rules), &options)) {
		diag_print(c.diag, stdout, DIAG_COLOR_NEVER);
		tap_result(tap, false, "the rules compile");
	} else {
		struct trial fresh = trial;

		check_program(tap, &fresh, &c, backend == BACKEND_LLVM ? "LLVM" : "direct");
		for (i = 0; backend == BACKEND_DIRECT && i < c.code->subprogram_count; i++)
			mutate(tap, trial, &c, c.code->subprograms[i]);
	}
	compilation_free(&c);
	free(rules);
}

/* Sets SO_REUSEPORT, so that a test run can choose the sockets only if the program passes on the
 * rules' `no-reuseport`. */
static bool share_ports(const struct sentinels *sentinels)
{
	const int on = 1;
	size_t i;

	for (i = 0; i < sentinels->label_count * ABI_FLOW_CLASSES; i++)
		if (setsockopt(sentinels->sockets[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)))
			return false;
	return true;
}

static void check_backend(struct tap *tap, const struct sentinels *sentinels, enum backend backend)
{
	size_t i;

	for (i = 0; i < SHAPE_COUNT; i++)
		check_shape(tap, sentinels, &SHAPES[i], backend);
}

int main(void)
{
	struct sentinels sentinels;
	struct tap tap = {0};

	/* A mutation that the verifier refuses is caught, so the verifier's log is of no interest. */
	libbpf_set_print(NULL);
	if (!kernel_sentinels_open(&sentinels, LABELS_MAX)) {
		tap_skip(&tap, "programs are run in the kernel, which needs root");
		return tap_end(&tap);
	}
	tap_result(&tap, share_ports(&sentinels), "the sockets share ports");
	check_backend(&tap, &sentinels, BACKEND_DIRECT);
	if (llvm_backend())
		check_backend(&tap, &sentinels, BACKEND_LLVM);
	kernel_sentinels_close(&sentinels);
	return tap_end(&tap);
}
