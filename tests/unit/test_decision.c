/* The diagram: the same for rules of the same meaning; small if some order of the fields makes it
 * small, else refused. */
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

static void compile_rules(struct compilation *c, const char *rules)
{
	struct compile_options options = {.tables = TABLES_AUTO};

	if (!compile_text(c, rules, strlen(rules), &options)) {
		diag_print(c->diag, stderr, DIAG_COLOR_NEVER);
		fail();
	}
}

static void assert_same_decision(const char *a, const char *b)
{
	struct compilation first, second;

	compile_rules(&first, a);
	compile_rules(&second, b);
	assert_true(decision_equal(first.decision, second.decision));
	compilation_free(&first);
	compilation_free(&second);
}

static void rules_that_mean_the_same_give_the_same_diagram(void **state)
{
	(void)state;
	assert_same_decision(
		"tcp daddr 10.0.0.0/24 redirect to a\n",
		"tcp daddr 10.0.0.0/25 redirect to a\ntcp daddr 10.0.0.128/25 redirect to a\n");
	assert_same_decision(
		"tcp dport 80 drop\ntcp dport 80 redirect to a\ntcp dport 81 redirect to a\n",
		"tcp dport 81 redirect to a\ntcp dport 80 drop\n");
	assert_same_decision("chain c { dport 80 drop\n dport 81 return\n drop }\n tcp jump c\n",
			     "tcp dport != 81 drop\n");
	assert_same_decision(
		"daddr . dport map { 10.0.0.0/8 . 80 : drop, 10.1.0.0/16 . 80 : pass }\n",
		"daddr 10.1.0.0/16 dport 80 pass\ndaddr 10.0.0.0/8 dport 80 drop\n");
	assert_same_decision(
		"set s { type saddr . dport\n"
		"elements = { 10.0.0.0/8 . 80, 10.1.0.0/16 . 79-81, ::1 . 9 } }\n"
		"tcp saddr . dport @s jump c\nchain c { sport . dport { 1 . 80 } drop\n }\n",
		"tcp saddr 10.0.0.0/8 sport 1 dport 80 drop\n");
	assert_same_decision(
		"saddr . l4proto . dport != { 10.0.0.0/8 . tcp . 80, 10.1.0.0/16 . udp . 1-9 } "
		"drop\n",
		"tcp saddr 10.0.0.0/8 dport 80 pass\nudp saddr 10.1.0.0/16 dport 1-9 pass\n"
		"meta nfproto ipv4 drop\n");
	assert_same_decision(
		"sport . dport != { 1-9 . 1, 5-20 . 1 } daddr 10.0.0.1 redirect to a\n",
		"sport 1-20 dport 1 pass\ndaddr 10.0.0.1 redirect to a\n");
	assert_same_decision("redirect to a else continue\nredirect to a else continue\ndrop\n",
			     "redirect to a\n");
}

static void rules_that_mean_something_else_give_another_diagram(void **state)
{
	struct compilation first, second;

	(void)state;
	compile_rules(&first, "tcp dport 80 redirect to a\n");
	compile_rules(&second, "tcp dport 80 redirect to b\n");
	assert_false(decision_equal(first.decision, second.decision));
	compilation_free(&second);
	compile_rules(&second, "tcp dport 80 redirect to a else pass\n");
	assert_false(decision_equal(first.decision, second.decision));
	compilation_free(&first);
	compilation_free(&second);
}

/* Rules for COUNT ports on a wide prefix, and for COUNT prefixes with a port each. The prefixes are
 * of destinations or, if MIRRORED, of sources. */
static char *multiplying_rules(uint32_t count, bool ports_first, bool mirrored)
{
	const char *address = mirrored ? "saddr" : "daddr";
	char *text = NULL;
	size_t size, part;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (part = 0; part < 2; part++)
		for (i = 0; i < count; i++)
			if ((part == 0) == ports_first)
				fprintf(out, "tcp %s 10.0.0.0/8 dport %u redirect to l%u\n",
					address, 20000 + i, i % 7);
			else
				fprintf(out, "tcp %s 10.%u.%u.0/24 dport %u redirect to m%u\n",
					address, i >> 8, i & 255, 40000 + i, i % 5);
	fclose(out);
	return text;
}

static void fields_are_ordered_so_that_the_diagram_stays_small(void **state)
{
	struct compilation c;
	unsigned variant;

	(void)state;
	for (variant = 0; variant < 4; variant++) {
		char *rules = multiplying_rules(10000, variant & 1, variant & 2);

		compile_rules(&c, rules);
		assert_true(c.decision->interval_count < 100000);
		compilation_free(&c);
		free(rules);
	}
}

/* Fails unless the rules are refused as one diagram, with a message that has these words. */
/* The rules of two destinations alternate, so each is a group of its own, and thousands of groups begin to hold at one
 * value. If each of them changed the diagram of all, that order of the fields would take the square of their number,
 * and another would be taken. */
static void many_rules_of_one_value_take_an_effort_in_proportion(void **state)
{
	struct compilation c;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	uint32_t i;

	(void)state;
	assert_non_null(out);
	for (i = 0; i < 10000; i++)
		fprintf(out, "saddr 10.%u.%u.%u daddr 192.0.2.%u drop\n", i >> 13, i >> 5 & 255,
			(i & 31) * 8, i % 2 * 8 + 1);
	fclose(out);
	compile_rules(&c, text);
	assert_int_equal(c.decision->parts[0].orders[FAMILY_IPV4][PROTOCOL_TCP][0], FIELD_DADDR);
	compilation_free(&c);
	free(text);
}

static void expect_refused(const char *rules, const char *words)
{
	struct compile_options options = {.tables = TABLES_AUTO, .parts = PARTS_NEVER};
	struct compilation c;
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	assert_false(compile_text(&c, rules, strlen(rules), &options));
	diag_print(c.diag, out, DIAG_COLOR_NEVER);
	fclose(out);
	assert_non_null(strstr(printed, words));
	compilation_free(&c);
	free(printed);
}

/* Each pair of a source and a destination has its own outcome, so no order of the fields makes one
 * diagram small. */
static void rules_too_large_in_every_order_are_refused_with_the_fields_that_multiply(void **state)
{
	enum { COUNT = 8000 };
	char *text = NULL;
	size_t size;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < 2 * COUNT; i++)
		fprintf(out, "%s 10.%u.%u.0/24 redirect to l%u else continue\n",
			i < COUNT ? "saddr" : "daddr", i % COUNT >> 8, i & 255, i);
	fclose(out);
	expect_refused(text, "places in daddr by 8002 in saddr make up to 640");
	free(text);
}

static void too_many_attempts_are_refused_with_the_rules_that_make_them(void **state)
{
	char *text = NULL;
	size_t size;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < 17; i++)
		fprintf(out, "tcp dport 80 redirect to l%u else continue\n", i);
	fclose(out);
	expect_refused(text, "more than 16 labels");
	free(text);
}

/* Seventeen attempts are too many for one packet, but an earlier rule drops all packets that would
 * make them. */
static void attempts_that_no_packet_reaches_are_not_counted_as_too_many(void **state)
{
	char *text = NULL;
	struct compilation c;
	size_t size;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fprintf(out, "tcp dport 80 drop\n");
	for (i = 0; i < 17; i++)
		fprintf(out, "tcp dport 80 redirect to l%u else continue\n", i);
	fclose(out);
	compile_rules(&c, text);
	compilation_free(&c);
	free(text);
}

/* BEFORE, then rules that make seventeen attempts where MATCHES hold. */
static char *attempts_text(const char *before, const char *matches)
{
	char *text = NULL;
	size_t size;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	fputs(before, out);
	for (i = 0; i < 17; i++)
		fprintf(out, "%s redirect to l%u else continue\n", matches, i);
	fclose(out);
	return text;
}

static void
too_many_attempts_on_a_host_without_an_interface_are_refused_with_their_rules(void **state)
{
	char *text = attempts_text("iifname != \"a\" pass\niifname \"a\" drop\n", "");

	(void)state;
	expect_refused(text, "redirect to l16 else continue");
	free(text);
}

static void too_many_attempts_for_two_interfaces_at_once_are_allowed(void **state)
{
	char *text = attempts_text("", "iifname \"a\" iifname \"b\"");
	struct compilation c;

	(void)state;
	compile_rules(&c, text);
	compilation_free(&c);
	free(text);
}

/* The first rule has a path for each of its addresses, ports and sources, a billion in all. */
static void too_many_attempts_are_found_however_many_paths_there_are(void **state)
{
	char *before = NULL, *text;
	size_t size;
	uint32_t i, list;
	FILE *out = open_memstream(&before, &size);

	(void)state;
	for (list = 0; list < 3; list++) {
		fprintf(out, "define list%u = { ", list);
		for (i = 0; i < 1000; i++)
			if (list < 2)
				fprintf(out, "%s10.0.%u.%u", i ? ", " : "", i >> 7, (i & 127) * 2);
			else
				fprintf(out, "%s%u", i ? ", " : "", 2 * i + 1);
		fputs(" }\n", out);
	}
	fputs("tcp daddr $list0 saddr $list1 dport $list2 drop\n", out);
	fclose(out);
	text = attempts_text(before, "tcp daddr 255.255.255.254");
	expect_refused(text, "redirect to l16 else continue");
	free(before);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_mean_the_same_give_the_same_diagram),
		cmocka_unit_test(rules_that_mean_something_else_give_another_diagram),
		cmocka_unit_test(fields_are_ordered_so_that_the_diagram_stays_small),
		cmocka_unit_test(many_rules_of_one_value_take_an_effort_in_proportion),
		cmocka_unit_test(
			rules_too_large_in_every_order_are_refused_with_the_fields_that_multiply),
		cmocka_unit_test(too_many_attempts_are_refused_with_the_rules_that_make_them),
		cmocka_unit_test(attempts_that_no_packet_reaches_are_not_counted_as_too_many),
		cmocka_unit_test(
			too_many_attempts_on_a_host_without_an_interface_are_refused_with_their_rules),
		cmocka_unit_test(too_many_attempts_for_two_interfaces_at_once_are_allowed),
		cmocka_unit_test(too_many_attempts_are_found_however_many_paths_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
