/* Clocks, in nanoseconds. */
#ifndef SKLC_CLOCK_H
#define SKLC_CLOCK_H

#include <stdint.h>

/* Since boot, with the time that the host was suspended, like bpf_ktime_get_boot_ns. */
uint64_t boot_time(void);

/* Since 1970. */
uint64_t real_time(void);

#endif
