/* State of namespaces that are gone. */
#ifndef SKLC_SWEEP_H
#define SKLC_SWEEP_H

#include <stdint.h>

struct state;

/* Clears what other namespaces left behind: folders with no link, or whose link is severed. Says so.
 * What somebody holds the lock of stays. */
void sweep_dead(const struct state *state);

#endif
