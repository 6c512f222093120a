/* Writes rules in one canonical way: the family by `meta nfproto` where no address implies it, addresses as
 * prefixes where possible, long lists of values as a set that is named by a hash of them. So the text of a rule
 * depends only on what the rule means. */
#include "rule_text.h"

#include "compiler/base/arena.h"

#include <inttypes.h>
#include <string.h>

enum { FLUSH_BYTES = 1 << 16, PROPERTY_VALUES = 64, NAME_SIZE = 64, RULE_SIZE = 128 };

enum { ALL_FAMILIES = (1 << FAMILY_COUNT) - 1, ALL_PROTOCOLS = (1 << PROTOCOL_COUNT) - 1 };

void writer_flush(struct writer *to)
{
	fwrite(to->bytes, 1, to->count, to->out);
	to->count = 0;
}

static void write_bytes(struct writer *to, const char *bytes, size_t count)
{
	size_t needed, capacity = to->capacity;

	if (to->out && to->count >= FLUSH_BYTES)
		writer_flush(to);
	needed = to->count + count;
	if (needed > capacity) {
		while (arena_grown_capacity(&capacity) < needed)
			;
		to->bytes = arena_grow(to->arena, to->bytes, to->count, capacity, 1);
		to->capacity = capacity;
	}
	if (count)
		memcpy(to->bytes + to->count, bytes, count);
	to->count = needed;
}

void write_string(struct writer *to, const char *string)
{
	write_bytes(to, string, strlen(string));
}

void write_quoted(struct writer *to, const char *string)
{
	write_string(to, "\"");
	write_string(to, string);
	write_string(to, "\"");
}

/* Values. */

static void write_range(struct writer *to, enum field field, enum family family, struct range range)
{
	char text[RANGE_TEXT];

	field_range_format(field, family, range, text);
	write_string(to, text);
}

void write_endpoint(struct writer *to, enum family family, u128 address, u128 port)
{
	char text[RANGE_TEXT];

	address_format(family, address, text);
	write_string(to, family == FAMILY_IPV6 ? "[" : "");
	write_string(to, text);
	write_string(to, family == FAMILY_IPV6 ? "]:" : ":");
	port_range_format((struct range){port, port}, text);
	write_string(to, text);
}

/* The families that can match: those where no set of addresses is empty. */
static uint8_t live_families(const struct match *match)
{
	uint8_t live = match->families & ALL_FAMILIES;
	enum family family;
	enum field field;

	for (family = 0; family < FAMILY_COUNT; family++)
		for (field = 0; field < VALUE_FIELD_COUNT; field++)
			if (field_has_families(field) && match->values[family][field] &&
			    !match->values[family][field]->count)
				live &= (uint8_t) ~(1u << family);
	return live;
}

/* Whether the text of the set would contain an IPv4-mapped address. No rule may name one, but a negated match
 * leaves ranges that end at one. */
static bool names_mapped(struct range_set set)
{
	size_t i;

	for (i = 0; i < set.count; i++)
		if (address_is_mapped(set.ranges[i].first) ||
		    (address_is_mapped(set.ranges[i].last) &&
		     range_prefix_bits(FAMILY_IPV6, set.ranges[i]) < 0))
			return true;
	return false;
}

static struct range_set all_addresses(struct arena *arena, enum family family)
{
	struct range *range = arena_alloc(arena, 1, sizeof(*range));

	range->last = address_last(family);
	return (struct range_set){range, 1};
}

/* Collects the sets of an address field in the families that can match; false if any address matches. */
static bool collect_addresses(struct arena *arena, const struct match *match,
			      struct value_list *list)
{
	uint8_t live = live_families(match), shown = live ? live : match->families;
	const struct range_set *set;
	bool is_said = false;
	enum family family;

	for (family = 0; family < FAMILY_COUNT; family++) {
		set = match->values[family][list->field];
		if (shown & 1u << family && set && (live || !set->count))
			is_said = true;
	}
	for (family = 0; is_said && family < FAMILY_COUNT; family++) {
		set = match->values[family][list->field];
		if (live & 1u << family)
			list->sets[family] = set ? *set : all_addresses(arena, family);
	}
	return is_said;
}

static bool collect_ports(const struct match *match, struct value_list *list)
{
	enum family family = match->families & 1u << FAMILY_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;
	const struct range_set *set = match->values[family][list->field];

	if (set)
		list->sets[0] = *set;
	return set;
}

static void negate(struct arena *arena, struct value_list *list)
{
	enum family family;

	list->negated = true;
	for (family = 0; family < FAMILY_COUNT; family++)
		if (list->sets[family].count)
			list->sets[family] = range_set_complement(arena, list->sets[family],
								  address_last(family));
}

static uint64_t mix(uint64_t hash, u128 value)
{
	hash = (hash ^ (uint64_t)value) * 0x9e3779b97f4a7c15;
	hash = (hash ^ hash >> 29 ^ (uint64_t)(value >> 64)) * 0xbf58476d1ce4e5b9;
	return hash ^ hash >> 32;
}

bool value_list_of(struct arena *arena, const struct match *match, enum field field,
		   struct value_list *list)
{
	enum family family;
	size_t i;

	*list = (struct value_list){.field = field};
	if (field_type(field) == TYPE_INTERFACE) /* written as in the rule: see write_interfaces */
		return false;
	if (field_has_families(field) ? !collect_addresses(arena, match, list)
				      : !collect_ports(match, list))
		return false;
	if (field_has_families(field) && names_mapped(list->sets[FAMILY_IPV6]))
		negate(arena, list);
	for (family = 0; family < FAMILY_COUNT; family++) {
		list->hash = mix(list->hash, list->sets[family].count);
		for (i = 0; i < list->sets[family].count; i++) {
			list->hash = mix(list->hash, list->sets[family].ranges[i].first);
			list->hash = mix(list->hash, list->sets[family].ranges[i].last);
		}
		list->count += list->sets[family].count;
	}
	return true;
}

bool value_list_is_long(const struct value_list *list)
{
	return list->count > PROPERTY_VALUES;
}

void write_set_name(struct writer *to, const struct value_list *list)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s%s-%016" PRIx64, type_word(field_type(list->field)),
		 field_has_families(list->field) ? "" : "s", list->hash);
	write_string(to, name);
}

void write_elements(struct writer *to, const struct value_list *list, const char *separator)
{
	enum family family;
	bool is_first = true;
	size_t i;

	for (family = 0; family < FAMILY_COUNT; family++)
		for (i = 0; i < list->sets[family].count; i++) {
			write_string(to, is_first ? "" : separator);
			write_range(to, list->field, family, list->sets[family].ranges[i]);
			is_first = false;
		}
}

static void write_values(struct writer *to, const struct value_list *list)
{
	write_string(to, field_word(list->field));
	write_string(to, list->negated ? " != " : " ");
	if (value_list_is_long(list)) {
		write_string(to, "@");
		write_set_name(to, list);
	} else if (list->count == 1) {
		write_elements(to, list, "");
	} else {
		write_string(to, list->count ? "{ " : "{");
		write_elements(to, list, ", ");
		write_string(to, " }");
	}
	write_string(to, " ");
}

/* Matches. */

static bool shows_family(const struct match *match, uint8_t families)
{
	enum family family = families & 1u << FAMILY_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;

	enum field field;

	for (field = 0; field < VALUE_FIELD_COUNT; field++)
		if (field_has_families(field) && match->values[family][field])
			return true;
	return false;
}

static void write_families(struct writer *to, const struct match *match)
{
	uint8_t live = live_families(match), families = live ? live : match->families;

	if (!families) {
		write_string(to, "meta nfproto != { ipv4, ipv6 } ");
	} else if (families != ALL_FAMILIES && !(live && shows_family(match, live))) {
		write_string(to, "meta nfproto ");
		write_string(to,
			     family_word(families & 1u << FAMILY_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6));
		write_string(to, " ");
	}
}

static void write_protocols(struct writer *to, const struct match *match)
{
	if (!match->protocols) {
		write_string(to, "meta l4proto != { tcp, udp } ");
	} else if (match->protocols != ALL_PROTOCOLS) {
		write_string(to,
			     protocol_word(match->protocols & 1u << PROTOCOL_TCP ? PROTOCOL_TCP
										 : PROTOCOL_UDP));
		write_string(to, " ");
	}
}

static bool all_required(const struct policy *policy, const struct interface_match *match)
{
	size_t i;

	for (i = 0; i < match->count; i++)
		if (!policy->interfaces[match->interfaces[i]].required)
			return false;
	return match->count;
}

static void write_interfaces(struct writer *to, const struct policy *policy,
			     const struct interface_match *match)
{
	size_t i;

	write_string(to, all_required(policy, match) ? "iif " : "iifname ");
	write_string(to, match->negated ? "!= " : "");
	write_string(to, match->count == 1 ? "" : match->count ? "{ " : "{");
	for (i = 0; i < match->count; i++) {
		write_string(to, i ? ", " : "");
		write_quoted(to, policy->interfaces[match->interfaces[i]].text);
	}
	write_string(to, match->count == 1 ? " " : " } ");
}

/* Maps, and sets of several keys. */

static const struct interface *interface_of_key(const struct policy *policy, struct range key)
{
	return &policy->interfaces[(size_t)key.first - CLASS_FIRST];
}

static bool is_by_iif(const struct policy *policy, const struct map *map, size_t k)
{
	size_t i;

	for (i = 0; i < map->element_count; i++)
		if (!interface_of_key(policy, map->keys[i * map->key_count + k])->required)
			return false;
	return i;
}

static const char *key_word(const struct policy *policy, const struct map *map, size_t k)
{
	enum field field = map->key_fields[k];

	return field_word(field == FIELD_IIFNAME && is_by_iif(policy, map, k) ? FIELD_IIF : field);
}

void write_map_keys(struct writer *to, const struct policy *policy, const struct map *map)
{
	size_t k;

	for (k = 0; k < map->key_count; k++) {
		write_string(to, k ? " . " : "");
		write_string(to, key_word(policy, map, k));
	}
}

static bool map_name_is_taken(const struct map *maps, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (maps[i].name && !strcmp(maps[i].name, name))
			return true;
	return false;
}

/* Writes the name of a map; if it has none, one with WORD and its number. */
static void write_name_of(struct writer *to, const struct map *maps, size_t count, uint32_t map,
			  const char *word)
{
	char name[NAME_SIZE];
	int length;

	if (maps[map].name) {
		write_string(to, maps[map].name);
		return;
	}
	length = snprintf(name, sizeof(name), "%s-%" PRIu32, word, map);
	while (map_name_is_taken(maps, count, name) && length + 1 < NAME_SIZE)
		memcpy(name + length++, "x", 2);
	write_string(to, name);
}

void write_map_name(struct writer *to, const struct policy *policy, uint32_t map)
{
	write_name_of(to, policy->maps, policy->map_count, map, "map");
}

void write_key_set_name(struct writer *to, const struct policy *policy, uint32_t set)
{
	write_name_of(to, policy->key_sets, policy->key_set_count, set, "set");
}

/* Matches of several fields. */

bool key_set_is_inline(const struct map *set)
{
	return !set->name && set->element_count && set->element_count <= PROPERTY_VALUES;
}

void write_element_keys(struct writer *to, const struct policy *policy, const struct map *map,
			size_t element)
{
	enum family family = map->elements[element].families & 1u << FAMILY_IPV4 ? FAMILY_IPV4
										 : FAMILY_IPV6;
	size_t k;

	for (k = 0; k < map->key_count; k++) {
		struct range range = map->keys[element * map->key_count + k];

		write_string(to, k ? " . " : "");
		if (map->key_fields[k] == FIELD_L4PROTO)
			write_string(to, protocol_word((enum protocol)range.first));
		else if (map->key_fields[k] == FIELD_IIFNAME)
			write_quoted(to, interface_of_key(policy, range)->text);
		else
			write_range(to, map->key_fields[k], family, range);
	}
}

static void write_key_match(struct writer *to, const struct policy *policy,
			    const struct key_match *match)
{
	const struct map *set = &policy->key_sets[match->set];
	size_t i;

	write_map_keys(to, policy, set);
	write_string(to, match->negated ? " != " : " ");
	if (!key_set_is_inline(set)) {
		write_string(to, "@");
		write_key_set_name(to, policy, match->set);
		write_string(to, " ");
		return;
	}
	for (i = 0; i < set->element_count; i++) {
		write_string(to, i ? ", " : "{ ");
		write_element_keys(to, policy, set, i);
	}
	write_string(to, " } ");
}

static void write_match(struct writer *to, const struct policy *policy, const struct match *match)
{
	struct value_list list;
	enum field field;
	size_t i;

	write_families(to, match);
	write_protocols(to, match);
	for (field = 0; field < VALUE_FIELD_COUNT; field++)
		if (value_list_of(to->arena, match, field, &list))
			write_values(to, &list);
	for (i = 0; i < match->interface_count; i++)
		write_interfaces(to, policy, &match->interfaces[i]);
	for (i = 0; i < match->key_match_count; i++)
		write_key_match(to, policy, &match->key_matches[i]);
}

/* Verdicts. */

static void write_redirect(struct writer *to, const struct policy *policy,
			   const struct verdict *verdict)
{
	static const char *const fallbacks[] = {[FALLBACK_DROP] = "",
						[FALLBACK_PASS] = " else pass",
						[FALLBACK_CONTINUE] = " else continue"};

	write_string(to, " to ");
	write_string(to, policy->labels[verdict->target].name);
	write_string(to, verdict->no_reuseport ? " no-reuseport" : "");
	write_string(to, fallbacks[verdict->fallback]);
}

void write_verdict(struct writer *to, const struct policy *policy, const struct verdict *verdict)
{
	if (verdict->kind == VERDICT_MAP) {
		write_map_keys(to, policy, &policy->maps[verdict->target]);
		write_string(to, " map @");
		write_map_name(to, policy, verdict->target);
		return;
	}
	write_string(to, verdict_word(verdict->kind));
	if (verdict->kind == VERDICT_REDIRECT)
		write_redirect(to, policy, verdict);
	if (verdict->kind == VERDICT_JUMP || verdict->kind == VERDICT_GOTO) {
		write_string(to, " ");
		write_string(to, policy->chains[verdict->target].name);
	}
}

void write_rule(struct writer *to, const struct policy *policy, const struct rule *rule)
{
	write_match(to, policy, &rule->match);
	if (rule->counter != NO_INDEX)
		write_string(to, "counter ");
	write_verdict(to, policy, &rule->verdict);
	if (rule->comment) {
		write_string(to, " comment ");
		write_quoted(to, rule->comment);
	}
}

const char *policy_rule_text(struct arena *arena, const struct policy *policy,
			     const struct rule *rule)
{
	struct writer writer = {
		.arena = arena, .bytes = arena_alloc(arena, RULE_SIZE, 1), .capacity = RULE_SIZE};

	write_rule(&writer, policy, rule);
	write_bytes(&writer, "", 1);
	return writer.bytes;
}

const char *packet_text(struct arena *arena, const struct policy *policy,
			const struct packet *packet)
{
	struct writer writer = {
		.arena = arena, .bytes = arena_alloc(arena, RULE_SIZE, 1), .capacity = RULE_SIZE};
	const char *interface = interface_of_class(arena, policy,
						   (uint16_t)packet->values[FIELD_IIFNAME]);

	write_string(&writer, protocol_word(packet->protocol));
	write_string(&writer, " ");
	write_endpoint(&writer, packet->family, packet->values[FIELD_SADDR],
		       packet->values[FIELD_SPORT]);
	write_string(&writer, " -> ");
	write_endpoint(&writer, packet->family, packet->values[FIELD_DADDR],
		       packet->values[FIELD_DPORT]);
	if (interface) {
		write_string(&writer, " iif ");
		write_string(&writer, interface);
	}
	write_bytes(&writer, "", 1);
	return writer.bytes;
}
