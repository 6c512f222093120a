/* Gives spare slots to labels, in adjacent blocks: for the other members of a SO_REUSEPORT group,
 * and for alternative declarations. */
#ifndef SKLC_SPARES_H
#define SKLC_SPARES_H

#include <stddef.h>

struct abi_label_slots;
struct abi_slot_key;
struct hands;
struct object;

/* How many flow classes that spares_assign would give blocks would get none. SLOTS are those of the
 * object's labels, zero for a label that has none yet. -errno after a message. */
int spares_excess(int labels, const struct object *object, const struct hands *hands,
		  struct abi_label_slots *slots, size_t *excess);

/* Gives blocks to the flow classes for which the object declares sockets, or in which several
 * sockets are HANDS to stand before those, and which have none yet, in SLOTS and in the map of
 * slots. Each gets the same number of blocks: the largest power of two, at most
 * ABI_SPARE_RUN_MAX, that leaves half of the free blocks to later rules. If none does, each
 * gets one block as long as there are any. Clears the marks of the blocks. Warns if a flow
 * class gets none. -errno after a message. */
int spares_assign(int labels, int marks, const struct object *object,
		  const struct abi_slot_key *keys, const struct hands *hands,
		  struct abi_label_slots *slots);

#endif
