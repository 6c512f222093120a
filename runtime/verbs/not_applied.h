/* The answer of commands that need applied rules where there are none. */
#ifndef SKLC_NOT_APPLIED_H
#define SKLC_NOT_APPLIED_H

struct standing;
struct state;

/* For a namespace without a link. RUNTIME_NOT_THERE after a message, which names the programs of sklc
 * that are on the hook all the same, for which there is no state; another -errno after a message if it
 * cannot be told whether there are any, or if they were applied just now. */
int refuse_not_applied(const struct state *state);

/* The same for a state that was only read: after a trial of the first rules there may still be a link,
 * and none are in force. */
int refuse_none_in_force(const struct state *state, const struct standing *standing);

#endif
