/* Formats the runtime's messages and gives them to the report. */
#include "fail.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = 2048 };

/* An error number of the kernel for which the C library has no text. */
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

/* Makes the message one line: each run of white space becomes one space. Names in it that others
 * chose, such as those of files, may have line ends. */
static void join_lines(char *text)
{
	bool after_space = false;
	char *to = text;

	for (; *text; text++) {
		bool is_space = isspace((unsigned char)*text);

		if (!is_space || !after_space)
			*to++ = is_space ? ' ' : *text;
		after_space = is_space;
	}
	*to = '\0';
}

__attribute__((format(printf, 3, 0))) static bool say(struct report *report, struct message message,
						      const char *format, va_list arguments)
{
	char text[MESSAGE_MAX];

	vsnprintf(text, sizeof(text), format, arguments);
	join_lines(text);
	message.text = text;
	return report->take(report, &message);
}

int fail(struct report *report, int error, const char *format, ...)
{
	char what[MESSAGE_MAX];
	char words[128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return refuse(report, error, "cannot %s: %s", what,
		      error_words(error, words, sizeof(words)));
}

int refuse(struct report *report, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(report, (struct message){.severity = SEVERITY_ERROR}, format, arguments);
	va_end(arguments);
	return -abs(error);
}

int refuse_with(struct report *report, int error, const struct message *message, const char *format,
		...)
{
	struct message whole = *message;
	va_list arguments;

	whole.severity = SEVERITY_ERROR;
	va_start(arguments, format);
	say(report, whole, format, arguments);
	va_end(arguments);
	return -abs(error);
}

void warn(struct report *report, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(report, (struct message){.severity = SEVERITY_WARNING}, format, arguments);
	va_end(arguments);
}

void note(struct report *report, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(report, (struct message){.severity = SEVERITY_NOTE}, format, arguments);
	va_end(arguments);
}

bool warn_named(struct report *report, const char *name, const char *format, ...)
{
	va_list arguments;
	bool is_error;

	va_start(arguments, format);
	is_error = say(report, (struct message){.severity = SEVERITY_WARNING, .name = name}, format,
		       arguments);
	va_end(arguments);
	return is_error;
}

static bool take_mildly(struct report *report, const struct message *message)
{
	struct mild_report *mild = (struct mild_report *)report;
	struct message whole = *message;

	if (whole.severity == SEVERITY_ERROR)
		whole.severity = SEVERITY_WARNING;
	return mild->to->take(mild->to, &whole);
}

void report_mildly(struct mild_report *mild, struct report *to)
{
	*mild = (struct mild_report){.report.take = take_mildly, .to = to};
}

static bool drop(struct report *report, const struct message *message)
{
	(void)report;
	(void)message;
	return false;
}

struct report report_nothing(void)
{
	return (struct report){.take = drop};
}
