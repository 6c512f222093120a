/* The answer of commands that need applied rules where there are none. */
#ifndef SKLC_NOT_APPLIED_H
#define SKLC_NOT_APPLIED_H

struct state;

/* RUNTIME_NOT_THERE after a message. It names the programs of sklc that are on the hook all the same, for
 * which there is no state. */
int refuse_not_applied(const struct state *state);

#endif
