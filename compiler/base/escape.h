/* Text made safe for a terminal. */
#ifndef SKLC_BASE_ESCAPE_H
#define SKLC_BASE_ESCAPE_H

#include <stddef.h>

struct arena;

enum { ESCAPE_CELLS = 4 }; /* columns of "\x1b" */

/* A copy where each byte that is unsafe to show (see utf8_glyph) is escaped as "\x1b". */
const char *escape_text(struct arena *arena, const char *text, size_t length);

/* A copy that keeps tabs and line ends, too. */
const char *escape_lines(struct arena *arena, const char *text, size_t length);

/* The text itself if it is UTF-8, else a copy as of escape_text. */
const char *escape_non_utf8(struct arena *arena, const char *text);

#endif
