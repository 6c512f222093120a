/* Checks the warnings that rules take logins (port 22), or replies to the host's own UDP
 * sockets. */
#ifndef SKLC_TEST_LINT_TAKEN_H
#define SKLC_TEST_LINT_TAKEN_H

#include <stdbool.h>

struct compilation;

/* Whether the warnings are right: one if all logins are taken, one for each label that takes all
 * replies, and no other. Prints what is wrong. */
bool lint_says_what_is_taken(const struct compilation *c);

#endif
