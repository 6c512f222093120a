/* Decoding is strict: an overlong form, a surrogate or a cut character is refused. Widths are ranges of code
 * points; where they are wrong, a caret is printed in the wrong column, no more. */
#include "utf8.h"

#include <stdbool.h>
#include <string.h>

struct code_range {
	uint32_t first, last;
};

/* Control characters, and characters that reorder or hide the text around them. */
static const struct code_range unsafe[] = {
	{0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},       {0x61c, 0x61c},
	{0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},
	{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
};

static const struct code_range combining[] = {
	{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
	{0x6d6, 0x6dc},   {0x900, 0x902},   {0x93c, 0x93c},   {0x941, 0x948},   {0x94d, 0x94d},
	{0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
	{0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

static const struct code_range wide[] = {
	{0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},
	{0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26a1, 0x26a1},
	{0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},   {0x26d4, 0x26d4},
	{0x26ea, 0x26ea},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},
	{0x274c, 0x274c},   {0x2753, 0x2755},   {0x2795, 0x2797},   {0x2b1b, 0x2b1c},
	{0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
	{0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
	{0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
	{0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static bool is_in(uint32_t code, const struct code_range *ranges, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

#define IS_IN(code, ranges) is_in((code), (ranges), sizeof(ranges) / sizeof((ranges)[0]))

size_t utf8_decode(const char *text, size_t length, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = length ? (unsigned char)*text : 0xff;
	size_t bytes, i;

	bytes = lead < 0x80   ? 1
		: lead < 0xc0 ? 0
		: lead < 0xe0 ? 2
		: lead < 0xf0 ? 3
		: lead < 0xf8 ? 4
			      : 0;
	if (!bytes || bytes > length)
		return 0;
	*code = bytes == 1 ? lead : lead & (0x7fu >> bytes);
	for (i = 1; i < bytes; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | ((unsigned char)text[i] & 0x3f);
	}
	if (*code < least[bytes] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return bytes;
}

size_t utf8_glyph(const char *text, size_t length, int *cells)
{
	uint32_t code;
	size_t bytes = utf8_decode(text, length, &code);

	if (!bytes || IS_IN(code, unsafe)) {
		*cells = -1;
		return 1;
	}
	*cells = 1;
	if (code >= 0x300 && IS_IN(code, combining))
		*cells = 0;
	else if (code >= 0x1100 && IS_IN(code, wide))
		*cells = 2;
	return bytes;
}

/* Looks at eight bytes at once, since most text is ASCII and a rules file can have megabytes. */
static size_t ascii_length(const char *text, size_t length)
{
	uint64_t word;
	size_t i = 0;

	for (; length - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, text + i, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	return i;
}

bool utf8_is_valid(const char *text, size_t length)
{
	size_t at, bytes;
	uint32_t code;

	for (at = ascii_length(text, length); at < length; at += bytes) {
		bytes = utf8_decode(text + at, length - at, &code);
		if (!bytes)
			return false;
		if (bytes > 1)
			bytes += ascii_length(text + at + bytes, length - at - bytes);
	}
	return true;
}

size_t utf8_mark_length(const char *text, size_t length)
{
	static const char mark[] = "\xef\xbb\xbf";

	return length >= sizeof(mark) - 1 && !memcmp(text, mark, sizeof(mark) - 1)
		       ? sizeof(mark) - 1
		       : 0;
}
