/* Putting sockets into slots, and noting when (orders.c). */
#ifndef SKLC_ORDERS_H
#define SKLC_ORDERS_H

#include <stddef.h>

struct finder;
struct order;
struct report;

/* SINCE is the map of struct since by slot. -errno after a message; a socket that was closed
 * meanwhile, and a slot that the follower filled meanwhile, are no errors. */
int orders_carry_out(struct report *report, struct finder *finder, struct order *orders,
		     size_t count, int since);

#endif
