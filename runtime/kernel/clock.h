/* Clocks. */
#ifndef SKLC_CLOCK_H
#define SKLC_CLOCK_H

#include <stdint.h>

struct report;

/* Nanoseconds since boot, with the time that the host was suspended: what bpf_ktime_get_boot_ns
 * gives, in every time namespace. For whatever BPF programs compare, or note. Needs CAP_BPF. -errno
 * after a message. */
int boot_time(struct report *report, uint64_t *now);

/* Nanoseconds since 1970. */
uint64_t real_time(void);

/* Milliseconds since a moment in the past, to measure how long this process has waited: setting the host's clock does
 * not change them, and they stand while the host is suspended. */
int64_t waiting_ms(void);

#endif
