/* What the commands that change applied rules have in common. */
#ifndef SKLC_WITH_RULES_H
#define SKLC_WITH_RULES_H

#include <stdio.h>

struct runtime_options;
struct standing;
struct state;

/* Locks and settles the state of the options' namespace, then runs WORK and returns its result.
 * RUNTIME_NOT_THERE after a message if no rules are applied. */
int with_rules(const struct runtime_options *options,
	       int (*work)(struct state *state, struct standing *standing,
			   const struct runtime_options *options, FILE *out),
	       FILE *out);

/* RUNTIME_DIFFERENT after a message if the generation that --if-generation names is not the one
 * applied, by its number or by its hash. */
int check_replaceable(const struct state *state, const struct standing *standing,
		      const struct runtime_options *options);

#endif
