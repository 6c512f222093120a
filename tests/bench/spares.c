/* Runs one packet, in several scenes. In some the rules give it to one label, which has a socket in one of its slots or
 * none; in others they try several labels in turn, of which one has a socket. */
#include "spares.h"

#include "compiler/object/object.h"

#include "clock.h"

#include "compiler/base/diag.h"
#include "compiler/pipeline.h"
#include "runtime/abi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

enum { RUNS = 20000, ROUNDS = 101, NOWHERE = -1, OWN = 0, BLOCK = 1, ATTEMPTS_IN_TURN = 16 };

/* The most spare slots that a label has for one flow class. */
enum { LAST = ABI_SPARES * ABI_SPARE_RUN_MAX };

/* What the program finds: ATTEMPTS labels are tried in turn, and LABEL has the socket. MARKED is how many of the first
 * label's blocks are marked as used. */
struct scene {
	const char *words;
	int slot; /* which slot has the socket: OWN, the number of a spare slot, or NOWHERE */
	uint32_t attempts, label, marked;
};

static const struct scene SCENES[] = {
	{"own slot", OWN, 1, 0, 0},
	{"first spare slot", 1, 1, 0, 1},
	{"last spare slot of 15", ABI_SPARES, 1, 0, 1},
	{"last spare slot of 240", LAST, 1, 0, ABI_SPARE_RUN_MAX},
	{"nowhere", NOWHERE, 1, 0, 0},
	{"nowhere, once in 15", NOWHERE, 1, 0, 1},
	{"nowhere, once in 240", NOWHERE, 1, 0, ABI_SPARE_RUN_MAX},
	{"first of 2", OWN, 2, 0, 0},
	{"second of 2", OWN, 2, 1, 0},
	{"first of 16", OWN, 16, 0, 0},
	{"second of 16", OWN, 16, 1, 0},
	{"last of 16", OWN, 16, 15, 0},
};
enum { SCENE_COUNT = sizeof(SCENES) / sizeof(SCENES[0]) };

struct staged {
	struct bpf_object *object;
	int program;
	uint32_t verified;
	double rounds[ROUNDS];
};

/* With HAS_BLOCK, gives the first label as many spare slots as a label may have. */
static bool set_word(struct bpf_object *object, bool has_block)
{
	struct bpf_map *host = bpf_object__find_map_by_name(object, ABI_MACHINE);
	const uint32_t *initial;
	uint32_t words[64 * ABI_FLOW_CLASSES];
	size_t size = 0;

	initial = bpf_map__initial_value(host, &size);
	if (!initial || size > sizeof(words))
		return false;
	memcpy(words, initial, size);
	if (has_block)
		words[0] |= ABI_SPARE_WORD(BLOCK, __builtin_ctz(ABI_SPARE_RUN_MAX));
	return !bpf_map__set_initial_value(host, words, size);
}

static bool load(struct staged *stage, const struct object *object, bool has_block)
{
	struct bpf_prog_info info = {0};
	uint32_t info_size = sizeof(info);
	struct bpf_map *sockets;

	stage->object = bpf_object__open_mem(object->bytes, object->size, NULL);
	sockets = bpf_object__find_map_by_name(stage->object, ABI_SOCKETS);
	if (!sockets || bpf_map__set_max_entries(sockets, ABI_SOCKETS_MAX) ||
	    !set_word(stage->object, has_block) || bpf_object__load(stage->object))
		return false;
	stage->program = bpf_program__fd(bpf_object__next_program(stage->object, NULL));
	if (bpf_obj_get_info_by_fd(stage->program, &info, &info_size))
		return false;
	stage->verified = info.verified_insns;
	return true;
}

/* Rules for COUNT labels: each for a port of its own, from 80 on, or all tried for port 80. */
static char *write_rules(uint32_t count, bool in_turn)
{
	char *text = NULL;
	uint32_t i;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (i = 0; out && i < count; i++)
		fprintf(out, "tcp dport %u redirect to l%u%s\n", in_turn ? 80 : 80 + 2 * i, i,
			in_turn ? " else continue" : "");
	if (!out || fclose(out))
		abort();
	return text;
}

static bool open_stage(struct staged *stage, uint32_t count, bool in_turn)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	char *rules = write_rules(count, in_turn);
	struct compilation c;
	bool good = compile_text(&c, rules, strlen(rules), &options) &&
		    load(stage, c.object, !in_turn);

	diag_print(c.diag, stderr, DIAG_COLOR_NEVER);
	compilation_free(&c);
	free(rules);
	return good;
}

static bool put_socket(const struct staged *stage, const struct scene *scene, int listener)
{
	uint32_t slot = scene->slot == OWN ? scene->label * ABI_FLOW_CLASSES
					   : ABI_SPARE_SLOT(BLOCK, (uint32_t)scene->slot - 1);
	uint64_t value = (uint64_t)listener;
	int map = bpf_object__find_map_fd_by_name(stage->object, ABI_SOCKETS);

	return scene->slot == NOWHERE || !bpf_map_update_elem(map, &slot, &value, BPF_ANY);
}

static bool mark_blocks(const struct staged *stage, const struct scene *scene)
{
	struct abi_spare_marks marks = {0};
	const uint32_t block = BLOCK;
	int map = bpf_object__find_map_fd_by_name(stage->object, ABI_SPARE_MARKS);

	memset(marks.used, 1, scene->marked);
	return !scene->marked || !bpf_map_update_elem(map, &block, &marks, BPF_ANY);
}

static bool run_rounds(struct staged *stages)
{
	struct bpf_sk_lookup packet = {
		.family = AF_INET, .protocol = IPPROTO_TCP, .local_port = 80};
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &packet, .ctx_size_in = sizeof(packet),
		    .repeat = RUNS);
	size_t round, i;

	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < SCENE_COUNT; i++) {
			double start = clock_ms();

			if (bpf_prog_test_run_opts(stages[i].program, &options) ||
			    options.retval != (SCENES[i].slot != NOWHERE)) {
				fprintf(stderr, "bench: '%s' does not run as it should\n",
					SCENES[i].words);
				return false;
			}
			stages[i].rounds[round] = (clock_ms() - start) * 1e6 / RUNS;
		}
	return true;
}

static void print_scenes(const struct report *report, struct staged *stages)
{
	double over[ROUNDS], ns;
	size_t round, i;

	fprintf(report->out, "\nspare slots and attempts in turn, where the one socket stands: ns "
			     "over the first; instructions verified\n");
	for (i = 0; i < SCENE_COUNT; i++) {
		for (round = 0; round < ROUNDS; round++)
			over[round] = stages[i].rounds[round] - stages[0].rounds[round];
		ns = median(over, ROUNDS);
		fprintf(report->out, "  %-28s %+8.1f %8u\n", SCENES[i].words, ns,
			stages[i].verified);
		report_figure(report, "spares", SCENES[i].words, 1, "program", "ns", ns);
	}
}

static bool run_scenes(const struct report *report, int listener)
{
	struct staged stages[SCENE_COUNT] = {0};
	bool good = true;
	size_t i;

	for (i = 0; good && i < SCENE_COUNT; i++)
		good = open_stage(&stages[i], SCENES[i].attempts, SCENES[i].attempts > 1) &&
		       put_socket(&stages[i], &SCENES[i], listener) &&
		       mark_blocks(&stages[i], &SCENES[i]);
	good = good && run_rounds(stages);
	if (good)
		print_scenes(report, stages);
	for (i = 0; i < SCENE_COUNT; i++)
		bpf_object__close(stages[i].object);
	return good;
}

static bool print_verified(const struct report *report, uint32_t count, bool in_turn)
{
	struct staged stage = {0};
	bool good = open_stage(&stage, count, in_turn);

	fprintf(report->out, " %9u", stage.verified);
	report_figure(report, "spares", in_turn ? "in turn" : "apart", count, "labels", "verified",
		      stage.verified);
	bpf_object__close(stage.object);
	return good;
}

static bool run_counts(const struct report *report)
{
	static const uint32_t counts[] = {1, 2, 16, 32};
	bool good = true;
	size_t i, column;

	fprintf(report->out,
		"\ninstructions verified, of labels for ports of their own and of labels tried in "
		"turn; goal 1,000\n%9s %9s %9s\n",
		"labels", "apart", "in turn");
	for (i = 0; good && i < sizeof(counts) / sizeof(counts[0]); i++) {
		fprintf(report->out, "%9u", counts[i]);
		for (column = 0; good && column < 2; column++)
			if (!column || counts[i] <= ATTEMPTS_IN_TURN)
				good = print_verified(report, counts[i], column);
		fputc('\n', report->out);
	}
	return good;
}

bool spares_run(const struct report *report)
{
	int listener;

	if (unshare(CLONE_NEWNET)) {
		fprintf(stderr, "bench: cannot make a network namespace: %s\n", strerror(errno));
		return false;
	}
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || listen(listener, 1))
		return false;
	return run_scenes(report, listener) && run_counts(report);
}
