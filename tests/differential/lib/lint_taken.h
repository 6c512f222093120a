/* Port 22, and replies to the host's own sockets. */
#ifndef SKLC_TEST_LINT_TAKEN_H
#define SKLC_TEST_LINT_TAKEN_H

#include <stdbool.h>

struct compilation;

/* Whether there is a warning where all logins, or replies, are taken, for each label that takes them, and no other
 * one. Else says what is wrong. */
bool lint_says_what_is_taken(const struct compilation *c);

#endif
