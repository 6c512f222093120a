/* Measures what spare slots and later attempts cost: for packets that find their socket at once, in a spare slot, after
 * other labels, or not at all; and for the verifier. */
#ifndef SKLC_BENCH_SPARES_H
#define SKLC_BENCH_SPARES_H

#include "report.h"

bool spares_run(const struct report *report);

#endif
