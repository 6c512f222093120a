/* Asks for all interfaces at once, since rules may be for all whose names begin alike. */
#include "interfaces.h"

#include "caps.h"
#include "netlink.h"

#include "runtime/base/array.h"
#include "runtime/base/fail.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static int add_interface(struct host_interface **all, size_t *count,
			 const struct host_interface *interface)
{
	struct host_interface *more = array_grow(*all, *count, sizeof(*more));

	if (!more)
		return -ENOMEM;
	*all = more;
	(*all)[(*count)++] = *interface;
	return 0;
}

static bool read_name(const struct rtattr *attribute, struct host_interface *interface)
{
	if (RTA_PAYLOAD(attribute) > sizeof(interface->name))
		return false;
	memcpy(interface->name, RTA_DATA(attribute), RTA_PAYLOAD(attribute));
	return true;
}

static int take_other_names(const struct rtattr *list, uint32_t number,
			    struct host_interfaces *interfaces)
{
	const struct rtattr *attribute = RTA_DATA(list);
	size_t left = RTA_PAYLOAD(list);
	int err = 0;

	for (; !err && RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		struct host_interface other = {.number = number};

		if (attribute->rta_type == IFLA_ALT_IFNAME && read_name(attribute, &other))
			err = add_interface(&interfaces->others, &interfaces->other_count, &other);
	}
	return err;
}

static int take_interface(const struct nlmsghdr *header, void *argument)
{
	const struct ifinfomsg *message = NLMSG_DATA(header);
	struct host_interfaces *interfaces = argument;
	struct rtattr *attribute = IFLA_RTA(message);
	size_t left = IFLA_PAYLOAD(header);
	struct host_interface interface = {.number = (uint32_t)message->ifi_index};
	int err = 0;

	if (header->nlmsg_type != RTM_NEWLINK)
		return 0;
	for (; !err && RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type == IFLA_IFNAME)
			read_name(attribute, &interface);
		else if ((attribute->rta_type & NLA_TYPE_MASK) == IFLA_PROP_LIST)
			err = take_other_names(attribute, interface.number, interfaces);
	}
	return err ? err : add_interface(&interfaces->all, &interfaces->count, &interface);
}

static void forget_interfaces(void *argument)
{
	host_interfaces_free(argument);
}

static int compare_numbers(const void *a, const void *b)
{
	const struct host_interface *first = a, *second = b;

	return first->number < second->number ? -1 : first->number > second->number;
}

int host_interfaces_list(const struct netns *netns, struct host_interfaces *interfaces)
{
	const struct {
		struct nlmsghdr header;
		struct ifinfomsg message;
		struct rtattr attribute;
		uint32_t left_out;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = RTM_GETLINK,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.attribute = {.rta_len = RTA_LENGTH(sizeof(request.left_out)),
			      .rta_type = IFLA_EXT_MASK},
		.left_out = RTEXT_FILTER_SKIP_STATS,
	};
	autoclose int fd = netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	int err;

	*interfaces = (struct host_interfaces){0};
	err = fd < 0 ? fd
		     : netlink_dump(fd, &request, sizeof(request), take_interface,
				    forget_interfaces, interfaces);
	if (err) {
		host_interfaces_free(interfaces);
		if (err == -EAGAIN)
			return fail(netns->report, err,
				    "list the interfaces of %s, which change all the time: try "
				    "again when they have settled",
				    netns->words);
		return caps_fail(netns->report, err, caps_for_namespace,
				 "list the interfaces of %s", netns->words);
	}
	qsort(interfaces->all, interfaces->count, sizeof(*interfaces->all), compare_numbers);
	return 0;
}

void host_interfaces_free(struct host_interfaces *interfaces)
{
	free(interfaces->all);
	free(interfaces->others);
	*interfaces = (struct host_interfaces){0};
}

uint32_t host_interface_number(const struct host_interfaces *interfaces, const char *name)
{
	for (size_t i = 0; i < interfaces->count; i++)
		if (strcmp(interfaces->all[i].name, name) == 0)
			return interfaces->all[i].number;
	return 0;
}

const struct host_interface *host_interface_called(const struct host_interfaces *interfaces,
						   const char *name)
{
	for (size_t i = 0; i < interfaces->other_count; i++)
		for (size_t k = 0;
		     strcmp(interfaces->others[i].name, name) == 0 && k < interfaces->count; k++)
			if (interfaces->all[k].number == interfaces->others[i].number)
				return &interfaces->all[k];
	return NULL;
}
