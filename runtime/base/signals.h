/* Holds back signals that would end the process while it changes the rules in force, so that its
 * exit status says which rules are in force. */
#ifndef SKLC_SIGNALS_H
#define SKLC_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct held_signals {
	sigset_t before; /* the signal mask to restore */
};

void signals_hold(struct held_signals *held);

/* Whether a signal is held back that asks the process to end: any of those held but SIGPIPE. */
bool signals_came(void);

/* Lets signals that have come since end the process. Not called after a success: the process then
 * ends with the exit status of success even if a signal came. */
void signals_release(const struct held_signals *held);

#endif
