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
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST, SECOND, LABELS, SLOTS = 1 + ABI_SPARES };

/* Of each label's IPv4 TCP place: the first block there may be, and the last. */
static const uint32_t WORDS[LABELS] = {1 << 16 | 7, ABI_SPARE_BLOCKS << 16 | 9};

static const char RULES[] = "socket first { tcp 127.0.0.1:1 }\n"
			    "socket second { tcp 127.0.0.1:2 }\n"
			    "tcp dport 80 redirect to first else continue\n"
			    "tcp dport 80 redirect to second\n";

/* A program, and how its counters should stand. */
struct lab {
	const struct sentinels *sentinels;
	struct program program;
	struct abi_label_count counts[LABELS];
};

static uint32_t slot_of(uint32_t word, uint32_t i)
{
	return i ? ABI_SPARE_SLOT(ABI_SPARE_BLOCK(word), i - 1) : ABI_SLOT(word);
}

static bool set_words(struct bpf_object *object)
{
	struct bpf_map *machine = bpf_object__find_map_by_name(object, ABI_MACHINE);
	uint32_t words[LABELS * ABI_PLACES] = {0};
	size_t i;

	for (i = 0; i < LABELS; i++)
		words[i * ABI_PLACES] = WORDS[i];
	return !bpf_map__set_initial_value(machine, words, sizeof(words));
}

static bool load(struct lab *lab, const struct object *object)
{
	struct program *program = &lab->program;
	struct bpf_map *sockets;

	program->object = bpf_object__open_mem(object->bytes, object->size, NULL);
	if (!program->object)
		return false;
	sockets = bpf_object__find_map_by_name(program->object, ABI_SOCKETS);
	if (bpf_map__set_max_entries(sockets, ABI_SOCKETS_MAX) || !set_words(program->object) ||
	    bpf_object__load(program->object)) {
		bpf_object__close(program->object);
		return false;
	}
	program->fd = bpf_program__fd(bpf_object__next_program(program->object, NULL));
	program->sockets = bpf_map__fd(sockets);
	program->label_counters = bpf_object__find_map_fd_by_name(program->object,
								  ABI_LABEL_COUNTERS);
	return true;
}

static bool put(const struct lab *lab, uint32_t slot, int socket)
{
	uint64_t value = (uint64_t)socket;

	return !bpf_map_update_elem(lab->program.sockets, &slot, &value, BPF_ANY);
}

static bool are_counted(const struct lab *lab)
{
	struct abi_label_count count;
	uint32_t i;

	for (i = 0; i < LABELS; i++)
		if (!program_label_counter(&lab->program, i * ABI_PLACES, &count.hits,
					   &count.misses) ||
		    memcmp(&count, &lab->counts[i], sizeof(count)))
			return false;
	return true;
}

/* Sends a packet to port 80: WANTED is the label whose sentinel must get it, LABELS: nobody. */
static bool gets(struct lab *lab, uint32_t wanted)
{
	static const struct packet packet = {
		.family = FAMILY_IPV4, .protocol = PROTOCOL_TCP, .values = {[FIELD_DPORT] = 80}};
	int choice = program_run(&lab->program, lab->sentinels, &packet);
	uint32_t i;

	for (i = 0; i < wanted && i < LABELS; i++)
		lab->counts[i].misses++;
	if (wanted < LABELS)
		lab->counts[wanted].hits++;
	return choice == (wanted < LABELS ? (int)(wanted * ABI_PLACES) : CHOSE_DROP) &&
	       are_counted(lab);
}

static bool each_slot_serves(struct lab *lab)
{
	uint32_t label, i, slot;

	for (label = 0; label < LABELS; label++)
		for (i = 0; i < SLOTS; i++) {
			slot = slot_of(WORDS[label], i);
			if (!put(lab, slot, lab->sentinels->sockets[label * ABI_PLACES]) ||
			    !gets(lab, label))
				return false;
			bpf_map_delete_elem(lab->program.sockets, &slot);
		}
	return gets(lab, LABELS);
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
	good = good && gets(lab, LABELS);
	for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		bpf_map_delete_elem(lab->program.sockets, &slots[i]);
	return good;
}

/* One that was shut down still stands in its slot. */
static bool passes_over_what_cannot_take_it(struct lab *lab)
{
	int deaf = socket(AF_INET, SOCK_STREAM, 0);
	uint32_t i, last = slot_of(WORDS[FIRST], SLOTS - 1);
	bool good = !listen(deaf, 1);

	for (i = 0; i + 1 < SLOTS; i++)
		good = good && put(lab, slot_of(WORDS[FIRST], i), deaf);
	shutdown(deaf, SHUT_RD);
	good = good && gets(lab, LABELS) && put(lab, last, lab->sentinels->sockets[0]) &&
	       gets(lab, FIRST);
	bpf_map_delete_elem(lab->program.sockets, &last);
	close(deaf);
	return good;
}

typedef bool check(struct lab *lab);

static const struct {
	check *holds;
	const char *words;
} CHECKS[] = {
	{each_slot_serves, "each slot of a label serves, in the order of the rules"},
	{neighbours_do_not_serve, "no slot beside a label's own and its block does"},
	{passes_over_what_cannot_take_it, "a socket that was shut down is passed over"},
};
enum { CHECK_COUNT = sizeof(CHECKS) / sizeof(CHECKS[0]) };

static struct object *assemble(struct compilation *c)
{
	return bytecode_to_elf(c->arena, c->code, c->layout, c->policy, c->diag);
}

static void check_program(struct tap *tap, const struct sentinels *sentinels, struct compilation *c,
			  const char *backend)
{
	struct lab lab = {.sentinels = sentinels};
	bool loaded = load(&lab, assemble(c));
	size_t i;

	for (i = 0; i < CHECK_COUNT; i++)
		tap_result(tap, loaded && CHECKS[i].holds(&lab), "%s: %s", backend,
			   CHECKS[i].words);
	if (loaded)
		program_close(&lab.program);
}

static bool is_caught(const struct sentinels *sentinels, struct compilation *c)
{
	struct lab lab = {.sentinels = sentinels};
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
static void mutate(struct tap *tap, const struct sentinels *sentinels, struct compilation *c,
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
		caught += is_caught(sentinels, c);
		insn->imm--;
	}
	tap_result(tap, made && caught == made, "%u of %u mutations of %s are caught", caught, made,
		   function->name);
}

static void check_backend(struct tap *tap, const struct sentinels *sentinels, enum backend backend)
{
	struct compile_options options = {.backend = backend};
	const struct bytecode_function *function;
	struct compilation c;

	if (!compile_text(&c, RULES, strlen(RULES), &options)) {
		diag_print(c.diag, stdout, DIAG_COLOR_NEVER);
		tap_result(tap, false, "the rules compile");
	} else {
		check_program(tap, sentinels, &c, backend == BACKEND_LLVM ? "LLVM" : "direct");
		for (function = c.code->function; backend == BACKEND_DIRECT && function;
		     function = function->code->function)
			mutate(tap, sentinels, &c, function);
	}
	compilation_free(&c);
}

int main(void)
{
	struct sentinels sentinels;
	struct tap tap = {0};

	libbpf_set_print(
		NULL); /* a mutation that the verifier refuses is caught, and needs no words */
	if (!sentinels_open(&sentinels, LABELS)) {
		tap_skip(&tap, "programs are run in the kernel, which needs root");
		return tap_end(&tap);
	}
	check_backend(&tap, &sentinels, BACKEND_DIRECT);
	if (llvm_backend())
		check_backend(&tap, &sentinels, BACKEND_LLVM);
	sentinels_close(&sentinels);
	return tap_end(&tap);
}
