/* The warnings that short rules files get. A test writes a warning as its line and name, and then
 * the line that each of its notes shows, or 0 for a note that shows none. */
#include "compiler/base/arena.h"
#include "compiler/base/diag_queue.h"
#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned line_of(const struct compilation *c, struct span span)
{
	return span.first ? source_location(c->sources, span.first).line : 0;
}

/* All warnings of TEXT but those that the options switch off, in one line. */
static char *warnings_of(const char *text, const char *const *options, size_t option_count)
{
	struct compile_options compile = {.tables = TABLES_AUTO};
	struct compilation c;
	char *words;
	size_t size, i, j;
	FILE *out = open_memstream(&words, &size);

	compilation_start(&c);
	for (i = 0; i < option_count; i++)
		assert_true(diag_option(c.diag, options[i]));
	compile_memory(&c, text, strlen(text), &compile);
	for (i = 0; i < c.diag->count; i++) {
		const struct diag_item *item = &c.diag->items[i];

		fprintf(out, "%s%u %s", i ? "; " : "", line_of(&c, item->span),
			item->warning == WARNING_COUNT ? item->message
						       : warning_name(item->warning));
		for (j = 0; j < item->note_count; j++)
			fprintf(out, " %u", line_of(&c, item->notes[j].span));
	}
	fclose(out);
	compilation_free(&c);
	return words;
}

static void expect_warnings(const char *text, const char *expected)
{
	char *words = warnings_of(text, NULL, 0);

	assert_string_equal(words, expected);
	free(words);
}

/* As expect_warnings, but for rules that also take all logins or replies, which is not warned of
 * here. */
static void expect_other_warnings(const char *text, const char *expected)
{
	static const char *const options[] = {"no-ssh", "no-udp-replies"};
	char *words = warnings_of(text, options, 2);

	assert_string_equal(words, expected);
	free(words);
}

/* Fails unless this is the text of the first warning, or of its first note. */
static void expect_words(const char *text, bool in_note, const char *expected)
{
	struct compile_options options = {.files = NULL};
	struct compilation c;

	compile_text(&c, text, strlen(text), &options);
	assert_true(c.diag->count > 0);
	assert_string_equal(in_note ? c.diag->items[0].notes[0].message : c.diag->items[0].message,
			    expected);
	compilation_free(&c);
}

static void rules_that_all_do_something_are_not_warned_of(void **state)
{
	(void)state;
	expect_warnings("", "");
	expect_warnings("tcp dport 80 redirect to web\n"
			"tcp dport 443 redirect to web\n"
			"udp dport 53 drop\n",
			"");
}

static void a_rule_behind_a_wider_one_never_decides(void **state)
{
	(void)state;
	expect_warnings("tcp daddr 192.0.2.0/24 redirect to web\n"
			"tcp daddr 192.0.2.7 dport 80 drop\n",
			"2 shadowed 1");
}

static void several_rules_may_cover_another_and_only_needed_ones_are_shown(void **state)
{
	(void)state;
	expect_warnings("tcp daddr 192.0.2.0/25 redirect to a\n"
			"tcp daddr 192.0.2.64/26 dport 80 redirect to x\n"
			"tcp daddr 192.0.2.128/26 redirect to b\n"
			"tcp daddr 192.0.2.128/25 redirect to c\n"
			"tcp daddr 198.51.100.0/24 redirect to d\n"
			"tcp daddr 192.0.2.0/24 redirect to e\n",
			"2 shadowed 1; 6 shadowed 1 4");
}

static void a_jump_and_its_chain_cover_a_rule(void **state)
{
	(void)state;
	expect_other_warnings("chain c {\n"
			      "	daddr 192.0.2.0/24 drop\n"
			      "}\n"
			      "tcp jump c\n"
			      "tcp daddr 192.0.2.7 redirect to web\n",
			      "5 shadowed 4 2");
}

static void a_map_covers_a_rule(void **state)
{
	(void)state;
	expect_warnings("tcp daddr map { 192.0.2.0/25 : drop, 192.0.2.128/25 : pass }\n"
			"tcp daddr 192.0.2.0/24 redirect to web\n",
			"2 shadowed 1");
}

static void a_return_covers_what_follows_in_its_chain(void **state)
{
	(void)state;
	expect_warnings("chain c {\n"
			"	dport 80 redirect to web\n"
			"	return\n"
			"	dport 81 redirect to web\n"
			"}\n"
			"tcp jump c\n",
			"4 shadowed 3");
}

static void a_rule_whose_packets_no_jump_lets_in_never_decides(void **state)
{
	(void)state;
	expect_warnings("chain c {\n"
			"	udp dport 53 drop\n"
			"	tcp dport 80 drop\n"
			"}\n"
			"tcp jump c\n",
			"2 shadowed 5");
}

static void a_chain_that_nobody_names_is_warned_of_as_a_whole(void **state)
{
	(void)state;
	expect_warnings("chain c {\n"
			"	tcp dport 80 drop\n"
			"	tcp dport 80 drop\n"
			"}\n",
			"1 shadowed");
}

static void a_chain_behind_a_covered_jump_is_not_blamed_again(void **state)
{
	(void)state;
	expect_other_warnings("chain c {\n"
			      "	dport 80 drop\n"
			      "}\n"
			      "tcp drop\n"
			      "tcp jump c\n",
			      "5 shadowed 4");
}

static void a_rule_before_a_wider_one_of_its_verdict_is_redundant(void **state)
{
	static const char text[] = "tcp daddr 192.0.2.7 redirect to web\n"
				   "tcp daddr 192.0.2.0/24 redirect to web\n";

	(void)state;
	expect_warnings(text, "1 redundant 2");
	expect_words(
		text, true,
		"for 'tcp 198.51.100.9:4242 -> 192.0.2.7:80', as an example, this would decide "
		"the same instead");
}

static void of_two_equal_rules_only_the_later_is_blamed(void **state)
{
	(void)state;
	expect_warnings("tcp dport 80 redirect to web\n"
			"tcp dport 80 redirect to web\n",
			"2 shadowed 1");
}

static void a_rule_is_not_redundant_if_a_covered_one_would_take_its_place(void **state)
{
	(void)state;
	expect_warnings("tcp dport 80 redirect to web\n"
			"tcp dport 80 drop\n"
			"tcp dport 80-90 redirect to web\n",
			"2 shadowed 1");
}

static void what_the_policy_does_anyway_is_redundant(void **state)
{
	(void)state;
	expect_other_warnings("policy drop\n"
			      "tcp dport 22 pass\n"
			      "tcp dport 80 drop\n",
			      "3 redundant 1");
	expect_warnings("tcp dport 80 pass\n", "1 redundant 0");
}

static void a_rule_before_another_verdict_is_not_redundant(void **state)
{
	(void)state;
	expect_warnings("tcp daddr 192.0.2.7 redirect to web\n"
			"tcp daddr 192.0.2.6-192.0.2.8 drop\n"
			"tcp daddr 192.0.2.0/24 redirect to web\n",
			"");
}

static void a_rule_that_counts_is_not_redundant(void **state)
{
	(void)state;
	expect_warnings("tcp daddr 192.0.2.7 counter redirect to web\n"
			"tcp daddr 192.0.2.0/24 redirect to web\n",
			"");
}

static void an_attempt_made_before_is_redundant(void **state)
{
	(void)state;
	expect_warnings("tcp dport 80 redirect to web else continue\n"
			"tcp dport 80-89 redirect to web else continue\n"
			"tcp dport 80 redirect to web else continue\n"
			"tcp dport 80 redirect to spare\n",
			"1 redundant 2; 3 redundant 1");
}

static void a_jump_to_what_does_nothing_is_redundant(void **state)
{
	(void)state;
	expect_warnings("chain c {\n"
			"	udp return\n"
			"}\n"
			"udp jump c\n"
			"tcp dport 80 drop\n",
			"2 redundant 0; 4 redundant 0");
}

static void a_rule_of_a_chain_entered_twice_is_judged_by_both_entries(void **state)
{
	(void)state;
	expect_warnings("chain c {\n"
			"	dport 80 drop\n"
			"}\n"
			"tcp daddr 192.0.2.7 jump c\n"
			"tcp daddr 192.0.2.0/24 jump c\n",
			"4 redundant 2");
}

static void matches_that_exclude_each_other_never_hold(void **state)
{
	(void)state;
	expect_warnings("tcp dport 80 dport 81 drop\n", "1 never 0");
	expect_warnings("tcp dport > 65535 drop\n", "1 never 0");
	expect_warnings("tcp daddr 192.0.2.0/25 daddr 192.0.2.128/25 drop\n", "1 never 0");
	expect_warnings("tcp daddr != { 0.0.0.0/0, ::/0 } drop\n", "1 never 0");
	expect_warnings("iifname \"a\" iifname != { \"a\", \"b\" } tcp dport 80 drop\n",
			"1 never 0");
	expect_warnings("tcp daddr 192.0.2.7 daddr . dport map { 192.0.2.8 . 80 : drop }\n",
			"1 never 1");
}

static void matches_that_can_hold_together_are_not_warned_of(void **state)
{
	(void)state;
	expect_warnings("ip daddr 192.0.2.7 tcp dport 80 drop\n"
			"iifname { \"a\", \"b\" } iifname != \"a\" tcp dport 80 drop\n",
			"");
}

/* The last rule is for a packet whose interface is not known. */
static void a_packet_has_one_interface(void **state)
{
	(void)state;
	expect_warnings("iifname \"a\" iifname \"b\" drop\n", "1 never 0");
	expect_warnings("iifname \"ppp*\" tcp dport 80 drop\n"
			"iifname { \"ppp0\", \"ppp1*\" } tcp dport 80 redirect to web\n",
			"2 shadowed 1");
	expect_warnings("iifname \"a\" tcp dport 80 drop\n"
			"iifname != \"a\" tcp dport 80 drop\n"
			"tcp dport 80 redirect to web\n",
			"");
	expect_warnings("iifname \"a\" tcp dport 80 drop\n"
			"iifname \"b\" tcp dport 80 redirect to web\n"
			"iifname != \"a\" tcp dport 80 redirect to web\n"
			"iifname \"a\" tcp dport 80 redirect to web\n",
			"2 redundant 3; 4 shadowed 1");
}

static void names_a_letter_away_from_a_declared_one_are_asked_about(void **state)
{
	static const char *const names[] = {"wab", "we", "webs", "wbe"};
	char text[128];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		snprintf(text, sizeof(text),
			 "socket web { tcp *:80 }\ntcp dport 80 redirect to %s\n", names[i]);
		expect_warnings(text, "2 label 1");
	}
	expect_warnings("socket web { tcp *:80 }\n"
			"tcp dport 80 redirect to web\n"
			"tcp dport 81 redirect to wood\n",
			"");
}

static void a_label_that_no_declared_socket_can_fill_is_warned_of(void **state)
{
	(void)state;
	expect_warnings("socket web { tcp *:80 }\n"
			"udp dport 80 redirect to web\n"
			"tcp dport 80 redirect to web\n",
			"2 label 1");
	expect_warnings("socket web { tcp 127.0.0.1:80 }\n"
			"tcp daddr 2001:db8::1 dport 80 redirect to web\n",
			"2 label 1");
	expect_warnings("socket web { tcp [::1]:80 }\n"
			"tcp daddr 192.0.2.7 dport 80 redirect to web\n",
			"2 label 1");
	expect_warnings("socket web { tcp *:80 }\n"
			"daddr 192.0.2.7 l4proto . dport map { tcp . 80 : redirect to web,\n"
			"	udp . 80 : redirect to web no-reuseport }\n",
			"3 label 1");
}

static void a_label_that_some_socket_may_fill_is_not_warned_of(void **state)
{
	(void)state;
	expect_warnings("socket web { tcp 127.0.0.1:80 }\n"
			"tcp dport 80 redirect to web\n",
			"");
	expect_warnings("socket web { tcp [::]:80 }\n"
			"tcp daddr 192.0.2.7 dport 80 redirect to web\n",
			"");
}

static void labels_are_judged_by_the_rules_that_enter_their_chain(void **state)
{
	(void)state;
	expect_warnings("socket web { tcp *:80 }\n"
			"chain c {\n"
			"	dport 80 redirect to web\n"
			"}\n"
			"udp jump c\n",
			"3 label 1");
}

static void ssh_dropped_or_taken_on_every_address_is_warned_of(void **state)
{
	(void)state;
	expect_warnings("policy drop\n"
			"udp sport domain pass\n",
			"1 ssh 0");
	expect_words("policy drop\nudp sport domain pass\n", false,
		     "port 22 (ssh) is dropped on every ipv4 and ipv6 address");
	expect_words("tcp daddr 0.0.0.0/0 redirect to proxy\n", false,
		     "port 22 (ssh) is redirected to 'proxy' on every ipv4 address");
	expect_warnings("tcp daddr ::/0 dport 1-1023 redirect to proxy else pass\n", "1 ssh 0");
	expect_warnings("tcp dport 22 daddr != { 127.0.0.0/8, ::1 } drop\n", "1 ssh 0");
}

static void ssh_that_passes_for_some_packets_is_not_warned_of(void **state)
{
	(void)state;
	expect_warnings("tcp daddr { 0.0.0.0/1, ::/1 } drop\n", "");
	expect_warnings("tcp saddr != { 198.51.100.0/24, 2001:db8::/32 } drop\n", "");
	expect_warnings("tcp iifname != \"eth1\" drop\n", "");
	expect_warnings("tcp dport != 22 drop\n", "");
}

static void udp_replies_that_are_taken_are_warned_of(void **state)
{
	(void)state;
	expect_warnings("policy drop\n"
			"tcp dport ssh pass\n",
			"1 udp-replies 0");
	expect_words(
		"udp daddr 192.0.2.0/24 redirect to proxy\n", false,
		"replies to the host's own udp sockets are redirected to 'proxy' on 192.0.2.0/24");
	expect_words(
		"udp daddr 192.0.2.0/24 redirect to proxy\n", true,
		"for example 'udp 198.51.100.9:53 -> 192.0.2.7:40000'; where it asks others, as a "
		"resolver, 'udp sport domain pass' goes first");
	expect_warnings("udp daddr 192.0.2.7 dport 1-32767 redirect to a\n"
			"udp daddr 192.0.2.7 dport 32768-65535 redirect to b\n",
			"2 udp-replies 0");
	expect_words("udp daddr { 192.0.2.1, 198.51.100.1 } drop\n", false,
		     "replies to the host's own udp sockets are dropped on 192.0.2.1 and 1 more "
		     "range of "
		     "addresses");
}

static void udp_replies_are_warned_of_once_for_each_label(void **state)
{
	(void)state;
	expect_warnings("daddr 192.0.2.1 redirect to a\n"
			"daddr 192.0.2.2 redirect to b\n"
			"daddr 10.0.0.1 redirect to a\n"
			"daddr 2001:db8::1 redirect to a\n"
			"daddr 2001:db8::2 drop\n",
			"2 udp-replies 0; 3 udp-replies 0; 5 udp-replies 0");
	expect_words("daddr 192.0.2.1 redirect to a\n"
		     "daddr { 10.0.0.1, 2001:db8::1 } redirect to a\n",
		     false,
		     "replies to the host's own udp sockets are redirected to 'a' on 10.0.0.1 and "
		     "2 more "
		     "ranges of addresses");
}

/* A rule for each of many addresses, each with a label of its own or all with the same. */
static char *rules_of_addresses(unsigned count, bool own_labels)
{
	char *rules;
	size_t size;
	FILE *out = open_memstream(&rules, &size);
	unsigned i;

	for (i = 0; i < count; i++)
		fprintf(out, "udp daddr 10.%u.%u.1 redirect to l%u\n", i / 256, i % 256,
			own_labels ? i : 0);
	fclose(out);
	return rules;
}

static void warnings_of_udp_replies_stay_readable(void **state)
{
	char *one = rules_of_addresses(10000, false), *many = rules_of_addresses(5000, true),
	     *words;

	(void)state;
	expect_words(
		one, false,
		"replies to the host's own udp sockets are redirected to 'l0' on 10.0.0.1 and 9999 "
		"more ranges of addresses");
	words = warnings_of(many, NULL, 0);
	assert_string_equal(words, "1 udp-replies 0; 2 udp-replies 0; 3 udp-replies 0; "
				   "4 udp-replies 0; 5 udp-replies 0; 6 udp-replies 0; "
				   "7 udp-replies 0; 8 udp-replies 0; 9 udp-replies 0; "
				   "10 udp-replies 0; 0 udp-replies");
	free(words);
	free(one);
	free(many);
}

static void udp_replies_that_pass_are_not_warned_of(void **state)
{
	(void)state;
	expect_warnings("udp sport 53 pass\n"
			"udp daddr 192.0.2.0/24 redirect to proxy\n",
			"");
	expect_warnings("udp daddr 192.0.2.0/24 dport 1-65534 redirect to proxy\n", "");
	expect_warnings("udp daddr { 224.0.0.0/4, ff00::/8 } drop\n", "");
}

static void a_warning_that_is_switched_off_is_not_looked_for(void **state)
{
	static const char *const options[] = {"no-shadowed"};
	char *words = warnings_of("tcp dport 80-81 drop\n"
				  "tcp dport 81 pass\n"
				  "tcp dport < 0 drop\n",
				  options, 1);

	(void)state;
	assert_string_equal(words, "3 never 0");
	free(words);
}

/* Each pair of a daddr rule and a saddr rule matches packets that no other pair does, which is too
 * much work for the lint. The diagram stays small, since all rules of a kind do the same. */
static void a_lint_that_is_cut_short_says_so(void **state)
{
	enum { RULES = 2200 };
	struct compile_options options = {.files = NULL};
	struct compilation c;
	char *text;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < RULES; i++)
		fprintf(out, "tcp daddr 10.%zu.%zu.0 redirect to a else continue\n", i / 256,
			i % 256);
	for (i = 0; i < RULES; i++)
		fprintf(out, "tcp saddr 10.%zu.%zu.0 redirect to b else continue\n", i / 256,
			i % 256);
	fclose(out);
	compile_text(&c, text, size, &options);
	assert_int_equal(c.diag->count, 1);
	assert_int_equal(c.diag->items[0].warning, WARNING_LINT_TIME);
	compilation_free(&c);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_all_do_something_are_not_warned_of),
		cmocka_unit_test(a_rule_behind_a_wider_one_never_decides),
		cmocka_unit_test(several_rules_may_cover_another_and_only_needed_ones_are_shown),
		cmocka_unit_test(a_jump_and_its_chain_cover_a_rule),
		cmocka_unit_test(a_map_covers_a_rule),
		cmocka_unit_test(a_return_covers_what_follows_in_its_chain),
		cmocka_unit_test(a_rule_whose_packets_no_jump_lets_in_never_decides),
		cmocka_unit_test(a_chain_that_nobody_names_is_warned_of_as_a_whole),
		cmocka_unit_test(a_chain_behind_a_covered_jump_is_not_blamed_again),
		cmocka_unit_test(a_rule_before_a_wider_one_of_its_verdict_is_redundant),
		cmocka_unit_test(of_two_equal_rules_only_the_later_is_blamed),
		cmocka_unit_test(a_rule_is_not_redundant_if_a_covered_one_would_take_its_place),
		cmocka_unit_test(what_the_policy_does_anyway_is_redundant),
		cmocka_unit_test(a_rule_before_another_verdict_is_not_redundant),
		cmocka_unit_test(a_rule_that_counts_is_not_redundant),
		cmocka_unit_test(an_attempt_made_before_is_redundant),
		cmocka_unit_test(a_jump_to_what_does_nothing_is_redundant),
		cmocka_unit_test(a_rule_of_a_chain_entered_twice_is_judged_by_both_entries),
		cmocka_unit_test(matches_that_exclude_each_other_never_hold),
		cmocka_unit_test(matches_that_can_hold_together_are_not_warned_of),
		cmocka_unit_test(a_packet_has_one_interface),
		cmocka_unit_test(names_a_letter_away_from_a_declared_one_are_asked_about),
		cmocka_unit_test(a_label_that_no_declared_socket_can_fill_is_warned_of),
		cmocka_unit_test(a_label_that_some_socket_may_fill_is_not_warned_of),
		cmocka_unit_test(labels_are_judged_by_the_rules_that_enter_their_chain),
		cmocka_unit_test(ssh_dropped_or_taken_on_every_address_is_warned_of),
		cmocka_unit_test(ssh_that_passes_for_some_packets_is_not_warned_of),
		cmocka_unit_test(udp_replies_that_are_taken_are_warned_of),
		cmocka_unit_test(udp_replies_are_warned_of_once_for_each_label),
		cmocka_unit_test(warnings_of_udp_replies_stay_readable),
		cmocka_unit_test(udp_replies_that_pass_are_not_warned_of),
		cmocka_unit_test(a_warning_that_is_switched_off_is_not_looked_for),
		cmocka_unit_test(a_lint_that_is_cut_short_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
