/* The words that are not known before the object is loaded: the slots of labels and the numbers of
 * interfaces. */
#include "load.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"
#include "runtime/kernel/netns.h"
#include "runtime/object/object.h"

#include <errno.h>

int host_new(const struct object *object, struct host *host)
{
	host->slots = calloc((size_t)object->header.label_count + 1, sizeof(*host->slots));
	host->interfaces = calloc((size_t)object->header.interface_count + 1,
				  sizeof(*host->interfaces));
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

/* Reports that there is no such interface; -errno if that is an error. */
static int miss_interface(const char *name, bool required, const struct netns *netns)
{
	bool is_error;

	if (required)
		return refuse(netns->report, ENODEV,
			      "there is no interface '%s' in %s, and an `iif` match names it "
			      "(`iifname` does not need it)",
			      name, netns->words);
	is_error = warn_named(netns->report, "interface",
			      "there is no interface '%s' in %s: no match on it holds until it is "
			      "there and the rules are applied again",
			      name, netns->words);
	return is_error ? -ENODEV : 0;
}

int host_find_interfaces(const struct object *object, const struct netns *netns, bool strict,
			 struct host *host)
{
	int err = 0;

	for (uint32_t i = 0; i < object->header.interface_count; i++) {
		const char *name = object_string(object, object->interfaces[i].name);
		int number = netns_interface(netns, name);

		if (number < 0)
			return caps_fail(object->report, number, caps_for_namespace,
					 "look up interface '%s'", name);
		if (number == 0)
			err = miss_interface(name, object->interfaces[i].required && strict, netns);
		if (err)
			return err;
		host->interfaces[i] = number ? (uint32_t)number : ABI_INTERFACE_UNKNOWN;
	}
	return 0;
}
