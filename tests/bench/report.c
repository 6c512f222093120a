/* Prints each goal beside the figure that it is for. */
#include "report.h"

#include <string.h>

struct goal {
	size_t size;
	unsigned gain; /* how many times as fast as the tries, hot, IPv4; 0: no goal */
	double ns[2];  /* hot, by family; 0: no goal */
};

static const struct goal GOALS[] = {
	{10, 6, {0, 0}},       {1000, 15, {10, 0}},   {10000, 0, {0, 30}},
	{100000, 30, {30, 0}}, {1000000, 12, {0, 0}},
};

enum { PORTS_GOAL = 6 /* nanoseconds more with ports */ };

static const struct goal *goal_of(size_t size)
{
	static const struct goal none;
	size_t i;

	for (i = 0; i < sizeof(GOALS) / sizeof(GOALS[0]); i++)
		if (GOALS[i].size == size)
			return &GOALS[i];
	return &none;
}

void report_figure(const struct report *report, const char *part, const char *kind, size_t size,
		   const char *who, const char *unit, double value)
{
	if (report->csv)
		fprintf(report->csv, "%s,%s,%zu,%s,%s,%.3f\n", part, kind, size, who, unit, value);
}

void report_kind(enum family family, bool has_ports, char kind[REPORT_KIND])
{
	snprintf(kind, REPORT_KIND, "%s %s", family_word(family),
		 has_ports ? "with ports" : "addresses");
}

void report_contest_head(const struct report *report, enum family family, bool has_ports)
{
	char kind[REPORT_KIND];
	int c;

	report_kind(family, has_ports, kind);
	fprintf(report->out,
		"\nclassification, %s: ns for a random key, hot/cold, net of an empty program\n%9s",
		kind, "bindings");
	for (c = CONTEST_CONSTANT; c < CONTEST_COUNT; c++)
		fprintf(report->out, " %11s", contest_name(c));
	fprintf(report->out, " | %9s %5s %9s | %10s %8s %8s %8s\n", "gain", "goal", "hot goal",
		"table B", "decide", "lay ms", "tries ms");
}

static void print_times(const struct report *report, const struct contest *contest, int c,
			const char *part, const char *kind)
{
	const struct contestant *contestant = &contest->contestants[c];
	size_t size = contest->bindings.count;
	char text[32] = "-";

	if (contestant->same_as >= 0) {
		snprintf(text, sizeof(text), "= %s", contest_name(contestant->same_as));
	} else if (contestant->present) {
		snprintf(text, sizeof(text), "%.1f/%.0f", contestant->ns[HOT],
			 contestant->ns[COLD]);
		report_figure(report, part, kind, size, contest_name(c), "hot ns",
			      contestant->ns[HOT]);
		report_figure(report, part, kind, size, contest_name(c), "cold ns",
			      contestant->ns[COLD]);
	}
	fprintf(report->out, " %11s", text);
}

static void print_goals(const struct report *report, const struct contest *contest)
{
	const struct bindings *bindings = &contest->bindings;
	const struct contestant *tables = &contest->contestants[CONTEST_TABLES];
	const struct contestant *tries = &contest->contestants[CONTEST_TRIES];
	const struct goal *goal = goal_of(bindings->count);
	char gain[16], wanted[16] = "", limit[16] = "";

	snprintf(gain, sizeof(gain), "%.1f/%.1f", tries->ns[HOT] / tables->ns[HOT],
		 tries->ns[COLD] / tables->ns[COLD]);
	if (goal->gain && bindings->family == FAMILY_IPV4)
		snprintf(wanted, sizeof(wanted), "%ux", goal->gain);
	if (goal->ns[bindings->family] > 0)
		snprintf(limit, sizeof(limit), "%.0f",
			 goal->ns[bindings->family] + (bindings->has_ports ? PORTS_GOAL : 0));
	fprintf(report->out, " | %9s %5s %9s", gain, wanted, limit);
}

void report_contest(const struct report *report, const struct contest *contest)
{
	const struct contestant *tables = &contest->contestants[CONTEST_TABLES];
	const struct contestant *tries = &contest->contestants[CONTEST_TRIES];
	char kind[REPORT_KIND];
	int c;

	report_kind(contest->bindings.family, contest->bindings.has_ports, kind);
	fprintf(report->out, "%9zu", contest->bindings.count);
	for (c = CONTEST_CONSTANT; c < CONTEST_COUNT; c++)
		print_times(report, contest, c, "classification", kind);
	print_goals(report, contest);
	fprintf(report->out, " | %10zu %8.1f %8.1f %8.1f\n", tables->table_bytes, tables->decide_ms,
		tables->lay_ms, tries->fill_ms);
	if (contest->wrong)
		fprintf(report->out, "          %zu answers differ from the tries'\n",
			contest->wrong);
	report_figure(report, "classification", kind, contest->bindings.count, "auto",
		      "table bytes", (double)tables->table_bytes);
	fflush(report->out);
}

void report_trees_head(const struct report *report)
{
	fprintf(report->out,
		"\ncompare trees, ipv4 addresses: ns hot/cold, net of an empty program\n%9s %11s "
		"%11s %10s\n",
		"intervals", "code", "tables", "load ms");
}

void report_tree(const struct report *report, const struct contest *contest)
{
	const struct contestant *code = &contest->contestants[CONTEST_TABLES + TABLES_CODE];
	int shown = code->same_as >= 0 ? code->same_as : CONTEST_TABLES + TABLES_CODE;

	if (!contest->contestants[shown].present)
		return;
	fprintf(report->out, "%9zu", code->code_intervals);
	print_times(report, contest, shown, "trees", "code");
	print_times(report, contest, CONTEST_TABLES + TABLES_SPLUS, "trees", "tables");
	fprintf(report->out, " %10.1f\n", contest->contestants[shown].walker.load_ms);
	fflush(report->out);
}
