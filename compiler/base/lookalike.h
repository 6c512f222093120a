/* Characters that look like ASCII ones, or like nothing; copied text has them. */
#ifndef SKLC_LOOKALIKE_H
#define SKLC_LOOKALIKE_H

#include "source.h"

#include <stdbool.h>

struct diag;

/* Reports the character at TEXT, where the span begins, if it is one: its name, and what to write. Returns whether it
 * is. */
bool lookalike_report(struct diag *diag, struct span span, const char *text);

/* Whether the character at TEXT, which has LENGTH bytes, looks like nothing. */
bool lookalike_is_hidden(const char *text, size_t length);

#endif
