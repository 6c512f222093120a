/* Compares the numbers of interfaces that the program has with those that the namespace has now. A
 * program knows an interface by its number alone, which another interface may have later. */
#include "problems.h"

#include "runtime/abi.h"
#include "runtime/kernel/netns.h"
#include "runtime/object/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Names the interface that has the number now, if it is another one. -errno after a message. */
static int write_other(const struct inspection *inspected, const char *name, uint32_t number,
		       char *text, size_t size)
{
	char other[16] = "";
	int found = netns_interface_name(inspected->netns, number, other);

	if (found < 0)
		return found;
	if (found && strcmp(other, name) != 0)
		snprintf(text, size, "matches on it hold for '%s' instead", other);
	else
		snprintf(text, size, "no match on it holds");
	return 0;
}

static int check_interface(const struct inspection *inspected, const char *name, uint32_t known,
			   struct problems *problems)
{
	int number = netns_interface(inspected->netns, name);
	char effect[64];
	int err;

	if (number < 0 || (uint32_t)number == known)
		return 0;
	if (known == ABI_INTERFACE_UNKNOWN)
		return number ? problem_add(
					problems, NULL, "apply the rules again",
					"the interface '%s' (number %d) came after the rules were "
					"applied: no match on it holds",
					name, number)
			      : problem_add(
					problems, NULL, "apply the rules again when it is there",
					"there is no interface '%s': no match on it holds", name);
	err = write_other(inspected, name, known, effect, sizeof(effect));
	if (err)
		return err;
	if (number)
		return problem_add(problems, NULL, "apply the rules again",
				   "the interface '%s' has the number %d now, and had %" PRIu32
				   " when the rules were applied: %s",
				   name, number, known, effect);
	return problem_add(problems, NULL, "apply the rules again when it is back",
			   "the interface '%s' (number %" PRIu32 ") is gone: %s", name, known,
			   effect);
}

int problems_of_interfaces(const struct inspection *inspected, struct problems *problems)
{
	const struct object *object = inspected->object;
	int err = 0;

	for (uint32_t i = 0; !err && inspected->interfaces && i < object->header.interface_count;
	     i++)
		err = check_interface(inspected, object_string(object, object->interfaces[i].name),
				      inspected->interfaces[i], problems);
	return err;
}
