/* Measures both classifications as functions in the same loop, since LLVM writes only functions. The code that carries
 * out an outcome counts in the sizes only. The time to write is that of the back end alone, since both back ends share
 * all that comes before. */
#include "backends.h"

#include "compiler/object/object.h"

#include "clock.h"
#include "shipped.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/decision/decision.h"
#include "compiler/layout/layout.h"
#include "compiler/llvm/llvm.h"

#include <bpf/libbpf.h>
#include <string.h>

enum { EMPTY, DIRECT, LLVM, CODES };
enum { QUESTIONS = 512 };

#define MEASURES(X)                                                                                \
	X(EMITTED, "emitted", 0)                                                                   \
	X(VERIFIED, "verified", 0)                                                                 \
	X(JITED, "JITed B", 0)                                                                     \
	X(WRITE, "write ms", 2) X(HOT_NS, "hot ns", 1) X(COLD_NS, "cold ns", 0)

enum measure {
#define MEASURE_ENUM(constant, words, digits) MEASURE_##constant,
	MEASURES(MEASURE_ENUM)
#undef MEASURE_ENUM
		MEASURE_COUNT
};

static const struct {
	const char *words;
	int digits;
} MEASURE_TEXTS[] = {
#define MEASURE_TEXT(constant, words, digits) {words, digits},
	MEASURES(MEASURE_TEXT)
#undef MEASURE_TEXT
};

struct subject {
	struct arena *arena;
	struct policy *policy;
	struct diag *diag;
	struct layout *layout;
	double values[CODES][MEASURE_COUNT];
	double ratios[MEASURE_COUNT]; /* the direct back end's value divided by LLVM's */
};

static void note(struct subject *subject, enum measure measure, double direct, double llvm)
{
	subject->values[DIRECT][measure] = direct;
	subject->values[LLVM][measure] = llvm;
	subject->ratios[measure] = direct / llvm;
}

static bool make_layout(struct subject *subject, const struct bindings *bindings,
			enum table_kind tables)
{
	struct compile_options options = {.tables = tables};
	struct decision *decision;

	subject->policy = bindings_policy(subject->arena, bindings);
	subject->diag = diag_new(subject->arena, subject->policy->sources);
	decision = policy_to_decision(subject->arena, subject->policy, subject->diag, &options);
	if (decision)
		subject->layout = decision_to_layout(subject->arena, decision, subject->policy,
						     subject->diag, &options);
	return subject->layout;
}

static struct bytecode *by_llvm(struct arena *arena, struct llvm_ir *ir, struct diag *diag)
{
	return ir ? llvm_backend()->llvm_to_bytecode(arena, ir, diag) : NULL;
}

static struct bytecode *write_program(struct subject *subject, struct arena *arena, int who)
{
	struct bytecode *code;

	if (who == DIRECT) {
		code = layout_to_bytecode(arena, subject->layout, subject->diag);
		return code ? bytecode_optimize(arena, code, subject->diag) : NULL;
	}
	return by_llvm(arena, llvm_backend()->layout_to_llvm(arena, subject->layout, subject->diag),
		       subject->diag);
}

static struct bytecode *write_nothing(struct arena *arena)
{
	struct bytecode *code = bytecode_new(arena);

	bytecode_alu_imm(code, BPF_MOV, R0, 0);
	bytecode_exit(code);
	bytecode_finish(code);
	return code;
}

static struct bytecode *write_classifier(struct subject *subject, int who)
{
	struct arena *arena = subject->arena;

	if (who == EMPTY)
		return write_nothing(arena);
	if (who == DIRECT)
		return walk_classifier(arena, subject->layout);
	return by_llvm(arena,
		       llvm_backend()->classifier_to_llvm(arena, subject->layout, subject->diag),
		       subject->diag);
}

struct weight {
	double emitted, verified, jited;
};

static bool weigh(struct subject *subject, int who, struct weight *weight)
{
	struct bytecode *code = write_program(subject, subject->arena, who);
	struct shipped shipped = {0};
	struct object *object;

	if (!code)
		return false;
	object = bytecode_to_elf(subject->arena, code, subject->layout, subject->policy,
				 subject->diag);
	if (!object || !shipped_load(&shipped, object))
		return false;
	*weight = (struct weight){(double)code->count, shipped.verified, shipped.jited_bytes};
	bpf_object__close(shipped.object);
	return true;
}

static bool weigh_both(struct subject *subject)
{
	struct weight direct, llvm;

	if (!weigh(subject, DIRECT, &direct) || !weigh(subject, LLVM, &llvm))
		return false;
	note(subject, MEASURE_EMITTED, direct.emitted, llvm.emitted);
	note(subject, MEASURE_VERIFIED, direct.verified, llvm.verified);
	note(subject, MEASURE_JITED, direct.jited, llvm.jited);
	return true;
}

/* Measures in turns how long each back end takes to write the program. */
static void time_writing(struct subject *subject, unsigned rounds)
{
	double ms[CODES][ROUNDS_MAX];
	unsigned round;
	int who;

	for (round = 0; round < rounds; round++)
		for (who = DIRECT; who <= LLVM; who++) {
			struct arena *arena = arena_new();
			double start = clock_ms();

			write_program(subject, arena, who);
			ms[who][round] = clock_ms() - start;
			arena_free(arena);
		}
	note(subject, MEASURE_WRITE, median(ms[DIRECT], rounds), median(ms[LLVM], rounds));
}

/* All programs read the same tables, at the same address. */
static bool open_walkers(struct subject *subject, const struct walk *walk,
			 struct contestant *contestants)
{
	struct walk_maps maps;
	bool opened = walk_maps_open(&maps, subject->layout);
	int who;

	if (!opened)
		return false;
	for (who = EMPTY; opened && who < CODES; who++) {
		struct bytecode *function = write_classifier(subject, who);

		opened = function &&
			 walker_open_function(&contestants[who].walker, walk, function, &maps);
		contestants[who].present = opened;
	}
	walk_maps_close(&maps);
	return opened;
}

static bool same_answers(const struct contestant *contestants, const struct walk *walk)
{
	uint32_t key;

	for (key = 0; key < QUESTIONS; key++)
		if (walker_ask(&contestants[DIRECT].walker, walk, key) !=
		    walker_ask(&contestants[LLVM].walker, walk, key)) {
			fprintf(stderr, "bench: the back ends answer differently\n");
			return false;
		}
	return true;
}

static bool time_running(struct subject *subject, const struct bindings *bindings,
			 const struct contest_options *rounds)
{
	static const enum measure NS[] = {[HOT] = MEASURE_HOT_NS, [COLD] = MEASURE_COLD_NS};
	struct contestant contestants[CODES] = {
		{.name = "empty"}, {.name = "direct"}, {.name = "llvm"}};
	struct walk walk;
	enum warmth warmth;
	bool done;
	int who;

	if (!walk_open(&walk, bindings))
		return false;
	done = open_walkers(subject, &walk, contestants) && same_answers(contestants, &walk) &&
	       contest_measure(contestants, CODES, &walk, rounds);
	for (warmth = HOT; done && warmth < WARMTHS; warmth++) {
		note(subject, NS[warmth], contestants[DIRECT].ns[warmth],
		     contestants[LLVM].ns[warmth]);
		subject->ratios[NS[warmth]] = contest_ratio(
			&contestants[DIRECT], &contestants[LLVM], warmth, rounds->rounds);
	}
	for (who = EMPTY; who < CODES; who++)
		if (contestants[who].present)
			walker_close(&contestants[who].walker);
	walk_close(&walk);
	return done;
}

static void print_head(const struct report *report, const char *kind)
{
	size_t i;

	fprintf(report->out,
		"\nback ends, %s: direct, LLVM, and the one over the other; goals: ns at most "
		"1.05, "
		"ms at most 0.10\n%9s",
		kind, "bindings");
	for (i = 0; i < MEASURE_COUNT; i++)
		fprintf(report->out, " | %16s %5s", MEASURE_TEXTS[i].words, "");
	fputc('\n', report->out);
}

static void print(const struct report *report, const char *kind, size_t size,
		  const struct subject *subject)
{
	size_t i;

	fprintf(report->out, "%9zu", size);
	for (i = 0; i < MEASURE_COUNT; i++) {
		double direct = subject->values[DIRECT][i], llvm = subject->values[LLVM][i];
		int digits = MEASURE_TEXTS[i].digits;

		fprintf(report->out, " | %8.*f %7.*f %5.2f", digits, direct, digits, llvm,
			subject->ratios[i]);
		report_figure(report, "backends", kind, size, "direct", MEASURE_TEXTS[i].words,
			      direct);
		report_figure(report, "backends", kind, size, "llvm", MEASURE_TEXTS[i].words, llvm);
	}
	fputc('\n', report->out);
	fflush(report->out);
}

static bool run_size(const struct report *report, const char *kind, const struct bindings *bindings,
		     enum table_kind tables, const struct contest_options *rounds)
{
	struct subject subject = {.arena = arena_new()};
	bool done;

	if (!make_layout(&subject, bindings, tables)) {
		fprintf(report->out, "%9zu | no such layout:\n", bindings->count);
		diag_print(subject.diag, report->out, DIAG_COLOR_NEVER);
		arena_free(subject.arena);
		return true;
	}
	done = weigh_both(&subject);
	if (done) {
		time_writing(&subject, rounds->rounds);
		done = time_running(&subject, bindings, rounds);
	}
	if (done)
		print(report, kind, bindings->count, &subject);
	else
		diag_print(subject.diag, stderr, DIAG_COLOR_NEVER);
	arena_free(subject.arena);
	return done;
}

bool backends_run(const struct report *report, const struct backends_case *of,
		  const struct contest_options *rounds)
{
	char kind[REPORT_KIND + sizeof(" in code")];
	bool done = true;
	size_t i;

	report_kind(of->family, of->has_ports, kind);
	if (of->tables == TABLES_CODE)
		strcat(kind, " in code");
	print_head(report, kind);
	for (i = 0; done && i < of->count; i++) {
		struct arena *arena = arena_new();
		struct bindings bindings = bindings_random(arena, of->family, of->has_ports,
							   of->sizes[i]);

		done = run_size(report, kind, &bindings, of->tables, rounds);
		arena_free(arena);
	}
	return done;
}
