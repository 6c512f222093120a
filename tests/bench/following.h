/* Measures what following costs: a program of the root cgroup runs for each listener of the host, and for the other
 * events of each of its TCP connections. */
#ifndef SKLC_BENCH_FOLLOWING_H
#define SKLC_BENCH_FOLLOWING_H

#include "report.h"

bool following_run(const struct report *report, const char *sklc);

#endif
