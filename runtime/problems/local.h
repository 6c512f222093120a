/* Which addresses are local in a network namespace, by its routes and its `ip rule`s. */
#ifndef SKLC_LOCAL_H
#define SKLC_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netns;

/* From the first to the last address, in network order; for IPv4 in the first 4 bytes. */
struct address_range {
	uint8_t family;
	uint8_t first[16], last[16];
};

/* The range of all addresses that share the first BITS with its first address. */
void range_of_prefix(struct address_range *range, unsigned int bits);

size_t address_bytes(uint8_t family);

/* A route of the type `local`. */
struct local_route {
	struct address_range range;
	uint32_t table;
};

/* A rule that leads packets to a table. */
struct table_rule {
	struct address_range range; /* of the destinations that it matches */
	uint32_t table;
	bool any_table; /* the table is a VRF device's, which can be any */
};

/* What the kernel told of one family. */
struct local_family {
	bool known_rules; /* else any table may be in use */
	bool plain;       /* only the destination decides which tables are asked */
	struct table_rule *rules;
	size_t rule_count;
	struct local_route *routes;
	size_t route_count;
};

struct local {
	int fd; /* a socket of rtnetlink(7) in the namespace */
	int lookups_left;
	struct local_family families[2]; /* IPv4, IPv6 */
};

/* Reads them. -errno without a message; the caller frees in any case. */
int local_read(const struct netns *netns, struct local *local);
void local_free(struct local *local);

/* Whether packets to some address of the range may be local: false only if the kernel's tables say
 * that none is. UNUSED is then a table with a local route for it that no rule leads to, or 0. */
bool may_be_local(struct local *local, const struct address_range *range, uint32_t *unused);

#endif
