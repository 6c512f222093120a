/* Reads the local routes of all routing tables, and the rules that lead to tables. A local route
 * makes an address local only if a rule leads to its table, and if no more specific route of the
 * kernel's comes first. */
#include "local.h"

#include "runtime/base/array.h"
#include "runtime/base/fail.h"
#include "runtime/kernel/netlink.h"
#include "runtime/kernel/netns.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

enum { LOOKUPS_MAX = 1024 };

size_t address_bytes(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

void range_of_prefix(struct address_range *range, unsigned int bits)
{
	memcpy(range->last, range->first, sizeof(range->last));
	for (unsigned int bit = bits; bit < 8 * address_bytes(range->family); bit++) {
		range->first[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
		range->last[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	}
}

/* The addresses that both ranges have; false: there are none. */
static bool overlap(const struct address_range *left, const struct address_range *right,
		    struct address_range *both)
{
	size_t bytes = address_bytes(left->family);

	if (left->family != right->family || memcmp(left->first, right->last, bytes) > 0 ||
	    memcmp(right->first, left->last, bytes) > 0)
		return false;
	*both = *left;
	if (memcmp(right->first, left->first, bytes) > 0)
		memcpy(both->first, right->first, bytes);
	if (memcmp(right->last, left->last, bytes) < 0)
		memcpy(both->last, right->last, bytes);
	return true;
}

static struct local_family *family_of(struct local *local, uint8_t family)
{
	return &local->families[family == AF_INET6];
}

static uint32_t read_u32(const struct rtattr *attribute)
{
	uint32_t value = 0;

	if (RTA_PAYLOAD(attribute) >= sizeof(value))
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

static void read_prefix(const struct rtattr *attribute, struct address_range *range)
{
	if (RTA_PAYLOAD(attribute) >= address_bytes(range->family))
		memcpy(range->first, RTA_DATA(attribute), address_bytes(range->family));
}

/* Adds the destination of a local route. */
static int take_route(const struct nlmsghdr *header, void *argument)
{
	const struct rtmsg *message = NLMSG_DATA(header);
	struct local_family *family = argument;
	struct rtattr *attribute = RTM_RTA(message);
	size_t left = RTM_PAYLOAD(header);
	struct local_route *more;
	struct local_route route = {.range.family = message->rtm_family,
				    .table = message->rtm_table};

	if (header->nlmsg_type != RTM_NEWROUTE || message->rtm_type != RTN_LOCAL ||
	    (message->rtm_family != AF_INET && message->rtm_family != AF_INET6))
		return 0;
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if (attribute->rta_type == RTA_DST)
			read_prefix(attribute, &route.range);
		else if (attribute->rta_type == RTA_TABLE)
			route.table = read_u32(attribute);
	range_of_prefix(&route.range, message->rtm_dst_len);
	more = array_grow(family->routes, family->route_count, sizeof(*more));
	if (!more)
		return -ENOMEM;
	family->routes = more;
	family->routes[family->route_count++] = route;
	return 0;
}

static void forget_routes(void *argument)
{
	struct local_family *family = argument;

	free(family->routes);
	family->routes = NULL;
	family->route_count = 0;
}

/* Whether the attribute is one of those that every rule has, or chooses a table by the destination
 * alone. */
static bool is_plain(unsigned short type)
{
	return type == FRA_DST || type == FRA_TABLE || type == FRA_PRIORITY || type == FRA_PAD ||
	       type == FRA_PROTOCOL || type == FRA_SUPPRESS_PREFIXLEN;
}

/* Adds a rule that may lead packets which come in to a table. A rule for packets that leave by an
 * interface does not. */
static int take_rule(const struct nlmsghdr *header, void *argument)
{
	const struct fib_rule_hdr *message = NLMSG_DATA(header);
	struct local_family *family = argument;
	struct rtattr *attribute = (void *)((char *)NLMSG_DATA(header) +
					    NLMSG_ALIGN(sizeof(*message)));
	size_t left = NLMSG_PAYLOAD(header, sizeof(*message));
	bool leaves = false;
	struct table_rule *more;
	struct table_rule rule = {.range.family = message->family, .table = message->table};

	if (header->nlmsg_type != RTM_NEWRULE)
		return 0;
	family->plain = family->plain && !message->src_len && !message->tos &&
			message->action != FR_ACT_GOTO;
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		family->plain = family->plain && is_plain(attribute->rta_type);
		if (attribute->rta_type == FRA_DST)
			read_prefix(attribute, &rule.range);
		else if (attribute->rta_type == FRA_TABLE)
			rule.table = read_u32(attribute);
		else if (attribute->rta_type == FRA_L3MDEV)
			rule.any_table = true;
		leaves = leaves || attribute->rta_type == FRA_OIFNAME;
	}
	if (leaves || message->action != FR_ACT_TO_TBL)
		return 0;
	range_of_prefix(&rule.range, message->flags & FIB_RULE_INVERT ? 0 : message->dst_len);
	more = array_grow(family->rules, family->rule_count, sizeof(*more));
	if (!more)
		return -ENOMEM;
	family->rules = more;
	family->rules[family->rule_count++] = rule;
	return 0;
}

static void forget_rules(void *argument)
{
	struct local_family *family = argument;

	free(family->rules);
	family->rules = NULL;
	family->rule_count = 0;
	family->plain = true;
}

/* With NETLINK_GET_STRICT_CHK the kernel sends only routes of the requested type. A kernel without
 * rules (CONFIG_IP_MULTIPLE_TABLES) uses all tables that it has. */
static int read_family(int fd, uint8_t family, struct local_family *into)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
	} routes = {
		.header = {.nlmsg_len = sizeof(routes),
			   .nlmsg_type = RTM_GETROUTE,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.route = {.rtm_family = family, .rtm_type = RTN_LOCAL},
	};
	struct {
		struct nlmsghdr header;
		struct fib_rule_hdr rule;
	} rules = {
		.header = {.nlmsg_len = sizeof(rules),
			   .nlmsg_type = RTM_GETRULE,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.rule = {.family = family},
	};
	int err = netlink_dump(fd, &routes, sizeof(routes), take_route, forget_routes, into);

	if (err)
		return err;
	forget_rules(into);
	err = netlink_dump(fd, &rules, sizeof(rules), take_rule, forget_rules, into);
	into->known_rules = !err;
	return err == -ENOMEM ? err : 0;
}

int local_read(const struct netns *netns, struct local *local)
{
	const int on = 1;
	int err;

	*local = (struct local){.fd = netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
				.lookups_left = LOOKUPS_MAX};
	if (local->fd < 0)
		return local->fd;
	setsockopt(local->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	err = read_family(local->fd, AF_INET, &local->families[0]);
	return err ? err : read_family(local->fd, AF_INET6, &local->families[1]);
}

void local_free(struct local *local)
{
	for (int i = 0; i < 2; i++) {
		free(local->families[i].rules);
		free(local->families[i].routes);
	}
	close_fd(&local->fd);
}

/* Whether a rule leads packets to some address of the range to the table. Linux asks the IPv6 tables
 * `local` and `main` without a rule too, until somebody adds a first rule (fib6_rule_lookup). */
static bool is_reached(const struct local_family *family, uint32_t table,
		       const struct address_range *range)
{
	struct address_range both;

	for (size_t i = 0; i < family->rule_count; i++)
		if ((family->rules[i].any_table || family->rules[i].table == table) &&
		    overlap(&family->rules[i].range, range, &both))
			return true;
	return !family->known_rules ||
	       (range->family == AF_INET6 && (table == RT_TABLE_LOCAL || table == RT_TABLE_MAIN));
}

static int take_type(const struct nlmsghdr *header, void *argument)
{
	const struct rtmsg *message = NLMSG_DATA(header);

	*(uint8_t *)argument = header->nlmsg_type == RTM_NEWROUTE ? message->rtm_type : RTN_UNSPEC;
	return 0;
}

/* Asks the kernel which route it takes to the address. False only if it answers that the address is
 * not local. */
static bool is_local_by_lookup(struct local *local, const struct address_range *at)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
		struct rtattr attribute;
		uint8_t address[16];
	} request = {
		.header = {.nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST},
		.route = {.rtm_family = at->family,
			  .rtm_dst_len = (uint8_t)(8 * address_bytes(at->family))},
		.attribute = {.rta_type = RTA_DST,
			      .rta_len = (unsigned short)RTA_LENGTH(address_bytes(at->family))},
	};
	uint8_t type = RTN_UNSPEC;
	int err;

	if (local->lookups_left-- <= 0)
		return true;
	request.header.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(request.route)) +
					      request.attribute.rta_len);
	memcpy(request.address, at->first, address_bytes(at->family));
	err = netlink_ask(local->fd, &request, request.header.nlmsg_len, take_type, &type);
	if (!err)
		return type == RTN_LOCAL || type == RTN_UNSPEC;
	return err != -ENETUNREACH && err != -EHOSTUNREACH && err != -EACCES && err != -EINVAL;
}

/* The kernel's own answer counts where a single address is asked for, and where it is the same for
 * all packets to it. */
static bool is_local_here(struct local *local, const struct address_range *both)
{
	bool single = memcmp(both->first, both->last, address_bytes(both->family)) == 0;
	const struct local_family *family = family_of(local, both->family);

	return !single || !family->known_rules || !family->plain || is_local_by_lookup(local, both);
}

bool may_be_local(struct local *local, const struct address_range *range, uint32_t *unused)
{
	const struct local_family *family = family_of(local, range->family);
	struct address_range both;

	*unused = 0;
	for (size_t i = 0; i < family->route_count; i++) {
		const struct local_route *route = &family->routes[i];

		if (!overlap(&route->range, range, &both))
			continue;
		if (!is_reached(family, route->table, &both))
			*unused = route->table;
		else if (is_local_here(local, &both))
			return true;
	}
	return false;
}
