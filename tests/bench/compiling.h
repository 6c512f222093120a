/* Measures the command: from text to an object, and from text to rules that are attached. */
#ifndef SKLC_BENCH_COMPILING_H
#define SKLC_BENCH_COMPILING_H

#include "report.h"

bool compiling_run(const struct report *report, const char *sklc, const size_t *sizes,
		   size_t count);

#endif
