/* Text that others wrote (names, rules, command lines of processes), made fit for a terminal. */
#ifndef SKLC_TEXT_H
#define SKLC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The bytes of the UTF-8 character at TEXT, of at most SIZE; 0 if it is none. */
size_t text_character(const char *text, size_t size);

bool text_is_utf8(const char *text, size_t size);

/* Control characters become \x1b, each run of white space one space. */
void text_print(FILE *out, const char *text);

/* Only the control characters change; white space stays as it is. */
void text_print_lines(FILE *out, const char *text, size_t size);

#endif
