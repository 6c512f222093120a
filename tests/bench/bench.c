/* Measures what emitted programs cost, compared with other ways to do the same: see `--help`. */
#include "backends.h"
#include "compiling.h"
#include "contest.h"
#include "following.h"
#include "report.h"
#include "spares.h"
#include "whole.h"

#include "compiler/base/arena.h"
#include "compiler/llvm/llvm.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char HELP[] =
	"usage: bench [--quick] [--size COUNT] [--csv FILE] [--sklc PROGRAM] [PART...]\n"
	"Measures in one run, on the same keys, in turns; needs root and Linux 6.9.\n"
	"  --quick         few sizes and rounds\n"
	"  --size COUNT    so many bindings, instead of several sizes\n"
	"  --csv FILE      all figures as part,case,size,who,unit,value\n"
	"  --sklc PROGRAM  the command, for the last two parts\n"
	"parts: classification, trees, whole, backends, spares, compiling, following; all by "
	"default\n";

struct plan {
	const size_t *sizes[FAMILY_COUNT];
	size_t counts[FAMILY_COUNT];
	const size_t *tree_sizes;
	size_t tree_count;
	const size_t *whole_sizes; /* for whole programs, and for compiling */
	size_t whole_count;
	struct contest_options rounds;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct plan make_plan(bool quick)
{
	static const size_t sizes4[] = {10, 100, 1000, 10000, 100000, 1000000};
	static const size_t sizes6[] = {1000, 10000, 100000};
	static const size_t quick_sizes[] = {10, 1000};
	static const size_t trees[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048};
	static const size_t quick_trees[] = {8, 64};
	static const size_t wholes[] = {10, 1000, 100000, 1000000};

	if (quick)
		return (struct plan){{quick_sizes, quick_sizes + 1},
				     {2, 1},
				     quick_trees,
				     2,
				     quick_sizes,
				     2,
				     {5, 20}};
	return (struct plan){{sizes4, sizes6},
			     {COUNT(sizes4), COUNT(sizes6)},
			     trees,
			     COUNT(trees),
			     wholes,
			     COUNT(wholes),
			     {15, 20}};
}

/* Replaces the plan's sizes by one. */
static void use_size(struct plan *plan, const size_t *size)
{
	plan->sizes[FAMILY_IPV4] = plan->sizes[FAMILY_IPV6] = size;
	plan->tree_sizes = plan->whole_sizes = size;
	plan->counts[FAMILY_IPV4] = plan->counts[FAMILY_IPV6] = 1;
	plan->tree_count = plan->whole_count = 1;
}

static bool classify(const struct plan *plan, const struct report *report, enum family family,
		     bool has_ports)
{
	struct contest *contest;
	struct arena *arena;
	bool held = true;
	size_t i;

	report_contest_head(report, family, has_ports);
	for (i = 0; held && i < plan->counts[family]; i++) {
		struct bindings bindings;

		arena = arena_new();
		contest = arena_alloc(arena, 1, sizeof(*contest));
		bindings = bindings_random(arena, family, has_ports, plan->sizes[family][i]);
		held = contest_hold(contest, &bindings, &plan->rounds);
		if (held)
			report_contest(report, contest);
		arena_free(arena);
	}
	return held;
}

static bool run_classification(const struct plan *plan, const struct report *report)
{
	return classify(plan, report, FAMILY_IPV4, false) &&
	       classify(plan, report, FAMILY_IPV4, true) &&
	       classify(plan, report, FAMILY_IPV6, false) &&
	       classify(plan, report, FAMILY_IPV6, true);
}

static bool run_trees(const struct plan *plan, const struct report *report)
{
	struct contest *contest;
	struct arena *arena;
	bool held = true;
	size_t i;

	report_trees_head(report);
	for (i = 0; held && i < plan->tree_count; i++) {
		struct bindings bindings;

		arena = arena_new();
		contest = arena_alloc(arena, 1, sizeof(*contest));
		bindings = bindings_random(arena, FAMILY_IPV4, false, plan->tree_sizes[i]);
		held = contest_hold(contest, &bindings, &plan->rounds);
		if (held)
			report_tree(report, contest);
		arena_free(arena);
	}
	return held;
}

static bool run_backends(const struct plan *plan, const struct report *report)
{
	const size_t *const *sizes = plan->sizes;
	const size_t *counts = plan->counts;
	const struct backends_case cases[] = {
		{FAMILY_IPV4, false, TABLES_AUTO, sizes[FAMILY_IPV4], counts[FAMILY_IPV4]},
		{FAMILY_IPV4, true, TABLES_AUTO, sizes[FAMILY_IPV4], counts[FAMILY_IPV4]},
		{FAMILY_IPV6, false, TABLES_AUTO, sizes[FAMILY_IPV6], counts[FAMILY_IPV6]},
		{FAMILY_IPV6, true, TABLES_AUTO, sizes[FAMILY_IPV6], counts[FAMILY_IPV6]},
		{FAMILY_IPV4, false, TABLES_CODE, plan->tree_sizes, plan->tree_count},
	};
	size_t i;

	if (!llvm_backend()) {
		fprintf(report->out, "\nback ends: this build has no LLVM\n");
		return true;
	}
	for (i = 0; i < COUNT(cases); i++)
		if (!backends_run(report, &cases[i], &plan->rounds))
			return false;
	return true;
}

static bool is_wanted(char **parts, const char *part)
{
	if (!*parts)
		return true;
	for (; *parts; parts++)
		if (!strcmp(*parts, part))
			return true;
	return false;
}

static bool run(const struct plan *plan, const struct report *report, char **parts,
		const char *sklc)
{
	if (is_wanted(parts, "classification") && !run_classification(plan, report))
		return false;
	if (is_wanted(parts, "trees") && !run_trees(plan, report))
		return false;
	if (is_wanted(parts, "whole") && !whole_run(report, plan->whole_sizes, plan->whole_count))
		return false;
	if (is_wanted(parts, "backends") && !run_backends(plan, report))
		return false;
	if (is_wanted(parts, "spares") && !spares_run(report))
		return false;
	if (sklc && is_wanted(parts, "compiling") &&
	    !compiling_run(report, sklc, plan->whole_sizes, plan->whole_count))
		return false;
	return !sklc || !is_wanted(parts, "following") || following_run(report, sklc);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"quick", no_argument, NULL, 'q'},     {"size", required_argument, NULL, 'n'},
		{"csv", required_argument, NULL, 'c'}, {"sklc", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},      {NULL, 0, NULL, 0}};
	struct report report = {stdout, NULL};
	const char *sklc = NULL;
	struct plan plan;
	size_t size = 0;
	bool quick = false, done;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option) {
		case 'q':
			quick = true;
			break;
		case 'n':
			size = strtoul(optarg, NULL, 10);
			break;
		case 'c':
			report.csv = fopen(optarg, "w");
			if (!report.csv) {
				fprintf(stderr, "bench: cannot write '%s': %s\n", optarg,
					strerror(errno));
				return 3;
			}
			break;
		case 's':
			sklc = optarg;
			break;
		default:
			fputs(HELP, option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	plan = make_plan(quick);
	if (size)
		use_size(&plan, &size);
	done = run(&plan, &report, argv + optind, sklc);
	if (report.csv && fclose(report.csv))
		done = false;
	return done ? 0 : 3;
}
