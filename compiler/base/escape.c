/* Escapes byte by byte what utf8_glyph says is unsafe to show. */
#include "escape.h"

#include "arena.h"
#include "utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* As utf8_glyph, but the characters of KEPT count as safe. */
static size_t glyph(const char *text, size_t length, const char *kept, int *cells)
{
	size_t bytes = utf8_glyph(text, length, cells);

	if (*cells < 0 && *text && strchr(kept, *text))
		*cells = 1;
	return bytes;
}

static const char *escape(struct arena *arena, const char *text, size_t length, const char *kept)
{
	size_t at, bytes, escapes = 0;
	char *copy, *out;
	int cells;

	for (at = 0; at < length; at += bytes) {
		bytes = glyph(text + at, length - at, kept, &cells);
		escapes += cells < 0;
	}
	copy = out = arena_alloc(arena, length + escapes * (ESCAPE_CELLS - 1) + 1, 1);
	for (at = 0; at < length; at += bytes) {
		bytes = glyph(text + at, length - at, kept, &cells);
		if (cells < 0)
			out += sprintf(out, "\\x%02x", (unsigned char)text[at]);
		else
			out = (char *)__builtin_mempcpy(out, text + at, bytes);
	}
	return copy;
}

const char *escape_text(struct arena *arena, const char *text, size_t length)
{
	return escape(arena, text, length, "");
}

const char *escape_lines(struct arena *arena, const char *text, size_t length)
{
	return escape(arena, text, length, "\t\n");
}

const char *escape_non_utf8(struct arena *arena, const char *text)
{
	size_t length = strlen(text);

	return utf8_is_valid(text, length) ? text : escape_text(arena, text, length);
}
