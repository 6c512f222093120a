/* Results in the Test Anything Protocol. */
#ifndef SKLC_TAP_H
#define SKLC_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct tap {
	unsigned count, failed;
};

static inline void tap_result(struct tap *tap, bool good, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static inline void tap_result(struct tap *tap, bool good, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", good ? "" : "not ", ++tap->count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	tap->failed += !good;
}

static inline void tap_skip(struct tap *tap, const char *reason)
{
	printf("ok %u # SKIP %s\n", ++tap->count, reason);
}

/* Prints the plan. Returns the exit status. */
static inline int tap_end(const struct tap *tap)
{
	printf("1..%u\n", tap->count);
	return tap->failed ? 1 : 0;
}

#endif
