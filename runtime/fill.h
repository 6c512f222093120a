/* Which declared socket stands in which slot. */
#ifndef SKLC_FILL_H
#define SKLC_FILL_H

#include <stddef.h>

struct declarations;
struct finder;

enum fill {
	FILL_EMPTY, /* only slots that are empty; nothing that serves now is touched */
	FILL_ALL,   /* what no declaration names any more leaves its slot too */
};

/* Looks around, and puts sockets into their slots. TIMES is the map of since when each stands there. -errno after a message. */
int fill_slots(struct finder *finder, const struct declarations *declarations, int sockets,
	       int times, enum fill fill);

#endif
