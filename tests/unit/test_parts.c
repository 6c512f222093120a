/* Decisions in parts: they decide what the definition says, whatever is between the rules of two parts; and rules are
 * only cut where one diagram would be too large. */
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void compile_parts(struct compilation *c, const char *rules, enum parts parts)
{
	struct compile_options options = {.tables = TABLES_AUTO, .parts = parts};

	if (!compile_text(c, rules, strlen(rules), &options)) {
		diag_print(c->diag, stderr, DIAG_COLOR_NEVER);
		fail();
	}
}

static void assert_same_outcome(const struct outcome *wanted, const struct diagram_outcome *found)
{
	size_t i;

	assert_int_equal(found->action_count, wanted->action_count);
	assert_int_equal(found->end, wanted->end == END_PASS ? OUTCOME_PASS : OUTCOME_DROP);
	for (i = 0; i < wanted->action_count; i++)
		assert_true(action_equal(&wanted->actions[i], &found->actions[i]));
}

static void check_packet(const struct compilation *c, const struct packet *packet)
{
	struct action actions[DECIDED_ACTIONS_MAX];
	struct diagram_outcome found = decision_eval(c->decision, packet, actions);
	const struct rule *deciding;
	struct outcome wanted;

	assert_true(policy_eval(c->policy, packet, &wanted, &deciding));
	assert_same_outcome(&wanted, &found);
}

/* Fails unless the rules have COUNT parts, and decide all packets among a few addresses and ports as the definition
 * says. */
static void check_rules(const char *rules, size_t count)
{
	static const u128 addresses[] = {0x0a000001, 0x0a000002, 0x0a000003, 0x0b000000};
	static const u128 ports[] = {79, 80, 81};
	struct compilation c;
	size_t i;

	compile_parts(&c, rules, PARTS_ALWAYS);
	assert_int_equal(c.decision->part_count, count);
	for (i = 0; i < 4 * 4 * 3 * 3 * 2; i++) {
		struct packet packet = {FAMILY_IPV4, (enum protocol)(i % 2), {0}};

		packet.values[FIELD_DADDR] = addresses[i / 2 % 4];
		packet.values[FIELD_SADDR] = addresses[i / 8 % 4];
		packet.values[FIELD_DPORT] = ports[i / 32 % 3];
		packet.values[FIELD_SPORT] = ports[i / 96];
		check_packet(&c, &packet);
	}
	compilation_free(&c);
}

static void the_first_rule_of_all_parts_decides(void **state)
{
	(void)state;
	check_rules("daddr 10.0.0.1 drop\nsaddr 10.0.0.2 pass\ndaddr 10.0.0.3 redirect to a\n"
		    "saddr 10.0.0.1 daddr 10.0.0.2 drop\nsaddr 10.0.0.3 drop\n",
		    3);
	check_rules("policy drop\ndaddr 10.0.0.1 pass\nsaddr 10.0.0.1 pass\ndport 80 pass\n"
		    "daddr 10.0.0.2 saddr 10.0.0.2 pass\n",
		    4);
	check_rules("daddr 10.0.0.1 drop\nudp saddr 10.0.0.2 redirect to b\n", 2);
}

static void a_rule_counts_no_packet_that_a_rule_of_another_part_decided(void **state)
{
	(void)state;
	check_rules("daddr 10.0.0.1 drop\nsaddr 10.0.0.1 counter redirect to a else continue\n"
		    "daddr 10.0.0.2 counter drop\nsaddr 10.0.0.2 counter drop\n"
		    "daddr 10.0.0.3 saddr 10.0.0.3 counter redirect to b\ncounter redirect to c\n",
		    4);
}

static void attempts_of_several_parts_are_made_in_the_order_of_the_rules(void **state)
{
	(void)state;
	check_rules("daddr 10.0.0.1 redirect to a else continue\n"
		    "saddr 10.0.0.1 redirect to b else continue\n"
		    "daddr 10.0.0.1 redirect to c else continue\n"
		    "dport 80 counter redirect to d else continue\n"
		    "saddr 10.0.0.1 daddr 10.0.0.1 redirect to e else continue\n"
		    "saddr 10.0.0.1 redirect to f else pass\n"
		    "daddr 10.0.0.2 drop\nsaddr 10.0.0.2 drop\n",
		    4);
}

static void a_label_is_attempted_once_also_by_rules_of_two_parts(void **state)
{
	(void)state;
	check_rules("daddr 10.0.0.1 redirect to a else continue\n"
		    "saddr 10.0.0.1 counter redirect to a else continue\n"
		    "daddr 10.0.0.1 redirect to b else continue\nsaddr 10.0.0.1 redirect to b\n",
		    2);
}

static void a_chain_that_is_jumped_to_twice_is_evaluated_at_two_places(void **state)
{
	(void)state;
	check_rules("dport 80 jump c\nsaddr 10.0.0.1 redirect to a else continue\n"
		    "daddr 10.0.0.2 drop\nsport 80 jump c\n"
		    "chain c { daddr 10.0.0.1 counter redirect to b else continue\n"
		    "saddr 10.0.0.2 counter drop }\n",
		    2);
}

static void a_rule_that_returns_passes_over_rules_of_all_parts(void **state)
{
	(void)state;
	check_rules("counter jump c\nsaddr 10.0.0.3 drop\ndaddr 10.0.0.3 redirect to a\n"
		    "chain c { saddr 10.0.0.1 return\ndaddr 10.0.0.1 counter drop\n"
		    "daddr 10.0.0.2 return\nsaddr 10.0.0.2 counter drop\ndport 80 return\n"
		    "daddr 10.0.0.1 saddr 10.0.0.2 redirect to b }\n",
		    4);
	check_rules("saddr 10.0.0.1 counter return\ndaddr 10.0.0.1 counter drop\n"
		    "saddr 10.0.0.2 drop\n",
		    2);
}

static void a_goto_passes_over_what_follows_in_its_chain(void **state)
{
	(void)state;
	check_rules("jump outer\nsaddr 10.0.0.3 drop\ndaddr 10.0.0.3 drop\n"
		    "chain outer { saddr 10.0.0.1 goto c\ndaddr 10.0.0.1 counter drop\n"
		    "saddr 10.0.0.2 redirect to a }\n"
		    "chain c { daddr 10.0.0.1 redirect to b else continue\ndaddr 10.0.0.2 return\n"
		    "dport 80 counter drop }\n",
		    3);
}

static void an_element_that_leaves_the_decision_open_is_the_only_one_that_is_tried(void **state)
{
	(void)state;
	check_rules("saddr 10.0.0.1 counter daddr map { 10.0.0.1 : redirect to a else continue,\n"
		    "10.0.0.0/30 : jump c, 10.0.0.0/8 : drop }\n"
		    "saddr 10.0.0.2 daddr 10.0.0.2 drop\nsaddr 10.0.0.1 counter drop\n"
		    "daddr 10.0.0.3 drop\n"
		    "chain c { dport 80 counter drop\ndport 81 return\nsport 80 redirect to b }\n",
		    3);
	check_rules("jump outer\ndaddr 10.0.0.1 drop\n"
		    "chain outer { daddr map { 10.0.0.1 : return, 10.0.0.0/30 : goto c }\n"
		    "saddr 10.0.0.1 counter drop }\n"
		    "chain c { saddr 10.0.0.2 counter drop }\n",
		    3);
}

static void a_rule_is_come_to_once_whatever_elements_of_its_set_hold(void **state)
{
	(void)state;
	check_rules("saddr . daddr { 10.0.0.1 . 10.0.0.2, 10.0.0.1-10.0.0.2 . 10.0.0.1-10.0.0.2 } "
		    "counter redirect to a else continue\n"
		    "saddr 10.0.0.1 counter redirect to b else continue\n"
		    "daddr 10.0.0.2 counter drop\n",
		    3);
	check_rules("saddr . dport { 10.0.0.1 . 80, 10.0.0.1-10.0.0.2 . 80-81 } counter jump c\n"
		    "saddr 10.0.0.3 drop\ndaddr 10.0.0.3 drop\n"
		    "chain c { daddr 10.0.0.1 return\n"
		    "saddr 10.0.0.1 counter redirect to a else continue\n"
		    "daddr 10.0.0.2 counter drop }\n",
		    3);
}

static void no_element_of_a_set_that_is_asked_not_to_hold_holds(void **state)
{
	(void)state;
	check_rules("saddr . daddr != { 10.0.0.1 . 10.0.0.2, 10.0.0.2-10.0.0.3 . 10.0.0.1 } "
		    "counter jump c\nsaddr 10.0.0.1 counter drop\n"
		    "chain c { saddr 10.0.0.2 counter return\n"
		    "daddr 10.0.0.2 counter redirect to b else continue }\n",
		    3);
	check_rules("sport . dport != { 80 . 80, 79-80 . 81 } saddr . daddr { 10.0.0.1 . 10.0.0.2, "
		    "10.0.0.1-10.0.0.2 . 10.0.0.1-10.0.0.3 } counter daddr map { 10.0.0.1 : "
		    "redirect to a else continue, 10.0.0.2 : jump c }\n"
		    "saddr 10.0.0.2 counter redirect to b else continue\n"
		    "daddr 10.0.0.3 counter drop\nsaddr 10.0.0.3 drop\n"
		    "chain c { saddr 10.0.0.1 counter return\ndaddr 10.0.0.2 drop }\n",
		    3);
}

/* COUNT rules of a source alone, and as many of a destination alone, each with an outcome of its own. */
static char *multiplying_rules(uint32_t count)
{
	char *text = NULL;
	size_t size;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (i = 0; i < 2 * count; i++)
		fprintf(out, "%s 10.%u.%u.0/24 redirect to l%u\n", i & 1 ? "saddr" : "daddr",
			i >> 9, i >> 1 & 255, i);
	fclose(out);
	return text;
}

static void rules_are_cut_where_one_diagram_would_be_too_large(void **state)
{
	char *text = multiplying_rules(8000);
	struct compilation c;
	struct packet packet = {0};

	(void)state;
	compile_parts(&c, text, PARTS_AUTO);
	assert_int_equal(c.decision->part_count, 2);
	assert_in_range(c.decision->interval_count, 16000, 40000);
	packet.values[FIELD_DADDR] = 0x0a000700;
	packet.values[FIELD_SADDR] = 0x0a000600;
	check_packet(&c, &packet);
	packet.values[FIELD_SADDR] = 0x0a000800;
	check_packet(&c, &packet);
	compilation_free(&c);
	free(text);
}

static void rules_that_fit_one_diagram_are_not_cut(void **state)
{
	char *text = multiplying_rules(300);
	struct compilation whole, never;

	(void)state;
	compile_parts(&whole, text, PARTS_AUTO);
	compile_parts(&never, text, PARTS_NEVER);
	assert_int_equal(whole.decision->part_count, 1);
	assert_true(decision_equal(whole.decision, never.decision));
	compilation_free(&whole);
	compilation_free(&never);
	free(text);
}

/* Large parts of one field alone, and small ones of both and of neither. */
static void small_parts_are_one_unless_rules_are_always_cut(void **state)
{
	char *large = multiplying_rules(8000), *text = NULL;
	struct compilation few, all;
	struct packet packet = {0};
	size_t size;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fprintf(out,
		"dport 80 counter redirect to a else continue\n"
		"saddr 10.0.6.0 daddr 10.0.7.0 counter drop\n%sdport 81 counter drop\n",
		large);
	fclose(out);
	compile_parts(&few, text, PARTS_AUTO);
	compile_parts(&all, text, PARTS_ALWAYS);
	assert_int_equal(all.decision->part_count, 4);
	assert_in_range(few.decision->part_count, 2, 3);
	for (i = 0; i < 3 * 3 * 3; i++) {
		packet.values[FIELD_DADDR] = 0x0a000600 + i % 3 * 0x100;
		packet.values[FIELD_SADDR] = 0x0a000600 + i / 3 % 3 * 0x100;
		packet.values[FIELD_DPORT] = 80 + i / 9;
		check_packet(&few, &packet);
		check_packet(&all, &packet);
	}
	compilation_free(&few);
	compilation_free(&all);
	free(large);
	free(text);
}

/* The sum of what the parts do, each alone, is more than a packet may need; so the rules are in one diagram. */
static void parts_that_might_do_too_much_together_are_one_diagram(void **state)
{
	struct compilation c;
	char *text = NULL;
	size_t size;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < 17; i++)
		fprintf(out, "%s redirect to l%u else continue\n",
			i < 8 ? "daddr 10.0.0.1" : "daddr 10.0.0.2 saddr 10.0.0.1", i);
	fclose(out);
	compile_parts(&c, text, PARTS_ALWAYS);
	assert_int_equal(c.decision->part_count, 1);
	compilation_free(&c);
	free(text);
}

/* UDP could be cut, but a packet of TCP has more actions than there may be where some flow class is cut. */
static void no_flow_class_is_cut_where_another_has_too_many_actions_for_that(void **state)
{
	struct compilation c;
	char *text = NULL;
	size_t size;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fprintf(out, "chain none { dport 9 drop }\n");
	for (i = 0; i < 18; i++)
		fprintf(out, "tcp counter jump none\n");
	for (i = 0; i < 16; i++)
		fprintf(out, "tcp redirect to l%u else continue\n", i);
	fprintf(out, "udp daddr 10.0.0.1 drop\nudp saddr 10.0.0.1 drop\n");
	fclose(out);
	compile_parts(&c, text, PARTS_ALWAYS);
	assert_int_equal(c.decision->part_count, 1);
	compilation_free(&c);
	free(text);
}

/* Fails unless the rules are refused with a note that has this text. */
static void check_refused(const char *rules, enum parts parts, const char *note)
{
	struct compile_options options = {.parts = parts};
	struct compilation c;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_false(compile_text(&c, rules, strlen(rules), &options));
	diag_print(c.diag, out, DIAG_COLOR_NEVER);
	compilation_free(&c);
	fclose(out);
	if (!strstr(text, note))
		print_message("%s\n", text);
	assert_non_null(strstr(text, note));
	free(text);
}

/* Rules that could be cut, after more attempts than one packet may have. */
static void a_refusal_says_why_rules_are_not_cut(void **state)
{
	char *large = multiplying_rules(8000), *text = NULL;
	size_t size;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < 15; i++)
		fprintf(out, "%s 10.0.0.0/8 redirect to l%u else continue\n",
			i & 1 ? "saddr" : "daddr", i);
	fprintf(out, "%s", large);
	fclose(out);
	check_refused(text, PARTS_AUTO,
		      "these may have 16 attempts for one packet, and 32 attempts "
		      "and counters, and might have 17, and 17\n");
	check_refused(large, PARTS_NEVER, "without '--parts never', rules are cut");
	free(large);
	free(text);
}

/* Each chain jumps to the next one from many rules, and the last one has none. */
static char *chains_without_end(void)
{
	char *text = NULL;
	size_t size;
	uint32_t i, j;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fprintf(out, "daddr 10.0.0.1 drop\nsaddr 10.0.0.1 drop\njump c1\nchain c15 { }\n");
	for (i = 1; i < 15; i++) {
		fprintf(out, "chain c%u {\n", i);
		for (j = 0; j < 40; j++)
			fprintf(out, "jump c%u\n", i + 1);
		fprintf(out, "}\n");
	}
	fclose(out);
	return text;
}

/* Only the decision is made: the definition goes through all of these chains for a packet. */
static void chains_that_are_jumped_to_without_end_are_not_cut(void **state)
{
	char *text = chains_without_end();
	struct memory_file file = {"rules", text, strlen(text)};
	struct compile_options options = {
		.memory = &file, .memory_count = 1, .parts = PARTS_ALWAYS};
	const struct decision *decision;
	struct compilation c;

	(void)state;
	compilation_start(&c);
	assert_true(compile(&c, &options, STAGE_POLICY));
	decision = policy_to_decision(c.arena, c.policy, c.diag, &options);
	assert_non_null(decision);
	assert_int_equal(decision->part_count, 1);
	compilation_free(&c);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_of_all_parts_decides),
		cmocka_unit_test(a_rule_counts_no_packet_that_a_rule_of_another_part_decided),
		cmocka_unit_test(attempts_of_several_parts_are_made_in_the_order_of_the_rules),
		cmocka_unit_test(a_label_is_attempted_once_also_by_rules_of_two_parts),
		cmocka_unit_test(a_chain_that_is_jumped_to_twice_is_evaluated_at_two_places),
		cmocka_unit_test(a_rule_that_returns_passes_over_rules_of_all_parts),
		cmocka_unit_test(a_goto_passes_over_what_follows_in_its_chain),
		cmocka_unit_test(
			an_element_that_leaves_the_decision_open_is_the_only_one_that_is_tried),
		cmocka_unit_test(a_rule_is_come_to_once_whatever_elements_of_its_set_hold),
		cmocka_unit_test(no_element_of_a_set_that_is_asked_not_to_hold_holds),
		cmocka_unit_test(rules_are_cut_where_one_diagram_would_be_too_large),
		cmocka_unit_test(rules_that_fit_one_diagram_are_not_cut),
		cmocka_unit_test(small_parts_are_one_unless_rules_are_always_cut),
		cmocka_unit_test(parts_that_might_do_too_much_together_are_one_diagram),
		cmocka_unit_test(no_flow_class_is_cut_where_another_has_too_many_actions_for_that),
		cmocka_unit_test(a_refusal_says_why_rules_are_not_cut),
		cmocka_unit_test(chains_that_are_jumped_to_without_end_are_not_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
