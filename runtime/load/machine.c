/* The words that only the host knows: the slots of labels and the numbers of interfaces. */
#include "load.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"
#include "runtime/kernel/netns.h"
#include "runtime/object/object.h"

#include <errno.h>

int machine_new(const struct object *object, struct machine *machine)
{
	machine->slots = calloc((size_t)object->header.label_count + 1, sizeof(*machine->slots));
	machine->interfaces = calloc((size_t)object->header.interface_count + 1,
				     sizeof(*machine->interfaces));
	if (machine->slots && machine->interfaces)
		return 0;
	machine_free(machine);
	return fail(object->report, ENOMEM, "load '%s'", object->image->name);
}

void machine_free(struct machine *machine)
{
	free(machine->slots);
	free(machine->interfaces);
	*machine = (struct machine){0};
}

void machine_default_slots(const struct object *object, struct machine *machine)
{
	for (uint32_t i = 0; i < object->header.label_count; i++)
		for (uint32_t place = 0; place < ABI_PLACES; place++)
			machine->slots[i].slots[place] = ABI_PLACES * i + place;
}

/* Says that there is no such interface; -errno if that is an error. */
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

int machine_find_interfaces(const struct object *object, const struct netns *netns, bool strict,
			    struct machine *machine)
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
		machine->interfaces[i] = number ? (uint32_t)number : ABI_INTERFACE_UNKNOWN;
	}
	return 0;
}
