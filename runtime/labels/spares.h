/* Gives spare slots to labels: adjacent blocks, for the other members of a group and for
 * alternatives. */
#ifndef SKLC_SPARES_H
#define SKLC_SPARES_H

struct abi_label_slots;
struct object;

/* Gives blocks to the flow classes for which the object declares sockets and which have none yet,
 * in SLOTS and in the map of labels. Each gets the same power of two, at most ABI_SPARE_RUN_MAX,
 * such that half of the free blocks stay free for later rules; if that is not possible, one as long
 * as there are any. Clears the marks of the blocks. Warns of those that get none. -errno after a
 * message. */
int spares_assign(int labels, int marks, const struct object *object,
		  struct abi_label_slots *slots);

#endif
