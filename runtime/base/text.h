/* Text that others wrote (names, rules, names of processes), checked and printed safely. */
#ifndef SKLC_TEXT_H
#define SKLC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

bool text_is_utf8(const char *text, size_t size);

/* Prints a control character, or a byte that is not UTF-8, as its number ("\x1b"), and each run of
 * white space as one space. */
void text_print(FILE *out, const char *text);

/* Like text_print, but prints white space as it is. */
void text_print_lines(FILE *out, const char *text, size_t size);

/* Writes an endpoint: "192.0.2.1:80", "[2001:db8::1]:80", or "*:80" if FAMILY is 0; with the DEVICE
 * that it is bound to, "[fe80::1]%eth0:80", unless that is NULL. ADDRESS is in network order, PORT
 * in host order. */
void text_address(int family, const void *address, const char *device, unsigned int port,
		  char *text, size_t size);

/* Reads what text_address writes, in any spelling of an address; also a device within the brackets,
 * as rules have it: "[fe80::1%eth0]:80". DEVICE is empty if there is none. */
bool text_read_address(const char *text, int *family, uint8_t address[16], char device[16],
		       unsigned int *port);

/* Writes a time, in seconds since 1970, as local time: "2026-11-22 23:26:33". Empty if it is out of
 * the range of calendars. */
enum { TEXT_TIME_MAX = 32 };
void text_time(uint64_t seconds, char text[TEXT_TIME_MAX]);

#endif
