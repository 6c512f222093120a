/* The texts of help. Each line has at most 80 columns. */
#ifndef SKLC_HELP_H
#define SKLC_HELP_H

#include <stdio.h>

struct arena;
struct session;
struct verb;

/* The verb `help`. */
int help(struct session *s);

/* All verbs, options and exit statuses. */
void help_overview(struct arena *arena, FILE *out);

/* One verb: how it is called, what it does, and the options that it takes. */
void help_verb(struct arena *arena, const struct verb *verb, FILE *out);

#endif
