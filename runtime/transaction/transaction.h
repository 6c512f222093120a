/* Changing what is in force: afterwards either all of the new rules decide, or all of the old ones.
 * Also cleaning up what a change, or a process that was killed during one, left behind. */
#ifndef SKLC_TRANSACTION_H
#define SKLC_TRANSACTION_H

#include "runtime/labels/labels.h"
#include "runtime/load/load.h"
#include "runtime/state/state.h"

struct finder;

struct transaction {
	const struct runtime_options *options;
	const struct object *object;
	uint32_t confirm_seconds;
	bool strict;      /* a missing interface is an error if the rules require it */
	bool guarded;     /* load without CAP_PERFMON, as the generation that this is a copy of */
	uint32_t same_as; /* the generation that this is a copy of; 0: none */

	struct state *state;       /* locked and settled */
	struct standing *standing; /* what is in force; transaction_run updates it */

	bool unchanged; /* the object decides already: no generation was made */
	struct host host;
	struct host_numbers numbers;
	struct loaded loaded;
	struct trial trial;
	struct record record;
	struct shared_maps shared;
	int labels, since;
	struct abi_slot_key *keys; /* of the slots of each label */

	struct declarations declarations;
	struct declared_maps declared; /* -1 without declarations */
	struct finder *finder;
	struct hands hands; /* what was done by hand */
};

/* 0: the new rules decide, and RECORD is theirs; -errno after a message: those before still do. If
 * the same object decides already, with the same numbers of this host, does only what sync does:
 * so what a rollback goes back to stays. */
int transaction_run(struct transaction *transaction);

/* Settling (settle.c): brings the folder in line with what is in force. Ends a trial that is over,
 * folds counters, and removes generations and labels that nothing needs, also those that a killed
 * process left behind. Sets *STANDING to what is in force. The state must be locked. -errno after a
 * message. */
int standing_settle(const struct state *state, struct standing *standing);

/* Settles as the first thing that a command does, and warns where no listener can be followed. */
int standing_begin(const struct state *state, struct standing *standing);

/* Settles behind a change that is in force, which DONE says: what fails is only warned of. */
void standing_settle_behind(const struct state *state, struct standing *standing, const char *done);

/* Takes the slots of labels that only the previous generation needs, with a warning. It finds
 * others when it is applied again. WANTED are the keys of the rules that need room, whose slots
 * stay. Does nothing if no label would lose its slots, or fewer than LACKING. Not during a
 * trial. */
int standing_make_room(const struct state *state, const struct standing *standing,
		       const struct abi_slot_key *wanted, size_t wanted_count, size_t lacking);

/* Replaces the trial's program on the link by that of the generation ID. -errno after a message. */
int standing_leave_trial(const struct state *state, const struct standing *standing, uint32_t id);

/* Ends a trial that still runs, then settles. 0 once the rules before are back. */
int standing_end_trial(const struct state *state, struct standing *standing);

/* Tells the program which interfaces there are. Puts the sockets that the rules in force declare behind their labels,
 * and takes those that they do not declare out of the slots (sync.c). During a trial does the same for the rules
 * before, which have slots of their own and may come back. Unless QUIET, a problem with them is a warning. The state
 * must be settled. -errno after a message. */
int sync_standing(const struct state *state, const struct standing *standing, bool quiet);

/* The same, and puts members of groups that were registered by hand into free slots. */
int sync_all(const struct state *state, const struct standing *standing, bool quiet);

/* After a trial that state of version 3 began: gives the slots that both generations had to the
 * current one alone, and its sockets into them (part_slots.c). -errno after a message. */
int part_slots(const struct state *state, const struct standing *standing);

/* Removes, with a note for each, the folders of other namespaces that are gone (clear_dead.c). Skips
 * a folder whose lock somebody holds, and one that cannot be read. */
void clear_dead(const struct state *state);

/* Whether the namespace with this cookie is proven to be gone (namespace_gone.c): the kernel's list
 * of all namespaces does not have it. False if that cannot be told; it takes CAP_PERFMON, and a
 * kernel with BTF. */
bool namespace_is_gone(uint64_t cookie);

#endif
