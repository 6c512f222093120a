/* Prints a status as JSON: one object, whose member "version" is the version of its schema. */
#include "status.h"

#include "compiler/base/json.h"
#include "runtime/base/document.h"
#include "runtime/labels/labels.h"

#include <inttypes.h>

enum { SCHEMA_VERSION = 1 };

static json_t *json_number(uint64_t number)
{
	return json_integer((json_int_t)number);
}

static json_t *netns_to_json(const struct status *status)
{
	char name[NAME_MAX + 1];

	return json_pack("{s:o, s:o, s:o}", "name",
			 json_text(status_netns_name(status, name, sizeof(name))), "cookie",
			 json_number(status->state.netns.cookie), "inode",
			 json_number(status->state.netns.inode));
}

static json_t *link_to_json(const struct status *status)
{
	json_t *programs = json_array();

	for (uint32_t i = 0; status->hook_known && i < status->hook.count; i++)
		json_array_append_new(programs, json_number(status->hook.programs[i]));
	return json_pack("{s:o, s:o, s:o, s:o}", "id", json_number(status->standing.info.id),
			 "program", json_number(status->standing.info.program), "position",
			 status->position ? json_number(status->position) : json_null(),
			 "programs_on_hook", programs);
}

static json_t *trial_to_json(const struct standing *standing)
{
	if (standing->trial == TRIAL_NONE)
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "phase",
			 standing->trial == TRIAL_RUNNING ? "running" : "over", "generation",
			 json_number(standing->tried), "seconds_left",
			 json_number(standing->left / 1000000000));
}

static json_t *socket_to_json(const struct status *status, uint32_t label, uint32_t flow_class)
{
	const struct flow_class_status *at =
		&status->flow_classes[label * ABI_FLOW_CLASSES + flow_class];
	const struct abi_label_count *count =
		&status->counters.labels[label * ABI_FLOW_CLASSES + flow_class];
	json_t *socket = flow_class_to_json(flow_class);

	json_add_members(socket, described_to_json(status_socket(status, label, flow_class)));
	json_add_members(socket,
			 json_pack("{s:b, s:o, s:o, s:o, s:o, s:b}", "needed", at->needed, "hits",
				   json_number(count->hits), "misses", json_number(count->misses),
				   "members", json_number(at->members), "since",
				   at->since ? json_number(at->since) : json_null(), "override",
				   status_is_override(status, label, flow_class)));
	return socket;
}

static json_t *drained_to_json(const struct status *status, uint32_t label)
{
	struct hands own = status_hands(status, label);
	json_t *all = json_array();

	for (size_t i = 0; i < own.count; i++)
		if (status_is_drained(status, &own.all[i]))
			json_array_append_new(
				all, described_to_json(status_hand_socket(status, &own.all[i])));
	return all;
}

static json_t *problems_to_json(const struct problems *problems)
{
	json_t *all = json_array();

	for (size_t i = 0; i < problems->count; i++)
		json_array_append_new(all, json_pack("{s:o, s:o, s:o, s:o}", "label",
						     json_text(problems->all[i].label), "what",
						     json_text(problems->all[i].what), "mend",
						     json_text(problems->all[i].mend), "sockets",
						     json_number(problems->all[i].sockets)));
	return all;
}

static json_t *labels_to_json(const struct status *status)
{
	const struct object *object = &status->applied.object;
	json_t *labels = json_array();

	for (uint32_t i = 0; i < object->header.label_count; i++) {
		json_t *sockets = json_array();

		for (uint32_t flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			json_array_append_new(sockets, socket_to_json(status, i, flow_class));
		json_array_append_new(labels,
				      json_pack("{s:o, s:o, s:o}", "name",
						json_text(object_label(object, i)), "sockets",
						sockets, "drained", drained_to_json(status, i)));
	}
	return labels;
}

static json_t *rules_to_json(const struct status *status)
{
	const struct object *object = &status->applied.object;
	json_t *rules = json_array();

	for (size_t i = 0; i < object->rule_count; i++) {
		const struct abi_rule *rule = &object->rules[i];
		bool counted = rule->counter != ABI_NO_COUNTER;

		json_array_append_new(
			rules,
			json_pack("{s:o, s:o, s:o, s:i, s:i, s:o}", "text",
				  json_text(object_string(object, rule->text)), "chain",
				  json_text(object_string(object, rule->chain)), "file",
				  json_text(object_string(object, object->texts[rule->file].name)),
				  "line", (int)rule->line, "column", (int)rule->column, "counter",
				  counted ? json_number(status->counters.rules[rule->counter])
					  : json_null()));
	}
	return rules;
}

static json_t *lost_to_json(const struct lost *lost)
{
	json_t *programs = json_array();

	for (uint32_t i = 0; i < lost->count; i++)
		json_array_append_new(programs, json_number(lost->programs[i]));
	return programs;
}

int status_print_json(const struct status *status, FILE *out)
{
	const struct standing *standing = &status->standing;
	bool applied = standing->current != 0;
	char hash[HASH_TEXT_MAX];
	json_t *root = json_pack("{s:i, s:o, s:b, s:o, s:b}", "version", SCHEMA_VERSION, "netns",
				 netns_to_json(status), "applied", applied, "generation",
				 json_number(standing->current), "complete",
				 applied && status->complete);

	if (!applied) {
		json_object_set_new(root, "lost_programs", lost_to_json(&status->lost));
		json_object_set_new(root, "unnamed_programs", json_number(status->lost.unnamed));
		return document_print_indented(status->state.report, root, out);
	}
	json_object_set_new(root, "previous",
			    standing->previous ? json_number(standing->previous) : json_null());
	json_object_set_new(root, "same_as",
			    status->record.same_as ? json_number(status->record.same_as)
						   : json_null());
	object_hash_text(status->record.hash.content, hash);
	json_object_set_new(root, "hash", json_string(hash));
	json_object_set_new(root, "applied_at", json_number(status->record.applied));
	json_object_set_new(root, "trial", trial_to_json(standing));
	json_object_set_new(root, "link", link_to_json(status));
	json_object_set_new(
		root, "policy",
		json_string(status->applied.object.header.policy == ABI_DROP ? "drop" : "pass"));
	json_object_set_new(root, "override",
			    json_boolean(status->applied.object.header.override_others));
	json_object_set_new(root, "labels", labels_to_json(status));
	json_object_set_new(root, "followed", json_boolean(status_is_followed(status)));
	json_object_set_new(root, "problems", problems_to_json(&status->problems));
	json_object_set_new(root, "rules", rules_to_json(status));
	return document_print_indented(status->state.report, root, out);
}

int brief_print_json(struct report *report, const struct brief_status *all, size_t count, FILE *out)
{
	json_t *namespaces = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			namespaces,
			json_pack("{s:o, s:o, s:o, s:o, s:o}", "cookie", json_number(all[i].cookie),
				  "attached",
				  all[i].error ? json_null()
					       : json_boolean(all[i].has_link && all[i].inode),
				  "inode", all[i].inode ? json_number(all[i].inode) : json_null(),
				  "name", json_text(all[i].name[0] ? all[i].name : NULL),
				  "generation", json_number(all[i].generation)));
	return document_print_indented(
		report,
		json_pack("{s:i, s:o}", "version", SCHEMA_VERSION, "namespaces", namespaces), out);
}
