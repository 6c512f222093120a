/* Blocks SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGPIPE from the start of a transaction. */
#include "signals.h"

#include <stddef.h>

static void ending_signals(sigset_t *set)
{
	static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaddset(set, ending[i]);
}

void signals_hold(struct held_signals *held)
{
	sigset_t set;

	ending_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &held->before);
}

bool signals_came(void)
{
	sigset_t pending;

	if (sigpending(&pending))
		return false;
	return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
	       sigismember(&pending, SIGHUP) || sigismember(&pending, SIGQUIT);
}

void signals_release(const struct held_signals *held)
{
	sigprocmask(SIG_SETMASK, &held->before, NULL);
}
