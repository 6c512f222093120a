/* Looks for sockets that are nearly those that a declaration names: at another address of the port,
 * or of the other protocol. Most of them are what the writer of the rules meant. */
#include "causes.h"
#include "problems.h"

#include "runtime/base/fail.h"
#include "runtime/base/text.h"
#include "runtime/kernel/owners.h"
#include "runtime/kernel/sockdiag.h"
#include "runtime/labels/labels.h"
#include "runtime/object/object.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* How near a socket is to a declaration; the largest is the nearest. */
enum nearness {
	NEAR_NOT,
	NEAR_OTHER_PROTOCOL, /* as NEAR_PROTOCOL, and the label lacks no socket of that protocol */
	NEAR_OTHER_FAMILY,   /* the port, and the label lacks no socket of its family */
	NEAR_GONE,           /* the port, but bound to an interface that is gone */
	NEAR_PROTOCOL,       /* the endpoint, but of the other protocol */
	NEAR_FAMILY,         /* the port, but an address of the other family */
	NEAR_ADDRESS,        /* the port, but another address */
	NEAR_WILDCARD,       /* the port, and any address instead of the declared one */
};

/* The nearest socket to a missing one, and how many stand at its address. */
struct near {
	const struct known_socket *socket; /* NULL: none is near */
	enum nearness nearness;
	size_t count;
	uint8_t family;
	uint8_t address[16];
};

bool address_is_any(const uint8_t address[16])
{
	static const uint8_t zero[16];

	return memcmp(address, zero, sizeof(zero)) == 0;
}

static void read_address(const struct known_socket *socket, struct near *near)
{
	memcpy(near->address, socket->address, sizeof(near->address));
	near->family = (uint8_t)address_unmap(socket->family, near->address);
}

bool is_declared(const struct inspection *inspected, uint64_t cookie)
{
	for (size_t i = 0; i < inspected->sightings->count; i++)
		if (inspected->sightings->all[i].key.cookie == cookie &&
		    inspected->sightings->all[i].found.fault == FOUND_RIGHT)
			return true;
	return false;
}

/* Whether the socket serves a flow class that the label has no socket for. */
static bool serves_lacking(const struct inspection *inspected, uint32_t label,
			   const struct near *near)
{
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++) {
		bool serves = flow_class_af(i) == near->family ||
			      (near->family == AF_INET6 && !near->socket->ipv6_only);

		if (serves && flow_class_ipproto(i) == near->socket->protocol &&
		    is_empty(inspected, label, i))
			return true;
	}
	return false;
}

static enum nearness nearness_of(const struct inspection *inspected,
				 const struct declaration *declaration, const struct near *near)
{
	const struct declared_key *key = &declaration->key;
	bool same_address = key->family == near->family &&
			    memcmp(key->address, near->address, sizeof(key->address)) == 0;
	bool serves = serves_lacking(inspected, declaration->label, near);

	if (near->socket->protocol != key->protocol) {
		if (key->family && !same_address && !address_is_any(near->address))
			return NEAR_NOT;
		return serves ? NEAR_PROTOCOL : NEAR_OTHER_PROTOCOL;
	}
	if (!key->family || same_address)
		return NEAR_NOT; /* it came after the search */
	if (!serves)
		return NEAR_OTHER_FAMILY;
	if (near->socket->device_gone)
		return NEAR_GONE;
	if (address_is_any(near->address))
		return NEAR_WILDCARD;
	return key->family == near->family ? NEAR_ADDRESS : NEAR_FAMILY;
}

static struct near find_near(const struct inspection *inspected, const struct known_sockets *known,
			     const struct declaration *declaration)
{
	struct near best = {0};

	for (size_t i = 0; i < known->count; i++) {
		struct near near = {.socket = &known->all[i], .count = 1};

		if (near.socket->port != declaration->key.port || near.socket->connected)
			continue;
		read_address(near.socket, &near);
		near.nearness = nearness_of(inspected, declaration, &near);
		if (near.nearness == NEAR_NOT || is_declared(inspected, near.socket->cookie))
			continue;
		if (near.nearness > best.nearness)
			best = near;
		else if (near.nearness == best.nearness && near.family == best.family &&
			 memcmp(near.address, best.address, sizeof(near.address)) == 0)
			best.count++;
	}
	return best;
}

static int add_missing(const struct inspection *inspected, const struct declaration *declaration,
		       struct problems *problems)
{
	bool is_udp = declaration->key.protocol == IPPROTO_UDP;
	char declared[DECLARATION_TEXT_MAX];

	declaration_text(declaration, declared, sizeof(declared));
	return problem_add(
		problems, object_label(inspected->object, declaration->label),
		is_udp ? "start the service, then call `sklc sync`" : "start the service",
		is_udp ? "no socket is bound to '%s'" : "nothing listens at '%s'", declared);
}

/* "process 12 (nginx)", or the user where no process is known to have it. */
static void write_owner(const struct near *near, const struct owner *owner, char *text, size_t size)
{
	if (owner && owner->pid)
		snprintf(text, size, "process %d (%s)", owner->pid, owner->command);
	else
		snprintf(text, size, "user %" PRIu32, near->socket->uid);
}

/* Writes what to do. A line to be written is named only if its socket serves what is lacking. */
static void write_mend(const struct near *near, const char *address, char *mend, size_t size)
{
	const char *protocol = ipproto_word(near->socket->protocol);
	unsigned int port = near->socket->port;

	if (near->nearness == NEAR_OTHER_PROTOCOL)
		snprintf(mend, size, "start the service; a %s socket takes none of these packets",
			 protocol);
	else if (near->nearness == NEAR_OTHER_FAMILY)
		snprintf(mend, size,
			 "let the service bind the declared address, or all of %s and declare `%s "
			 "%s:%u`",
			 near->family == AF_INET ? "IPv6" : "IPv4", protocol,
			 near->family == AF_INET ? "[::]" : "0.0.0.0", port);
	else if (near->socket->device_gone)
		snprintf(mend, size, MEND_GONE ": its interface is gone (number %" PRIu32 ")",
			 near->socket->interface);
	else if (near->nearness == NEAR_WILDCARD)
		snprintf(mend, size,
			 "declare `%s %s` or `%s *:%u`, or let it take the declared address",
			 protocol, address, protocol, port);
	else
		snprintf(mend, size,
			 "declare `%s %s` if that is the service, else start the service", protocol,
			 address);
}

static int add_near(const struct inspection *inspected, const struct declaration *declaration,
		    const struct near *near, const struct owner *owner, struct problems *problems)
{
	bool is_udp = declaration->key.protocol == IPPROTO_UDP;
	const char *protocol = ipproto_word(near->socket->protocol);
	char declared[DECLARATION_TEXT_MAX], address[SOCKET_ADDRESS_MAX], who[64], mend[192];
	char user[32] = "";
	const char *alone = near->nearness != NEAR_OTHER_FAMILY ? ""
			    : near->family == AF_INET           ? ", for IPv4 alone"
								: ", for IPv6 alone";
	int err;

	declaration_text(declaration, declared, sizeof(declared));
	text_address(near->family, near->address, known_device(near->socket), near->socket->port,
		     address, sizeof(address));
	write_owner(near, owner, who, sizeof(who));
	if (declaration->value.has_uid && declaration->value.uid != near->socket->uid)
		snprintf(user, sizeof(user), " as user %" PRIu32, near->socket->uid);
	write_mend(near, address, mend, sizeof(mend));
	err = problem_add(problems, object_label(inspected->object, declaration->label), mend,
			  "%s '%s', but %s %s %s %s%s%s",
			  is_udp ? "no socket is bound to" : "nothing listens at", declared, who,
			  near->socket->protocol == IPPROTO_UDP ? "is bound to" : "listens at",
			  protocol, address, user, alone);
	if (!err)
		problem_count(problems, near->count);
	return err;
}

/* Finds the processes of all near sockets in one walk, then names each missing one. */
static int add_all(const struct inspection *inspected, const struct missing *missing,
		   const struct near *nears, struct owner *owners, struct problems *problems)
{
	size_t count = 0;
	int err = 0;

	for (size_t i = 0; i < missing->count; i++)
		if (nears[i].socket)
			owners[count++].inode = nears[i].socket->inode;
	err = owners_find(problems->report, owners, count);
	for (size_t i = 0; !err && i < missing->count; i++)
		if (nears[i].socket)
			err = add_near(inspected, missing->all[i], &nears[i],
				       owners_of(owners, count, nears[i].socket->inode), problems);
		else
			err = add_missing(inspected, missing->all[i], problems);
	return err;
}

int problems_of_missing(const struct inspection *inspected, const struct missing *missing,
			struct problems *problems)
{
	autofree struct near *nears = calloc(missing->count + 1, sizeof(*nears));
	autofree struct owner *owners = calloc(missing->count + 1, sizeof(*owners));
	const struct known_sockets *known = inspected->known;
	struct known_sockets read = {0};
	int err = 0;

	if (!missing->count)
		return 0;
	if (!nears || !owners)
		return fail(problems->report, ENOMEM, "look for problems");
	if (!known)
		err = sockdiag_read(inspected->netns, &read);
	for (size_t i = 0; !err && i < missing->count; i++)
		nears[i] = find_near(inspected, known ? known : &read, missing->all[i]);
	if (!err)
		err = add_all(inspected, missing, nears, owners, problems);
	sockdiag_free(&read);
	return err;
}
