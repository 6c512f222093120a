/* Compares a socket with the declarations of a label, by the BPF program that compares all sockets
 * with them. */
#include "fit.h"

#include "label.h"

#include "runtime/base/fail.h"
#include "runtime/base/text.h"
#include "runtime/load/load.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct fitting {
	const struct opened_label *label;
	struct applied applied;
	struct host_numbers numbers;
	struct declarations declarations;
	struct declared_maps maps;
	struct finder *finder;
};

/* The numbers that the host has now. */
static int look_up_numbers(struct fitting *fitting)
{
	const struct object *object = &fitting->applied.object;
	struct host host;
	int err = host_new(object, &host);

	if (!err)
		err = host_find_interfaces(object, &fitting->label->state.netns, false, &host);
	if (!err)
		err = host_numbers_read(object, host.interfaces, &fitting->numbers);
	host_free(&host);
	return err;
}

/* Rules that rest keep no numbers: when they come back, these are looked up. */
static int read_rules(struct fitting *fitting)
{
	const struct opened_label *label = fitting->label;
	struct generation generation;
	int err = generation_require(&label->state, label->generation, &generation);

	if (err)
		return err;
	err = generation_read(&generation, &fitting->applied);
	if (!err && label_is_resting(label))
		err = look_up_numbers(fitting);
	else if (!err)
		err = generation_numbers(&generation, &fitting->applied.object, &fitting->numbers);
	generation_close(&generation);
	return err;
}

static int read_declarations(struct fitting *fitting)
{
	const struct opened_label *label = fitting->label;
	const struct object *object = &fitting->applied.object;
	int err = declarations_read(object, fitting->numbers.all,
				    host_users(object, &fitting->numbers), &fitting->declarations);

	if (err)
		return err;
	if (label_is_resting(label))
		return declared_maps_create(&fitting->declarations, &fitting->maps);
	err = generation_declared(&label->state, label->generation, &fitting->maps);
	return err == -ENOENT ? refuse(label->state.report, err,
				       "the declared sockets of generation %" PRIu32 " are missing",
				       label->generation)
			      : err;
}

static int walk(struct fitting *fitting)
{
	const struct shared_maps shared = {fitting->label->sockets, -1};
	int err = find_open(&fitting->label->state.netns, &fitting->maps, &shared,
			    &fitting->finder);

	return err ? err : find_look(fitting->finder);
}

static bool is_own(const struct fitting *fitting, const struct declaration *declaration)
{
	return strncmp(object_label(&fitting->applied.object, declaration->label),
		       fitting->label->name, ABI_LABEL_KEY) == 0;
}

static void say_fault(const struct declaration *declaration, const struct found *found,
		      char difference[DIFFERENCE_MAX])
{
	switch (found->fault) {
	case FOUND_OTHER_UID:
		snprintf(difference, DIFFERENCE_MAX,
			 "it belongs to user %" PRIu32 ", not to user %" PRIu32 " as declared",
			 found->uid, declaration->value.uid);
		return;
	case FOUND_OTHER_CGROUP:
		snprintf(difference, DIFFERENCE_MAX,
			 "it is not from the cgroup '%.150s' as declared", declaration->cgroup);
		return;
	case FOUND_OTHER_DEVICE:
		snprintf(difference, DIFFERENCE_MAX,
			 "it is not bound to the device '%s' as declared", declaration->device);
		return;
	case FOUND_TOO_DEEP:
		snprintf(difference, DIFFERENCE_MAX,
			 "its cgroup is more than %d folders deep, too deep to be compared with "
			 "'%.150s'",
			 CGROUP_SEEN_MAX, declaration->cgroup);
		return;
	default:
		snprintf(difference, DIFFERENCE_MAX, "it is not as declared");
	}
}

/* The socket stands at no declared endpoint. */
static void say_endpoint(const struct fitting *fitting, const struct declared_key *endpoint,
			 char difference[DIFFERENCE_MAX])
{
	enum { NAMED_MAX = 3 };
	char text[DECLARATION_TEXT_MAX];
	size_t count = 0;
	int length;

	text_address(endpoint->family, endpoint->address, NULL, endpoint->port, text, sizeof(text));
	length = snprintf(difference, DIFFERENCE_MAX, "it is at %s %s, and declared",
			  ipproto_word(endpoint->protocol), text);
	for (size_t i = 0; i < fitting->declarations.count; i++) {
		const struct declaration *declaration = &fitting->declarations.all[i];

		if (!is_own(fitting, declaration))
			continue;
		declaration_text(declaration, text, sizeof(text));
		if (++count <= NAMED_MAX)
			length += snprintf(difference + length, DIFFERENCE_MAX - (size_t)length,
					   "%s '%s'", count == 1 ? " is" : " or", text);
	}
	if (count > NAMED_MAX)
		snprintf(difference + length, DIFFERENCE_MAX - (size_t)length, ", and %zu more",
			 count - NAMED_MAX);
}

static int compare(const struct fitting *fitting, const struct declared_key *endpoint,
		   uint64_t cookie, char difference[DIFFERENCE_MAX])
{
	bool seen = false;

	for (size_t i = 0; i < fitting->declarations.count; i++) {
		const struct declaration *declaration = &fitting->declarations.all[i];
		const struct found *found = find_one(find_sightings(fitting->finder),
						     declaration->value.number, cookie);

		if (!found || !is_own(fitting, declaration))
			continue;
		if (found->fault == FOUND_RIGHT)
			return 1;
		if (!seen)
			say_fault(declaration, found, difference);
		seen = true;
	}
	if (!seen)
		say_endpoint(fitting, endpoint, difference);
	return 0;
}

int label_fits(const struct opened_label *label, const struct declared_key *endpoint,
	       uint64_t cookie, char difference[DIFFERENCE_MAX])
{
	struct fitting fitting = {.label = label, .maps = {-1, -1}};
	int result = read_rules(&fitting);

	if (!result)
		result = read_declarations(&fitting);
	if (!result)
		result = walk(&fitting);
	if (!result)
		result = compare(&fitting, endpoint, cookie, difference);
	find_close(fitting.finder);
	declared_maps_close(&fitting.maps);
	declarations_free(&fitting.declarations);
	host_numbers_free(&fitting.numbers);
	applied_free(&fitting.applied);
	return result;
}
