/* Puts a socket behind a label, and takes it away. The map does not keep the socket alive: when its
 * owner closes it, it is gone from the map. */
#include "runtime/base/fail.h"
#include "runtime/kernel/clock.h"
#include "runtime/kernel/pins.h"
#include "runtime/labels/labels.h"
#include "runtime/runtime.h"
#include "runtime/sockets/sockets.h"
#include "runtime/state/state.h"
#include "runtime/transaction/transaction.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* What both need: the state, locked, with rules applied, and the label's slots. */
struct target {
	struct state state;
	struct standing standing;
	int sockets, labels;
	struct abi_label_slots slots;
};

static void target_close(struct target *target)
{
	close_fd(&target->sockets);
	close_fd(&target->labels);
	standing_close(&target->standing);
	state_close(&target->state);
}

static int refuse_label(const struct target *target, const char *label)
{
	autofree struct label_entry *entries = NULL;
	const struct label_entry *nearest;
	size_t count = 0;
	int err = labels_read(target->state.report, target->labels, &entries, &count);

	if (err)
		return err;
	nearest = nearest_label(label, entries, count);
	if (nearest)
		return refuse(target->state.report, ENOENT,
			      "the rules applied to %s name no label '%s'; "
			      "did you mean '%s'?",
			      target->state.netns.words, label, nearest->name);
	return refuse(target->state.report, ENOENT,
		      "the rules applied to %s name no label '%s'; "
		      "`sklc status` lists them",
		      target->state.netns.words, label);
}

static int fill_target(const char *label, struct target *target)
{
	int err = standing_settle(&target->state, &target->standing);

	if (err)
		return err;
	if (target->standing.link < 0)
		return refuse(target->state.report, ENOENT,
			      "no rules are applied to %s: apply them, "
			      "then the label '%s' can have a socket",
			      target->state.netns.words, label);
	err = standing_maps(&target->state, &target->sockets, &target->labels);
	if (err)
		return err;
	err = labels_find(target->labels, label, &target->slots);
	if (err == -ENOENT)
		return refuse_label(target, label);
	return err ? fail(target->state.report, err, "read the label '%s'", label) : 0;
}

static int target_open(const char *label, const struct runtime_options *options,
		       struct target *target)
{
	int err;

	*target = (struct target){.sockets = -1, .labels = -1};
	target->standing.link = -1;
	err = state_open(options, STATE_CHANGE, &target->state);
	if (err)
		return err;
	err = fill_target(label, target);
	if (err)
		target_close(target);
	return err;
}

/* Since when it stands there is for the status alone. */
static void note_time(const struct target *target, uint32_t slot, int fd)
{
	autoclose int times = pin_get(target->state.folder, PIN_TIMES);
	struct since since = {.boot_time = boot_time()};
	socklen_t size = sizeof(since.cookie);

	if (times >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, &since.cookie, &size) == 0)
		bpf_map_update_elem(times, &slot, &since, BPF_ANY);
}

static int fill_place(const struct target *target, const char *label, unsigned int place, int fd)
{
	uint32_t slot = ABI_SLOT(target->slots.slots[place]);
	uint64_t value = (uint64_t)fd;

	if (bpf_map_update_elem(target->sockets, &slot, &value, BPF_ANY) == 0) {
		note_time(target, slot, fd);
		return 0;
	}
	return fail(target->state.report, errno, "put the socket behind the label '%s' (%s)", label,
		    place_name(place));
}

static int fill_places(const struct target *target, const char *label, int fd,
		       const struct runtime_options *options, FILE *out)
{
	int places = socket_places(fd, &target->state.netns);
	int err = 0;

	if (places < 0)
		return places;
	for (unsigned int place = 0; !err && place < ABI_PLACES; place++) {
		if (!(places & 1 << place))
			continue;
		err = fill_place(target, label, place, fd);
		if (!err && !options->quiet && !options->json)
			fprintf(out, "%s: %s registered\n", label, place_name(place));
	}
	return err;
}

int runtime_register(const char *label, pid_t pid, int fd, const struct runtime_options *options,
		     FILE *out)
{
	struct target target;
	autoclose int copy = -1;
	int err = target_open(label, options, &target);

	if (err)
		return err;
	copy = socket_from_process(options->report, pid, fd);
	err = copy < 0 ? copy : fill_places(&target, label, copy, options, out);
	target_close(&target);
	return err;
}

static bool is_asked_for(unsigned int place, int protocol, int family)
{
	return (protocol == 0 || (unsigned int)protocol == place_protocol(place)) &&
	       (family == AF_UNSPEC || (unsigned int)family == place_family(place));
}

static int empty_places(const struct target *target, const char *label, int protocol, int family,
			const struct runtime_options *options, FILE *out)
{
	bool found = false;

	for (unsigned int place = 0; place < ABI_PLACES; place++) {
		int cleared = is_asked_for(place, protocol, family)
				      ? slots_clear(target->sockets, target->slots.slots[place])
				      : 0;

		if (cleared < 0)
			return fail(options->report, cleared,
				    "take the socket of the label '%s' (%s) away", label,
				    place_name(place));
		if (cleared && !options->quiet && !options->json)
			fprintf(out, "%s: %s unregistered\n", label, place_name(place));
		found = found || cleared;
	}
	if (!found && !options->quiet)
		note(options->report, "the label '%s' has no such socket", label);
	return 0;
}

int runtime_unregister(const char *label, int protocol, int family,
		       const struct runtime_options *options, FILE *out)
{
	struct target target;
	int err = target_open(label, options, &target);

	if (err)
		return err;
	err = empty_places(&target, label, protocol, family, options, out);
	target_close(&target);
	return err;
}
