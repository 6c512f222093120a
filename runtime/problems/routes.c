/* Compares the destinations of redirecting rules with the local addresses of the kernel's
 * routing tables. Packets to other addresses are forwarded or dropped before the kernel looks
 * up a socket. */
#include "problems.h"

#include "runtime/base/array.h"
#include "runtime/base/fail.h"
#include "runtime/kernel/netlink.h"
#include "runtime/kernel/netns.h"
#include "runtime/object/object.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

enum { ELEMENTS_MAX = 1024, UNREACHED_MAX = 20 };

/* From the first to the last address, in network order; for IPv4 in the first 4 bytes. */
struct address_range {
	uint8_t family;
	uint8_t first[16], last[16];
};

struct local {
	struct address_range *all;
	size_t count;
};

static size_t address_bytes(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

static void widen_to_prefix(struct address_range *range, unsigned int bits)
{
	memcpy(range->last, range->first, sizeof(range->last));
	for (unsigned int bit = bits; bit < 8 * address_bytes(range->family); bit++) {
		range->first[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
		range->last[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	}
}

static bool overlaps(const struct address_range *left, const struct address_range *right)
{
	size_t bytes = address_bytes(left->family);

	return left->family == right->family && memcmp(left->first, right->last, bytes) <= 0 &&
	       memcmp(right->first, left->last, bytes) <= 0;
}

static int add_local(struct local *local, const struct address_range *range)
{
	struct address_range *more = array_grow(local->all, local->count, sizeof(*more));

	if (!more)
		return -ENOMEM;
	local->all = more;
	local->all[local->count++] = *range;
	return 0;
}

/* Adds the destination of a local route. */
static int take_route(const struct nlmsghdr *header, void *argument)
{
	struct local *local = argument;
	const struct rtmsg *route = NLMSG_DATA(header);
	struct address_range range = {.family = route->rtm_family};
	struct rtattr *attribute = RTM_RTA(route);
	size_t left = RTM_PAYLOAD(header);

	if (header->nlmsg_type != RTM_NEWROUTE || route->rtm_type != RTN_LOCAL ||
	    (route->rtm_family != AF_INET && route->rtm_family != AF_INET6))
		return 0;
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if (attribute->rta_type == RTA_DST &&
		    RTA_PAYLOAD(attribute) >= address_bytes(range.family))
			memcpy(range.first, RTA_DATA(attribute), address_bytes(range.family));
	widen_to_prefix(&range, route->rtm_dst_len);
	return add_local(local, &range);
}

/* Reads the local routes of all routing tables, since policy routing may choose any of them for a
 * packet. With NETLINK_GET_STRICT_CHK the kernel sends only routes of the requested type. */
static int read_local(int fd, uint8_t family, struct local *local)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = RTM_GETROUTE,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.route = {.rtm_family = family, .rtm_type = RTN_LOCAL},
	};

	return netlink_dump(fd, &request, sizeof(request), take_route, local);
}

static bool read_address(const char *text, size_t length, struct address_range *range,
			 uint8_t *address)
{
	char copy[INET6_ADDRSTRLEN];

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	range->family = strchr(copy, ':') ? AF_INET6 : AF_INET;
	return inet_pton(range->family, copy, address) == 1;
}

/* Reads an address, a prefix or a range as the policy dump writes it. */
static bool read_range(const char *text, size_t length, struct address_range *range)
{
	const char *slash = memchr(text, '/', length), *dash = memchr(text, '-', length);
	const char *end = slash ? slash : dash ? dash : text + length;

	*range = (struct address_range){0};
	if (!read_address(text, (size_t)(end - text), range, range->first))
		return false;
	if (dash)
		return read_address(dash + 1, length - (size_t)(dash + 1 - text), range,
				    range->last);
	widen_to_prefix(range, slash ? (unsigned int)strtoul(slash + 1, NULL, 10)
				     : 8 * (unsigned int)address_bytes(range->family));
	return true;
}

static bool is_local(const struct local *local, const struct address_range *range)
{
	for (size_t i = 0; i < local->count; i++)
		if (overlaps(&local->all[i], range))
			return true;
	return false;
}

static int check_element(const struct local *local, const char *text, size_t length,
			 struct problems *problems)
{
	struct address_range range;
	char mend[128];

	if (!read_range(text, length, &range) || is_local(local, &range))
		return 0;
	snprintf(mend, sizeof(mend),
		 memchr(text, '-', length)
			 ? "give the host addresses of it"
			 : "`ip route add local %.*s dev lo`, or give the host an address of it",
		 (int)length, text);
	return problem_add(
		problems, NULL, mend,
		"rules redirect '%.*s', and no address of it is local: its packets never "
		"come to a socket here",
		(int)length, text);
}

/* Checks the addresses after `daddr` in a redirecting rule, which is written as in the policy
 * dump. */
static int check_rule(const struct local *local, const char *rule, struct problems *problems)
{
	static const char separators[] = " ,{}";
	const char *element = strstr(rule, "daddr ");
	const char *end;
	int err = 0;

	if (!element || !strstr(rule, "redirect to "))
		return 0;
	element += strlen("daddr ");
	end = element[0] == '{' ? strchr(element, '}') : strchr(element, ' ');
	for (int i = 0; end && !err && i < ELEMENTS_MAX; i++) {
		size_t length;

		element += strspn(element, separators);
		if (element >= end)
			break;
		length = strcspn(element, separators);
		err = check_element(local, element, length, problems);
		element += length;
	}
	return err;
}

int problems_of_routes(const struct object *object, const struct netns *netns,
		       struct problems *problems)
{
	autoclose int fd = netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	size_t most = problems->count + UNREACHED_MAX;
	struct local local = {0};
	const int on = 1;
	int err = fd < 0 ? -EIO : 0;

	if (fd >= 0)
		setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (!err)
		err = read_local(fd, AF_INET, &local);
	if (!err)
		err = read_local(fd, AF_INET6, &local);
	for (size_t i = 0; !err && i < object->rule_count && problems->count < most; i++) {
		const char *rule = object_string(object, object->rules[i].expanded);

		err = rule ? check_rule(&local, rule, problems) : 0;
	}
	free(local.all);
	return err == -ENOMEM ? err : 0; /* if the kernel does not answer, reports nothing */
}
