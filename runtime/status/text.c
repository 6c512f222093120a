/* Prints a status for people to read. */
#include "status.h"

#include "runtime/base/text.h"
#include "runtime/labels/labels.h"

#include <inttypes.h>
#include <time.h>

static void print_time(uint64_t seconds, FILE *out)
{
	char text[TEXT_TIME_MAX];

	text_time(seconds, text);
	fprintf(out, "%s", text);
}

static void print_namespace(const struct status *status, FILE *out)
{
	char buffer[NAME_MAX + 1];
	const char *name = status_netns_name(status, buffer, sizeof(buffer));

	fprintf(out, "network namespace");
	if (name) {
		fprintf(out, " ");
		text_print(out, name);
	}
	fprintf(out, " (cookie %" PRIu64 ", inode %" PRIu64 ")\n", status->state.netns.cookie,
		status->state.netns.inode);
}

static void print_generation(const struct status *status, FILE *out)
{
	const struct standing *standing = &status->standing;
	uint64_t left = standing->left / 1000000000;
	char hash[HASH_TEXT_MAX];

	object_hash_text(status->record.hash.content, hash);
	fprintf(out, "generation %" PRIu32, standing->current);
	if (status->record.same_as)
		fprintf(out, " = %" PRIu32, status->record.same_as);
	fprintf(out, ", applied ");
	print_time(status->record.applied, out);
	if (standing->previous)
		fprintf(out, "; before it %" PRIu32, standing->previous);
	fprintf(out, "; hash %.12s\n", hash);
	if (standing->trial == TRIAL_RUNNING)
		fprintf(out,
			"on trial for another %" PRIu64 " second%s, then %s; `sklc confirm` makes "
			"it stay\n",
			left, left == 1 ? "" : "s",
			standing->previous ? "the rules before come back"
					   : "no rules are applied, as before");
	if (standing->trial == TRIAL_OVER)
		fprintf(out,
			"the trial of generation %" PRIu32 " was not confirmed in time: these "
			"rules are back\n",
			standing->tried);
}

static void print_link(const struct status *status, FILE *out)
{
	fprintf(out, "link %" PRIu32 ", program %" PRIu32, status->standing.info.id,
		status->standing.info.program);
	if (status->position)
		fprintf(out, ", number %" PRIu32 " of %" PRIu32 " on the hook", status->position,
			status->hook.count);
	fputc('\n', out);
	if (!status->hook_known || status->hook.count < 2)
		return;
	fprintf(out, "  programs in order:");
	for (uint32_t i = 0; i < status->hook.count; i++)
		fprintf(out, " %" PRIu32, status->hook.programs[i]);
	fprintf(out, "; %s; else a drop by any counts\n",
		status->applied.object.header.override_others
			? "redirects of these rules replace earlier choices"
			: "the first that chooses a socket wins");
}

static void print_drained(const struct status *status, uint32_t label, FILE *out)
{
	struct hands own = status_hands(status, label);

	for (size_t i = 0; i < own.count; i++) {
		if (!status_is_drained(status, &own.all[i]))
			continue;
		fprintf(out, "    drained   ");
		described_print(status_hand_socket(status, &own.all[i]), out);
		fputc('\n', out);
	}
}

static void print_label(const struct status *status, uint32_t label, FILE *out)
{
	const struct object *object = &status->applied.object;

	fprintf(out, "  %s\n", object_label(object, label));
	for (uint32_t flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
		const struct flow_class_status *at =
			&status->flow_classes[label * ABI_FLOW_CLASSES + flow_class];
		const struct abi_label_count *count =
			&status->counters.labels[label * ABI_FLOW_CLASSES + flow_class];
		const struct described *socket = status_socket(status, label, flow_class);

		if (!at->needed && !socket->cookie)
			continue;
		fprintf(out, "    %s  ", flow_class_name(flow_class));
		described_print(socket, out);
		if (at->members > 1)
			fprintf(out, " and %" PRIu32 " more", at->members - 1);
		if (status_is_override(status, label, flow_class))
			fprintf(out, " (override)");
		if (at->since) {
			fprintf(out, " since ");
			print_time(at->since, out);
		}
		fprintf(out, "  hits %" PRIu64 ", misses %" PRIu64 "%s\n", count->hits,
			count->misses, at->needed ? "" : "  (no rule needs it)");
	}
	print_drained(status, label, out);
}

static void print_problem(const struct problem *problem, FILE *out)
{
	fprintf(out, "  ");
	if (problem->label)
		fprintf(out, "label '%s': ", problem->label);
	text_print(out, problem->what);
	fprintf(out, "\n    ");
	text_print(out, problem->mend);
	fputc('\n', out);
}

static void print_rule(const struct status *status, const struct abi_rule *rule, FILE *out)
{
	const struct object *object = &status->applied.object;
	const char *chain = object_string(object, rule->chain);

	fprintf(out, "  ");
	text_print(out, object_string(object, object->texts[rule->file].name));
	fprintf(out, ":%" PRIu32 ": ", rule->line);
	if (chain) {
		fprintf(out, "[");
		text_print(out, chain);
		fprintf(out, "] ");
	}
	text_print(out, object_string(object, rule->text));
	if (rule->counter != ABI_NO_COUNTER)
		fprintf(out, "  (counted %" PRIu64 ")", status->counters.rules[rule->counter]);
	fputc('\n', out);
}

static void print_nothing(const struct lost *lost, FILE *out)
{
	char programs[LOST_TEXT_MAX];

	lost_text(lost, programs);
	if (lost->count)
		fprintf(out,
			"there is no state of rules, but %s of sklc %s on the hook and %s: applied "
			"with another --bpffs, or the pins were removed; `bpftool link show` has "
			"the link, and `bpftool link detach id LINK` ends it\n",
			programs, lost->count == 1 ? "is" : "are",
			lost->count == 1 ? "decides" : "decide");
	else
		fprintf(out, "no rules are applied\n");
	if (lost->unnamed)
		fprintf(out,
			"%" PRIu32 " program%s on the hook; reading whose needs the capability "
			"CAP_SYS_ADMIN\n",
			lost->unnamed, lost->unnamed == 1 ? " is" : "s are");
}

/* Where it is a problem that listeners are not followed, that says so. */
static void print_following(const struct status *status, FILE *out)
{
	if (status->applied.object.socket_count && status_is_followed(status))
		fprintf(out, "listeners are followed as they come\n");
	else if (status->applied.object.socket_count && status->following == FOLLOW_NONE &&
		 !can_follow())
		fprintf(out, "listeners are not followed: after a service has started, call "
			     "`sklc sync`\n");
	if (status->following == FOLLOW_MORE)
		fprintf(out,
			"a command is running, or was interrupted: listeners of other rules are "
			"followed too, which does no harm; `sklc sync` ends it\n");
}

void status_print_text(const struct status *status, FILE *out)
{
	const struct object *object = &status->applied.object;

	print_namespace(status, out);
	if (!status->standing.current) {
		print_nothing(&status->lost, out);
		return;
	}
	print_generation(status, out);
	print_link(status, out);
	if (object->header.label_count)
		fprintf(out, "labels:\n");
	for (uint32_t i = 0; i < object->header.label_count; i++)
		print_label(status, i, out);
	print_following(status, out);
	if (status->problems.count)
		fprintf(out, "problems:\n");
	for (size_t i = 0; i < status->problems.count; i++)
		print_problem(&status->problems.all[i], out);
	if (object->rule_count)
		fprintf(out, "rules:\n");
	for (size_t i = 0; i < object->rule_count; i++)
		print_rule(status, &object->rules[i], out);
	fprintf(out, "policy %s\n", object->header.policy == ABI_DROP ? "drop" : "pass");
}

static void print_brief(const struct brief_status *brief, FILE *out)
{
	fprintf(out, "cookie %" PRIu64 ": ", brief->cookie);
	if (brief->error) {
		fprintf(out, "its state cannot be read\n");
	} else if (!brief->has_link) {
		fprintf(out, "nothing is attached; left by an interrupted command\n");
	} else if (!brief->inode) {
		fprintf(out,
			"nothing is attached; the network namespace is gone, and the next `sklc "
			"apply` clears its state, or its rules were detached\n");
	} else if (!brief->generation) {
		fprintf(out,
			"inode %" PRIu32
			", no rules are applied: the trial of the first ones is over\n",
			brief->inode);
	} else {
		if (brief->name[0]) {
			text_print(out, brief->name);
			fprintf(out, ", ");
		}
		fprintf(out, "inode %" PRIu32 ", generation %" PRIu32 "\n", brief->inode,
			brief->generation);
	}
}

void brief_print_text(const struct brief_status *all, size_t count, FILE *out)
{
	if (!count)
		fprintf(out, "no network namespace has rules\n");
	for (size_t i = 0; i < count; i++)
		print_brief(&all[i], out);
}
