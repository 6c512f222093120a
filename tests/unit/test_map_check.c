/* Which maps are refused, and which element wins: by the definition in sklc.conf(5), tried for all pairs of elements
 * and for many packets. */
#include "compiler/ast/ast.h"
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"
#include "tests/lib/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ELEMENTS_MAX = 64, NONE = ELEMENTS_MAX };

/* Interfaces, and what a key may say of them: the first and the last that it holds. */
static const char *const INTERFACES[] = {"a", "ab", "abc", "abcx", "abd", "b"};
static const struct interface_key {
	const char *text;
	unsigned first, last;
} INTERFACE_KEYS[] = {
	{"a", 0, 0}, {"ab", 1, 1}, {"abc", 2, 2}, {"abcx", 3, 3}, {"abd", 4, 4},
	{"b", 5, 5}, {"a*", 0, 4}, {"ab*", 1, 4}, {"abc*", 2, 3},
};

#define COUNT_OF(array) ((unsigned)(sizeof(array) / sizeof(*(array))))

struct element {
	enum family family;
	unsigned first[MAP_KEYS_MAX], last[MAP_KEYS_MAX];
};

/* A map of random keys, whose values are below VALUES. */
struct map_model {
	unsigned values, key_count, count;
	enum field keys[MAP_KEYS_MAX];
	struct element elements[ELEMENTS_MAX];
};

static bool has_families(const struct map_model *model)
{
	unsigned k;

	for (k = 0; k < model->key_count; k++)
		if (field_type(model->keys[k]) == TYPE_ADDRESS)
			return true;
	return false;
}

static unsigned values_of(const struct map_model *model, unsigned k)
{
	return model->keys[k] == FIELD_L4PROTO ? PROTOCOL_COUNT : model->values;
}

/* The definition. */

static bool share_a_packet(const struct map_model *model, const struct element *a,
			   const struct element *b)
{
	unsigned k;

	if (has_families(model) && a->family != b->family)
		return false;
	for (k = 0; k < model->key_count; k++)
		if (a->first[k] > b->last[k] || b->first[k] > a->last[k])
			return false;
	return true;
}

/* For elements that share a packet: 1 if A wins, -1 if B wins, 0 if the map is to be refused. */
static int winner(const struct map_model *model, const struct element *a, const struct element *b)
{
	unsigned k;

	for (k = 0; k < model->key_count; k++) {
		if (a->first[k] == b->first[k] && a->last[k] == b->last[k])
			continue;
		if (a->first[k] >= b->first[k] && a->last[k] <= b->last[k])
			return 1;
		return b->first[k] >= a->first[k] && b->last[k] <= a->last[k] ? -1 : 0;
	}
	return 0;
}

/* Whether element INDEX may stand beside those before it. */
static bool fits(const struct map_model *model, unsigned index)
{
	unsigned i;

	for (i = 0; i < index; i++)
		if (share_a_packet(model, &model->elements[i], &model->elements[index]) &&
		    !winner(model, &model->elements[i], &model->elements[index]))
			return false;
	return true;
}

static bool is_accepted(const struct map_model *model)
{
	unsigned i;

	for (i = 0; i < model->count; i++)
		if (!fits(model, i))
			return false;
	return true;
}

static u128 value_of(const struct packet *packet, enum field field)
{
	return field == FIELD_L4PROTO ? (u128)packet->protocol : packet->values[field] & 0xff;
}

static unsigned decides(const struct map_model *model, const struct packet *packet)
{
	unsigned best = NONE, i, k;

	for (i = 0; i < model->count; i++) {
		const struct element *element = &model->elements[i];

		for (k = 0; k < model->key_count; k++)
			if (value_of(packet, model->keys[k]) < element->first[k] ||
			    value_of(packet, model->keys[k]) > element->last[k])
				break;
		if (k < model->key_count ||
		    (has_families(model) && element->family != packet->family))
			continue;
		if (best == NONE || winner(model, element, &model->elements[best]) > 0)
			best = i;
	}
	return best;
}

/* Random maps. */

static void some_keys(struct random *random, struct map_model *model)
{
	enum field fields[] = {FIELD_DADDR, FIELD_DPORT,   FIELD_SADDR,
			       FIELD_SPORT, FIELD_L4PROTO, FIELD_IIFNAME};
	unsigned count = COUNT_OF(fields), k, pick;

	model->key_count = 1 + random_below(random, MAP_KEYS_MAX);
	for (k = 0; k < model->key_count; k++) {
		pick = random_below(random, count);
		model->keys[k] = fields[pick];
		fields[pick] = fields[--count];
	}
}

static void some_key(struct random *random, const struct map_model *model, unsigned k,
		     struct element *element)
{
	unsigned size = values_of(model, k), swap;
	const struct interface_key *interface;

	if (model->keys[k] == FIELD_IIFNAME) {
		interface = &INTERFACE_KEYS[random_below(random, COUNT_OF(INTERFACE_KEYS))];
		element->first[k] = interface->first;
		element->last[k] = interface->last;
		return;
	}
	element->first[k] = random_below(random, size);
	element->last[k] = model->keys[k] == FIELD_L4PROTO || random_percent(random, 30)
				   ? element->first[k]
				   : random_below(random, size);
	if (random_percent(random, 15) && model->keys[k] != FIELD_L4PROTO) {
		element->first[k] = 0;
		element->last[k] = size - 1;
	}
	swap = element->first[k];
	if (swap > element->last[k]) {
		element->first[k] = element->last[k];
		element->last[k] = swap;
	}
}

static void some_element(struct random *random, const struct map_model *model,
			 struct element *element)
{
	unsigned k;

	element->family = (enum family)random_below(random, FAMILY_COUNT);
	for (k = 0; k < model->key_count; k++)
		some_key(random, model, k, element);
}

/* A map of COUNT elements at most, of which few are wrong. */
static struct map_model some_map(struct random *random, unsigned values, unsigned count)
{
	const unsigned wrong_percent = random_percent(random, 50) ? 0 : 100 / count;
	struct map_model model = {.values = values};
	unsigned i;

	some_keys(random, &model);
	for (i = 0; i < count; i++) {
		some_element(random, &model, &model.elements[model.count]);
		if (fits(&model, model.count) || random_percent(random, wrong_percent))
			model.count++;
	}
	return model;
}

static void write_value(FILE *out, const struct map_model *model, const struct element *element,
			unsigned k, unsigned value)
{
	if (model->keys[k] == FIELD_L4PROTO)
		fputs(protocol_word((enum protocol)value), out);
	else if (field_type(model->keys[k]) == TYPE_PORT)
		fprintf(out, "%u", value);
	else
		fprintf(out, element->family == FAMILY_IPV4 ? "10.0.0.%u" : "2001:db8::%x", value);
}

static void write_interface(FILE *out, unsigned first, unsigned last)
{
	size_t i;

	for (i = 0; i < COUNT_OF(INTERFACE_KEYS); i++)
		if (INTERFACE_KEYS[i].first == first && INTERFACE_KEYS[i].last == last)
			fprintf(out, "\"%s\"", INTERFACE_KEYS[i].text);
}

static char *text_of(const struct map_model *model)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	unsigned i, k;

	assert_non_null(out);
	for (k = 0; k < model->key_count; k++)
		fprintf(out, "%s%s", k ? " . " : "", field_word(model->keys[k]));
	fprintf(out, " map {\n");
	for (i = 0; i < model->count; i++) {
		const struct element *element = &model->elements[i];

		for (k = 0; k < model->key_count; k++) {
			fputs(k ? " . " : "\t", out);
			if (model->keys[k] == FIELD_IIFNAME) {
				write_interface(out, element->first[k], element->last[k]);
				continue;
			}
			write_value(out, model, element, k, element->first[k]);
			if (element->first[k] == element->last[k])
				continue;
			fputc('-', out);
			write_value(out, model, element, k, element->last[k]);
		}
		fprintf(out, " : redirect to l%u,\n", i);
	}
	fprintf(out, "}\n");
	fclose(out);
	return text;
}

/* What the compiler makes of a map. */

struct reading {
	struct arena *arena;
	struct diag *diag;
	struct policy *policy; /* NULL: refused */
	struct decision *decision;
};

static struct reading read_map(const char *text)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	struct reading r = {.arena = arena_new()};
	struct sources *sources = sources_new(r.arena);
	struct ast *ast;

	r.diag = diag_new(r.arena, sources);
	ast = text_to_ast(r.arena, r.arena, sources,
			  source_add(sources, "rules", text, strlen(text), (struct span){0, 0}),
			  r.diag, &options);
	assert_non_null(ast);
	r.policy = ast_to_policy(r.arena, ast, r.diag, &options);
	if (r.policy)
		r.decision = policy_to_decision(r.arena, r.policy, r.diag, &options);
	return r;
}

static struct packet some_packet(struct random *random, const struct map_model *model)
{
	struct packet packet = {.family = (enum family)random_below(random, FAMILY_COUNT),
				.protocol = (enum protocol)random_below(random, PROTOCOL_COUNT)};
	enum field field;

	for (field = 0; field < VALUE_FIELD_COUNT; field++) {
		packet.values[field] = random_below(
			random, field == FIELD_IIFNAME ? COUNT_OF(INTERFACES) : model->values);
		if (field_type(field) == TYPE_ADDRESS)
			packet.values[field] |= packet.family == FAMILY_IPV4
							? (u128)0x0a000000
							: (u128)0x20010db8 << 96;
	}
	return packet;
}

/* The model's packets have the number of an interface, those of the compiler its class. */
static struct packet classified(const struct policy *policy, struct packet packet)
{
	const char *interface = INTERFACES[packet.values[FIELD_IIFNAME]];

	packet.values[FIELD_IIFNAME] = interface_class(policy, interface);
	return packet;
}

static void check_packet(const struct reading *r, const struct map_model *model,
			 const struct packet *packet, const char *text)
{
	const struct packet asked = classified(r->policy, *packet);
	struct action actions[DECIDED_ACTIONS_MAX];
	const struct diagram_outcome decided = decision_eval(r->decision, &asked, actions);
	unsigned best = decides(model, packet);
	const struct rule *deciding;
	struct outcome outcome;
	char label[16] = "";

	assert_true(policy_eval(r->policy, &asked, &outcome, &deciding));
	snprintf(label, sizeof(label), "l%u", best);
	if (outcome.action_count != (best != NONE) || decided.action_count != (best != NONE))
		fail_msg("%s decides otherwise in:\n%s", label, text);
	if (best != NONE && (strcmp(r->policy->labels[outcome.actions[0].index].name, label) != 0 ||
			     decided.actions[0].index != outcome.actions[0].index))
		fail_msg("%s does not win in:\n%s", label, text);
}

static void check_map_of(struct random *random, unsigned values, unsigned count, unsigned *accepted)
{
	struct map_model model = some_map(random, values, count);
	char *text = text_of(&model);
	struct reading r = read_map(text);
	unsigned i;

	if (!r.policy == is_accepted(&model))
		fail_msg("%s, wrongly:\n%s", r.policy ? "accepted" : "refused", text);
	for (i = 0; r.policy && i < 200; i++) {
		struct packet packet = some_packet(random, &model);

		assert_non_null(r.decision);
		check_packet(&r, &model, &packet, text);
	}
	*accepted += r.policy != NULL;
	arena_free(r.arena);
	free(text);
}

static void small_maps_are_refused_and_decide_as_defined(void **state)
{
	struct random random = {1};
	unsigned accepted = 0, i;

	(void)state;
	for (i = 0; i < 3000; i++)
		check_map_of(&random, 2 + random_below(&random, 7), 1 + random_below(&random, 7),
			     &accepted);
	assert_in_range(accepted, 1000, 2900);
}

/* More elements than are compared in pairs. */
static void large_maps_are_refused_and_decide_as_defined(void **state)
{
	struct random random = {2};
	unsigned accepted = 0, i;

	(void)state;
	for (i = 0; i < 400; i++)
		check_map_of(&random, 16 + random_below(&random, 200),
			     20 + random_below(&random, ELEMENTS_MAX - 20), &accepted);
	assert_in_range(accepted, 100, 390);
}

static void only_elements_that_a_packet_can_both_match_overlap(void **state)
{
	const char *const accepted[] = {
		"dport . l4proto map { 10-20 . tcp : drop, 15-30 . udp : pass }",
		"dport . sport map { 1-65535 . 1 : drop, 15 . 1-100 : pass }",
		"dport . saddr map { 1-9 . 10.0.0.0/8 : drop, 5-14 . ::/0 : pass }",
		"dport . sport . saddr map { 1-9 . 1-9 . ::1 : drop, 5-14 . 5-14 . ::2 : pass }",
	};
	const char *const refused[] = {
		"dport . l4proto map { 10-20 . tcp : drop, 15-30 . tcp : pass }",
		"sport . dport map { 1 . 10-20 : drop, 1 . 15-30 : pass }",
		"dport . saddr map { 1-9 . ::/0 : drop, 5-14 . ::1 : pass }",
		"dport . sport . saddr map { 1-9 . 1-9 . ::/0 : drop, 5-14 . 5 . ::2 : pass }",
	};
	struct reading r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(accepted) / sizeof(*accepted); i++) {
		r = read_map(accepted[i]);
		if (!r.policy)
			fail_msg("refused: %s", accepted[i]);
		arena_free(r.arena);
	}
	for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		r = read_map(refused[i]);
		if (r.policy)
			fail_msg("accepted: %s", refused[i]);
		assert_int_equal(diag_error_count(r.diag), 1);
		arena_free(r.arena);
	}
}

static void expect_accepted(const char *text, size_t elements)
{
	struct reading r = read_map(text);

	assert_non_null(r.policy);
	assert_int_equal(diag_error_count(r.diag), 0);
	assert_int_equal(r.policy->maps[0].element_count, elements);
	arena_free(r.arena);
}

static void expect_refused(const char *text, const char *message)
{
	struct reading r = read_map(text);
	char *messages = NULL;
	size_t size;
	FILE *out = open_memstream(&messages, &size);

	assert_null(r.policy);
	diag_print(r.diag, out, DIAG_COLOR_NEVER);
	fclose(out);
	assert_non_null(strstr(messages, message));
	free(messages);
	arena_free(r.arena);
}

/* A large map is sorted by another algorithm than a small one, and checked alike. */
static void a_large_map_is_checked_as_a_small_one_is(void **state)
{
	enum { COUNT = 60000, LINE = 64 };
	char *text = malloc(COUNT * LINE), *at = text;
	int i;

	(void)state;
	at += sprintf(at, "daddr . dport map {\n");
	for (i = 0; i < COUNT; i++)
		at += sprintf(at, "10.%d.%d.0/24 . %d : drop,\n", (i * 7919) % 251, i / 251,
			      80 + i % 3);
	sprintf(at, "10.3.0.0/23 . 81 : drop }");
	expect_accepted(text, COUNT + 1);
	sprintf(at, "10.3.0.128-10.3.1.5 . 81 : drop }");
	expect_refused(text, "rules:60002:1: error: key 1 overlaps that of another");
	free(text);
}

/* Ranges that all cross are told apart by the keys after them. */
static void many_elements_that_cross_are_checked(void **state)
{
	enum { COUNT = 60000, LINE = 96 };
	char *text = malloc(COUNT * LINE), *at = text;
	int i;

	(void)state;
	at += sprintf(at, "dport . saddr . daddr map {\n");
	for (i = 0; i < COUNT; i++)
		at += sprintf(at, "%d-%d . 10.%d.0.0/16 . 10.%d.%d.0/24 : drop,\n", i, i + 5000,
			      i % 100, i / 100 % 256, i / 25600);
	sprintf(at, "80 . 10.99.0.0/16 . 10.0.0.0/8 : pass }");
	expect_accepted(text, COUNT + 1);
	sprintf(at, "59000-65000 . 10.99.0.0/16 . 10.0.0.0/8 : pass }");
	expect_refused(text, "rules:60002:1: error: key 1 overlaps that of another");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_elements_that_a_packet_can_both_match_overlap),
		cmocka_unit_test(small_maps_are_refused_and_decide_as_defined),
		cmocka_unit_test(large_maps_are_refused_and_decide_as_defined),
		cmocka_unit_test(a_large_map_is_checked_as_a_small_one_is),
		cmocka_unit_test(many_elements_that_cross_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
