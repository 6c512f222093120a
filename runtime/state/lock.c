/* Tries again and again, since flock(2) has no limit of time. */
#include "lock.h"

#include "holder.h"

#include "runtime/base/fail.h"
#include "runtime/base/signals.h"
#include "runtime/kernel/clock.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

enum { LOCK_WAIT_MS = 10000, LOCK_POLL_MS = 20 };

int lock_folder(struct report *report, int folder, const char *what)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_MS * 1000000L};
	int64_t deadline = waiting_ms() + LOCK_WAIT_MS;
	char holder[128];

	while (flock(folder, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail(report, errno, "lock %s", what);
		lock_holder(folder, holder, sizeof(holder));
		if (signals_came())
			return refuse(report, EINTR, "interrupted while %s was locked by %s", what,
				      holder);
		if (waiting_ms() >= deadline)
			return refuse(report, EBUSY,
				      "%s is locked by %s; waited %d seconds for it: let that "
				      "process go on, or end it",
				      what, holder, LOCK_WAIT_MS / 1000);
		nanosleep(&pause, NULL);
	}
	return 0;
}
