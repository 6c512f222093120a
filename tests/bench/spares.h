/* What spare slots and later attempts cost: a packet that finds its socket at once, one that finds it in a spare slot or
 * behind another label, one that finds none; and the verifier. */
#ifndef SKLC_BENCH_SPARES_H
#define SKLC_BENCH_SPARES_H

#include "report.h"

bool spares_run(const struct report *report);

#endif
