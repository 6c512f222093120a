/* Signals that ask to end, held back while the kernel's state changes, so that the exit status says
 * which rules decide. */
#ifndef SKLC_SIGNALS_H
#define SKLC_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct held_signals {
	sigset_t before;
};

void signals_hold(struct held_signals *held);

/* Whether one has come since. */
bool signals_came(void);

/* Those that came end the process now, as they would have. Not called after a success: then the process
 * ends with the status that says so, whoever else would have it end. */
void signals_release(const struct held_signals *held);

#endif
