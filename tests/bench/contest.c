/* Every round runs each contestant once, so that disturbances of the host affect all alike. */
#include "contest.h"

#include "clock.h"
#include "tries.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/layout/layout.h"
#include "compiler/layout/table_format.h"
#include "tests/lib/random.h"

#include <stdio.h>
#include <string.h>

enum { QUESTIONS = 512, FIRST_COUNT = 2000 };

static const char *const NAMES[CONTEST_COUNT] = {[CONTEST_EMPTY] = "empty",
						 [CONTEST_CONSTANT] = "constant",
						 [CONTEST_TRIES] = "two tries",
#define TABLE_KIND_NAME(constant, word) [CONTEST_TABLES + TABLES_##constant] = word,
						 TABLE_KINDS(TABLE_KIND_NAME)
#undef TABLE_KIND_NAME
};

const char *contest_name(int contestant)
{
	return NAMES[contestant];
}

static void emit_constant(struct arena *arena, struct bytecode *code, const void *data,
			  struct basic_block done)
{
	const int32_t *result = data;

	(void)arena;
	bytecode_alu32_imm(code, BPF_MOV, R7, *result);
	bytecode_jump(code, done);
}

/* The compiler's forms of the bindings of a contest. */
struct making {
	struct arena *arena;
	struct policy *policy;
	struct diag *diag;
	struct decision *decision;
	struct layout *layouts[TABLE_KIND_COUNT];
};

static bool same_layout(const struct layout *a, const struct layout *b)
{
	return a->object.table_bytes == b->object.table_bytes &&
	       a->object.prefix_count == b->object.prefix_count &&
	       a->code_intervals == b->code_intervals &&
	       (!a->object.table_bytes ||
		!memcmp(a->object.tables, b->object.tables, a->object.table_bytes));
}

static void add_tables(struct contest *contest, struct making *making, const struct walk *walk,
		       enum table_kind kind)
{
	struct contestant *contestant = &contest->contestants[CONTEST_TABLES + kind];
	struct compile_options options = {.tables = kind};
	struct layout *layout;
	double start = clock_ms();
	unsigned earlier;

	layout = decision_to_layout(making->arena, making->decision, making->policy, making->diag,
				    &options);
	contestant->lay_ms = clock_ms() - start;
	if (!layout)
		return;
	making->layouts[kind] = layout;
	contestant->table_bytes = layout->object.table_bytes;
	contestant->code_intervals = layout->code_intervals;
	for (earlier = 0; earlier < kind; earlier++)
		if (making->layouts[earlier] && same_layout(layout, making->layouts[earlier])) {
			contestant->same_as = CONTEST_TABLES + (int)earlier;
			return;
		}
	contestant->present = walker_open_layout(&contestant->walker, walk, layout);
}

static void add_all_tables(struct contest *contest, struct making *making, const struct walk *walk)
{
	double start = clock_ms(), decide_ms;
	struct compile_options options = {.tables = TABLES_AUTO};
	enum table_kind kind;

	making->policy = bindings_policy(making->arena, &contest->bindings);
	making->diag = diag_new(making->arena, making->policy->sources);
	making->decision = policy_to_decision(making->arena, making->policy, making->diag,
					      &options);
	decide_ms = clock_ms() - start;
	for (kind = TABLES_AUTO; making->decision && kind <= TABLES_LPM; kind++) {
		contest->contestants[CONTEST_TABLES + kind].decide_ms = decide_ms;
		add_tables(contest, making, walk, kind);
	}
}

/* The label of a row plus one; 0 for a row that is an end verdict. */
static uint32_t label_of_row(const struct layout *layout, uint32_t row)
{
	struct layout_row record;

	if (row == ROW_PASS || row == ROW_DROP)
		return 0;
	if (row >= layout->rows.count)
		return UINT32_MAX;
	memcpy(&record, layout->object.tables + layout->rows.offset + row * sizeof(record),
	       sizeof(record));
	return record.label + 1;
}

/* Compares some answers with those of the tries, so that only right programs are measured. */
static void compare_answers(struct contest *contest, const struct making *making,
			    const struct walk *walk)
{
	const struct walker *tries = &contest->contestants[CONTEST_TRIES].walker;
	uint32_t key, answer;
	unsigned kind;

	for (kind = 0; kind < TABLE_KIND_COUNT; kind++) {
		const struct contestant *contestant = &contest->contestants[CONTEST_TABLES + kind];

		if (!contestant->present)
			continue;
		for (key = 0; key < QUESTIONS; key++) {
			answer = walker_ask(&contestant->walker, walk, key);
			if (label_of_row(making->layouts[kind], answer) !=
			    walker_ask(tries, walk, key))
				contest->wrong++;
		}
	}
}

static bool run_once(struct contestant *contestant, const struct walk *walk, enum warmth warmth,
		     unsigned round, const struct contest_options *options)
{
	uint32_t *count = &contestant->keys[warmth];
	double ns;

	if (!contestant->present)
		return true;
	/* Runs once unmeasured before a hot run, since other contestants evicted its tables from the caches. */
	if (warmth == HOT && round)
		walker_run(&contestant->walker, walk, warmth, *count);
	ns = walker_run(&contestant->walker, walk, warmth, round ? *count : FIRST_COUNT);
	if (ns < 0) {
		fprintf(stderr, "bench: cannot run '%s'\n", contestant->name);
		return false;
	}
	if (round) /* the first round only shows how long a round takes */
		contestant->rounds[warmth][round - 1] = ns;
	else
		*count = (uint32_t)(options->round_ms * 1e6 /
				    (warmth == HOT ? ns : ns + WALK_LINES)) +
			 1;
	return true;
}

static void shuffle(size_t *order, size_t count, struct random *random)
{
	size_t i;

	for (i = count; i > 1; i--) {
		size_t other = random_below(random, (uint32_t)i), taken = order[i - 1];

		order[i - 1] = order[other];
		order[other] = taken;
	}
}

/* A contestant may leave in the caches what the next one needs, so each round has another order. */
static bool run_rounds(struct contestant *contestants, size_t count, const struct walk *walk,
		       enum warmth warmth, const struct contest_options *options)
{
	struct random random = {1};
	size_t order[CONTEST_COUNT];
	unsigned round;
	size_t i;

	for (i = 0; i < count; i++)
		order[i] = i;
	for (round = 0; round <= options->rounds; round++) {
		shuffle(order, count, &random);
		for (i = 0; i < count; i++)
			if (!run_once(&contestants[order[i]], walk, warmth, round, options))
				return false;
	}
	return true;
}

static void take_medians(struct contestant *contestants, size_t count, enum warmth warmth,
			 unsigned rounds)
{
	double net[ROUNDS_MAX];
	unsigned round;
	size_t c;

	for (c = count; c-- > 0;) {
		struct contestant *contestant = &contestants[c];

		if (!contestant->present)
			continue;
		for (round = 0; round < rounds; round++)
			net[round] = contestant->rounds[warmth][round] -
				     (c ? contestants->rounds[warmth][round] : 0);
		contestant->ns[warmth] = median(net, rounds);
	}
}

bool contest_measure(struct contestant *contestants, size_t count, const struct walk *walk,
		     const struct contest_options *options)
{
	enum warmth warmth;

	for (warmth = HOT; warmth < WARMTHS; warmth++) {
		if (!run_rounds(contestants, count, walk, warmth, options))
			return false;
		take_medians(contestants, count, warmth, options->rounds);
	}
	return true;
}

double contest_ratio(const struct contestant *one, const struct contestant *other,
		     enum warmth warmth, unsigned rounds)
{
	double more[ROUNDS_MAX];
	unsigned round;

	for (round = 0; round < rounds; round++)
		more[round] = one->rounds[warmth][round] - other->rounds[warmth][round];
	return 1 + median(more, rounds) / other->ns[warmth];
}

static void copy_times_of_equals(struct contest *contest)
{
	unsigned c;

	for (c = CONTEST_TABLES; c < CONTEST_COUNT; c++) {
		struct contestant *contestant = &contest->contestants[c];

		if (contestant->same_as >= 0)
			memcpy(contestant->ns, contest->contestants[contestant->same_as].ns,
			       sizeof(contestant->ns));
	}
}

static bool open_all(struct contest *contest, struct making *making, const struct walk *walk,
		     struct tries *tries)
{
	static const int32_t nothing, some_row = ROW_DROP + 1;
	struct walk_maps none = {{0}};
	struct contestant *all = contest->contestants;

	if (!tries_open(tries, &contest->bindings))
		return false;
	all[CONTEST_TRIES].fill_ms = tries->fill_ms;
	all[CONTEST_TRIES].present = tries_walker(&all[CONTEST_TRIES].walker, tries, walk);
	all[CONTEST_EMPTY].present = walker_open(&all[CONTEST_EMPTY].walker, walk, emit_constant,
						 &nothing, &none);
	all[CONTEST_CONSTANT].present = walker_open(&all[CONTEST_CONSTANT].walker, walk,
						    emit_constant, &some_row, &none);
	add_all_tables(contest, making, walk);
	return all[CONTEST_TRIES].present && all[CONTEST_EMPTY].present;
}

bool contest_hold(struct contest *contest, const struct bindings *bindings,
		  const struct contest_options *options)
{
	struct making making = {.arena = arena_new()};
	struct tries tries = {.map = -1};
	struct walk walk;
	bool held;
	unsigned c;

	*contest = (struct contest){.bindings = *bindings};
	for (c = 0; c < CONTEST_COUNT; c++) {
		contest->contestants[c].name = NAMES[c];
		contest->contestants[c].same_as = -1;
	}
	if (!walk_open(&walk, bindings))
		return false;
	held = open_all(contest, &making, &walk, &tries);
	if (held) {
		compare_answers(contest, &making, &walk);
		held = contest_measure(contest->contestants, CONTEST_COUNT, &walk, options);
		copy_times_of_equals(contest);
	}
	for (c = 0; c < CONTEST_COUNT; c++)
		if (contest->contestants[c].present)
			walker_close(&contest->contestants[c].walker);
	tries_close(&tries);
	walk_close(&walk);
	arena_free(making.arena);
	return held;
}
