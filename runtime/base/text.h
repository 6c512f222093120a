/* Text that others wrote (names, rules, names of processes), checked and printed safely. */
#ifndef SKLC_TEXT_H
#define SKLC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Length in bytes of the UTF-8 character at TEXT, which has SIZE bytes; 0 if there is no valid
 * one. */
size_t text_character(const char *text, size_t size);

bool text_is_utf8(const char *text, size_t size);

/* Prints control characters as \x1b, and each run of white space as one space. */
void text_print(FILE *out, const char *text);

/* The same, but prints white space as it is. */
void text_print_lines(FILE *out, const char *text, size_t size);

#endif
