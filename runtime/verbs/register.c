/* Puts a socket behind a label, and takes sockets away from a label. The map does not keep a socket
 * alive: when its owner closes it, it is removed from the map. */
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

/* A label's slots, and the locked state of its namespace, where rules are applied. */
struct opened_label {
	struct state state;
	struct standing standing;
	int sockets, labels;
	struct abi_label_slots slots;
};

static void label_close(struct opened_label *opened)
{
	close_fd(&opened->sockets);
	close_fd(&opened->labels);
	standing_close(&opened->standing);
	state_close(&opened->state);
}

static int refuse_label(const struct opened_label *opened, const char *label)
{
	autofree struct label_entry *entries = NULL;
	const struct label_entry *nearest;
	size_t count = 0;
	int err = labels_read(opened->state.report, opened->labels, &entries, &count);

	if (err)
		return err;
	nearest = nearest_label(label, entries, count);
	if (nearest)
		return refuse(opened->state.report, RUNTIME_NOT_THERE,
			      "the rules applied to %s name no label '%s'; "
			      "did you mean '%s'?",
			      opened->state.netns.words, label, nearest->key.label);
	return refuse(opened->state.report, RUNTIME_NOT_THERE,
		      "the rules applied to %s name no label '%s'; "
		      "`sklc status` lists them",
		      opened->state.netns.words, label);
}

/* Finds the key that the label has in a generation; -ENOENT without a message if the generation
 * has no such label. */
static int find_key_in(const struct opened_label *opened, uint32_t generation, const char *label,
		       struct abi_slot_key *key)
{
	autofree struct abi_slot_key *keys = NULL;
	size_t count = 0;
	int err = generation_keys(&opened->state, generation, &keys, &count);

	for (size_t i = 0; !err && i < count; i++)
		if (strncmp(keys[i].label, label, sizeof(keys[i].label)) == 0) {
			*key = keys[i];
			return 0;
		}
	return err ? err : -ENOENT;
}

/* Finds the slots of the label in the rules that decide; if they do not name it, in those
 * before. */
static int find_slots(const char *label, struct opened_label *opened)
{
	struct abi_slot_key key;
	int err = find_key_in(opened, opened->standing.current, label, &key);

	if (err == -ENOENT)
		err = find_key_in(opened, opened->standing.previous, label, &key);
	if (err == -ENOENT)
		return refuse_label(opened, label);
	if (err)
		return err;
	err = labels_find(opened->labels, &key, &opened->slots);
	return err ? fail(opened->state.report, err, "read the label '%s'", label) : 0;
}

static int find_label(const char *label, struct opened_label *opened)
{
	int err = standing_settle(&opened->state, &opened->standing);

	if (err)
		return err;
	if (opened->standing.link < 0)
		return refuse(opened->state.report, RUNTIME_NOT_THERE,
			      "no rules are applied to %s: apply them, "
			      "then the label '%s' can have a socket",
			      opened->state.netns.words, label);
	err = standing_maps(&opened->state, &opened->sockets, &opened->labels);
	return err ? err : find_slots(label, opened);
}

static int label_open(const char *label, const struct runtime_options *options,
		      struct opened_label *opened)
{
	int err;

	*opened = (struct opened_label){.sockets = -1, .labels = -1};
	opened->standing.link = -1;
	err = state_open(options, STATE_CHANGE, &opened->state);
	if (err)
		return err;
	err = find_label(label, opened);
	if (err)
		label_close(opened);
	return err;
}

/* Notes since when the socket is in the slot. If that fails, the status shows no time. */
static void note_time(const struct opened_label *opened, uint32_t slot, int fd, uint64_t now)
{
	autoclose int since_map = pin_get(opened->state.folder, PIN_SINCE);
	struct since since = {.boot_time = now};
	socklen_t size = sizeof(since.cookie);

	if (since_map >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, &since.cookie, &size) == 0)
		bpf_map_update_elem(since_map, &slot, &since, BPF_ANY);
}

static int fill_flow_class(const struct opened_label *opened, const char *label,
			   unsigned int flow_class, int fd, uint64_t now)
{
	uint32_t slot = ABI_SLOT(opened->slots.slots[flow_class]);
	uint64_t value = (uint64_t)fd;

	if (bpf_map_update_elem(opened->sockets, &slot, &value, BPF_ANY) == 0) {
		note_time(opened, slot, fd, now);
		return 0;
	}
	return fail(opened->state.report, errno, "put the socket behind the label '%s' (%s)", label,
		    flow_class_name(flow_class));
}

static int fill_flow_classes(const struct opened_label *opened, const char *label, int fd,
			     const struct runtime_options *options, FILE *out)
{
	int flow_classes = socket_flow_classes(fd, &opened->state.netns);
	uint64_t now;
	int err;

	if (flow_classes < 0)
		return flow_classes;
	err = boot_time(options->report, &now);
	for (unsigned int flow_class = 0; !err && flow_class < ABI_FLOW_CLASSES; flow_class++) {
		if (!(flow_classes & 1 << flow_class))
			continue;
		err = fill_flow_class(opened, label, flow_class, fd, now);
		if (!err && !options->quiet && !options->json)
			fprintf(out, "%s: %s registered\n", label, flow_class_name(flow_class));
	}
	return err;
}

int runtime_register(const char *label, pid_t pid, int fd, const struct runtime_options *options,
		     FILE *out)
{
	struct opened_label opened;
	autoclose int copy = -1;
	int err = label_open(label, options, &opened);

	if (err)
		return err;
	copy = socket_from_process(options->report, pid, fd);
	err = copy < 0 ? copy : fill_flow_classes(&opened, label, copy, options, out);
	label_close(&opened);
	return err;
}

static bool is_asked_for(unsigned int flow_class, int protocol, int family)
{
	return (protocol == 0 || (unsigned int)protocol == flow_class_ipproto(flow_class)) &&
	       (family == AF_UNSPEC || (unsigned int)family == flow_class_af(flow_class));
}

static int empty_flow_classes(const struct opened_label *opened, const char *label, int protocol,
			      int family, const struct runtime_options *options, FILE *out)
{
	bool found = false;

	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
		int cleared = is_asked_for(flow_class, protocol, family)
				      ? slots_clear(opened->sockets,
						    opened->slots.slots[flow_class])
				      : 0;

		if (cleared < 0)
			return fail(options->report, cleared,
				    "take the socket of the label '%s' (%s) away", label,
				    flow_class_name(flow_class));
		if (cleared && !options->quiet && !options->json)
			fprintf(out, "%s: %s unregistered\n", label, flow_class_name(flow_class));
		found = found || cleared;
	}
	if (!found && !options->quiet)
		note(options->report, "the label '%s' has no such socket", label);
	return 0;
}

int runtime_unregister(const char *label, int protocol, int family,
		       const struct runtime_options *options, FILE *out)
{
	struct opened_label opened;
	int err = label_open(label, options, &opened);

	if (err)
		return err;
	err = empty_flow_classes(&opened, label, protocol, family, options, out);
	label_close(&opened);
	return err;
}
