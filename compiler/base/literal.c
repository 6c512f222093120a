/* Reads numbers, addresses and prefixes. A text that is none of these is refused with a message and the exact
 * bytes at fault. */
#include "literal.h"

#include "literal_mend.h"
#include "services.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535, QUOTE_MAX = 60, HEX_TEXT_MAX = 9 };

/* Stores a message about the bytes [first, end); returns false, so that callers can return it. */
__attribute__((format(printf, 4, 5))) static bool refuse(struct literal_fault *fault, size_t first,
							 size_t end, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fault->message, sizeof(fault->message), format, args);
	va_end(args);
	fault->first = first;
	fault->end = end;
	return false;
}

/* The length of the part of a text that a message quotes. */
static int quoted(size_t length)
{
	return length < QUOTE_MAX ? (int)length : QUOTE_MAX;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Whether a text is a small hexadecimal number like "0x50", which nft accepts; *VALUE is the number. */
static bool is_hexadecimal(const char *text, size_t length, unsigned *value)
{
	char digits[HEX_TEXT_MAX];
	char *end;

	if (length < 3 || length >= sizeof(digits) || text[0] != '0' || (text[1] | 0x20) != 'x')
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	*value = (unsigned)strtoul(digits + 2, &end, 16);
	return !*end;
}

/* Reads text[first, end) as a number; one that does not fit gives a value that is too large for any use. */
static bool read_number(const char *text, size_t first, size_t end, uint64_t *value,
			struct literal_fault *fault)
{
	size_t i, zeros = first;
	unsigned meant;

	*value = 0;
	if (is_hexadecimal(text + first, end - first, &meant))
		return refuse(fault, first, end, "number '%.*s' is not decimal; write '%u'",
			      quoted(end - first), text + first, meant);
	for (i = first; i < end; i++) {
		if (!is_digit(text[i]))
			return refuse(fault, first, end, "'%.*s' is not a number",
				      quoted(end - first), text + first);
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(text[i] - '0'), value))
			*value = UINT64_MAX / 16;
	}
	while (zeros + 1 < end && text[zeros] == '0')
		zeros++;
	if (zeros == first)
		return true;
	return refuse(fault, first, end, "number '%.*s' has a leading zero; write '%.*s'",
		      quoted(end - first), text + first, quoted(end - zeros), text + zeros);
}

static bool read_prefix_bits(const char *text, size_t first, size_t end, unsigned bits_max,
			     unsigned *bits, struct literal_fault *fault)
{
	uint64_t value;
	unsigned meant;

	if (first == end)
		return refuse(fault, first - 1, end, "a prefix length is missing after '/'");
	if (literal_mend_port(text + first, end - first, &meant))
		return refuse(fault, 0, end,
			      "a socket has one address, or '*', not a prefix; write '*:%u'",
			      meant);
	if (memchr(text + first, '.', end - first) || memchr(text + first, ':', end - first))
		return refuse(fault, first, end,
			      "a prefix has a length, like '/24', not a mask: '%.*s'",
			      quoted(end - first), text + first);
	if (!read_number(text, first, end, &value, fault))
		return false;
	if (value > bits_max)
		return refuse(fault, first, end, "prefix length '%.*s' is larger than %u",
			      quoted(end - first), text + first, bits_max);
	*bits = (unsigned)value;
	return true;
}

/* Sets the range to the addresses that share the first BITS bits of ADDRESS, which must be the first of them. */
static bool read_prefix(const char *text, size_t length, u128 address, unsigned bits,
			struct literal *literal, struct literal_fault *fault)
{
	unsigned host_bits = address_bits(literal->family) - bits;
	u128 hosts = host_bits == 128 ? ~(u128)0 : ((u128)1 << host_bits) - 1;
	char mended[ADDRESS_TEXT];

	literal->range = (struct range){address & ~hosts, address | hosts};
	if (!(address & hosts))
		return true;
	address_format(literal->family, address & ~hosts, mended);
	return refuse(fault, 0, length, "prefix '%.*s' has host bits set; write '%s/%u'",
		      quoted(length), text, mended, bits);
}

static bool refuse_address(const char *text, size_t length, const char *reason,
			   struct literal_fault *fault)
{
	if (length > 1 && text[length - 1] == ':' && text[length - 2] != ':')
		return refuse(fault, length - 1, length, "white space is missing before ':'");
	return refuse(fault, 0, length, "'%.*s' is not an address: %s", quoted(length), text,
		      reason);
}

/* Refuses a prefix of IPv4-mapped addresses. */
static bool refuse_mapped(const char *text, size_t slash, size_t length, u128 address,
			  struct literal_fault *fault)
{
	char mended[RANGE_TEXT];

	if (literal_mend_mapped(address, text + slash + 1, length - slash - 1, mended))
		return refuse(fault, 0, length, "'%.*s' is a prefix of IPv4; write '%s'",
			      quoted(length), text, mended);
	return refuse(fault, 0, length,
		      "'%.*s' is no prefix of IPv6: addresses in ::ffff:0:0/96 are IPv4 ones",
		      quoted(length), text);
}

static bool read_address(const char *text, size_t length, struct literal *literal,
			 struct literal_fault *fault)
{
	const char *mark = memchr(text, '/', length);
	size_t slash = mark ? (size_t)(mark - text) : length;
	char reason[ADDRESS_REASON], mended[RANGE_TEXT];
	unsigned bits;
	u128 address = 0;

	if (literal_mend_range(text, length, mended))
		return refuse(fault, 0, length, "a range has a dash; write '%s'", mended);
	if (!address_parse(text, slash, &literal->family, &address, reason)) {
		if (literal_mend_short(text, slash, length, mended))
			return refuse(fault, 0, length, "an address has 4 octets; write '%s'",
				      mended);
		if (mark && literal->family == FAMILY_IPV6 && address_is_mapped(address))
			return refuse_mapped(text, slash, length, address, fault);
		return refuse_address(text, slash, reason, fault);
	}
	bits = address_bits(literal->family);
	literal->is_prefix = mark;
	if (mark &&
	    literal_mend_mask(literal->family, address, mark + 1, length - slash - 1, mended))
		return refuse(fault, 0, length, "a prefix has a length, not a mask; write '%s'",
			      mended);
	if (mark && !read_prefix_bits(text, slash + 1, length, bits, &bits, fault))
		return false;
	return read_prefix(text, length, address, bits, literal, fault);
}

bool literal_read(const char *text, size_t length, struct literal *literal,
		  struct literal_fault *fault)
{
	uint64_t number;

	*literal = (struct literal){.kind = LITERAL_ADDRESS};
	if (memchr(text, '.', length) || memchr(text, ':', length) || memchr(text, '/', length)) {
		literal->is_wrong = !read_address(text, length, literal, fault);
		return !literal->is_wrong;
	}
	literal->kind = LITERAL_NUMBER;
	literal->is_wrong = !read_number(text, 0, length, &number, fault);
	if (!literal->is_wrong)
		literal->range = (struct range){number, number};
	return !literal->is_wrong;
}

static bool refuse_service(const char *text, size_t first, size_t end, struct literal_fault *fault)
{
	const char *nearest = service_nearest(text + first, end - first);

	if (nearest)
		return refuse(fault, first, end, "unknown service '%.*s'; did you mean '%s'?",
			      quoted(end - first), text + first, nearest);
	return refuse(fault, first, end, "expected a port, found '%.*s', which is no service",
		      quoted(end - first), text + first);
}

static bool read_port(const char *text, size_t first, size_t length, uint16_t *port,
		      struct literal_fault *fault)
{
	int service = service_port(text + first, length - first);
	uint64_t number;

	if (service >= 0) {
		*port = (uint16_t)service;
		return true;
	}
	if (first == length || !is_digit(text[first]))
		return refuse_service(text, first, length, fault);
	if (!read_number(text, first, length, &number, fault))
		return false;
	if (number > PORT_MAX)
		return refuse(fault, first, length, "port '%.*s' is larger than 65535",
			      quoted(length - first), text + first);
	*port = (uint16_t)number;
	return true;
}

/* Reads the address of an endpoint, text[first, end). Brackets around an IPv6 address are outside of [first,
 * end), so FIRST is above 0 there. */
static bool read_host(const char *text, size_t first, size_t end, struct endpoint *endpoint,
		      struct literal_fault *fault)
{
	char reason[ADDRESS_REASON];

	endpoint->address = 0;
	if (!address_parse(text + first, end - first, &endpoint->family, &endpoint->address,
			   reason)) {
		if (first && endpoint->family == FAMILY_IPV6 &&
		    address_is_mapped(endpoint->address))
			return refuse(fault, 0, end + 1, "'%.*s' is not an address: %s",
				      quoted(end - first), text + first, reason);
		return refuse(fault, first, end, "'%.*s' is not an address: %s",
			      quoted(end - first), text + first, reason);
	}
	if (endpoint->family == FAMILY_IPV4 && first > 0)
		return refuse(fault, 0, end + 1, "only an IPv6 address stands in brackets");
	if (endpoint->family == FAMILY_IPV6 && first == 0)
		return refuse(fault, 0, end, "write an IPv6 address in brackets: '[%.*s]'",
			      quoted(end), text);
	return true;
}

/* Takes the interface off the host, text[0, *end), of an endpoint. */
static bool take_device(const char *text, size_t *end, struct endpoint *endpoint,
			struct literal_fault *fault)
{
	const char *mark = memchr(text, '%', *end), *bracket = memchr(text, ']', *end);
	bool inside = mark && bracket && mark < bracket;

	if (!mark)
		return true;
	endpoint->device_first = (size_t)(mark + 1 - text);
	endpoint->device_end = inside ? (size_t)(bracket - text) : *end;
	if (endpoint->device_first == endpoint->device_end)
		return refuse(fault, endpoint->device_first - 1, endpoint->device_first,
			      "an interface is missing after '%%'");
	if (inside && endpoint->device_end + 1 < *end)
		return refuse(fault, endpoint->device_end + 1, *end, "a second device");
	*end = (size_t)(mark - text);
	return true;
}

bool endpoint_read(const char *text, size_t length, struct endpoint *endpoint,
		   struct literal_fault *fault)
{
	const char *mark = memrchr(text, ':', length);
	const char *bracket = memrchr(text, ']', length);
	size_t colon = mark ? (size_t)(mark - text) : 0, end = colon;
	bool read;

	*endpoint = (struct endpoint){.family = FAMILY_IPV4};
	if (!mark || bracket > mark)
		return refuse(fault, 0, length, "'%.*s' has no port, as '%.*s:80' has",
			      quoted(length), text, quoted(length), text);
	if (!take_device(text, &end, endpoint, fault))
		return false;
	endpoint->any = end == 1 && text[0] == '*';
	if (endpoint->any)
		read = true;
	else if (text[0] == '[' && bracket)
		read = read_host(text, 1, end - (text[end - 1] == ']'), endpoint, fault);
	else
		read = read_host(text, 0, end, endpoint, fault);
	return read && read_port(text, colon + 1, length, &endpoint->port, fault);
}
