/* The interfaces of a network namespace. */
#ifndef SKLC_INTERFACES_H
#define SKLC_INTERFACES_H

#include "netns.h"

struct host_interface {
	uint32_t number;
	char name[16];
};

struct host_interfaces {
	struct host_interface *all; /* ascending by number */
	size_t count;
	/* Other names that interfaces have beside their own (ip link property add), if they are no
	 * longer than those. */
	struct host_interface *others;
	size_t other_count;
};

/* Lists all of them. -errno after a message. */
int host_interfaces_list(const struct netns *netns, struct host_interfaces *interfaces);
void host_interfaces_free(struct host_interfaces *interfaces);

/* The number of the one of this name; 0: there is none. */
uint32_t host_interface_number(const struct host_interfaces *interfaces, const char *name);

/* The one that has this as another name; NULL: none has. */
const struct host_interface *host_interface_called(const struct host_interfaces *interfaces,
						   const char *name);

#endif
