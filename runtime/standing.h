/* What decides in a namespace now: the link's program says which generation, and if it is the program
 * of a trial, the clock says which of two. Everything else in the folder is a leftover. */
#ifndef SKLC_STANDING_H
#define SKLC_STANDING_H

#include "attach.h"
#include "state.h"

enum { STATE_VERSION = 3 };

#define PIN_TIMES "times" /* by slot: struct since (declared.h) */

struct shared_maps;

enum trial_phase {
	TRIAL_NONE,
	TRIAL_RUNNING, /* the current generation is on trial */
	TRIAL_OVER,    /* it came to its deadline; the kernel is back at the rules before */
};

struct standing {
	int link; /* descriptor; -1: nothing is applied */
	struct link_info info;
	uint32_t current;  /* the generation that decides; 0: none */
	uint32_t previous; /* what a rollback goes back to; 0: nothing */
	enum trial_phase trial;
	uint32_t tried;    /* the generation on trial, running or over */
	uint64_t deadline; /* of the trial, nanoseconds since boot */
};

/* Reads it, changing nothing. A severed link counts as none. -errno after a message. */
int standing_read(const struct state *state, struct standing *standing);
void standing_close(struct standing *standing);

/* Brings the folder in line with what decides: ends a trial that is over, folds counters, takes away
 * generations and labels that nothing needs. What a killed process left behind goes here too. Then
 * reads again. The state must be locked. */
int standing_settle(const struct state *state, struct standing *standing);

/* Gives up the way back, and with it the slots of labels that only it needs. Not during a trial. */
int standing_forget_previous(const struct state *state, struct standing *standing);

/* Gives up a trial that still runs, then settles. 0 once the rules before are back. */
int standing_end_trial(const struct state *state, struct standing *standing);

/* Waits until no program that was on the hook before still runs. */
void wait_for_programs(void);

/* Nanoseconds since boot, sleep included, as bpf_ktime_get_boot_ns has it. */
uint64_t boot_time(void);

/* Pins the state's version, socket map, label map, the marks of spare slots and the map of since when sockets stand
 * there, where they are not yet. */
int standing_prepare(const struct state *state, struct shared_maps *shared, int *labels);
int standing_times(const struct state *state, int *times);
int standing_spare_marks(const struct state *state, int *marks);
int standing_maps(const struct state *state, int *sockets, int *labels);

#endif
