/* Rules on trial: a small program on the link compares the clock with a deadline and goes on in the
 * new rules' program, or after it in the old. So the kernel goes back by itself, whatever becomes of
 * the processes. */
#ifndef SKLC_TRIAL_H
#define SKLC_TRIAL_H

#include <stdint.h>

struct report;
struct trial;

/* Loads it; BEFORE is -1 where nothing was applied: then after the deadline everything passes. */
int trial_create(struct report *report, int before, int after, uint64_t deadline,
		 struct trial *trial);
void trial_close(struct trial *trial);

#endif
