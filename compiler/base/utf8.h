/* UTF-8, and how terminals show it, whatever the locale. Allocates no memory. */
#ifndef SKLC_UTF8_H
#define SKLC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a byte goes on with a character that began before it. */
static inline bool utf8_is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* The length in bytes of the character at TEXT, and its code; 0 where it is not UTF-8 (RFC 3629). */
size_t utf8_decode(const char *text, size_t length, uint32_t *code);

bool utf8_is_valid(const char *text, size_t length);

/* How a terminal shows the start of TEXT. Returns a number of bytes; *CELLS is how many columns they take (0
 * for a combining mark), or -1 for one byte that must be escaped: a control character, one that reorders or
 * hides text, or no UTF-8. */
size_t utf8_glyph(const char *text, size_t length, int *cells);

/* The bytes of a byte order mark, which a text may begin with: 3, or 0. */
size_t utf8_mark_length(const char *text, size_t length);

#endif
