/* What the commands about the sockets of one label have in common. */
#ifndef SKLC_VERBS_LABEL_H
#define SKLC_VERBS_LABEL_H

#include "runtime/labels/labels.h"
#include "runtime/state/state.h"

/* A label of the rules that decide, or else of those before, in the locked and settled state of its
 * namespace. */
struct opened_label {
	const char *name;
	const struct runtime_options *options;
	struct state state;
	struct standing standing;
	int sockets, labels, hand; /* maps */
	uint32_t generation;       /* the one whose label it is */
	struct abi_slot_key key;
	struct abi_label_slots slots;
	struct hands hands; /* all that was done by hand */
	/* From label_begin on: the slots that it has without declarations, and which sockets stood in
	 * them, one flow class after another; 0: none. */
	struct abi_label_slots shared;
	uint64_t *stood;
	size_t stood_count;
};

/* RUNTIME_NOT_THERE after a message if there is no such label; -errno after a message. */
int label_open(const char *name, const struct runtime_options *options, struct opened_label *label);
void label_close(struct opened_label *label);

/* Whether the label is one of the rules before alone, and these do not come back without a command. */
bool label_is_resting(const struct opened_label *label);

/* Adds to HAND in which of the slots that all generations share the socket stood at label_begin, as it was
 * registered: an override has its place in these as in all others. */
void label_add_registered(const struct opened_label *label, uint64_t cookie, struct hand *hand);

/* The first socket that was registered at label_begin for such a slot of a flow class, also one that waits for
 * it; 0: there was none. */
uint64_t label_registered(const struct opened_label *label, unsigned int flow_class);

/* Notes which sockets the label has, before a command changes anything. -errno after a message. */
int label_begin(struct opened_label *label);

/* Takes back what a command has changed since then and could not do whole, because of ERR, which
 * this returns. A warning if that fails too. */
int label_undo(struct opened_label *label, int err);

#endif
