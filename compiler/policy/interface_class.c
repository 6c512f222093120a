/* The class of an interface, and classes in words. */
#include "policy.h"

#include "compiler/base/arena.h"

#include <string.h>

static bool is_matched(const struct interface *entry, const char *name)
{
	return entry->is_wildcard ? !strncmp(name, entry->name, strlen(entry->name))
				  : !strcmp(name, entry->name);
}

/* The entries are sorted, so of those that match, the last is the exact name or the longest wildcard. */
uint16_t interface_class(const struct policy *policy, const char *name)
{
	size_t i;

	for (i = policy->interface_count; i-- > 0;)
		if (is_matched(&policy->interfaces[i], name))
			return (uint16_t)(CLASS_FIRST + i);
	return class_other(policy);
}

const char *interface_of_class(struct arena *arena, const struct policy *policy, uint16_t class)
{
	static const char ends[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	const struct interface *entry;
	const char *name;
	size_t i;

	if (class == CLASS_NOT_KNOWN || class >= class_other(policy))
		return NULL;
	entry = &policy->interfaces[class - CLASS_FIRST];
	if (!entry->is_wildcard)
		return entry->name;
	for (i = 0; i + 1 < sizeof(ends); i++) {
		name = arena_printf(arena, "%s%c", entry->name, ends[i]);
		if (strlen(name) <= INTERFACE_NAME_MAX && interface_class(policy, name) == class)
			return name;
	}
	return entry->name;
}

static const char *class_text(struct arena *arena, const struct policy *policy, u128 class)
{
	if (class == CLASS_NOT_KNOWN)
		return "not known";
	if (class >= class_other(policy))
		return "any other";
	return arena_printf(arena, "\"%s\"", policy->interfaces[class - CLASS_FIRST].text);
}

const char *class_range_text(struct arena *arena, const struct policy *policy, struct range range)
{
	const char *first = class_text(arena, policy, range.first);

	if (range.first == range.last || range.first >= class_other(policy))
		return first;
	return arena_printf(arena, "%s to %s", first, class_text(arena, policy, range.last));
}
