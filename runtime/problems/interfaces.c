/* Compares the numbers of interfaces that the program has with those that the namespace has now. A
 * program knows an interface by its number alone, which another interface may have later. What is not
 * as it was can be mended by a look at the interfaces; but for the devices of declared sockets, and in
 * programs of before version 4, numbers are part of the rules. */
#include "problems.h"

#include "runtime/abi.h"
#include "runtime/kernel/interfaces.h"
#include "runtime/load/load.h"
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

	if (!known || number < 0 || (uint32_t)number == known)
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

enum { CLASSES_SHOWN = 10 };

/* What the rules call an interface of a class: "'ppp*'", or "one that they do not name". */
static const char *class_words(const struct object *object, uint32_t class, char *text, size_t size)
{
	const struct abi_interface *record;

	if (class == ABI_CLASS_NOT_KNOWN || class >= object_class_other(object))
		return "one that they do not name";
	record = &object->interfaces[class - ABI_CLASS_FIRST];
	snprintf(text, size, "'%s%s'", object_string(object, record->name),
		 record->is_wildcard ? "*" : "");
	return text;
}

/* Interfaces that have another class now than in the program. */
static int check_known(const struct inspection *inspected, const struct host_interfaces *interfaces,
		       struct problems *problems, size_t *found)
{
	const struct object *object = inspected->object;
	int err = 0;

	for (size_t i = 0; !err && i < interfaces->count; i++) {
		const struct host_interface *interface = &interfaces->all[i];
		uint32_t class = object_class(object, interface->name);
		uint32_t known = class_table_find(inspected->classes, interface->number);
		char words[32];

		if (known == ABI_CLASS_NOT_KNOWN)
			known = object_class_other(object);
		if (known == class || (*found)++ >= CLASSES_SHOWN)
			continue;
		err = problem_add(problems, NULL, "`sklc sync` tells them",
				  "the interface '%s' (number %" PRIu32
				  ") came or got its name since: to the rules it is %s",
				  interface->name, interface->number,
				  class_words(object, known, words, sizeof(words)));
	}
	return err;
}

static bool is_there(const struct host_interfaces *interfaces, uint32_t number)
{
	for (size_t i = 0; i < interfaces->count; i++)
		if (interfaces->all[i].number == number)
			return true;
	return false;
}

/* Numbers in the program that are of no interface any more. */
static int check_gone(const struct inspection *inspected, const struct host_interfaces *interfaces,
		      struct problems *problems, size_t *found)
{
	int err = 0;

	for (size_t i = 0; !err && i < inspected->classes->count; i++) {
		const struct interface_class *entry = &inspected->classes->all[i];
		char words[32];

		if (is_there(interfaces, entry->number) || (*found)++ >= CLASSES_SHOWN)
			continue;
		err = problem_add(
			problems, NULL, "`sklc sync` tells them",
			"the interface number %" PRIu32 ", to the rules %s, is gone", entry->number,
			class_words(inspected->object, entry->class, words, sizeof(words)));
	}
	return err;
}

/* Interfaces that `iif` names, which were there when the rules were applied. */
static int check_required(const struct inspection *inspected,
			  const struct host_interfaces *interfaces, struct problems *problems)
{
	const struct object *object = inspected->object;
	int err = 0;

	for (uint32_t i = 0; !err && i < object->header.interface_count; i++) {
		const char *name = object_string(object, object->interfaces[i].name);

		if (object->interfaces[i].required && !host_interface_number(interfaces, name))
			err = problem_add(problems, NULL, "`sklc sync` finds it when it is back",
					  "there is no interface '%s', which `iif` names", name);
	}
	return err;
}

static int check_classes(const struct inspection *inspected, struct problems *problems)
{
	struct host_interfaces interfaces;
	size_t found = 0;
	int err = host_interfaces_list(inspected->netns, &interfaces);

	if (err)
		return err;
	err = check_required(inspected, &interfaces, problems);
	if (!err)
		err = check_known(inspected, &interfaces, problems, &found);
	if (!err)
		err = check_gone(inspected, &interfaces, problems, &found);
	if (!err && found > CLASSES_SHOWN)
		err = problem_add(problems, NULL, "`sklc sync` tells them",
				  "%zu more interfaces came, got another name or are gone since",
				  found - CLASSES_SHOWN);
	host_interfaces_free(&interfaces);
	return err;
}

int problems_of_interfaces(const struct inspection *inspected, struct problems *problems)
{
	const struct object *object = inspected->object;
	int err = 0;

	for (uint32_t i = 0; !err && inspected->interfaces && i < object->header.interface_count;
	     i++)
		err = check_interface(inspected, object_string(object, object->interfaces[i].name),
				      inspected->interfaces[i], problems);
	if (!err && inspected->classes)
		err = check_classes(inspected, problems);
	return err;
}
