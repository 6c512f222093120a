/* UTF-8 as terminals show it, whatever the locale. */
#ifndef SKLC_UTF8_H
#define SKLC_UTF8_H

#include <stddef.h>
#include <stdint.h>

struct arena;

enum { UTF8_ESCAPE_CELLS = 4 }; /* of "\x1b" */

/* The character at TEXT: its code and length in bytes; 0 where it is not UTF-8 (RFC 3629). */
size_t utf8_decode(const char *text, size_t length, uint32_t *code);

/* What is shown for the start of TEXT: the number of its bytes, and in *CELLS how many columns they
 * take (0 for a combining mark), or -1 for one byte that must be escaped: a control character, one
 * that reorders or hides text, or no UTF-8. */
size_t utf8_glyph(const char *text, size_t length, int *cells);

/* A copy that is safe for a terminal: what must be escaped is "\x1b". */
const char *utf8_escape(struct arena *arena, const char *text, size_t length);

/* The same, but tabs and the ends of lines stay. */
const char *utf8_escape_lines(struct arena *arena, const char *text, size_t length);

#endif
