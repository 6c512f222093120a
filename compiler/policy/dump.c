/* Writes a policy as a rules file that compiles to the same policy. Includes, defines, named sets and the order
 * of other statements than rules and chains are lost; the meaning is complete. */
#include "compiler/pipeline.h"

#include "compiler/base/arena.h"
#include "rule_text.h"

#include <stdlib.h>

/* The long sets of values in rules, one entry for each time that a rule uses one. */
struct set_uses {
	struct value_list *lists;
	size_t count, capacity;
};

static int compare_uses(const void *a, const void *b)
{
	const struct value_list *left = a, *right = b;

	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return (int)field_type(left->field) - (int)field_type(right->field);
}

static void collect_rule(struct arena *arena, struct set_uses *uses, const struct rule *rule)
{
	struct value_list list;
	enum field field;

	for (field = 0; field < VALUE_FIELD_COUNT; field++)
		if (value_list_of(arena, &rule->match, field, &list) && value_list_is_long(&list))
			*ARENA_PUSH(arena, uses->lists, uses->count, uses->capacity) = list;
}

static void dump_set(struct writer *to, const struct value_list *list)
{
	write_string(to, "\nset ");
	write_set_name(to, list);
	write_string(to, " {\n\ttype ");
	write_string(to, type_word(field_type(list->field)));
	write_string(to, "\n\telements = {\n\t\t");
	write_elements(to, list, ",\n\t\t");
	write_string(to, "\n\t}\n}\n");
}

/* Writes each set once, in the order of their names. */
static void dump_sets(struct writer *to, const struct policy *policy)
{
	struct set_uses uses = {NULL, 0, 0};
	size_t c, r, i;

	for (c = 0; c < policy->chain_count; c++)
		for (r = 0; r < policy->chains[c].count; r++)
			collect_rule(to->arena, &uses, &policy->chains[c].rules[r]);
	if (uses.count)
		qsort(uses.lists, uses.count, sizeof(*uses.lists), compare_uses);
	for (i = 0; i < uses.count; i++)
		if (!i || compare_uses(&uses.lists[i - 1], &uses.lists[i]))
			dump_set(to, &uses.lists[i]);
}

static void dump_element(struct writer *to, const struct policy *policy, const struct map *map,
			 size_t element)
{
	write_string(to, "\t\t");
	write_element_keys(to, policy, map, element);
	if (map->verdict_count) {
		write_string(to, " : ");
		write_verdict(to, policy, &map->verdicts[map->elements[element].verdict]);
	}
	write_string(to, element + 1 < map->element_count ? ",\n" : "\n");
}

static void dump_elements(struct writer *to, const struct policy *policy, const struct map *map)
{
	size_t i;

	if (map->element_count) {
		write_string(to, "\telements = {\n");
		for (i = 0; i < map->element_count; i++)
			dump_element(to, policy, map, i);
		write_string(to, "\t}\n");
	}
	write_string(to, "}\n");
}

static void dump_map(struct writer *to, const struct policy *policy, uint32_t index)
{
	const struct map *map = &policy->maps[index];

	write_string(to, "\nmap ");
	write_map_name(to, policy, index);
	write_string(to, " {\n\ttype ");
	write_map_keys(to, policy, map);
	write_string(to, " : verdict\n");
	dump_elements(to, policy, map);
}

static void dump_key_set(struct writer *to, const struct policy *policy, uint32_t index)
{
	const struct map *set = &policy->key_sets[index];

	if (key_set_is_inline(set))
		return;
	write_string(to, "\nset ");
	write_key_set_name(to, policy, index);
	write_string(to, " {\n\ttype ");
	write_map_keys(to, policy, set);
	write_string(to, "\n");
	dump_elements(to, policy, set);
}

static void dump_endpoint(struct writer *to, const struct declared_endpoint *endpoint)
{
	char port[RANGE_TEXT];

	write_string(to, "\t");
	write_string(to, protocol_word(endpoint->protocol));
	write_string(to, " ");
	if (endpoint->any_address && endpoint->any_family) {
		port_range_format((struct range){endpoint->port, endpoint->port}, port);
		write_string(to, "*:");
		write_string(to, port);
	} else {
		write_endpoint(to, endpoint->family, endpoint->address, endpoint->port);
	}
	if (endpoint->device) {
		write_string(to, " dev ");
		write_quoted(to, endpoint->device);
	}
	write_string(to, "\n");
}

static void dump_socket(struct writer *to, const struct policy *policy,
			const struct socket_declaration *declaration)
{
	size_t i;

	write_string(to, "\nsocket ");
	write_string(to, policy->labels[declaration->label].name);
	write_string(to, " {\n");
	for (i = 0; i < declaration->endpoint_count; i++)
		dump_endpoint(to, &declaration->endpoints[i]);
	if (declaration->uid) {
		write_string(to, "\tuid ");
		write_quoted(to, declaration->uid);
		write_string(to, "\n");
	}
	if (declaration->cgroup) {
		write_string(to, "\tcgroup ");
		write_quoted(to, declaration->cgroup);
		write_string(to, "\n");
	}
	write_string(to, "}\n");
}

static void dump_chain(struct writer *to, const struct policy *policy, const struct chain *chain)
{
	size_t i;

	write_string(to, "\nchain ");
	write_string(to, chain->name);
	write_string(to, " {\n");
	for (i = 0; i < chain->count; i++) {
		write_string(to, "\t");
		write_rule(to, policy, &chain->rules[i]);
		write_string(to, "\n");
	}
	write_string(to, "}\n");
}

/* Writes the chains where they stood between the rules, since counters are numbered in the order of the file. */
static void dump_rules(struct writer *to, const struct policy *policy)
{
	const struct chain *top = &policy->chains[0];
	bool is_behind_block = true;
	size_t next = 1, i;

	for (i = 0; i <= top->count; i++) {
		while (next < policy->chain_count && policy->chains[next].rules_before <= i) {
			dump_chain(to, policy, &policy->chains[next++]);
			is_behind_block = true;
		}
		if (i == top->count)
			return;
		write_string(to, is_behind_block ? "\n" : "");
		write_rule(to, policy, &top->rules[i]);
		write_string(to, "\n");
		is_behind_block = false;
	}
}

static void dump_expect(struct writer *to, const struct policy *policy, const struct expect *expect)
{
	const struct packet *packet = &expect->packet;

	write_string(to, "expect ");
	write_string(to, protocol_word(packet->protocol));
	write_string(to, " ");
	if (expect->has_source) {
		write_endpoint(to, packet->family, packet->values[FIELD_SADDR],
			       packet->values[FIELD_SPORT]);
		write_string(to, " -> ");
	}
	write_endpoint(to, packet->family, packet->values[FIELD_DADDR],
		       packet->values[FIELD_DPORT]);
	if (expect->interface) {
		write_string(to, " iif ");
		write_quoted(to, expect->interface);
	}
	write_string(to, " ");
	write_verdict(to, policy, &expect->verdict);
	write_string(to, "\n");
}

void policy_dump(const struct policy *policy, FILE *out)
{
	struct arena *arena = arena_new();
	struct writer writer = {.arena = arena, .out = out};
	uint32_t set, map;
	size_t i;

	write_string(&writer, "policy ");
	write_string(&writer, verdict_word(policy->end));
	write_string(&writer, policy->override_others ? "\noption override\n" : "\n");
	dump_sets(&writer, policy);
	for (set = 0; set < policy->key_set_count; set++)
		dump_key_set(&writer, policy, set);
	for (i = 0; i < policy->socket_count; i++)
		dump_socket(&writer, policy, &policy->sockets[i]);
	for (map = 0; map < policy->map_count; map++)
		dump_map(&writer, policy, map);
	dump_rules(&writer, policy);
	if (policy->expect_count)
		write_string(&writer, "\n");
	for (i = 0; i < policy->expect_count; i++)
		dump_expect(&writer, policy, &policy->expects[i]);
	writer_flush(&writer);
	arena_free(arena);
}
