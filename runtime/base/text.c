/* Decodes untrusted text, and prints it so that control characters do not reach the terminal. */
#include "text.h"

#include "compiler/base/utf8.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* The number of ASCII bytes at the start, rounded down to a multiple of 8. Eight bytes are tested
 * at once, since most text is ASCII and a rules file can have megabytes. */
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
	uint32_t code;

	for (size_t i = 0, length; i < size; i += length) {
		i += ascii_length(text + i, size - i);
		if (i == size)
			break;
		length = utf8_decode(text + i, size - i, &code);
		if (length == 0)
			return false;
	}
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The control characters C0, DEL and C1. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* Prints one character, or one byte that is not part of a character, and returns its length. */
static size_t print_character(FILE *out, const char *text, size_t size)
{
	uint32_t code = (unsigned char)*text;
	size_t length = utf8_decode(text, size, &code);

	if (length && !is_control(code)) {
		fwrite(text, 1, length, out);
		return length;
	}
	fprintf(out, "\\x%02x", length ? code : (unsigned char)*text);
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

void text_address(int family, const void *address, const char *device, unsigned int port,
		  char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "*";

	if (family)
		inet_ntop(family, address, host, sizeof(host));
	snprintf(text, size, family == AF_INET6 ? "[%s]%s%s:%u" : "%s%s%s:%u", host,
		 device ? "%" : "", device ? device : "", port);
}

static bool read_port(const char *text, unsigned int *port)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 5 || text[digits])
		return false;
	for (*port = 0; *text; text++)
		*port = *port * 10 + (unsigned int)(*text - '0');
	return *port <= UINT16_MAX;
}

/* Cuts "%eth0" off the end of a host. False if that is no name of a device, or if there is one already. */
static bool cut_device(char *host, char device[16])
{
	char *name = strchr(host, '%');
	size_t length = name ? strlen(name + 1) : 0;

	if (!name)
		return true;
	*name = '\0';
	if (*device || !length || length > 15)
		return false;
	memcpy(device, name + 1, length + 1);
	return true;
}

bool text_read_address(const char *text, int *family, uint8_t address[16], char device[16],
		       unsigned int *port)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2 * 16 + 4];
	size_t length = colon ? (size_t)(colon - text) : sizeof(host);
	char *first = host, *end;

	*device = '\0';
	memset(address, 0, 16);
	if (length >= sizeof(host) || !read_port(colon + 1, port))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	*family = *host == '[' ? AF_INET6 : AF_INET;
	if (*family == AF_INET6) {
		end = strchr(++first, ']');
		if (!end || (end[1] && end[1] != '%') || !cut_device(end, device))
			return false;
		*end = '\0';
	}
	return cut_device(first, device) && inet_pton(*family, first, address) == 1;
}

void text_time(uint64_t seconds, char text[TEXT_TIME_MAX])
{
	time_t when = (time_t)seconds;
	struct tm local;

	if (!localtime_r(&when, &local) ||
	    !strftime(text, TEXT_TIME_MAX, "%Y-%m-%d %H:%M:%S", &local))
		*text = '\0';
}
