/* Compares the declared sockets, those that were found, and those in the labels' slots. A cause is
 * named once, with the number of the sockets that it is of. */
#include "problems.h"

#include "causes.h"

#include "runtime/base/array.h"
#include "runtime/base/fail.h"
#include "runtime/kernel/netns.h"
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
	more->sockets = 0;
	snprintf(more->mend, sizeof(more->mend), "%s", mend);
	va_start(arguments, format);
	vsnprintf(more->what, sizeof(more->what), format, arguments);
	va_end(arguments);
	return 0;
}

void problem_count(struct problems *problems, size_t sockets)
{
	problems->all[problems->count - 1].sockets = sockets;
}

int problem_bound(struct problems *problems, const char *label, unsigned int protocol,
		  const char *address, const char *device, size_t count)
{
	char mend[192];
	int err;

	snprintf(
		mend, sizeof(mend),
		"declare it with `dev \"%s\"` and let the rules match `iifname \"%s\"`, or bind it "
		"to no device",
		device, device);
	err = problem_add(problems, label, mend,
			  "the socket at %s %s is bound to the device '%s': clients that come by "
			  "another interface are %s",
			  ipproto_word(protocol), address, device,
			  protocol == IPPROTO_UDP ? "answered by way of that device" : "reset");
	if (!err)
		problem_count(problems, count);
	return err;
}

int problem_bound_to_gone(struct problems *problems, const char *label, unsigned int protocol,
			  const char *address, uint32_t interface, size_t count)
{
	int err = problem_add(problems, label, MEND_GONE,
			      "the socket at %s %s is bound to an interface that is gone (number "
			      "%" PRIu32 "): it serves no client",
			      ipproto_word(protocol), address, interface);

	if (!err)
		problem_count(problems, count);
	return err;
}

/* Whether the label of the declaration is empty in a flow class that its sockets may serve; with
 * AT, in one that this socket is to serve. */
static bool is_missed(const struct inspection *inspected, const struct declaration *declaration,
		      const struct sighting *at)
{
	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
		if (declaration_range(declaration, flow_class).count &&
		    is_empty(inspected, declaration->label, flow_class) &&
		    (!at || is_to_place(inspected, declaration->label, at, flow_class)))
			return true;
	return false;
}

/* Sockets at one declared endpoint that are not as declared, for one reason. */
struct cause {
	const struct found *first;
	size_t count;
	bool stands; /* the first is in a slot of the label, and so takes packets all the same */
	char where[DECLARATION_TEXT_MAX + 32]; /* "the socket at tcp 127.0.0.1:80" */
};

static bool is_same_cause(const struct found *left, const struct found *right)
{
	return left->fault == right->fault &&
	       (left->fault != FOUND_OTHER_UID || left->uid == right->uid) &&
	       (left->fault != FOUND_OTHER_DEVICE || left->device == right->device);
}

static bool is_same_address(const struct found *left, const struct found *right)
{
	return left->family == right->family &&
	       memcmp(left->address, right->address, sizeof(left->address)) == 0;
}

/* Counts the sockets with the cause of SEEN's socket I; 0: an earlier one has it too. */
static size_t read_cause(const struct inspection *inspected, const struct declaration *declaration,
			 const struct sightings *seen, size_t i, struct cause *cause)
{
	const struct found *first = &seen->all[i].found;
	char address[DECLARATION_TEXT_MAX];
	bool one_address = true;

	*cause = (struct cause){.first = first};
	for (size_t other = 0; other < seen->count; other++) {
		const struct found *found = &seen->all[other].found;

		if (!is_same_cause(first, found) ||
		    is_declared(inspected, seen->all[other].key.cookie))
			continue;
		if (other < i)
			return 0;
		one_address = one_address && first->device == found->device &&
			      is_same_address(first, found);
		cause->count++;
	}
	found_address(inspected->netns, first, address, sizeof(address));
	if (one_address)
		snprintf(cause->where, sizeof(cause->where), "%s %s", ipproto_word(first->protocol),
			 address);
	else
		declaration_text(declaration, cause->where, sizeof(cause->where));
	return cause->count;
}

static int add_other_device(const struct inspection *inspected,
			    const struct declaration *declaration, const struct cause *cause,
			    const char *subject, struct problems *problems)
{
	const char *label = object_label(inspected->object, declaration->label);
	const char *verb = cause->count == 1 ? "is" : "are";
	char name[16] = "";
	int found;

	if (!cause->first->device)
		return problem_add(problems, label,
				   "bind it to the device (SO_BINDTODEVICE), or correct the `dev`",
				   "%s at %s %s bound to no device, not to '%s' as declared",
				   subject, cause->where, verb, declaration->device);
	found = netns_interface_name(inspected->netns, cause->first->device, name);
	if (found < 0)
		return found;
	if (!found)
		return problem_add(problems, label, MEND_GONE,
				   "%s at %s %s bound to an interface that is gone (number %" PRIu32
				   "), not to '%s' as declared",
				   subject, cause->where, verb, cause->first->device,
				   declaration->device);
	if (strcmp(name, declaration->device) == 0)
		return problem_add(problems, label, "apply the rules again",
				   "%s at %s %s bound to the device '%s', which has another number "
				   "since the rules were applied",
				   subject, cause->where, verb, name);
	return problem_add(problems, label, "bind it to that device, or correct the `dev`",
			   "%s at %s %s bound to the device '%s', not to '%s' as declared", subject,
			   cause->where, verb, name, declaration->device);
}

static int add_cause(const struct inspection *inspected, const struct declaration *declaration,
		     const struct cause *cause, struct problems *problems)
{
	const char *label = object_label(inspected->object, declaration->label);
	bool one = cause->count == 1;
	const char *still = !cause->stands ? ""
			    : one          ? "; it takes packets all the same"
					   : "; they take packets all the same";
	char subject[64] = "the socket";

	if (!one)
		snprintf(subject, sizeof(subject), "%zu sockets", cause->count);
	switch (cause->first->fault) {
	case FOUND_OTHER_UID:
		return problem_add(problems, label,
				   cause->stands ? "call `sklc sync`, or correct the `uid`"
						 : "stop that process, or correct the `uid`",
				   "%s at %s %s to user %" PRIu32 ", not to user %" PRIu32
				   " as declared%s",
				   subject, cause->where, one ? "belongs" : "belong",
				   cause->first->uid, declaration->value.uid, still);
	case FOUND_OTHER_CGROUP:
		return problem_add(problems, label,
				   cause->stands ? "call `sklc sync`, or correct the `cgroup`"
						 : "stop that process, or correct the `cgroup`",
				   "%s at %s %s not from the cgroup '%.150s' as declared%s",
				   subject, cause->where, one ? "is" : "are", declaration->cgroup,
				   still);
	case FOUND_OTHER_DEVICE:
		return add_other_device(inspected, declaration, cause, subject, problems);
	case FOUND_TOO_DEEP:
		return problem_add(
			problems, label,
			"start it in a cgroup that is less deep, or declare no `cgroup`",
			"%s at %s %s from a cgroup more than %d folders deep, too deep to "
			"be compared with '%.150s'%s",
			subject, cause->where, one ? "is" : "are", CGROUP_SEEN_MAX,
			declaration->cgroup, still);
	default:
		return problem_add(problems, label,
				   "make it listen with TCP alone; for a program in "
				   "Go, set GODEBUG=multipathtcp=0",
				   "%s at %s %s with MPTCP, which the kernel cannot redirect to",
				   subject, cause->where, one ? "listens" : "listen");
	}
}

/* Names each reason why sockets at the declared endpoint are not the declared ones. Sockets of one
 * endpoint that another declaration allows (one for each device, say) are no problem. */
static int add_faults(const struct inspection *inspected, const struct declaration *declaration,
		      const struct sightings *seen, struct problems *problems)
{
	int err = 0;

	for (size_t i = 0; !err && i < seen->count; i++) {
		struct cause cause;

		if (seen->all[i].found.fault == FOUND_RIGHT ||
		    is_declared(inspected, seen->all[i].key.cookie) ||
		    !read_cause(inspected, declaration, seen, i, &cause))
			continue;
		cause.stands = stands_behind(inspected, declaration->label,
					     seen->all[i].key.cookie);
		err = add_cause(inspected, declaration, &cause, problems);
		if (!err)
			problem_count(problems, cause.count);
	}
	return err;
}

/* Two sockets match one declaration and are not of one SO_REUSEPORT group, so it is not clear which
 * is meant. */
static int add_ambiguous(const struct inspection *inspected, const struct declaration *declaration,
			 const struct found *first, const struct found *other,
			 struct problems *problems)
{
	char declared[DECLARATION_TEXT_MAX], one[DECLARATION_TEXT_MAX], two[DECLARATION_TEXT_MAX];
	const char *mend = !is_same_address(first, other) ? "write the address in the declaration"
			   : first->device != other->device
				   ? "write the device in the declaration, with `dev`"
				   : "stop one of them, or let both be of one group";

	declaration_text(declaration, declared, sizeof(declared));
	found_address(inspected->netns, first, one, sizeof(one));
	found_address(inspected->netns, other, two, sizeof(two));
	return problem_add(problems, object_label(inspected->object, declaration->label), mend,
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
	bool by_wildcard = is_ipv6 && address_is_any(found->address);
	char address[DECLARATION_TEXT_MAX];

	/* Which family a declared IPv6 address leaves out, problems_of_undeclared names. */
	if (declaration->key.family == AF_INET6 && !by_wildcard)
		return 0;
	if (found_serves(found, (int)flow_class_af(other)) ||
	    !declaration_range(declaration, other).count ||
	    !is_empty(inspected, declaration->label, other) ||
	    drained(inspected, declaration->label) >> other & 1)
		return 0;
	found_address(inspected->netns, found, address, sizeof(address));
	return problem_add(
		problems, object_label(inspected->object, declaration->label),
		by_wildcard ? "switch IPV6_V6ONLY off in the service, or declare an IPv4 socket too"
		: is_ipv6   ? "bind the service to an IPv4 address too"
			    : "bind the service to an IPv6 address too",
		"the rules send it %s packets, and the socket at %s is for %s alone",
		is_ipv6 ? "IPv4" : "IPv6", address, is_ipv6 ? "IPv6" : "IPv4");
}

/* The socket is as declared and in no slot. This happens with a UDP socket that was bound after the
 * last search, since no hook of the kernel reports UDP sockets. */
static int add_unplaced(const struct inspection *inspected, const struct declaration *declaration,
			const struct found *found, struct problems *problems)
{
	char address[DECLARATION_TEXT_MAX];
	int err;

	found_address(inspected->netns, found, address, sizeof(address));
	err = problem_add(problems, object_label(inspected->object, declaration->label),
			  "call `sklc sync`", "the socket at %s %s is not behind its label yet",
			  ipproto_word(found->protocol), address);
	if (!err)
		problem_count(problems, 1);
	return err;
}

/* A device that is declared, or that another problem named, is one only if it is gone. */
static int add_bound(const struct inspection *inspected, const struct declaration *declaration,
		     const struct found *first, size_t count, bool is_named,
		     struct problems *problems)
{
	const char *label = object_label(inspected->object, declaration->label);
	char address[DECLARATION_TEXT_MAX], name[16] = "";
	int found = netns_interface_name(inspected->netns, first->device, name);

	if (found < 0)
		return found;
	found_address(inspected->netns, first, address, sizeof(address));
	if (!found)
		return problem_bound_to_gone(problems, label, first->protocol, address,
					     first->device, count);
	return declaration->device || is_named
		       ? 0
		       : problem_bound(problems, label, first->protocol, address, name, count);
}

/* Whether the socket is as declared and gets connections, as far as an operator has not drained it. */
static bool is_undrained(const struct inspection *inspected, const struct declaration *declaration,
			 const struct sightings *seen, const struct sighting *at)
{
	return at->found.fault == FOUND_RIGHT &&
	       !(inspected->hands &&
		 hand_is_drained(inspected->hands, declaration->value.label, at->key.cookie)) &&
	       !is_kept_out(inspected, declaration, seen, at);
}

/* A socket that is bound to a device answers clients of that device alone: the connections that a
 * listener accepts are bound to it too. Names each device that the declaration does not, or that
 * is gone. */
static int check_devices(const struct inspection *inspected, const struct declaration *declaration,
			 const struct sightings *seen, bool is_named, struct problems *problems)
{
	int err = 0;

	for (size_t i = 0; !err && i < seen->count; i++) {
		const struct found *first = &seen->all[i].found;
		size_t count = 0, before = 0;

		for (size_t other = 0; first->device && other < seen->count; other++)
			if (seen->all[other].found.device == first->device &&
			    is_undrained(inspected, declaration, seen, &seen->all[other])) {
				count++;
				before += other < i;
			}
		if (first->device && is_undrained(inspected, declaration, seen, &seen->all[i]) &&
		    !before)
			err = add_bound(inspected, declaration, first, count, is_named, problems);
	}
	return err;
}

/* Names the sockets that came to a group after it was drained. */
static int check_kept_out(const struct inspection *inspected, const struct declaration *declaration,
			  const struct sightings *seen, struct problems *problems)
{
	const char *label = object_label(inspected->object, declaration->label);
	const struct found *first = NULL;
	char address[DECLARATION_TEXT_MAX], mend[192];
	size_t count = 0;
	int err;

	for (size_t i = 0; i < seen->count; i++) {
		if (!is_kept_out(inspected, declaration, seen, &seen->all[i]))
			continue;
		first = first ? first : &seen->all[i].found;
		count++;
	}
	if (!count)
		return 0;
	found_address(inspected->netns, first, address, sizeof(address));
	snprintf(mend, sizeof(mend),
		 "call `sklc sync` when the drained ones are gone, or `sklc undrain %.63s`", label);
	err = problem_add(problems, label, mend,
			  "%zu socket%s at %s %s joined a SO_REUSEPORT group that is drained, and "
			  "the kernel would spread over all of it: no connection goes there",
			  count, count == 1 ? "" : "s", ipproto_word(first->protocol), address);
	if (!err)
		problem_count(problems, count);
	return err;
}

/* Sockets that are as declared. */
struct right {
	bool any;
	bool by_device; /* it was named that only their devices tell them apart */
};

/* Problems with sockets that are as declared: not behind the label, of two groups, or of the wrong
 * family. */
static int check_right(const struct inspection *inspected, const struct declaration *declaration,
		       const struct sightings *seen, struct right *right, struct problems *problems)
{
	const struct found *first[2] = {NULL, NULL};
	int err = 0;

	for (size_t i = 0; !err && i < seen->count; i++) {
		const struct found *found = &seen->all[i].found;
		bool is_ipv6 = found->family == AF_INET6;

		if (found->fault != FOUND_RIGHT)
			continue;
		right->any = true;
		if (!is_to_place_anywhere(inspected, declaration->label, &seen->all[i]) ||
		    is_kept_out(inspected, declaration, seen, &seen->all[i]))
			continue;
		if (is_missed(inspected, declaration, &seen->all[i]))
			return add_unplaced(inspected, declaration, found, problems);
		if (!first[is_ipv6]) {
			first[is_ipv6] = found;
		} else if (first[is_ipv6]->group != found->group) {
			right->by_device = is_same_address(first[is_ipv6], found) &&
					   first[is_ipv6]->device != found->device;
			return add_ambiguous(inspected, declaration, first[is_ipv6], found,
					     problems);
		}
	}
	if (!err && !first[0] != !first[1])
		err = check_family(inspected, declaration, first[0] ? first[0] : first[1],
				   problems);
	return err;
}

/* How many sockets are to be placed in slots of the declaration: not those that an operator drained or
 * has put somewhere. */
static size_t count_placed(const struct inspection *inspected,
			   const struct declaration *declaration, const struct sightings *seen,
			   unsigned int flow_class)
{
	size_t count = 0;

	for (size_t i = 0; i < seen->count; i++)
		count += is_to_place(inspected, declaration->label, &seen->all[i], flow_class) &&
			 !is_kept_out(inspected, declaration, seen, &seen->all[i]);
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
		uint32_t room = room_of(inspected, declaration, flow_class);
		size_t count = count_placed(inspected, declaration, seen, flow_class);

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

/* Adds the declaration to MISSING if no socket is there for it at all. */
static int check_declaration(const struct inspection *inspected,
			     const struct declaration *declaration, struct problems *problems,
			     struct missing *missing)
{
	struct sightings seen = find_of(inspected->sightings, declaration->value.number);
	bool missed = is_missed(inspected, declaration, NULL);
	struct right right = {false, false};
	int err = check_right(inspected, declaration, &seen, &right, problems);
	size_t before = problems->count;

	if (!err && (missed || declaration->key.family))
		err = add_faults(inspected, declaration, &seen, problems);
	if (!err)
		err = check_kept_out(inspected, declaration, &seen, problems);
	if (!err)
		err = check_devices(inspected, declaration, &seen, right.by_device, problems);
	if (!err)
		err = check_room(inspected, declaration, &seen, problems);
	if (!err && missed && !right.any && problems->count == before)
		missing->all[missing->count++] = declaration;
	return err;
}

int problems_of_declared(const struct inspection *inspected, struct problems *problems)
{
	size_t count = inspected->declarations->count;
	struct missing missing = {.all = calloc(count + 1, sizeof(*missing.all))};
	int err = missing.all ? 0 : fail(problems->report, ENOMEM, "look for problems");

	for (size_t i = 0; !err && i < count; i++)
		err = check_declaration(inspected, &inspected->declarations->all[i], problems,
					&missing);
	if (!err)
		err = problems_of_missing(inspected, &missing, problems);
	free(missing.all);
	return err;
}

/* Names a socket that cannot take packets, once for the label. SHOWN is the first flow class of its
 * protocol; the socket may stand there for IPv6 too. */
static int check_working(const struct inspection *inspected, uint32_t label, bool is_udp,
			 struct problems *problems)
{
	uint64_t named = 0;
	int err = 0;

	for (int is_ipv6 = 0; !err && is_ipv6 < 2; is_ipv6++) {
		unsigned int flow_class = (unsigned int)ABI_FLOW_CLASS(is_ipv6, is_udp);
		uint64_t cookie = working_cookie(inspected->present,
						 inspected->slots[label].slots[flow_class],
						 flow_class, inspected->known);

		if (!cookie || cookie == named ||
		    sockdiag_takes(inspected->known, flow_class_ipproto(flow_class), cookie))
			continue;
		named = cookie;
		err = problem_add(
			problems, object_label(inspected->object, label), "restart the service",
			"its socket for %s (cookie %" PRIu64 ") %s", flow_class_name(flow_class),
			cookie,
			is_udp ? "is connected or gone" : "no longer listens: it was shut down");
		if (!err)
			problem_count(problems, 1);
	}
	return err;
}

int problems_behind_labels(const struct inspection *inspected, struct problems *problems)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < inspected->object->header.label_count; i++) {
		err = check_working(inspected, i, false, problems);
		if (!err)
			err = check_working(inspected, i, true, problems);
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
		warn(problems->report, "%zu more problem%s with sockets; `sklc status` lists all",
		     problems->count - PROBLEMS_SHOWN,
		     problems->count - PROBLEMS_SHOWN == 1 ? "" : "s");
}

int problems_warn(const struct inspection *inspected)
{
	struct problems problems = {.report = inspected->object->report};
	int err = problems_of_declared(inspected, &problems);

	if (!err)
		warn_of(&problems);
	problems_free(&problems);
	return err;
}

void problems_free(struct problems *problems)
{
	free(problems->all);
	*problems = (struct problems){0};
}
