/* Rules on trial: a small program on the link compares the clock with a deadline. Before it, it
 * continues in the program of the new rules, after it in that of the old ones. So the kernel goes
 * back by itself, whether any process still runs. */
#ifndef SKLC_TRIAL_H
#define SKLC_TRIAL_H

#include <stdint.h>

struct report;
struct trial;

/* Loads this program. BEFORE is the old program, -1 if there is none: then everything passes after
 * the deadline. AFTER is the new one. DEADLINE is in nanoseconds since boot. -errno after a
 * message. */
int trial_create(struct report *report, int before, int after, uint64_t deadline,
		 struct trial *trial);
void trial_close(struct trial *trial);

#endif
