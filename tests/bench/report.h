/* Prints tables, and a line of comma-separated values for each figure. */
#ifndef SKLC_BENCH_REPORT_H
#define SKLC_BENCH_REPORT_H

#include "contest.h"

#include <stdio.h>

struct report {
	FILE *out;
	FILE *csv; /* NULL for none */
};

/* Writes one figure: the part of the bench, the case, the size, what was measured, and the unit. */
void report_figure(const struct report *report, const char *part, const char *kind, size_t size,
		   const char *who, const char *unit, double value);

/* Writes the name of a case, such as "ipv4 with ports". */
enum { REPORT_KIND = 32 };
void report_kind(enum family family, bool has_ports, char kind[REPORT_KIND]);

void report_contest_head(const struct report *report, enum family family, bool has_ports);
void report_contest(const struct report *report, const struct contest *contest);

void report_trees_head(const struct report *report);
void report_tree(const struct report *report, const struct contest *contest);

#endif
