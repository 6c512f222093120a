/* Random rules files: every construct of the language, with so few values that rules overlap. */
#ifndef SKLC_GENERATE_H
#define SKLC_GENERATE_H

#include "tests/lib/random.h"

#include <stdio.h>

enum { GENERATE_LABELS = 6, GENERATE_INTERFACES = 3 };

/* A rules file. The caller frees the text, here and below. */
char *generate_rules(struct random *random);

/* A rules file with hundreds of elements near each other, which fill tables of each kind. */
char *generate_clusters(struct random *random);

/* A rules file that tells up to 200 interfaces apart. */
char *generate_interfaces(struct random *random);

/* A rules file as that of a firewall, whose rules have addresses on both sides, or wildcards. */
char *generate_filters(struct random *random);

/* A rules file with maps and sets of several keys, which have up to 400 elements. */
char *generate_keys(struct random *random);

/* Writes a name of one of about NAMES interfaces in quotes, or a wildcard. */
void generate_interface(struct random *random, FILE *out, uint32_t names);

/* A rules file with a map of COUNT prefixes of one family ("ip" or "ip6"), each with a port, and
 * some rules around it. */
char *generate_large(struct random *random, const char *family, uint32_t count);

#endif
