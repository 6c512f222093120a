/* Measures the whole program on one packet, compared with programs that redirect every packet; and the times to load it
 * and to replace it on a link. */
#ifndef SKLC_BENCH_WHOLE_H
#define SKLC_BENCH_WHOLE_H

#include "report.h"

bool whole_run(const struct report *report, const size_t *sizes, size_t count);

#endif
