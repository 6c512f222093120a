/* Compares the destinations of redirecting rules with the local addresses of the kernel's
 * routing tables. Packets to other addresses are forwarded or dropped before the kernel looks
 * up a socket. */
#include "problems.h"

#include "local.h"

#include "runtime/base/fail.h"
#include "runtime/object/object.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { ELEMENTS_MAX = 1024, UNREACHED_MAX = 20 };

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
	range_of_prefix(range, slash ? (unsigned int)strtoul(slash + 1, NULL, 10)
				     : 8 * (unsigned int)address_bytes(range->family));
	return true;
}

/* The search for destinations that are not local. */
struct unreached {
	struct local local;
	struct problems *problems;
	size_t first; /* of its problems */
	size_t more;  /* how often rules name others */
};

/* A destination may stand in many rules. */
static bool is_named(const struct unreached *unreached, const char *what)
{
	for (size_t i = unreached->first; i < unreached->problems->count; i++)
		if (strcmp(unreached->problems->all[i].what, what) == 0)
			return true;
	return false;
}

/* UNUSED is a table with a local route for the destination that no rule leads to, or 0. A rule that
 * leads there is not advised: IPv4 answers from addresses of the table `local` alone. */
static void write_mend(const char *text, size_t length, uint32_t unused, char *mend, size_t size)
{
	char where[96] = "";

	if (unused)
		snprintf(where, sizeof(where),
			 "no `ip rule` leads to the local route in table %" PRIu32 ": ", unused);
	snprintf(mend, size,
		 memchr(text, '-', length)
			 ? "%sgive the host addresses of it"
			 : "%s`ip route add local %.*s dev lo`, or give the host an address of it",
		 where, (int)length, text);
}

static int check_element(struct unreached *unreached, const char *text, size_t length)
{
	struct address_range range;
	char mend[192], what[256];
	uint32_t unused;

	if (!read_range(text, length, &range) || may_be_local(&unreached->local, &range, &unused))
		return 0;
	snprintf(what, sizeof(what),
		 "rules redirect '%.*s', and no address of it is local: its packets never come to "
		 "a socket here",
		 (int)length, text);
	if (is_named(unreached, what))
		return 0;
	if (unreached->problems->count - unreached->first >= UNREACHED_MAX) {
		unreached->more++;
		return 0;
	}
	write_mend(text, length, unused, mend, sizeof(mend));
	return problem_add(unreached->problems, NULL, mend, "%s", what);
}

/* Checks the addresses after `daddr` in a redirecting rule, which is written as in the policy
 * dump. */
static int check_rule(struct unreached *unreached, const char *rule)
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
		err = check_element(unreached, element, length);
		element += length;
	}
	return err;
}

int problems_of_routes(const struct object *object, const struct netns *netns,
		       struct problems *problems)
{
	struct unreached unreached = {.problems = problems, .first = problems->count};
	int err = local_read(netns, &unreached.local);

	if (err == -ENOMEM)
		fail(problems->report, err, "read the routes");
	for (size_t i = 0; !err && i < object->rule_count; i++) {
		const char *rule = object_string(object, object->rules[i].expanded);

		err = rule ? check_rule(&unreached, rule) : 0;
	}
	if (!err && unreached.more)
		err = problem_add(problems, NULL, "mend those that are named first",
				  "%zu more times, rules redirect a destination that is not local",
				  unreached.more);
	local_free(&unreached.local);
	return err == -ENOMEM ? err : 0; /* if the kernel does not answer, reports nothing */
}
