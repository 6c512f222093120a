/* Runs one packet again and again. The processor predicts its path through the program, so the search costs next to
 * nothing, and what is measured is everything else. */
#include "whole.h"

#include "compiler/object/object.h"

#include "clock.h"
#include "shipped.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/layout/layout.h"
#include "runtime/abi.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RUNS = 20000, ROUNDS = 101, SWAPS = 1001 };
enum { STACK_KEY = -4, STACK_SOCKET = -16, STACK_RESULT = -24 };

/* The references, which redirect every packet, and the compiled program; each with and without a rule's counter. */
enum { FLOOR, FLOOR_COUNTED, PROGRAM, PROGRAM_COUNTED, WHOLES };

static const char *const NAMES[] = {"constant", "constant counted", "program", "program counted"};

struct whole {
	struct shipped program; /* a reference has only the descriptors */
	double copy_ms;
	size_t table_bytes;
	double rounds[ROUNDS];
};

static int open_listener(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (void *)&address, sizeof(address)) || listen(fd, 1))
		return -1;
	return fd;
}

static bool fill_sockets(int map, uint32_t slots)
{
	int listener = open_listener();
	uint64_t value = (uint64_t)listener;
	uint32_t slot;

	for (slot = 0; slot < slots; slot += ABI_FLOW_CLASSES)
		if (bpf_map_update_elem(map, &slot, &value, BPF_ANY)) {
			fprintf(stderr, "bench: cannot fill a slot: %s\n", strerror(errno));
			return false;
		}
	return true;
}

static void emit_count(struct bytecode *code)
{
	struct basic_block none = bytecode_new_block(code);

	bytecode_map(code, R1, SYMBOL_LABEL_COUNTERS);
	bytecode_alu(code, BPF_MOV, R2, R10);
	bytecode_alu_imm(code, BPF_ADD, R2, STACK_KEY);
	bytecode_call(code, BPF_FUNC_map_lookup_elem);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, none);
	bytecode_load(code, BPF_DW, R1, R0, 0);
	bytecode_alu_imm(code, BPF_ADD, R1, 1);
	bytecode_store(code, BPF_DW, R0, 0, R1);
	bytecode_begin_block(code, none);
}

static struct bytecode *write_floor(struct arena *arena, bool counted)
{
	struct bytecode *code = bytecode_new(arena);
	struct basic_block empty = bytecode_new_block(code);

	bytecode_alu(code, BPF_MOV, R6, R1);
	bytecode_alu32_imm(code, BPF_MOV, R1, 0);
	bytecode_store(code, BPF_W, R10, STACK_KEY, R1);
	bytecode_map(code, R1, SYMBOL_SOCKETS);
	bytecode_alu(code, BPF_MOV, R2, R10);
	bytecode_alu_imm(code, BPF_ADD, R2, STACK_KEY);
	bytecode_call(code, BPF_FUNC_map_lookup_elem);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, empty);
	bytecode_alu(code, BPF_MOV, R7, R0);
	bytecode_alu(code, BPF_MOV, R1, R6);
	bytecode_alu(code, BPF_MOV, R2, R0);
	bytecode_alu_imm(code, BPF_MOV, R3, 0);
	bytecode_call(code, BPF_FUNC_sk_assign);
	bytecode_alu(code, BPF_MOV, R1, R7);
	bytecode_call(code, BPF_FUNC_sk_release);
	if (counted)
		emit_count(code);
	bytecode_alu_imm(code, BPF_MOV, R0, 1);
	bytecode_exit(code);
	bytecode_begin_block(code, empty);
	bytecode_alu_imm(code, BPF_MOV, R0, 0);
	bytecode_exit(code);
	return code;
}

static bool open_floor(struct shipped *floor, bool counted)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_SK_LOOKUP);
	int counters = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "bench", 4, 16, 4, NULL);
	struct arena *arena = arena_new();
	struct bytecode *code = write_floor(arena, counted);
	struct bpf_insn insns[64];
	size_t i;

	floor->sockets = bpf_map_create(BPF_MAP_TYPE_SOCKMAP, "bench", 4, 8, ABI_FLOW_CLASSES,
					NULL);
	bytecode_finish(code);
	for (i = 0; i < code->count; i++) {
		insns[i] = code->instructions[i].insn;
		if (code->instructions[i].symbol == SYMBOL_NONE)
			continue;
		insns[i].src_reg = BPF_PSEUDO_MAP_FD;
		insns[i].imm = code->instructions[i].symbol == SYMBOL_SOCKETS ? floor->sockets
									      : counters;
	}
	floor->fd = bpf_prog_load(BPF_PROG_TYPE_SK_LOOKUP, "bench", "GPL", insns, code->count,
				  &options);
	arena_free(arena);
	close(counters);
	return floor->fd >= 0 && fill_sockets(floor->sockets, 1);
}

/* Measures how long copying the tables takes. */
static double copy_ms(const struct layout_object *layout)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_RDONLY_PROG);
	const uint32_t zero = 0;
	double start = clock_ms();
	int map;

	if (!layout->table_bytes)
		return 0;
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bench", 4, (uint32_t)layout->table_bytes, 1,
			     &options);
	bpf_map_update_elem(map, &zero, layout->tables, 0);
	bpf_map_freeze(map);
	start = clock_ms() - start;
	close(map);
	return start;
}

static bool open_program(struct whole *whole, const struct bindings *bindings, bool counted)
{
	struct arena *arena = arena_new();
	struct policy *policy = bindings_policy(arena, bindings);
	struct diag *diag = diag_new(arena, policy->sources);
	struct compile_options options = {.tables = TABLES_AUTO};
	struct decision *decision;
	struct layout *layout = NULL;
	struct bytecode *code = NULL;
	struct object *object = NULL;
	bool opened;

	if (counted) {
		policy->chains[0].rules[0].counter = 0;
		policy->counters = arena_alloc(arena, 1, sizeof(*policy->counters));
		policy->counters[0] = policy->chains[0].rules;
		policy->counter_count = 1;
	}
	decision = policy_to_decision(arena, policy, diag, &options);
	if (decision)
		layout = decision_to_layout(arena, decision, policy, diag, &options);
	if (layout)
		code = layout_to_bytecode(arena, layout, diag);
	if (code)
		code = bytecode_optimize(arena, code, diag);
	if (code)
		object = bytecode_to_elf(arena, code, layout, policy, diag);
	opened = object && shipped_load(&whole->program, object) &&
		 fill_sockets(whole->program.sockets, BENCH_LABELS * ABI_FLOW_CLASSES);
	if (opened) {
		whole->copy_ms = copy_ms(&layout->object);
		whole->table_bytes = layout->object.table_bytes;
	}
	diag_print(diag, stderr, DIAG_COLOR_NEVER);
	arena_free(arena);
	return opened;
}

static struct bpf_sk_lookup packet_for(const struct bindings *bindings)
{
	const struct binding *binding = &bindings->items[bindings->count / 2];
	struct bpf_sk_lookup packet = {.family = AF_INET, .protocol = IPPROTO_TCP};

	packet.local_ip4 = htonl((uint32_t)binding->address);
	packet.local_port = binding->port ? binding->port : 443;
	packet.remote_ip4 = htonl(0xc6336401);
	packet.remote_port = htons(40000);
	return packet;
}

static bool run_rounds(struct whole *wholes, struct bpf_sk_lookup *packet)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = packet, .ctx_size_in = sizeof(*packet),
		    .repeat = RUNS);
	size_t round, i;

	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < WHOLES; i++) {
			double start = clock_ms();

			if (bpf_prog_test_run_opts(wholes[i].program.fd, &options) ||
			    !options.retval) {
				fprintf(stderr, "bench: cannot run '%s'\n", NAMES[i]);
				return false;
			}
			wholes[i].rounds[round] = (clock_ms() - start) * 1e6 / RUNS;
		}
	return true;
}

/* Nanoseconds to replace the program of a link, the median of many. */
static double swap_ns(int one, int other)
{
	int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int link = bpf_link_create(one, netns, BPF_SK_LOOKUP, NULL);
	double times[SWAPS];
	size_t i;

	close(netns);
	if (link < 0)
		return -1;
	for (i = 0; i < SWAPS; i++) {
		double start = clock_ms();

		if (bpf_link_update(link, i % 2 ? one : other, NULL))
			break;
		times[i] = (clock_ms() - start) * 1e6;
	}
	close(link);
	return i == SWAPS ? median(times, SWAPS) : -1;
}

static void print(const struct report *report, struct whole *wholes,
		  const struct bindings *bindings)
{
	const struct whole *program = &wholes[PROGRAM];
	const char *kind = bindings->has_ports ? "with ports" : "addresses";
	double swap = swap_ns(wholes[PROGRAM].program.fd, wholes[PROGRAM_COUNTED].program.fd),
	       ns[WHOLES];
	double net[ROUNDS];
	size_t i, round;

	fprintf(report->out, "%9zu %-10s", bindings->count, kind);
	for (i = 0; i < WHOLES; i++) {
		for (round = 0; round < ROUNDS; round++)
			net[round] = wholes[i].rounds[round] -
				     (i == FLOOR ? 0 : wholes[FLOOR].rounds[round]);
		ns[i] = median(net, ROUNDS);
		fprintf(report->out, i == FLOOR ? " %8.1f" : " %+8.1f", ns[i]);
		report_figure(report, "whole", kind, bindings->count, NAMES[i], "ns", ns[i]);
	}
	fprintf(report->out, " | %+8.1f | %8u %8.1f %8.1f %10zu %8.0f\n",
		ns[PROGRAM] - ns[FLOOR_COUNTED], program->program.verified,
		program->program.load_ms, program->program.load_ms - program->copy_ms,
		program->table_bytes, swap);
	report_figure(report, "whole", kind, bindings->count, "program", "verified",
		      program->program.verified);
	report_figure(report, "whole", kind, bindings->count, "program", "load ms",
		      program->program.load_ms);
	report_figure(report, "whole", kind, bindings->count, "program", "swap ns", swap);
	fflush(report->out);
}

static bool run_size(const struct report *report, const struct bindings *bindings)
{
	struct whole wholes[WHOLES] = {0};
	struct bpf_sk_lookup packet = packet_for(bindings);
	bool done = open_floor(&wholes[FLOOR].program, false) &&
		    open_floor(&wholes[FLOOR_COUNTED].program, true) &&
		    open_program(&wholes[PROGRAM], bindings, false) &&
		    open_program(&wholes[PROGRAM_COUNTED], bindings, true) &&
		    run_rounds(wholes, &packet);
	size_t i;

	if (done)
		print(report, wholes, bindings);
	for (i = 0; i < PROGRAM; i++) {
		close(wholes[i].program.fd);
		close(wholes[i].program.sockets);
	}
	for (; i < WHOLES; i++)
		bpf_object__close(wholes[i].program.object);
	return done;
}

bool whole_run(const struct report *report, const size_t *sizes, size_t count)
{
	bool done = true;
	size_t i;

	if (unshare(CLONE_NEWNET)) {
		fprintf(stderr, "bench: cannot make a network namespace: %s\n", strerror(errno));
		return false;
	}
	fprintf(report->out,
		"\nwhole program, one packet: ns over a constant redirect; goals: +5 ns without "
		"counters, 1,000\n"
		"instructions, 10 ms beside the copy, swap 1000 ns\n"
		"%9s %-10s %8s %8s %8s %8s | %8s | %8s %8s %8s %10s %8s\n",
		"bindings", "", "constant", "+count", "program", "+counter", "net", "verified",
		"load ms", "no copy", "table B", "swap ns");
	for (i = 0; done && i < 2 * count; i++) {
		struct arena *arena = arena_new();
		struct bindings bindings = bindings_random(arena, FAMILY_IPV4, i % 2, sizes[i / 2]);

		done = run_size(report, &bindings);
		arena_free(arena);
	}
	return done;
}
