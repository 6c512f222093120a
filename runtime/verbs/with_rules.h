/* What the commands that change applied rules have in common. */
#ifndef SKLC_WITH_RULES_H
#define SKLC_WITH_RULES_H

#include <stdio.h>

struct runtime_options;
struct standing;
struct state;

/* Runs WORK with the state locked and settled. -ENOENT after a message if no rules are applied. */
int with_rules(const struct runtime_options *options,
	       int (*work)(struct state *state, struct standing *standing,
			   const struct runtime_options *options, FILE *out),
	       FILE *out);

/* -ESTALE after a message if another generation is applied than --if-generation names. */
int check_replaceable(const struct standing *standing, const struct runtime_options *options);

/* Takes out sockets that the rules in force do not declare: during a trial, the sockets of the
 * rules before and of those on trial were both in the slots. A failure is a warning. */
void take_others_out(const struct state *state, const struct standing *standing);

#endif
