/* Rules on trial: a small program on the link compares the clock with a deadline. Before the
 * deadline it continues in the program of the new rules, then in the program of the old ones. So
 * the kernel goes back by itself, even if no process of sklc runs. */
#ifndef SKLC_TRIAL_H
#define SKLC_TRIAL_H

#include <stdint.h>

struct report;
struct trial;

/* Loads this program. OLD is the program of the old rules, -1 if there are none: then everything
 * passes after the deadline. TRIED is the program of the new rules. DEADLINE is in nanoseconds
 * since boot. -errno after a message. */
int trial_create(struct report *report, int old, int tried, uint64_t deadline, struct trial *trial);
void trial_close(struct trial *trial);

#endif
