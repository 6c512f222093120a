/* Refuses an object if an index, an offset or a number in one of its records is out of range, so
 * that no other code needs to check them. */
#include "check_object.h"

#include "object.h"

#include "runtime/base/fail.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* zlib compresses at most 1032 to 1, so a header that promises a longer text is wrong. */
enum { ZLIB_RATIO_MAX = 1032 };

static int refuse_record(const struct object *object, const char *section, size_t index)
{
	return refuse(object->report, EINVAL,
		      "object '%s': record %zu of section '%s' makes no sense", object->image->name,
		      index, section);
}

static bool is_string(const struct object *object, uint32_t offset)
{
	return offset < object->string_bytes;
}

static bool is_string_or_none(const struct object *object, uint32_t offset)
{
	return offset == ABI_NO_STRING || is_string(object, offset);
}

static int check_strings(const struct object *object)
{
	if (object->string_bytes == 0 || object->strings[object->string_bytes - 1] != '\0' ||
	    !text_is_utf8(object->strings, object->string_bytes))
		return refuse(object->report, EINVAL,
			      "object '%s': the section '%s' is not UTF-8 that ends in NUL",
			      object->image->name, ABI_STRINGS_SECTION);
	return 0;
}

static bool is_label_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > ABI_LABEL_NAME_MAX)
		return false;
	if (!isalpha((unsigned char)name[0]) && name[0] != '_')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("_-.", name[i]))
			return false;
	return true;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Refuses two labels of one name: they would share their sockets. */
static int check_unique(const struct object *object)
{
	size_t count = object->header.label_count;
	autofree const char **names = malloc((count + 1) * sizeof(*names));

	if (!names)
		return fail(object->report, ENOMEM, "read object '%s'", object->image->name);
	for (uint32_t i = 0; i < count; i++)
		names[i] = object_label(object, i);
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			return refuse(object->report, EINVAL,
				      "object '%s' has the label '%s' twice", object->image->name,
				      names[i]);
	return 0;
}

static int check_labels(const struct object *object)
{
	if (object->header.label_count > ABI_SLOT_CAPACITY / ABI_FLOW_CLASSES)
		return refuse(object->report, EINVAL, "object '%s' has %u labels; at most %u fit",
			      object->image->name, object->header.label_count,
			      ABI_SLOT_CAPACITY / ABI_FLOW_CLASSES);
	for (uint32_t i = 0; i < object->header.label_count; i++)
		if (!is_string(object, object->labels[i].name) ||
		    !is_label_name(object_label(object, i)) ||
		    object->labels[i].flow_classes >= 1u << ABI_FLOW_CLASSES)
			return refuse_record(object, ABI_LABELS_SECTION, i);
	return check_unique(object);
}

/* Whether a record stands after the one before it: by name, and a wildcard before the exact name. */
static bool is_sorted(const struct object *object, uint32_t index)
{
	const struct abi_interface *record = &object->interfaces[index], *before = record - 1;
	int order;

	if (!index || !object_has_classes(object))
		return true;
	order = strcmp(object_string(object, before->name), object_string(object, record->name));
	return order < 0 || (order == 0 && before->is_wildcard && !record->is_wildcard);
}

static int check_interfaces(const struct object *object)
{
	if (object->header.interface_count > ABI_RECORDS_MAX)
		return refuse(object->report, EINVAL,
			      "object '%s' has %u interfaces; at most %d fit", object->image->name,
			      object->header.interface_count, ABI_RECORDS_MAX);
	for (uint32_t i = 0; i < object->header.interface_count; i++) {
		const struct abi_interface *interface = &object->interfaces[i];

		if (!is_string(object, interface->name) ||
		    !*object_string(object, interface->name) || interface->required > 1 ||
		    interface->is_wildcard > 1 || (interface->required && interface->is_wildcard) ||
		    !is_sorted(object, i))
			return refuse_record(object, ABI_INTERFACES_SECTION, i);
	}
	return 0;
}

static int check_rules(const struct object *object)
{
	for (size_t i = 0; i < object->rule_count; i++) {
		const struct abi_rule *rule = &object->rules[i];

		if (!is_string(object, rule->text) || !is_string_or_none(object, rule->chain) ||
		    !is_string_or_none(object, rule->expanded) ||
		    rule->file >= object->text_count ||
		    (rule->counter != ABI_NO_COUNTER &&
		     rule->counter >= object->header.counter_count))
			return refuse_record(object, ABI_RULES_SECTION, i);
	}
	if (object->header.counter_count > object->rule_count)
		return refuse(object->report, EINVAL, "object '%s' has %u counters for %zu rules",
			      object->image->name, object->header.counter_count,
			      object->rule_count);
	return 0;
}

static bool is_protocol(uint32_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

static bool is_family(uint32_t family)
{
	return family == AF_INET || family == AF_INET6;
}

/* Whether the string is none, or the name of one of the object's interfaces. */
static bool is_interface_or_none(const struct object *object, uint32_t string)
{
	if (string == ABI_NO_STRING || !is_string(object, string))
		return string == ABI_NO_STRING;
	return object_interface(object, object_string(object, string)) != UINT32_MAX;
}

static int check_sockets(const struct object *object)
{
	for (size_t i = 0; i < object->socket_count; i++) {
		const struct abi_socket *socket = &object->sockets[i];

		if (socket->label >= object->header.label_count || !is_protocol(socket->protocol) ||
		    (!is_family(socket->family) && socket->family != AF_UNSPEC) ||
		    socket->port > UINT16_MAX || !is_string_or_none(object, socket->uid) ||
		    !is_string_or_none(object, socket->cgroup) ||
		    !is_interface_or_none(object, socket->device) ||
		    socket->file >= object->text_count || socket->any_address > 1)
			return refuse_record(object, ABI_SOCKETS_SECTION, i);
	}
	return 0;
}

static bool is_verdict(const struct object *object, const struct abi_expect *expect)
{
	return expect->verdict == ABI_PASS || expect->verdict == ABI_DROP ||
	       (expect->verdict == ABI_REDIRECT && expect->label < object->header.label_count);
}

static int check_expects(const struct object *object)
{
	for (size_t i = 0; i < object->expect_count; i++) {
		const struct abi_expect *expect = &object->expects[i];

		if (!is_string(object, expect->text) || !is_family(expect->family) ||
		    !is_protocol(expect->protocol) || expect->remote_port > UINT16_MAX ||
		    expect->local_port > UINT16_MAX || !is_verdict(object, expect) ||
		    expect->interface == ABI_CLASS_NOT_KNOWN ||
		    expect->interface > object_class_other(object) ||
		    expect->file >= object->text_count || expect->has_source > 1)
			return refuse_record(object, ABI_EXPECTS_SECTION, i);
	}
	return 0;
}

static int check_definitions(const struct object *object)
{
	for (size_t i = 0; i < object->definition_count; i++)
		if (!is_string(object, object->definitions[i]))
			return refuse_record(object, ABI_DEFINITIONS_SECTION, i);
	return 0;
}

static int check_texts(const struct object *object)
{
	uint64_t rest = object->header.text_bytes;

	if (object->header.text_bytes / ZLIB_RATIO_MAX > object->text_size)
		return refuse(object->report, EINVAL, "object '%s': the rules' text is damaged",
			      object->image->name);
	for (size_t i = 0; i < object->text_count; i++) {
		if (!is_string(object, object->texts[i].name) || object->texts[i].bytes > rest)
			return refuse_record(object, ABI_TEXTS_SECTION, i);
		rest -= object->texts[i].bytes;
	}
	if (rest)
		return refuse(object->report, EINVAL,
			      "object '%s': its files are shorter than its text",
			      object->image->name);
	return 0;
}

static int check_header(const struct object *object)
{
	const struct abi_header *header = &object->header;

	if (header->policy != ABI_PASS && header->policy != ABI_DROP)
		return refuse(object->report, EINVAL, "object '%s': the policy %u makes no sense",
			      object->image->name, header->policy);
	if (header->override_others > 1 || header->tries_spares > 1 || header->tables_frozen > 1 ||
	    header->asks_interface > 1 || header->parts >= ABI_PARTS_COUNT ||
	    (header->asks_interface && !header->interface_count) ||
	    (header->version > 2 && header->tries_spares != (header->label_count > 0)))
		return refuse(object->report, EINVAL, "object '%s': its header makes no sense",
			      object->image->name);
	if (header->version > 2 &&
	    (!is_string(object, header->compiler) || !is_string(object, header->backend) ||
	     !is_string(object, header->tables)))
		return refuse(object->report, EINVAL, "object '%s': its header makes no sense",
			      object->image->name);
	return 0;
}

int object_check(const struct object *object)
{
	static int (*const checks[])(const struct object *object) = {
		check_strings, check_header,  check_labels,      check_interfaces, check_rules,
		check_sockets, check_expects, check_definitions, check_texts,
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(checks) / sizeof(checks[0]); i++)
		err = checks[i](object);
	return err;
}
