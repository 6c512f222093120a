/* The whole program as it is shipped, run on one packet over and over, beside programs that redirect every
 * packet; what loading it takes, and what swapping it behind a link does. */
#ifndef SKLC_BENCH_WHOLE_H
#define SKLC_BENCH_WHOLE_H

#include "report.h"

bool whole_run(const struct report *report, const size_t *sizes, size_t count);

#endif
