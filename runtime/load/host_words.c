/* The words that are not known before the object is loaded: the slots of labels and the numbers of
 * interfaces. */
#include "load.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/interfaces.h"
#include "runtime/kernel/netns.h"
#include "runtime/object/object.h"

#include <errno.h>
#include <string.h>

int host_new(const struct object *object, struct host *host)
{
	*host = (struct host){
		.slots = calloc((size_t)object->header.label_count + 1, sizeof(*host->slots)),
		.interfaces = calloc((size_t)object->header.interface_count + 1,
				     sizeof(*host->interfaces)),
	};
	if (host->slots && host->interfaces)
		return 0;
	host_free(host);
	return fail(object->report, ENOMEM, "load '%s'", object->image->name);
}

void host_free(struct host *host)
{
	free(host->slots);
	free(host->interfaces);
	*host = (struct host){0};
}

void host_default_slots(const struct object *object, struct host *host)
{
	for (uint32_t i = 0; i < object->header.label_count; i++)
		for (uint32_t flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			host->slots[i].slots[flow_class] = ABI_FLOW_CLASSES * i + flow_class;
}

/* Whether a declared socket is to be bound to the interface: then its number is part of the rules. */
static bool is_device(const struct object *object, const char *name)
{
	for (size_t i = 0; i < object->socket_count; i++) {
		const char *device = object_string(object, object->sockets[i].device);

		if (device && strcmp(device, name) == 0)
			return true;
	}
	return false;
}

/* Says that the name is another one of an interface (ip link property add): packets come in by its
 * own name. -errno if that is an error. */
static int meet_other_name(const char *name, const char *own, bool required,
			   const struct netns *netns)
{
	bool is_error;

	if (required)
		return refuse(
			netns->report, ENODEV,
			"'%s' is another name of the interface '%s' in %s, and an `iif` match "
			"names it: write '%s', the name that packets come in by",
			name, own, netns->words, own);
	is_error = warn_named(netns->report, "interface",
			      "'%s' is another name of the interface '%s' in %s: no packet comes "
			      "in by that; write '%s'",
			      name, own, netns->words, own);
	return is_error ? -ENODEV : 0;
}

/* Reports that there is no such interface; -errno if that is an error. */
static int miss_interface(const char *name, bool required, bool followed, const struct netns *netns)
{
	bool is_error;

	if (required)
		return refuse(netns->report, ENODEV,
			      "there is no interface '%s' in %s, and an `iif` match names it "
			      "(`iifname` does not need it)",
			      name, netns->words);
	if (followed)
		is_error = warn_named(netns->report, "interface",
				      "there is no interface '%s' in %s: no packet comes in by it "
				      "until it is there and `sklc sync` finds it",
				      name, netns->words);
	else
		is_error = warn_named(netns->report, "interface",
				      "there is no interface '%s' in %s: no match on it holds "
				      "until it is there and the rules are applied again",
				      name, netns->words);
	return is_error ? -ENODEV : 0;
}

/* Where only the number is asked for, an interface may be called by any of its names. */
static int find_interface(const struct object *object, const struct netns *netns, bool strict,
			  const struct host_interfaces *interfaces, uint32_t index,
			  struct host *host)
{
	const struct abi_interface *record = &object->interfaces[index];
	const char *name = object_string(object, record->name);
	uint32_t number = record->is_wildcard ? 0 : host_interface_number(interfaces, name);
	bool followed = object_has_classes(object) && !is_device(object, name);
	bool required = record->required && strict;
	const struct host_interface *called;

	if (record->is_wildcard)
		return 0;
	called = number ? NULL : host_interface_called(interfaces, name);
	if (called)
		number = called->number;
	host->interfaces[index] = followed ? 0 : number ? number : ABI_INTERFACE_UNKNOWN;
	if (called && object_has_classes(object))
		return meet_other_name(name, called->name, required, netns);
	return number ? 0 : miss_interface(name, required, followed, netns);
}

int host_find_interfaces(const struct object *object, const struct netns *netns, bool strict,
			 struct host *host)
{
	struct host_interfaces interfaces;
	int err;

	if (!object->header.interface_count)
		return 0;
	err = host_interfaces_list(netns, &interfaces);
	if (err)
		return err;
	for (uint32_t i = 0; !err && i < object->header.interface_count; i++)
		err = find_interface(object, netns, strict, &interfaces, i, host);
	host_interfaces_free(&interfaces);
	return err;
}
