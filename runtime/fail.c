/* Messages of the runtime, on standard error. */
#include "fail.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = 2048 };

/* What the kernel answers and the C library has no word for. */
enum { KERNEL_ENOTSUPP = 524 };

const char *error_words(int error, char *buffer, size_t size)
{
	int number = abs(error);
	const char *words = number == KERNEL_ENOTSUPP ? "not supported" : strerror(number);

	snprintf(buffer, size, "%s", words);
	if (size > 1 && isupper((unsigned char)buffer[0]) && islower((unsigned char)buffer[1]))
		buffer[0] = (char)tolower((unsigned char)buffer[0]);
	return buffer;
}

/* One write for the whole line, so that the lines of several processes do not mix. */
static void say(const char *kind, const char *format, va_list arguments, const char *why)
{
	char message[MESSAGE_MAX];
	char *line = NULL;
	size_t size = 0;
	FILE *out;

	vsnprintf(message, sizeof(message), format, arguments);
	out = open_memstream(&line, &size);
	if (!out) {
		fprintf(stderr, "sklc: %s%s\n", kind, message);
		return;
	}
	fprintf(out, "sklc: %s", kind);
	text_print(out, message);
	if (why)
		fprintf(out, ": %s", why);
	fputc('\n', out);
	if (fclose(out) == 0)
		fwrite(line, 1, size, stderr);
	free(line);
}

int fail(int error, const char *format, ...)
{
	char whole[MESSAGE_MAX];
	char words[128];
	va_list arguments;

	snprintf(whole, sizeof(whole), "cannot %s", format);
	va_start(arguments, format);
	say("", whole, arguments, error_words(error, words, sizeof(words)));
	va_end(arguments);
	return -abs(error);
}

int refuse(int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("", format, arguments, NULL);
	va_end(arguments);
	return -abs(error);
}

void warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("warning: ", format, arguments, NULL);
	va_end(arguments);
}

void note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("note: ", format, arguments, NULL);
	va_end(arguments);
}
