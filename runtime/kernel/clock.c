/* Reads clocks by clock_gettime(2). */
#include "clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t boot_time(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t real_time(void)
{
	return read_clock(CLOCK_REALTIME);
}
