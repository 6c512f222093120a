/* The two back ends on the same layouts: what each emits, what the kernel makes of it, how long it takes to write
 * and to run. */
#ifndef SKLC_BENCH_BACKENDS_H
#define SKLC_BENCH_BACKENDS_H

#include "report.h"

#include "compiler/pipeline.h"

struct backends_case {
	enum family family;
	bool has_ports;
	enum table_kind tables;
	const size_t *sizes; /* bindings */
	size_t count;
};

/* A table, a line for each size. False, with the reason on standard error, where one of the two could not be
 * measured. */
bool backends_run(const struct report *report, const struct backends_case *of,
		  const struct contest_options *rounds);

#endif
