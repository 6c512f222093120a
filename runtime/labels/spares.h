/* Which spare slots a place has: blocks in a row, for the other members of a group and for alternatives. */
#ifndef SKLC_SPARES_H
#define SKLC_SPARES_H

struct abi_label_slots;
struct object;

/* Gives blocks to those places of the object's declared sockets that have none yet, in SLOTS and in the map of labels:
 * as many to each as let one half of what is free be left for rules to come, at most ABI_SPARE_RUN_MAX, and one while
 * there are any. Their marks are cleared. Who then has none is a warning. -errno after a message. */
int spares_assign(int labels, int marks, const struct object *object,
		  struct abi_label_slots *slots);

#endif
