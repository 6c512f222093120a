/* Interfaces as keys of maps, and of sets of several keys. While the elements are read, a key is the index of an
 * interface in a list of the map's own. Then that list is sorted, and each key becomes the range of classes that it
 * would have if a policy had this list alone. So the range of a wildcard contains those of the names that it matches,
 * which check_map relies on. When all rules are known, each key gets its range of the policy's classes. */
#include "ast_to_policy.h"

#include <string.h>

bool key_interface(struct translation *t, struct map_entry *entry, const struct ast_value *value,
		   struct range *key)
{
	struct ast_name name = {value->text, value->span};
	uint32_t index;

	if (!check_interface(t, value))
		return false;
	index = names_find(&entry->interface_names, name.text, strlen(name.text));
	if (index == NO_NAME) {
		index = names_add(&entry->interface_names, t->arena, name.text, strlen(name.text));
		*ARENA_PUSH(t->arena, entry->interfaces, entry->interface_count,
			    entry->interface_capacity) = to_interface(t, name);
	}
	*key = (struct range){index, index};
	return true;
}

/* Replaces the keys, each of which begins with FIRST plus the index of an interface, by the classes of the
 * interfaces. */
static void replace_keys(const struct map_entry *entry, unsigned first, const struct range *classes)
{
	const struct map *map = &entry->content;
	struct range *key;
	size_t i, k;

	for (k = 0; k < entry->key_count; k++) {
		if (entry->keys[k].type != TYPE_INTERFACE)
			continue;
		for (i = 0; i < map->element_count; i++) {
			key = &map->keys[i * map->key_count + k];
			*key = classes[(size_t)key->first - first];
		}
	}
}

void sort_key_interfaces(struct translation *t, struct map_entry *entry)
{
	size_t count = entry->interface_count;
	struct range *classes = arena_alloc(t->arena, count, sizeof(*classes));
	const uint32_t *moved = sort_interfaces(t->arena, &entry->interfaces, count);
	size_t i;

	for (i = 0; i < count; i++)
		classes[i] = interface_classes(entry->interfaces, count, moved[i]);
	replace_keys(entry, 0, classes);
}

/* Makes the interfaces of a map that a rule looks up those of the policy. */
void number_key_interfaces(struct translation *t, struct map_entry *entry)
{
	struct ast_name name;
	size_t i;

	if (entry->first_use == NO_INDEX || !entry->interface_count)
		return;
	entry->interface_numbers = arena_alloc(t->arena, entry->interface_count,
					       sizeof(*entry->interface_numbers));
	for (i = 0; i < entry->interface_count; i++) {
		name = (struct ast_name){entry->interfaces[i].text, entry->interfaces[i].span};
		if (entry->by_iif && refuse_wildcard(t, name)) {
			entry->interface_numbers = NULL;
			return;
		}
		entry->interface_numbers[i] = interface_number(t, name, entry->by_iif);
	}
}

static void classify_entry(struct translation *t, struct map_entry *entry, const uint32_t *moved)
{
	const struct policy *policy = t->policy;
	struct range *classes = arena_alloc(t->arena, entry->interface_count, sizeof(*classes));
	size_t i;

	for (i = 0; i < entry->interface_count; i++)
		classes[i] = interface_classes(policy->interfaces, policy->interface_count,
					       moved[entry->interface_numbers[i]]);
	replace_keys(entry, CLASS_FIRST, classes);
}

/* MOVED is the index of each number in the policy's sorted interfaces. */
void classify_key_interfaces(struct translation *t, const uint32_t *moved)
{
	size_t i;

	for (i = 0; i < t->map_count; i++)
		if (t->maps[i].interface_numbers)
			classify_entry(t, &t->maps[i], moved);
	for (i = 0; i < t->key_set_count; i++)
		if (t->key_sets[i].interface_numbers)
			classify_entry(t, &t->key_sets[i], moved);
}
