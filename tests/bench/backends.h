/* Compares the two back ends on the same layouts: the size of the program as emitted, verified and JITed, and the times
 * to write and to run it. */
#ifndef SKLC_BENCH_BACKENDS_H
#define SKLC_BENCH_BACKENDS_H

#include "report.h"

#include "compiler/pipeline.h"

struct backends_case {
	enum family family;
	bool has_ports;
	enum table_kind tables;
	const size_t *sizes; /* numbers of bindings */
	size_t count;
};

/* Prints a table with a line for each size. False, with the reason on standard error, if one back end could not be
 * measured. */
bool backends_run(const struct report *report, const struct backends_case *of,
		  const struct contest_options *rounds);

#endif
