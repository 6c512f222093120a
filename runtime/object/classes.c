/* Which of the object's interfaces a name is. */
#include "object.h"

#include <string.h>

enum { NAME_MAX_BYTES = 15 };

/* As records are sorted: by name, and a wildcard before the exact name. */
static int compare(const struct object *object, uint32_t index, const char *name, size_t length,
		   bool is_wildcard)
{
	const struct abi_interface *record = &object->interfaces[index];
	const char *other = object_string(object, record->name);
	int order = strncmp(other, name, length);

	if (!order && other[length])
		order = 1;
	return order ? order : (int)is_wildcard - (int)record->is_wildcard;
}

/* The record of this name or wildcard; UINT32_MAX: there is none. */
static uint32_t find(const struct object *object, const char *name, size_t length, bool is_wildcard)
{
	uint32_t first = 0, end = object->header.interface_count;

	while (first < end) {
		uint32_t middle = first + (end - first) / 2;
		int order = compare(object, middle, name, length, is_wildcard);

		if (order == 0)
			return middle;
		if (order < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return UINT32_MAX;
}

bool object_has_classes(const struct object *object)
{
	return object->header.version > 3;
}

uint32_t object_class_other(const struct object *object)
{
	return ABI_CLASS_FIRST + object->header.interface_count;
}

uint32_t object_class(const struct object *object, const char *name)
{
	size_t length = strnlen(name, NAME_MAX_BYTES + 1);
	uint32_t index = find(object, name, length, false);

	for (; index == UINT32_MAX && length > 0; length--)
		index = find(object, name, length, true);
	return index == UINT32_MAX ? object_class_other(object) : ABI_CLASS_FIRST + index;
}

uint32_t object_interface(const struct object *object, const char *name)
{
	for (uint32_t i = 0; i < object->header.interface_count; i++)
		if (!object->interfaces[i].is_wildcard &&
		    strcmp(name, object_string(object, object->interfaces[i].name)) == 0)
			return i;
	return UINT32_MAX;
}
