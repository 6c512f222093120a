/* Random rules files: every construct of the language, over few enough values that rules overlap. */
#ifndef SKLC_GENERATE_H
#define SKLC_GENERATE_H

#include "tests/lib/random.h"

enum { GENERATE_LABELS = 6, GENERATE_INTERFACES = 3 };

/* A rules file, to be freed by the caller. */
char *generate_rules(struct random *random);

/* One of hundreds of elements near each other, that the tables of each kind are searched for. */
char *generate_clusters(struct random *random);

/* A map of COUNT prefixes of one family ("ip" or "ip6") with a port each, and some rules around it. */
char *generate_large(struct random *random, const char *family, uint32_t count);

#endif
