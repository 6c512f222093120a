/* What the parts of by_hand_settle have in common. */
#ifndef SKLC_BY_HAND_H
#define SKLC_BY_HAND_H

#include "runtime/bpf/maps.h"
#include "runtime/labels/labels.h"
#include "runtime/load/load.h"

struct by_hand {
	const struct state *state;
	int map; /* what was done by hand */
	struct hands hands;
	struct shared_maps shared;
	int labels;
	bool places; /* puts sockets into slots, which needs a walk through all sockets */
	struct order *orders;
	size_t order_count;
};

/* Takes the socket out of one slot. */
int take_out(const struct by_hand *by, uint32_t slot);

/* Plans to put a socket into one of a word's slots, by its number there. */
int add_order(struct by_hand *by, uint32_t word, uint32_t number, uint64_t cookie);

/* The number of the slot from FIRST to COUNT that has the socket; COUNT if none has. PRESENT are the
 * cookies of the sockets in the first slots. */
uint32_t find_among(const uint64_t *present, uint32_t first, uint32_t count, uint64_t cookie);

/* Reads which sockets are in the first COUNT slots of a word. */
int read_present(const struct by_hand *by, uint32_t word, uint32_t count, uint64_t *present);

/* Whether a socket that has a slot of those that all generations share, or (DECLARED) of a label with
 * declarations, leaves it. */
bool leaves(const struct hands *own, unsigned int flow_class, bool declared, uint64_t cookie);

/* Awaited slots (awaited.c). */

/* Notes what is registered, all at once, before others take its slots: it waits for these until the others
 * are gone. */
int note_registered(struct by_hand *by, const struct label_entry *entries, size_t count);

/* Plans a slot behind the first COUNT ones, that is free or that a socket leaves, for each socket that
 * awaits one. */
int give_back(struct by_hand *by, const struct hands *own, unsigned int flow_class, uint32_t word,
	      uint32_t count);

/* Where none stands before the declared sockets any more, those that awaited a slot of the word have it
 * now, if it had room. */
int forget_awaited(struct by_hand *by, const struct hands *own, unsigned int flow_class,
		   uint32_t word, uint32_t count);

/* Where no rules that are kept name a label any more, what was registered for it is no longer. */
int forget_unnamed(struct by_hand *by, const struct label_entry *entries, size_t count);

#endif
