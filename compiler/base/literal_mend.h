/* How literal.c finds what was meant. Each function writes a text that is right and returns true, or returns false if
 * nothing is known. */
#ifndef SKLC_LITERAL_MEND_H
#define SKLC_LITERAL_MEND_H

#include "net.h"

bool literal_mend_range(const char *text, size_t length, char mended[RANGE_TEXT]);
bool literal_mend_short(const char *text, size_t slash, size_t length, char mended[RANGE_TEXT]);
bool literal_mend_mapped(u128 address, const char *bits_text, size_t length,
			 char mended[RANGE_TEXT]);
bool literal_mend_mask(enum family family, u128 address, const char *text, size_t length,
		       char mended[RANGE_TEXT]);
bool literal_mend_port(const char *text, size_t length, unsigned *port);

#endif
