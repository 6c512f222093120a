/* Spare slots in the kernel: a packet gets to the first socket of its label that can take it, wherever in the
 * block that stands, and to none of another block. The functions that try them are then broken in one place at a
 * time, and these checks must tell. Prints TAP. */
#include "kernel.h"
#include "tap.h"

#include "../../compiler/bytecode.h"
#include "../../compiler/diag.h"
#include "../../compiler/layout.h"
#include "../../compiler/llvm.h"
#include "../../runtime/abi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LABELS_MAX = 6, SLOTS = 1 + ABI_SPARES };

/* Of each label's IPv4 TCP place; the first block that there may be, and the last, are among them. */
static const uint32_t WORDS[LABELS_MAX] = {1 << 16 | 7,  ABI_SPARE_BLOCKS << 16 | 9,
					   5 << 16 | 12, 7 << 16 | 14,
					   9 << 16 | 16, 11 << 16 | 18};

/* Of the other places: they have no block. */
static uint32_t other_word(uint32_t label, uint32_t place)
{
	return 100 + label * ABI_PLACES + place;
}

/* So many labels are tried in turn. Two rows stand in line, more in groups. */
static const struct shape {
	const char *words;
	uint32_t labels;
	bool counted; /* the rules are */
} SHAPES[] = {{"in line", 2, false}, {"in groups", LABELS_MAX, true}};
enum { SHAPE_COUNT = sizeof(SHAPES) / sizeof(SHAPES[0]) };

/* A program, and how its counters should stand. */
struct lab {
	const struct sentinels *sentinels;
	const struct shape *shape;
	struct program program;
	struct abi_label_count counts[LABELS_MAX * ABI_PLACES];
};

static uint32_t slot_of(uint32_t word, uint32_t i)
{
	return i ? ABI_SPARE_SLOT(ABI_SPARE_BLOCK(word), i - 1) : ABI_SLOT(word);
}

static bool set_words(struct bpf_object *object, uint32_t labels)
{
	struct bpf_map *machine = bpf_object__find_map_by_name(object, ABI_MACHINE);
	uint32_t words[LABELS_MAX * ABI_PLACES], i;

	for (i = 0; i < labels * ABI_PLACES; i++)
		words[i] = i % ABI_PLACES ? other_word(i / ABI_PLACES, i % ABI_PLACES)
					  : WORDS[i / ABI_PLACES];
	return !bpf_map__set_initial_value(machine, words, labels * ABI_PLACES * sizeof(words[0]));
}

static bool load(struct lab *lab, const struct object *object)
{
	struct program *program = &lab->program;
	struct bpf_map *sockets;

	program->object = bpf_object__open_mem(object->bytes, object->size, NULL);
	if (!program->object)
		return false;
	sockets = bpf_object__find_map_by_name(program->object, ABI_SOCKETS);
	if (bpf_map__set_max_entries(sockets, ABI_SOCKETS_MAX) ||
	    !set_words(program->object, lab->shape->labels) || bpf_object__load(program->object)) {
		bpf_object__close(program->object);
		return false;
	}
	program->fd = bpf_program__fd(bpf_object__next_program(program->object, NULL));
	program->sockets = bpf_map__fd(sockets);
	program->label_counters = bpf_object__find_map_fd_by_name(program->object,
								  ABI_LABEL_COUNTERS);
	program->rule_counters = bpf_object__find_map_fd_by_name(program->object,
								 ABI_RULE_COUNTERS);
	return true;
}

static bool put(const struct lab *lab, uint32_t slot, int socket)
{
	uint64_t value = (uint64_t)socket;

	return !bpf_map_update_elem(lab->program.sockets, &slot, &value, BPF_ANY);
}

/* Each label's hits and misses; and its rule, as often as it was come to. */
static bool are_counted(const struct lab *lab)
{
	struct abi_label_count count;
	uint64_t tried = 0;
	uint32_t i;

	for (i = 0; i < lab->shape->labels * ABI_PLACES; i++) {
		if (!program_label_counter(&lab->program, i, &count.hits, &count.misses) ||
		    memcmp(&count, &lab->counts[i], sizeof(count)))
			return false;
		tried += count.hits + count.misses;
		if (i % ABI_PLACES < ABI_PLACES - 1)
			continue;
		if (lab->shape->counted &&
		    program_rule_counter(&lab->program, i / ABI_PLACES) != tried)
			return false;
		tried = 0;
	}
	return true;
}

/* Sends a packet to port 80 at a place: WANTED is the label whose sentinel must get it, LABELS_MAX: nobody. */
static bool gets_at(struct lab *lab, uint32_t place, uint32_t wanted)
{
	const struct packet packet = {.family = place / 2 ? FAMILY_IPV6 : FAMILY_IPV4,
				      .protocol = place % 2 ? PROTOCOL_UDP : PROTOCOL_TCP,
				      .values = {[FIELD_DPORT] = 80}};
	int choice = program_run(&lab->program, lab->sentinels, &packet);
	uint32_t i, labels = lab->shape->labels;

	for (i = 0; i < wanted && i < labels; i++)
		lab->counts[i * ABI_PLACES + place].misses++;
	if (wanted < labels)
		lab->counts[wanted * ABI_PLACES + place].hits++;
	return choice == (wanted < labels ? (int)(wanted * ABI_PLACES + place) : CHOSE_DROP) &&
	       are_counted(lab);
}

static bool gets(struct lab *lab, uint32_t wanted)
{
	return gets_at(lab, 0, wanted);
}

static bool each_slot_serves(struct lab *lab)
{
	uint32_t label, i, slot;

	for (label = 0; label < lab->shape->labels; label++)
		for (i = 0; i < SLOTS; i++) {
			slot = slot_of(WORDS[label], i);
			if (!put(lab, slot, lab->sentinels->sockets[label * ABI_PLACES]) ||
			    !gets(lab, label))
				return false;
			bpf_map_delete_elem(lab->program.sockets, &slot);
		}
	return gets(lab, LABELS_MAX);
}

static bool each_place_has_its_slot(struct lab *lab)
{
	uint32_t label, place, slot;

	for (label = 0; label < lab->shape->labels; label++)
		for (place = 1; place < ABI_PLACES; place++) {
			slot = other_word(label, place);
			if (!put(lab, slot, lab->sentinels->sockets[label * ABI_PLACES + place]) ||
			    !gets_at(lab, place, label))
				return false;
			bpf_map_delete_elem(lab->program.sockets, &slot);
		}
	return true;
}

/* Slots that are no label's, nearest to those that are. */
static bool neighbours_do_not_serve(struct lab *lab)
{
	const uint32_t slots[] = {6,
				  8,
				  10,
				  ABI_SLOT_CAPACITY - 1,
				  ABI_SPARE_SLOT(2, 0),
				  ABI_SPARE_SLOT(ABI_SPARE_BLOCKS - 1, ABI_SPARES - 1)};
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		good = good && put(lab, slots[i], lab->sentinels->sockets[0]);
	good = good && gets(lab, LABELS_MAX);
	for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		bpf_map_delete_elem(lab->program.sockets, &slots[i]);
	return good;
}

/* One that was shut down still stands in its slot. */
static bool label_passes_over_what_cannot_take_it(struct lab *lab, uint32_t label)
{
	int deaf = socket(AF_INET, SOCK_STREAM, 0);
	uint32_t i, slot, last = slot_of(WORDS[label], SLOTS - 1);
	bool good = !listen(deaf, 1);

	for (i = 0; i + 1 < SLOTS; i++)
		good = good && put(lab, slot_of(WORDS[label], i), deaf);
	shutdown(deaf, SHUT_RD);
	good = good && gets(lab, LABELS_MAX) &&
	       put(lab, last, lab->sentinels->sockets[label * ABI_PLACES]) && gets(lab, label);
	for (i = 0; i < SLOTS; i++) {
		slot = slot_of(WORDS[label], i);
		bpf_map_delete_elem(lab->program.sockets, &slot);
	}
	close(deaf);
	return good;
}

static bool passes_over_what_cannot_take_it(struct lab *lab)
{
	uint32_t label;

	for (label = 0; label < lab->shape->labels; label++)
		if (!label_passes_over_what_cannot_take_it(lab, label))
			return false;
	return true;
}

typedef bool check(struct lab *lab);

static const struct {
	check *holds;
	const char *words;
} CHECKS[] = {
	{each_slot_serves, "each slot of a label serves, in the order of the rules"},
	{each_place_has_its_slot, "each family and protocol of a label has its own slot"},
	{neighbours_do_not_serve, "no slot beside a label's own and its block does"},
	{passes_over_what_cannot_take_it, "a socket that was shut down is passed over"},
};
enum { CHECK_COUNT = sizeof(CHECKS) / sizeof(CHECKS[0]) };

static struct object *assemble(struct compilation *c)
{
	return bytecode_to_elf(c->arena, c->code, c->layout, c->policy, c->diag);
}

static void check_program(struct tap *tap, struct lab *lab, struct compilation *c,
			  const char *backend)
{
	bool loaded = load(lab, assemble(c));
	size_t i;

	for (i = 0; i < CHECK_COUNT; i++)
		tap_result(tap, loaded && CHECKS[i].holds(lab), "%s, %s: %s", backend,
			   lab->shape->words, CHECKS[i].words);
	if (loaded)
		program_close(&lab->program);
}

static bool is_caught(struct lab lab, struct compilation *c)
{
	bool good = true;
	size_t i;

	if (!load(&lab, assemble(c)))
		return true;
	for (i = 0; i < CHECK_COUNT; i++)
		good = good && CHECKS[i].holds(&lab);
	program_close(&lab.program);
	return !good;
}

/* Numbers that it counts and addresses by: each off by one. Results are only compared with 0. */
static void mutate(struct tap *tap, struct lab lab, struct compilation *c,
		   const struct bytecode_function *function)
{
	const struct bytecode *code = function->code;
	unsigned made = 0, caught = 0;
	size_t i;

	for (i = 0; i < code->count; i++) {
		struct bpf_insn *insn = &code->instructions[i].insn;

		if (BPF_CLASS(insn->code) != BPF_ALU64 || BPF_SRC(insn->code) != BPF_K ||
		    insn->dst_reg == R0)
			continue;
		insn->imm++;
		made++;
		caught += is_caught(lab, c);
		insn->imm--;
	}
	tap_result(tap, made && caught == made, "%s: %u of %u mutations of %s are caught",
		   lab.shape->words, caught, made, function->name);
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
			"dport 80 %sredirect to l%u else %s\n",
			i, 1 + i, shape->counted ? "counter " : "", i,
			i + 1 < shape->labels ? "continue" : "drop");
	if (!out || fclose(out))
		abort();
	return text;
}

static void check_shape(struct tap *tap, const struct sentinels *sentinels,
			const struct shape *shape, enum backend backend)
{
	struct compile_options options = {.backend = backend};
	const struct lab lab = {.sentinels = sentinels, .shape = shape};
	const struct bytecode_function *function;
	char *rules = write_rules(shape);
	struct compilation c;

	if (!compile_text(&c, rules, strlen(rules), &options)) {
		diag_print(c.diag, stdout, DIAG_COLOR_NEVER);
		tap_result(tap, false, "the rules compile");
	} else {
		struct lab fresh = lab;

		check_program(tap, &fresh, &c, backend == BACKEND_LLVM ? "LLVM" : "direct");
		for (function = c.code->function; backend == BACKEND_DIRECT && function;
		     function = function->code->function)
			mutate(tap, lab, &c, function);
	}
	compilation_free(&c);
	free(rules);
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

	libbpf_set_print(
		NULL); /* a mutation that the verifier refuses is caught, and needs no words */
	if (!sentinels_open(&sentinels, LABELS_MAX)) {
		tap_skip(&tap, "programs are run in the kernel, which needs root");
		return tap_end(&tap);
	}
	check_backend(&tap, &sentinels, BACKEND_DIRECT);
	if (llvm_backend())
		check_backend(&tap, &sentinels, BACKEND_LLVM);
	sentinels_close(&sentinels);
	return tap_end(&tap);
}
