/* Looking for declared sockets again. */
#ifndef SKLC_SYNC_H
#define SKLC_SYNC_H

#include <stdbool.h>

struct standing;
struct state;

/* Puts the sockets that the rules in force declare behind their labels, and takes others away; not QUIET: what is
 * wrong with them is a warning. The state must be settled. -errno after a message. */
int sync_standing(const struct state *state, const struct standing *standing, bool quiet);

#endif
