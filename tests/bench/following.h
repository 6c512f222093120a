/* What it costs that listeners are followed: a program of the root cgroup runs at each of them, and is called for
 * what else becomes of every TCP connection of the host. */
#ifndef SKLC_BENCH_FOLLOWING_H
#define SKLC_BENCH_FOLLOWING_H

#include "report.h"

bool following_run(const struct report *report, const char *sklc);

#endif
