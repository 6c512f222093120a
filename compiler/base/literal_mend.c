/* What a text that is no number, address or prefix was probably meant to be: other programs write ranges, masks and
 * short addresses in other ways. */
#include "literal_mend.h"

#include <stdio.h>
#include <string.h>

enum { PORT_MAX = 65535, PORT_DIGITS = 5, OCTETS = 4, MAPPED_BITS = 96 };

static bool all_digits(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return length;
}

/* Reads a small decimal number without leading zeros; false if it is none. */
static bool small_number(const char *text, size_t length, unsigned *number)
{
	size_t i;

	if (!all_digits(text, length) || length > PORT_DIGITS || (length > 1 && *text == '0'))
		return false;
	for (i = 0, *number = 0; i < length; i++)
		*number = *number * 10 + (unsigned)(text[i] - '0');
	return true;
}

static struct range in_order(u128 a, u128 b)
{
	return a < b ? (struct range){a, b} : (struct range){b, a};
}

/* A range of the ends text[0, colon) and text[after, length). */
static bool mend_range(const char *text, size_t first_end, size_t after, size_t length,
		       char mended[RANGE_TEXT])
{
	char reason[ADDRESS_REASON];
	enum family family, last_family;
	unsigned number, last_number;
	u128 first, last;

	if (small_number(text, first_end, &number) &&
	    small_number(text + after, length - after, &last_number)) {
		port_range_format(in_order(number, last_number), mended);
		return number <= PORT_MAX && last_number <= PORT_MAX;
	}
	if (!address_parse(text, first_end, &family, &first, reason) ||
	    !address_parse(text + after, length - after, &last_family, &last, reason) ||
	    family != last_family)
		return false;
	address_range_format(family, in_order(first, last), mended);
	return true;
}

/* `1000:2000`, `80..90`, `192.0.2.1..192.0.2.9` */
bool literal_mend_range(const char *text, size_t length, char mended[RANGE_TEXT])
{
	const char *dots = memmem(text, length, "..", 2), *colon = memchr(text, ':', length);
	size_t first_end;

	if (dots) {
		first_end = (size_t)(dots - text);
		return mend_range(text, first_end, first_end + 2, length, mended);
	}
	if (!colon)
		return false;
	first_end = (size_t)(colon - text);
	return all_digits(text, first_end) &&
	       all_digits(text + first_end + 1, length - first_end - 1) &&
	       mend_range(text, first_end, first_end + 1, length, mended);
}

/* Writes the prefix of ADDRESS, whose host bits are dropped. */
static void write_prefix(enum family family, u128 address, unsigned bits, char mended[RANGE_TEXT])
{
	const unsigned host_bits = address_bits(family) - bits;
	char text[ADDRESS_TEXT];

	address &= host_bits == 128 ? 0 : ~(((u128)1 << host_bits) - 1);
	address_format(family, address, text);
	snprintf(mended, RANGE_TEXT, "%s/%u", text, bits);
}

/* `10/8`, `192.168/16`: the octets that follow are 0. */
bool literal_mend_short(const char *text, size_t slash, size_t length, char mended[RANGE_TEXT])
{
	char whole[ADDRESS_TEXT], reason[ADDRESS_REASON];
	enum family family;
	unsigned bits, dots = 0;
	u128 address;
	size_t i;

	for (i = 0; i < slash; i++)
		dots += text[i] == '.';
	if (slash == length || !slash || slash + 2 * OCTETS > sizeof(whole) || dots >= OCTETS - 1 ||
	    text[slash - 1] == '.')
		return false;
	snprintf(whole, sizeof(whole), "%.*s%s", (int)slash, text, &".0.0.0"[2 * dots]);
	if (memchr(whole, ':', strlen(whole)) ||
	    !address_parse(whole, strlen(whole), &family, &address, reason) ||
	    !small_number(text + slash + 1, length - slash - 1, &bits) ||
	    bits > address_bits(family))
		return false;
	write_prefix(family, address, bits, mended);
	return true;
}

/* The prefix of IPv4 that an IPv4-mapped one of IPv6 is. */
bool literal_mend_mapped(u128 address, const char *bits_text, size_t length,
			 char mended[RANGE_TEXT])
{
	unsigned bits;

	if (!small_number(bits_text, length, &bits) || bits < MAPPED_BITS ||
	    bits > address_bits(FAMILY_IPV6))
		return false;
	write_prefix(FAMILY_IPV4, (uint32_t)address, bits - MAPPED_BITS, mended);
	return true;
}

/* The prefix that an address and a mask like 255.255.0.0 stand for. */
bool literal_mend_mask(enum family family, u128 address, const char *text, size_t length,
		       char mended[RANGE_TEXT])
{
	char reason[ADDRESS_REASON];
	enum family of_mask;
	unsigned bits = 0;
	u128 mask, hosts;

	if (!address_parse(text, length, &of_mask, &mask, reason) || of_mask != family)
		return false;
	hosts = ~mask & address_last(family);
	if (hosts & (hosts + 1))
		return false;
	while (bits < address_bits(family) && mask >> (address_bits(family) - 1 - bits) & 1)
		bits++;
	write_prefix(family, address, bits, mended);
	return true;
}

/* The port of `127.0.0.0/8:8080`, whose prefix length and port are these. */
bool literal_mend_port(const char *text, size_t length, unsigned *port)
{
	const char *colon = memchr(text, ':', length);
	size_t after;

	if (!colon)
		return false;
	after = (size_t)(colon - text) + 1;
	return all_digits(text, after - 1) && small_number(text + after, length - after, port) &&
	       *port && *port <= PORT_MAX;
}
