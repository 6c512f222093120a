/* Decodes untrusted text, and prints it so that control characters do not reach the terminal. */
#include "text.h"

#include <stdint.h>
#include <string.h>

/* Checks the form of RFC 3629: shortest encodings, no surrogates, nothing above U+10FFFF. */
size_t text_character(const char *text, size_t size)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	uint32_t character;
	size_t length;

	if (size == 0)
		return 0;
	if (bytes[0] < 0x80)
		return 1;
	length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
	if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length > size)
		return 0;
	character = bytes[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3fu);
	}
	if (character < smallest[length] || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return 0;
	return length;
}

/* Length of the ASCII bytes at the start, in steps of 8 bytes: most text is ASCII, and a rules file
 * can have megabytes. */
static size_t ascii_length(const char *text, size_t size)
{
	size_t i = 0;
	uint64_t word;

	for (; size - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, text + i, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	return i;
}

bool text_is_utf8(const char *text, size_t size)
{
	for (size_t i = 0, length; i < size; i += length) {
		i += ascii_length(text + i, size - i);
		if (i == size)
			break;
		length = text_character(text + i, size - i);
		if (length == 0)
			return false;
	}
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The control characters C0, DEL and C1, which is encoded as c2 80 to c2 9f. */
static bool is_control(const unsigned char *bytes, size_t length)
{
	return bytes[0] < 0x20 || bytes[0] == 0x7f ||
	       (length == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0);
}

/* Prints one character, or one byte that is not part of a character, and returns its length. */
static size_t print_character(FILE *out, const char *text, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length = text_character(text, size);

	if (length && !is_control(bytes, length)) {
		fwrite(bytes, 1, length, out);
		return length;
	}
	fprintf(out, "\\x%02x", bytes[length == 2 ? 1 : 0]);
	return length ? length : 1;
}

void text_print(FILE *out, const char *text)
{
	size_t size = strlen(text);
	size_t i = 0;

	while (i < size) {
		if (!is_space(text[i])) {
			i += print_character(out, text + i, size - i);
			continue;
		}
		fputc(' ', out);
		while (i < size && is_space(text[i]))
			i++;
	}
}

void text_print_lines(FILE *out, const char *text, size_t size)
{
	size_t i = 0;

	while (i < size) {
		if (is_space(text[i]))
			fputc(text[i++], out);
		else
			i += print_character(out, text + i, size - i);
	}
}
