/* Compares the declared sockets, those that were found, and those in the labels' slots. */
#include "problems.h"

#include "runtime/base/array.h"
#include "runtime/base/fail.h"
#include "runtime/kernel/sockdiag.h"
#include "runtime/labels/labels.h"
#include "runtime/object/object.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PROBLEMS_SHOWN = 20 };

int problem_add(struct problems *problems, const char *label, const char *mend, const char *format,
		...)
{
	struct problem *more = array_grow(problems->all, problems->count, sizeof(*more));
	va_list arguments;

	if (!more)
		return fail(problems->report, ENOMEM, "look for problems");
	problems->all = more;
	more += problems->count++;
	more->label = label;
	snprintf(more->mend, sizeof(more->mend), "%s", mend);
	va_start(arguments, format);
	vsnprintf(more->what, sizeof(more->what), format, arguments);
	va_end(arguments);
	return 0;
}

/* Whether rules redirect packets of this flow class to the label, and the label has no socket for
 * them. */
static bool is_empty(const struct inspection *inspected, uint32_t label, unsigned int flow_class)
{
	return inspected->object->labels[label].flow_classes >> flow_class & 1 &&
	       !slot_cookie(inspected->sockets, inspected->slots[label].slots[flow_class]);
}

/* Whether the label of the declaration is empty in a flow class that its sockets may serve; with
 * FOUND, in one that this socket serves. */
static bool is_missed(const struct inspection *inspected, const struct declaration *declaration,
		      const struct found *found)
{
	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
		if (declaration_range(declaration, flow_class).count &&
		    is_empty(inspected, declaration->label, flow_class) &&
		    (!found || found_serves(found, (int)flow_class_af(flow_class))))
			return true;
	return false;
}

static int add_fault(const struct inspection *inspected, const struct declaration *declaration,
		     const struct found *found, struct problems *problems)
{
	const char *label = object_label(inspected->object, declaration->label);
	const char *protocol = found->protocol == IPPROTO_UDP ? "udp" : "tcp";
	char address[DECLARATION_TEXT_MAX];

	found_address(found, address, sizeof(address));
	switch (found->fault) {
	case FOUND_OTHER_UID:
		return problem_add(problems, label, "stop that process, or correct the `uid`",
				   "the socket at %s %s belongs to user %" PRIu32
				   ", not to user %" PRIu32 " as declared",
				   protocol, address, found->uid, declaration->value.uid);
	case FOUND_OTHER_CGROUP:
		return problem_add(
			problems, label, "stop that process, or correct the `cgroup`",
			"the socket at %s %s is not from the cgroup '%.150s' as declared", protocol,
			address, declaration->cgroup);
	default:
		return problem_add(problems, label,
				   "make it listen with TCP alone; for a program in "
				   "Go, set GODEBUG=multipathtcp=0",
				   "the socket at %s %s listens "
				   "with MPTCP, which the kernel cannot redirect to",
				   protocol, address);
	}
}

/* Two sockets match one declaration and are not of one SO_REUSEPORT group, so it is not clear which
 * is meant. */
static int add_ambiguous(const struct inspection *inspected, const struct declaration *declaration,
			 const struct found *first, const struct found *other,
			 struct problems *problems)
{
	char declared[DECLARATION_TEXT_MAX], one[DECLARATION_TEXT_MAX], two[DECLARATION_TEXT_MAX];

	declaration_text(declaration, declared, sizeof(declared));
	found_address(first, one, sizeof(one));
	found_address(other, two, sizeof(two));
	return problem_add(problems, object_label(inspected->object, declaration->label),
			   "write the address in the declaration",
			   "'%s' is ambiguous: sockets that "
			   "are of different groups stand at %s and %s",
			   declared, one, two);
}

/* Whether rules also redirect packets of the other family, which the socket does not serve. */
static int check_family(const struct inspection *inspected, const struct declaration *declaration,
			const struct found *found, struct problems *problems)
{
	bool is_ipv6 = found->family == AF_INET6;
	unsigned int other = (unsigned int)ABI_FLOW_CLASS(!is_ipv6, found->protocol == IPPROTO_UDP);
	char address[DECLARATION_TEXT_MAX];

	if (found_serves(found, (int)flow_class_af(other)) ||
	    !declaration_range(declaration, other).count ||
	    !is_empty(inspected, declaration->label, other))
		return 0;
	found_address(found, address, sizeof(address));
	return problem_add(
		problems, object_label(inspected->object, declaration->label),
		is_ipv6 ? "switch IPV6_V6ONLY off in the service, or declare an IPv4 socket too"
			: "bind the service to an IPv6 address too",
		"the rules send it %s packets, and the socket at %s is for %s alone",
		is_ipv6 ? "IPv4" : "IPv6", address, is_ipv6 ? "IPv6" : "IPv4");
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

/* The socket is as declared and in no slot. This happens with a UDP socket that was bound after the
 * last search, since no hook of the kernel reports UDP sockets. */
static int add_unplaced(const struct inspection *inspected, const struct declaration *declaration,
			const struct found *found, struct problems *problems)
{
	char address[DECLARATION_TEXT_MAX];

	found_address(found, address, sizeof(address));
	return problem_add(problems, object_label(inspected->object, declaration->label),
			   "call `sklc sync`", "the socket at %s %s is not behind its label yet",
			   found->protocol == IPPROTO_UDP ? "udp" : "tcp", address);
}

/* Problems with sockets that are as declared: not behind the label, of two groups, or of the wrong
 * family. */
static int check_right(const struct inspection *inspected, const struct declaration *declaration,
		       const struct sightings *seen, bool *any, struct problems *problems)
{
	const struct found *first[2] = {NULL, NULL};
	int err = 0;

	for (size_t i = 0; !err && i < seen->count; i++) {
		const struct found *found = &seen->all[i].found;
		bool is_ipv6 = found->family == AF_INET6;

		if (found->fault != FOUND_RIGHT)
			continue;
		*any = true;
		if (is_missed(inspected, declaration, found))
			return add_unplaced(inspected, declaration, found, problems);
		if (!first[is_ipv6])
			first[is_ipv6] = found;
		else if (first[is_ipv6]->group != found->group)
			return add_ambiguous(inspected, declaration, first[is_ipv6], found,
					     problems);
	}
	if (!err && !first[0] != !first[1])
		err = check_family(inspected, declaration, first[0] ? first[0] : first[1],
				   problems);
	return err;
}

static size_t count_right(const struct sightings *seen, int family)
{
	size_t count = 0;

	for (size_t i = 0; i < seen->count; i++)
		count += seen->all[i].found.fault == FOUND_RIGHT &&
			 found_serves(&seen->all[i].found, family);
	return count;
}

/* A group may have more members than there are slots. When the program picks a member that has a
 * slot, the kernel chooses among all members of the group. So members without a slot serve only as
 * long as a member with a slot is left. */
static int check_room(const struct inspection *inspected, const struct declaration *declaration,
		      const struct sightings *seen, struct problems *problems)
{
	char declared[DECLARATION_TEXT_MAX];

	declaration_text(declaration, declared, sizeof(declared));
	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
		uint32_t room = declaration_range(declaration, flow_class).count;
		size_t count = count_right(seen, (int)flow_class_af(flow_class));

		if (room && count > room &&
		    inspected->object->labels[declaration->label].flow_classes >> flow_class & 1)
			return problem_add(
				problems, object_label(inspected->object, declaration->label),
				"run fewer, or call `sklc sync` whenever some of them are gone",
				"only %" PRIu32 " of %zu sockets at '%s' have room behind it (%s), "
				"and the others serve as long as one of these is there",
				room, count, declared, flow_class_name(flow_class));
	}
	return 0;
}

static int check_declaration(const struct inspection *inspected,
			     const struct declaration *declaration, struct problems *problems)
{
	struct sightings seen = find_of(inspected->sightings, declaration->value.number);
	bool any = false, missed = is_missed(inspected, declaration, NULL);
	int err = check_right(inspected, declaration, &seen, &any, problems);
	size_t before = problems->count;

	for (size_t i = 0; !err && i < seen.count; i++)
		if (seen.all[i].found.fault != FOUND_RIGHT && (missed || declaration->key.family))
			err = add_fault(inspected, declaration, &seen.all[i].found, problems);
	if (!err)
		err = check_room(inspected, declaration, &seen, problems);
	if (!err && missed && !any && problems->count == before)
		err = add_missing(inspected, declaration, problems);
	return err;
}

int problems_of_declared(const struct inspection *inspected, struct problems *problems)
{
	int err = 0;

	for (size_t i = 0; !err && i < inspected->declarations->count; i++)
		err = check_declaration(inspected, &inspected->declarations->all[i], problems);
	return err;
}

uint64_t working_cookie(int sockets, uint32_t word, const struct known_sockets *known)
{
	uint64_t first = 0;

	for (uint32_t i = 0; i < slot_count(word); i++) {
		uint64_t cookie = slot_cookie_at(sockets, slot_at(word, i));

		if (cookie && (!known->told || sockdiag_find(known, cookie)))
			return cookie;
		if (!first)
			first = cookie;
	}
	return first;
}

int problems_behind_labels(const struct inspection *inspected, const struct known_sockets *known,
			   struct problems *problems)
{
	int err = 0;

	if (!known->told)
		return 0;
	for (uint32_t i = 0; !err && i < inspected->object->header.label_count; i++)
		for (unsigned int flow_class = 0; !err && flow_class < ABI_FLOW_CLASSES;
		     flow_class++) {
			uint64_t cookie = working_cookie(
				inspected->sockets, inspected->slots[i].slots[flow_class], known);
			bool is_udp = flow_class_ipproto(flow_class) == IPPROTO_UDP;

			if (cookie && !sockdiag_find(known, cookie))
				err = problem_add(problems, object_label(inspected->object, i),
						  "restart the service",
						  "its socket for %s (cookie %" PRIu64 ") %s",
						  flow_class_name(flow_class), cookie,
						  is_udp ? "is connected or gone"
							 : "no longer listens: it was shut down");
		}
	return err;
}

static void warn_of(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count && i < PROBLEMS_SHOWN; i++) {
		const struct problem *problem = &problems->all[i];

		if (problem->label)
			warn(problems->report, "label '%s': %s; %s", problem->label, problem->what,
			     problem->mend);
		else
			warn(problems->report, "%s; %s", problem->what, problem->mend);
	}
	if (problems->count > PROBLEMS_SHOWN)
		warn(problems->report, "%zu more problems with sockets; `sklc status` lists them",
		     problems->count - PROBLEMS_SHOWN);
}

void problems_warn(const struct inspection *inspected)
{
	struct problems problems = {.report = inspected->object->report};

	if (problems_of_declared(inspected, &problems) == 0)
		warn_of(&problems);
	problems_free(&problems);
}

void problems_free(struct problems *problems)
{
	free(problems->all);
	*problems = (struct problems){0};
}
