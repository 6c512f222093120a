/* Reads the status without a lock. */
#include "status.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/attach.h"
#include "runtime/kernel/clock.h"

#include <errno.h>
#include <string.h>

enum { BRIEF_TRIES = 5 };

static int read_flow_classes(struct status *status)
{
	const struct object *object = &status->applied.object;
	size_t labels = object->header.label_count;
	autofree struct abi_label_slots *slots = calloc(labels + 1, sizeof(*slots));
	autoclose int sockets = -1, map = -1;
	int err = standing_maps(&status->state, &sockets, &map);

	status->flow_classes = calloc(labels * ABI_FLOW_CLASSES + 1, sizeof(*status->flow_classes));
	if (!err && (!slots || !status->flow_classes))
		err = fail(status->state.report, ENOMEM, "read the labels");
	if (!err)
		err = generation_slots(&status->state, status->standing.current, map, object,
				       slots);
	for (size_t i = 0; !err && i < labels * ABI_FLOW_CLASSES; i++) {
		unsigned int flow_class = i % ABI_FLOW_CLASSES;

		status->flow_classes[i] = (struct flow_class_status){
			.word = slots[i / ABI_FLOW_CLASSES].slots[flow_class],
			.needed = object->labels[i / ABI_FLOW_CLASSES].flow_classes >> flow_class &
				  1};
	}
	return err;
}

static void read_hook(struct status *status)
{
	status->hook_known = attach_query(&status->state.netns, &status->hook) == 0;
	for (uint32_t i = 0; status->hook_known && i < status->hook.count; i++)
		if (status->hook.programs[i] == status->standing.info.program)
			status->position = i + 1;
}

static int read_generation(struct status *status)
{
	struct generation generation;
	int err = lives_check(&status->state, &status->standing);

	if (!err)
		err = generation_require(&status->state, status->standing.current, &generation);
	if (err)
		return err;
	status->record = generation.record;
	err = generation_read(&generation, &status->applied);
	if (!err)
		err = generation_numbers(&generation, &status->applied.object, &status->numbers);
	if (!err)
		err = counters_read(&status->state, &generation, &status->applied.object,
				    &status->counters);
	if (!err)
		err = read_flow_classes(status);
	if (!err)
		err = standing_hands(&status->state, &status->hands);
	if (!err)
		err = sockdiag_read(&status->state.netns, &status->known);
	if (!err)
		err = boot_time(status->state.report, &status->now);
	generation_close(&generation);
	read_hook(status);
	if (!err)
		err = status_look(status);
	return err;
}

void status_clear(struct status *status)
{
	struct state state = status->state;

	problems_free(&status->problems);
	free(status->sockets);
	sockdiag_free(&status->known);
	hands_free(&status->hands);
	free(status->flow_classes);
	counters_free(&status->counters);
	host_numbers_free(&status->numbers);
	applied_free(&status->applied);
	standing_close(&status->standing);
	*status = (struct status){
		.state = state, .problems.report = state.report, .complete = true};
	status->standing.link = -1;
}

static int read_status(void *argument)
{
	struct status *status = argument;

	status->problems.report = status->state.report;
	/* After a trial of the first rules there is a link, and no rules are in force. */
	if (status->standing.link < 0)
		return attach_find_lost(status->state.report, &status->state.netns, &status->lost);
	return status->standing.current ? read_generation(status) : 0;
}

static void clear_status(void *argument)
{
	status_clear(argument);
}

int status_read(const struct runtime_options *options, struct kept_report *kept,
		struct status *status)
{
	const struct reading reading = {
		.options = options,
		.kept = kept,
		.state = &status->state,
		.standing = &status->standing,
		.read = read_status,
		.clear = clear_status,
		.argument = status,
	};

	*status = (struct status){.complete = true};
	return state_read(&reading);
}

const char *status_netns_name(const struct status *status, char *name, size_t size)
{
	return netns_find_name(status->state.report, status->state.netns.inode, name, size) ? name
											    : NULL;
}

static int read_brief(struct state *state, struct brief_status *brief)
{
	autoclose int link = pin_get(state->folder, ABI_PIN_LINK);
	struct standing standing;
	struct link_info info = {0};
	int err;

	if (link == -ENOENT)
		return 0;
	if (link < 0)
		return fail(state->report, link, "open the link '%s/%s'", state->path,
			    ABI_PIN_LINK);
	err = attach_info(state->report, link, &info);
	brief->has_link = !err;
	if (err || !info.netns_inode)
		return err;
	err = standing_read(state, &standing);
	if (err)
		return err;
	brief->inode = info.netns_inode;
	brief->generation = standing.current;
	netns_find_name(state->report, info.netns_inode, brief->name, sizeof(brief->name));
	standing_close(&standing);
	return 0;
}

/* Another command may have removed the generation whose program was on the link. */
void brief_read(struct report *report, int root, uint64_t cookie, struct brief_status *brief)
{
	struct kept_report kept;

	report_keep(&kept, report);
	for (int i = 0; i < BRIEF_TRIES; i++) {
		struct state state = {
			.report = &kept.report, .bpffs = -1, .root = -1, .folder = -1};

		report_drop(&kept);
		*brief = (struct brief_status){.cookie = cookie};
		brief->error = state_open_listed(root, cookie, &state);
		if (brief->error == -ENOENT)
			brief->error = 0; /* it was removed meanwhile */
		else if (brief->error)
			state_refuse_folder(&kept.report, brief->error, root,
					    strrchr(state.path, '/') + 1);
		else
			brief->error = read_brief(&state, brief);
		close_fd(&state.folder);
		if (brief->error != -ESTALE)
			break;
	}
	report_give_out(&kept);
}
