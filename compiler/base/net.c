/* Reads and writes addresses and ports. Nothing here depends on the host: no locale, no resolver, no
 * /etc/services. */
#include "net.h"

#include <stdio.h>
#include <string.h>

enum { GROUPS = 8, GROUP_BITS = 16 };

const char *family_word(enum family family)
{
	return family == FAMILY_IPV4 ? "ipv4" : "ipv6";
}

const char *protocol_word(enum protocol protocol)
{
	return protocol == PROTOCOL_TCP ? "tcp" : "udp";
}

unsigned address_bits(enum family family)
{
	return family == FAMILY_IPV4 ? 32 : 128;
}

u128 address_last(enum family family)
{
	return family == FAMILY_IPV4 ? UINT32_MAX : ~(u128)0;
}

bool address_is_mapped(u128 value)
{
	return value >> 32 == 0xffff;
}

int range_prefix_bits(enum family family, struct range range)
{
	u128 host = range.first ^ range.last;
	int host_bits = 0;

	if (host & (host + 1) || range.first & host)
		return -1;
	while (host) {
		host >>= 1;
		host_bits++;
	}
	return (int)address_bits(family) - host_bits;
}

/* Writing: each put_ function writes at TEXT and returns where it stopped. */

static char *put_decimal(char *text, unsigned value)
{
	char digits[10];
	int count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (count)
		*text++ = digits[--count];
	return text;
}

static char *put_group(char *text, unsigned value)
{
	int shift = 12;

	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*text++ = "0123456789abcdef"[value >> shift & 15];
	return text;
}

static char *put_ipv4(char *text, uint32_t value)
{
	int shift;

	for (shift = 24; shift >= 0; shift -= 8) {
		text = put_decimal(text, value >> shift & 255);
		if (shift)
			*text++ = '.';
	}
	return text;
}

/* The length of the longest run of at least two zero groups, the first of equal ones; 0 if there is none. */
static int longest_zeros(const unsigned groups[GROUPS], int *start)
{
	int best = 1, run = 0, i;

	for (i = 0; i < GROUPS; i++) {
		run = groups[i] ? 0 : run + 1;
		if (run > best) {
			best = run;
			*start = i - run + 1;
		}
	}
	return best > 1 ? best : 0;
}

static char *put_ipv6(char *text, u128 value)
{
	unsigned groups[GROUPS];
	int zeros = GROUPS, length, i;

	if (address_is_mapped(value))
		return put_ipv4(stpcpy(text, "::ffff:"), (uint32_t)value);
	for (i = 0; i < GROUPS; i++)
		groups[i] = (unsigned)(value >> (GROUPS - 1 - i) * GROUP_BITS) & 0xffff;
	length = longest_zeros(groups, &zeros);
	for (i = 0; i < GROUPS; i++) {
		if (i == zeros) {
			text = stpcpy(text, "::");
			i += length - 1;
			continue;
		}
		if (i && i != zeros + length)
			*text++ = ':';
		text = put_group(text, groups[i]);
	}
	return text;
}

static char *put_address(char *text, enum family family, u128 value)
{
	return family == FAMILY_IPV4 ? put_ipv4(text, (uint32_t)value) : put_ipv6(text, value);
}

void address_format(enum family family, u128 value, char text[ADDRESS_TEXT])
{
	*put_address(text, family, value) = '\0';
}

void address_range_format(enum family family, struct range range, char text[RANGE_TEXT])
{
	int bits = range_prefix_bits(family, range);

	text = put_address(text, family, range.first);
	if (bits < 0) {
		*text++ = '-';
		text = put_address(text, family, range.last);
	} else if (range.first != range.last) {
		*text++ = '/';
		text = put_decimal(text, (unsigned)bits);
	}
	*text = '\0';
}

void port_range_format(struct range range, char text[RANGE_TEXT])
{
	text = put_decimal(text, (unsigned)range.first);
	if (range.first != range.last) {
		*text++ = '-';
		text = put_decimal(text, (unsigned)range.last);
	}
	*text = '\0';
}

/* Reading: each read_ function advances in->at, or returns false after writing a reason. */

struct reader {
	const char *at, *end;
	char *reason;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Writes "WORDS'TEXT'MORE" as the reason, the quoted text cut to 48 bytes so that all fits. */
static bool refuse(struct reader *in, const char *words, const char *text, size_t length,
		   const char *more)
{
	snprintf(in->reason, ADDRESS_REASON, "%s'%.*s'%s", words, (int)(length < 48 ? length : 48),
		 text, more);
	return false;
}

static bool refuse_plain(struct reader *in, const char *words)
{
	snprintf(in->reason, ADDRESS_REASON, "%s", words);
	return false;
}

static bool read_octet(struct reader *in, unsigned *octet)
{
	const char *start = in->at;
	size_t length;

	for (*octet = 0; in->at < in->end && is_digit(*in->at); in->at++)
		*octet = *octet > 255 ? 256 : *octet * 10 + (unsigned)(*in->at - '0');
	length = (size_t)(in->at - start);
	if (!length && in->at < in->end && *in->at != '.')
		return refuse(in, "", in->at, 1, " is not a digit");
	if (!length)
		return refuse_plain(in, "an octet is missing");
	if (length > 1 && *start == '0')
		return refuse(in, "", start, length, " has a leading zero");
	if (*octet <= 255)
		return true;
	snprintf(in->reason, ADDRESS_REASON, "octet %.*s is larger than 255",
		 (int)(length < 48 ? length : 48), start);
	return false;
}

/* Reads four octets up to the end of the text. */
static bool read_ipv4(struct reader *in, u128 *value)
{
	unsigned octet;
	int count = 0;

	*value = 0;
	for (;;) {
		if (!read_octet(in, &octet))
			return false;
		*value = *value << 8 | octet;
		count++;
		if (in->at == in->end)
			break;
		if (*in->at != '.')
			return refuse(in, "", in->at, 1, " is not a digit");
		if (count == 4)
			return refuse_plain(in, "more than 4 octets");
		in->at++;
	}
	if (count == 4)
		return true;
	snprintf(in->reason, ADDRESS_REASON, "only %d of 4 octets", count);
	return false;
}

static bool read_group(struct reader *in, unsigned *group)
{
	const char *start = in->at;

	for (*group = 0; in->at < in->end && hex_digit(*in->at) >= 0; in->at++)
		*group = (*group << 4 | (unsigned)hex_digit(*in->at)) & 0xffff;
	if (in->at == start && *start != ':')
		return refuse(in, "", start, 1, " is not a hexadecimal digit");
	if (in->at == start)
		return refuse_plain(in, "a group is missing beside a ':'");
	if (in->at - start > 4)
		return refuse(in, "group ", start, (size_t)(in->at - start),
			      " has more than 4 digits");
	return true;
}

/* Reads the dotted quad that may stand for the last two groups. */
static bool read_tail(struct reader *in, const char *start, unsigned groups[GROUPS], int *count)
{
	u128 tail;

	in->at = start;
	if (*count > GROUPS - 2)
		return refuse_plain(in, "more than 8 groups");
	if (!read_ipv4(in, &tail))
		return false;
	groups[(*count)++] = (unsigned)(tail >> GROUP_BITS);
	groups[(*count)++] = (unsigned)tail & 0xffff;
	return true;
}

/* Reads the groups as written; *GAP is the index of the group that follows `::`, or -1. */
static bool read_groups(struct reader *in, unsigned groups[GROUPS], int *count, int *gap)
{
	const char *start;

	for (;;) {
		if (in->end - in->at >= 2 && in->at[0] == ':' && in->at[1] == ':') {
			if (*gap >= 0)
				return refuse_plain(in, "'::' stands twice");
			*gap = *count;
			in->at += 2;
			if (in->at == in->end)
				return true;
		} else if (*count) {
			if (*in->at != ':')
				return refuse(in, "", in->at, 1, " is not a hexadecimal digit");
			if (++in->at == in->end)
				return refuse_plain(in, "it ends in a lone ':'");
		}
		if (*count == GROUPS)
			return refuse_plain(in, "more than 8 groups");
		start = in->at;
		if (!read_group(in, &groups[*count]))
			return false;
		if (in->at < in->end && *in->at == '.')
			return read_tail(in, start, groups, count);
		++*count;
		if (in->at == in->end)
			return true;
	}
}

static bool read_ipv6(struct reader *in, u128 *value)
{
	unsigned groups[GROUPS];
	char ipv4[ADDRESS_TEXT];
	int count = 0, gap = -1, i;

	if (!read_groups(in, groups, &count, &gap))
		return false;
	if (count == GROUPS && gap >= 0)
		return refuse_plain(in, "'::' stands for no group: there are 8 already");
	if (count < GROUPS && gap < 0) {
		snprintf(in->reason, ADDRESS_REASON, "only %d of 8 groups, and no '::'", count);
		return false;
	}
	*value = 0;
	for (i = 0; i < count; i++) {
		if (i == gap)
			*value <<= (GROUPS - count) * GROUP_BITS;
		*value = *value << GROUP_BITS | groups[i];
	}
	if (gap == count && count)
		*value <<= (GROUPS - count) * GROUP_BITS;
	if (!address_is_mapped(*value))
		return true;
	address_format(FAMILY_IPV4, (uint32_t)*value, ipv4);
	snprintf(in->reason, ADDRESS_REASON, "it is an IPv4 one; write '%s'", ipv4);
	return false;
}

/* Looks for a zone ("%eth0") first, because its name may contain any character. */
bool address_parse(const char *text, size_t length, enum family *family, u128 *value,
		   char reason[ADDRESS_REASON])
{
	struct reader in = {text, text + length, reason};
	const char *zone = memchr(text, '%', length);

	*family = memchr(text, ':', length) ? FAMILY_IPV6 : FAMILY_IPV4;
	if (zone)
		return refuse(&in, "zone ", zone, (size_t)(in.end - zone),
			      " has no meaning in a rule");
	return *family == FAMILY_IPV4 ? read_ipv4(&in, value) : read_ipv6(&in, value);
}
