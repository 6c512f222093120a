/* From rules text through the tree to the policy: what may be written, what it means, and what is
 * refused with which message and source location. */
#include "compiler/ast/ast.h"
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A text, its tree and its policy. */
struct reading {
	struct arena *arena;
	struct sources *sources;
	struct diag *diag;
	struct ast *ast;
	struct policy *policy;
	char *messages; /* all diagnostics as printed */
};

static struct reading read_bytes(const char *text, size_t length,
				 const struct compile_options *options)
{
	struct reading r = {.arena = arena_new()};
	struct source_file *file;
	size_t size;
	FILE *out;

	r.sources = sources_new(r.arena);
	r.diag = diag_new(r.arena, r.sources);
	file = source_add(r.sources, "rules", text, length, (struct span){0, 0});
	r.ast = text_to_ast(r.arena, r.arena, r.sources, file, r.diag, options);
	if (r.ast)
		r.policy = ast_to_policy(r.arena, r.ast, r.diag, options);
	out = open_memstream(&r.messages, &size);
	diag_print(r.diag, out, DIAG_COLOR_NEVER);
	fclose(out);
	return r;
}

static struct reading read_text(const char *text)
{
	return read_bytes(text, strlen(text), NULL);
}

static void reading_free(struct reading *r)
{
	free(r->messages);
	arena_free(r->arena);
}

/* Reads a text that must have a policy and no warnings. */
static struct reading read_good(const char *text)
{
	struct reading r = read_text(text);

	if (!r.policy || r.messages[0])
		fail_msg("'%s' was not read: %s", text, r.messages);
	return r;
}

/* Fails unless the text is refused and the first line printed is this error. */
static void expect_error(const char *text, const char *location, const char *message)
{
	struct reading r = read_text(text);
	char line[512];

	snprintf(line, sizeof(line), "rules:%s: error: %s\n", location, message);
	if (r.policy || strncmp(r.messages, line, strlen(line)) != 0)
		fail_msg("'%s': expected %s, got %s", text, line, r.messages);
	reading_free(&r);
}

/* Fails unless two texts mean the same: their policies must be dumped as the same bytes. */
static void expect_same(const char *text, const char *other)
{
	struct reading a = read_good(text), b = read_good(other);
	char *dump_a, *dump_b;
	size_t size;
	FILE *out;

	out = open_memstream(&dump_a, &size);
	policy_dump(a.policy, out);
	fclose(out);
	out = open_memstream(&dump_b, &size);
	policy_dump(b.policy, out);
	fclose(out);
	assert_string_equal(dump_a, dump_b);
	free(dump_a);
	free(dump_b);
	reading_free(&a);
	reading_free(&b);
}

static void one_line_is_a_complete_program(void **state)
{
	struct reading r = read_good("tcp daddr 192.0.2.0/24 dport 80 redirect to web");
	const struct rule *rule = &r.policy->chains[0].rules[0];

	(void)state;
	assert_int_equal(r.policy->chains[0].count, 1);
	assert_int_equal(r.policy->end, VERDICT_PASS);
	assert_int_equal(rule->match.families, 1 << FAMILY_IPV4);
	assert_int_equal(rule->match.protocols, 1 << PROTOCOL_TCP);
	assert_true(rule->match.values[FAMILY_IPV4][FIELD_DADDR]->ranges[0].first == 0xc0000200);
	assert_true(rule->match.values[FAMILY_IPV4][FIELD_DADDR]->ranges[0].last == 0xc00002ff);
	assert_true(rule->match.values[FAMILY_IPV4][FIELD_DPORT]->ranges[0].first == 80);
	assert_null(rule->match.values[FAMILY_IPV4][FIELD_SADDR]);
	assert_int_equal(rule->verdict.kind, VERDICT_REDIRECT);
	assert_string_equal(r.policy->labels[rule->verdict.target].name, "web");
	assert_int_equal(rule->span.end - rule->span.first, 47);
	reading_free(&r);
}

static void both_spellings_mean_the_same(void **state)
{
	(void)state;
	expect_same("tcp daddr 192.0.2.0/24 dport 80 accept",
		    "ip daddr 192.0.2.0/24 tcp dport 80 accept");
	expect_same("daddr 2001:db8::/32 udp dport 53 reject",
		    "udp ip6 daddr == 2001:db8::/32 th dport 53 drop");
	expect_same("meta l4proto tcp meta nfproto ipv4 drop", "tcp meta nfproto != ipv6 drop");
	expect_same("dport < 1024 drop", "dport 0-1023 drop");
	expect_same("dport http drop", "dport 80 drop");
	expect_same("dport 81 counter packets 3 bytes 180 drop", "dport 81 counter drop");
	expect_same("set s { type port; flags interval; auto-merge; elements = { 1-3, 2-4 } }\n"
		    "dport @s drop",
		    "dport 1-4 drop");
	expect_same("tcp daddr . dport map { 192.0.2.1 . 80 : drop }",
		    "tcp daddr . dport vmap { 192.0.2.1 . 80 : reject }");
}

static void line_ends_are_lf_or_crlf_or_a_semicolon(void **state)
{
	(void)state;
	expect_same("tcp drop\nudp pass\n", "tcp drop\r\nudp pass\r\n");
	expect_same("tcp drop\nudp pass\n", "tcp drop; udp pass");
	expect_same("tcp drop\nudp pass",
		    "#!/usr/sbin/sklc --apply\ntcp \\\n drop # x\n\n;udp pass;");
	expect_same("tcp drop\nudp pass\n", "\xef\xbb\xbftcp drop\nudp pass\n");
	expect_same("dport { 80, 443 } drop", "dport {\n80,\n\n443,\n} drop");
	expect_same("chain c { accept }\njump c", "chain c {\n accept\n}\njump c");
}

static void words_are_names_wherever_a_name_is_expected(void **state)
{
	struct reading r = read_good("redirect to redirect else pass\n"
				     "redirect to else else continue\n"
				     "redirect to no-reuseport no-reuseport\n"
				     "chain map { return }\njump map\n"
				     "set set { type port; elements = { 1 } }\ndport @set pass\n"
				     "define define = to\nredirect to $define");

	(void)state;
	assert_int_equal(r.policy->label_count, 4);
	assert_string_equal(r.policy->labels[0].name, "redirect");
	assert_string_equal(r.policy->labels[1].name, "else");
	assert_string_equal(r.policy->labels[2].name, "no-reuseport");
	assert_string_equal(r.policy->labels[3].name, "to");
	reading_free(&r);
}

static void sets_are_shared_by_all_rules_that_name_them(void **state)
{
	struct reading r = read_good("set s { type addr; elements = { 192.0.2.0/24, ::1 } }\n"
				     "define p = { 80, 443 }\n"
				     "tcp daddr @s dport $p drop\n"
				     "udp daddr @s dport $p drop\n"
				     "daddr != @s pass\n"
				     "saddr != @s pass\n");
	const struct rule *rules = r.policy->chains[0].rules;

	(void)state;
	assert_ptr_equal(rules[0].match.values[0][FIELD_DADDR],
			 rules[1].match.values[0][FIELD_DADDR]);
	assert_ptr_equal(rules[0].match.values[1][FIELD_DADDR],
			 rules[1].match.values[1][FIELD_DADDR]);
	assert_ptr_equal(rules[0].match.values[0][FIELD_DPORT],
			 rules[1].match.values[1][FIELD_DPORT]);
	assert_ptr_equal(rules[2].match.values[0][FIELD_DADDR],
			 rules[3].match.values[0][FIELD_SADDR]);
	reading_free(&r);
}

static void a_negation_stays_within_the_families_it_names(void **state)
{
	struct reading r = read_good("daddr != 192.0.2.1 drop\ndaddr != { ::1, 192.0.2.1 } drop");
	const struct rule *rules = r.policy->chains[0].rules;

	(void)state;
	assert_int_equal(rules[0].match.families, 1 << FAMILY_IPV4);
	assert_int_equal(rules[0].match.values[FAMILY_IPV4][FIELD_DADDR]->count, 2);
	assert_int_equal(rules[1].match.families, 3);
	assert_int_equal(rules[1].match.values[FAMILY_IPV6][FIELD_DADDR]->count, 2);
	reading_free(&r);
}

static void two_matches_of_one_field_must_both_hold(void **state)
{
	(void)state;
	expect_same("dport 80-90 dport { 85-100, 70-81 } drop", "dport { 85-90, 80-81 } drop");
	expect_same("dport >= 1024 dport < 2048 drop", "dport 1024-2047 drop");
	expect_same("daddr 192.0.2.0/24 daddr != 192.0.2.0/25 drop", "daddr 192.0.2.128/25 drop");
	expect_same("daddr { 192.0.2.1, ::1 } ip daddr 192.0.2.1 drop", "daddr 192.0.2.1 drop");
}

static void rules_that_never_match_stay_in_the_policy(void **state)
{
	struct reading r = read_good("dport 80 dport 81 drop\ndport < 0 drop");
	const struct rule *rules = r.policy->chains[0].rules;

	(void)state;
	assert_int_equal(r.policy->chains[0].count, 2);
	assert_int_equal(rules[0].match.values[0][FIELD_DPORT]->count, 0);
	assert_int_equal(rules[1].match.values[0][FIELD_DPORT]->count, 0);
	reading_free(&r);
}

static void labels_and_counters_are_numbered_as_they_come(void **state)
{
	struct reading r = read_good(
		"tcp counter redirect to b\n"
		"socket c { tcp 127.0.0.1:80; udp *:53; uid 0; cgroup \"/x\" }\n"
		"chain x { counter redirect to a }\nudp counter jump x");

	(void)state;
	assert_string_equal(r.policy->labels[0].name, "b");
	assert_string_equal(r.policy->labels[1].name, "c");
	assert_string_equal(r.policy->labels[2].name, "a");
	assert_int_equal(r.policy->counter_count, 3);
	assert_ptr_equal(r.policy->counters[1], &r.policy->chains[1].rules[0]);
	assert_ptr_equal(r.policy->counters[2], &r.policy->chains[0].rules[1]);
	assert_int_equal(r.policy->sockets[0].label, 1);
	assert_int_equal(r.policy->sockets[0].endpoint_count, 2);
	assert_true(r.policy->sockets[0].endpoints[1].any_family);
	assert_string_equal(r.policy->sockets[0].uid, "0");
	reading_free(&r);
}

static void interfaces_are_required_by_iif_alone(void **state)
{
	struct reading r = read_good("iifname \"a\" drop\niif b drop\niifname != { a, b, c } drop");
	const struct rule *rules = r.policy->chains[0].rules;

	(void)state;
	assert_int_equal(r.policy->interface_count, 3);
	assert_false(r.policy->interfaces[0].required);
	assert_true(r.policy->interfaces[1].required);
	assert_true(rules[2].match.interfaces[0].negated);
	assert_int_equal(rules[2].match.interfaces[0].count, 3);
	reading_free(&r);
}

static void assert_classes(const struct rule *rule, size_t count, const struct range *ranges)
{
	const struct range_set *classes = rule->match.values[FAMILY_IPV6][FIELD_IIFNAME];
	size_t i;

	assert_ptr_equal(classes, rule->match.values[FAMILY_IPV4][FIELD_IIFNAME]);
	assert_int_equal(classes->count, count);
	for (i = 0; i < count; i++) {
		assert_int_equal(classes->ranges[i].first, ranges[i].first);
		assert_int_equal(classes->ranges[i].last, ranges[i].last);
	}
}

/* The classes are 1 "a", 2 "ppp*", 3 "ppp", 4 "ppp1*", 5 "ppp1", 6 "pppoe", 7 "q". */
static void all_that_a_wildcard_matches_is_one_range_of_classes(void **state)
{
	struct reading r = read_good("iifname { \"ppp1*\", \"ppp*\" } drop\n"
				     "iifname != \"ppp1*\" drop\n"
				     "iifname { \"pppoe\", \"q\", \"a\", \"ppp\", \"ppp1\" } drop\n"
				     "iifname \"ppp*\" iifname != { \"ppp1*\", \"ppp\" } drop\n"
				     "iifname \"a\" iifname \"q\" drop");
	const struct rule *rules = r.policy->chains[0].rules;

	(void)state;
	assert_int_equal(r.policy->interface_count, 7);
	assert_classes(&rules[0], 1, (struct range[]){{2, 6}});
	assert_classes(&rules[1], 2, (struct range[]){{1, 3}, {6, 65535}});
	assert_classes(&rules[2], 3, (struct range[]){{1, 1}, {3, 3}, {5, 7}});
	assert_classes(&rules[3], 2, (struct range[]){{2, 2}, {6, 6}});
	assert_classes(&rules[4], 0, NULL);
	reading_free(&r);
}

static void an_interface_has_the_class_of_its_name_or_of_the_longest_wildcard(void **state)
{
	struct reading r = read_good(
		"iifname { \"ppp*\", \"ppp1*\", \"ppp1\", \"eth\\*\", \"lo\" } drop");
	const struct policy *policy = r.policy;

	(void)state;
	assert_int_equal(interface_class(policy, "eth*"), 1);
	assert_int_equal(interface_class(policy, "lo"), 2);
	assert_int_equal(interface_class(policy, "ppp"), 3);
	assert_int_equal(interface_class(policy, "ppp0"), 3);
	assert_int_equal(interface_class(policy, "ppp12"), 4);
	assert_int_equal(interface_class(policy, "ppp1"), 5);
	assert_int_equal(interface_class(policy, "pp"), class_other(policy));
	assert_int_equal(interface_class(policy, "eth0"), 6);
	assert_string_equal(interface_of_class(r.arena, policy, 4), "ppp10");
	assert_string_equal(interface_of_class(r.arena, policy, 1), "eth*");
	assert_null(interface_of_class(r.arena, policy, 6));
	assert_null(interface_of_class(r.arena, policy, CLASS_NOT_KNOWN));
	reading_free(&r);
}

static void devices_of_sockets_are_interfaces_too(void **state)
{
	struct reading r = read_good("socket s { tcp *:80 dev z; tcp *%b:81; tcp *:82 }\n"
				     "iifname { a, b } drop");
	const struct declared_endpoint *endpoints = r.policy->sockets[0].endpoints;

	(void)state;
	assert_int_equal(r.policy->interface_count, 3);
	assert_string_equal(r.policy->interfaces[2].name, "z");
	assert_false(r.policy->interfaces[2].required);
	assert_string_equal(endpoints[0].device, "z");
	assert_string_equal(endpoints[1].device, "b");
	assert_null(endpoints[2].device);
	reading_free(&r);
}

static void a_map_may_be_looked_up_by_other_fields_of_its_type(void **state)
{
	struct reading r = read_good(
		"map m { type addr . port : verdict\n"
		"elements = { 192.0.2.0/24 . 80 : drop, ::1 . 1-9 : jump c } }\n"
		"chain c { return }\n"
		"daddr . dport map @m\nsaddr . sport map @m\ndaddr . dport map @m");
	const struct map *maps = r.policy->maps;

	(void)state;
	assert_int_equal(r.policy->map_count, 2);
	assert_int_equal(maps[0].key_fields[1], FIELD_DPORT);
	assert_int_equal(maps[1].key_fields[1], FIELD_SPORT);
	assert_ptr_equal(maps[0].elements, maps[1].elements);
	assert_int_equal(maps[0].element_count, 2);
	assert_int_equal(maps[0].elements[1].families, 1 << FAMILY_IPV6);
	assert_int_equal(maps[0].verdicts[maps[0].elements[1].verdict].target, 1);
	assert_int_equal(r.policy->chains[0].rules[2].verdict.target, 0);
	reading_free(&r);
}

static void a_set_of_several_keys_may_be_matched_by_other_fields_of_its_type(void **state)
{
	struct reading r = read_good(
		"saddr . sport != @s drop\n"
		"set s { type addr . port; elements = { 192.0.2.0/24 . 80, 192.0.2.1 . 1-99 } }\n"
		"daddr . dport @s saddr . sport @s drop\nl4proto . dport { tcp . 80 } drop");
	const struct rule *rules = r.policy->chains[0].rules;
	const struct map *sets = r.policy->key_sets;

	(void)state;
	assert_int_equal(r.policy->key_set_count, 3);
	assert_int_equal(sets[0].key_fields[0], FIELD_SADDR);
	assert_int_equal(sets[1].key_fields[0], FIELD_DADDR);
	assert_ptr_equal(sets[0].elements, sets[1].elements);
	assert_int_equal(sets[0].element_count, 2);
	assert_int_equal(rules[0].match.families, 1 << FAMILY_IPV4);
	assert_true(rules[0].match.key_matches[0].negated);
	assert_int_equal(rules[1].match.key_match_count, 2);
	assert_int_equal(rules[1].match.key_matches[1].set, 0);
	assert_int_equal(rules[2].match.families, 3);
	reading_free(&r);
}

static void map_keys_are_apart_or_one_inside_the_other(void **state)
{
	struct reading r = read_good("tcp daddr . dport map { 10.0.0.0/8 . 80-90 : drop,\n"
				     "10.1.0.0/16 . 85-95 : pass, 10.0.0.0/8 . 85 : pass }");

	(void)state;
	reading_free(&r);
	expect_error("dport map { 1-5 : drop, 9 : drop, 4-7 : pass }", "1:35",
		     "the key overlaps another without being inside it, so neither is the more "
		     "specific one");
	expect_error("daddr . dport map { ::/8 . 1 : drop, 1.0.0.0/8 . 1 : drop, ::/8 . 1 : drop }",
		     "1:60", "a second verdict for one key");
}

static void a_define_may_use_earlier_ones_and_is_checked_where_it_is_used(void **state)
{
	(void)state;
	expect_same("define a = 80\ndefine b = { $a, 443 }\ntcp dport { $b, 8000 } drop",
		    "tcp dport { 80, 443, 8000 } drop");
	expect_error("define a = { $b }\ndefine b = 80\ndport $a drop", "1:14",
		     "'$b' is used before it is defined");
	expect_error("define a = { 1, ::1 }\ndport $a drop\ndaddr $a drop", "1:17",
		     "expected a port, found the address '::1'");
	expect_error("define a = { 1, 2 }\nredirect to $a", "2:13",
		     "'$a' is a list of 2, where one is expected");
}

static void the_command_line_overrides_defines(void **state)
{
	const char *const definitions[] = {"net = 192.0.2.0/24", "l=web"};
	const struct compile_options options = {.definitions = definitions, .definition_count = 2};
	const char *text = "daddr $net drop\ndefine net = ::/0\nredirect to $l\n";
	struct reading r = read_bytes(text, strlen(text), &options);

	(void)state;
	assert_string_equal(r.messages, "");
	assert_int_equal(r.policy->chains[0].rules[0].match.families, 1 << FAMILY_IPV4);
	assert_string_equal(r.policy->labels[0].name, "web");
	reading_free(&r);
	r = read_bytes("drop", 4, &options);
	assert_non_null(strstr(r.messages, "<command line>:1:1: warning: nothing uses '$net'"));
	reading_free(&r);
}

static void each_mistake_has_its_message_and_source_location(void **state)
{
	(void)state;
	expect_error("tcp dprt 80 drop", "1:5", "unknown match 'dprt'; did you mean 'dport'?");
	expect_error("tcp dport 80 acept", "1:14",
		     "expected a verdict ('pass', 'drop', 'redirect', …), found 'acept'; "
		     "did you mean 'accept'?");
	expect_error("tcp dport 80\n", "1:13",
		     "the rule has no verdict: expected 'pass', 'drop', 'redirect', …, "
		     "found the end of the line");
	expect_error("tcp accept dport 80", "1:12",
		     "the verdict ends a rule, but for a 'comment'; found 'dport'");
	expect_error("tcp dport { 80, 443 drop", "1:21", "expected ',' or '}', found 'drop'");
	expect_error("dport 80-70 drop", "1:7", "the range '80-70' is reversed; write '70-80'");
	expect_error("daddr 10.0.0.0/33 drop", "1:16", "prefix length '33' is larger than 32");
	expect_error("daddr 10.0.0.1/8 drop", "1:7",
		     "prefix '10.0.0.1/8' has host bits set; write '10.0.0.0/8'");
	expect_error("dport 010 drop", "1:7", "number '010' has a leading zero; write '10'");
	expect_error("dport 70000 drop", "1:7", "port '70000' is larger than 65535");
	expect_error(
		"tcp dport 80 udp dport 53 drop", "1:14",
		"'udp' here and 'tcp' before it never hold together, so the rule never matches");
	expect_error("daddr 1.2.3.4 saddr ::1 drop", "1:15",
		     "IPv6 here and IPv4 before it never hold together, so the rule never matches");
	expect_error("table inet x { chain y { accept } }\n", "1:1",
		     "there are no tables here, unlike in nft");
	expect_error("redirect web", "1:10", "a label stands after 'redirect to'; write 'to web'");
	expect_error("include \"x\"", "1:10", "no files are read here");
	expect_error("chain a { jump b }\nchain b { goto a }", "2:11",
		     "chain 'a' comes back to itself: a -> b -> a");
	expect_error("option overide", "1:8", "unknown option 'overide'; there is 'override'");
	expect_error("socket s { tcp 1.2.3.4:80 }\nexpect tcp 1.2.3.4:80 redirect to t", "2:35",
		     "no rule redirects to 't'");
}

static void a_statement_with_a_mistake_does_not_hide_the_next(void **state)
{
	struct reading r = read_text("tcp dprt 80 drop\n"
				     "table inet x {\n chain y {\n }\n}\n"
				     "chain c {\n udp foo { 1, 2 }\n tcp acept }\n"
				     "tcp dport { 80, 443 drop\n"
				     "udp dport {\n 53,\n accept,\n 99 } drop\n"
				     "tcp dport 010 drop\n");
	const char *at = r.messages;
	size_t errors = 0;

	(void)state;
	while ((at = strstr(at, " error: "))) {
		errors++;
		at++;
	}
	if (errors != 7)
		fail_msg("%zu errors: %s", errors, r.messages);
	reading_free(&r);
}

/* Each element offers another, and takes a place among the errors; none is looked for in all of the list. */
static void a_long_list_of_mistakes_is_read_at_once(void **state)
{
	enum { ELEMENTS = 50000 };
	char *text = malloc(ELEMENTS * 8 + 20), *at = text + sprintf(text, "tcp dport { ");
	struct reading r;
	int i;

	(void)state;
	for (i = 0; i < ELEMENTS; i++)
		at += sprintf(at, "80..90,\n");
	sprintf(at, "} drop\n");
	r = read_text(text);
	assert_null(r.ast);
	assert_int_equal(diag_error_count(r.diag), ELEMENTS);
	reading_free(&r);
	free(text);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	struct reading r = read_bytes("tcp\0drop", 8, NULL);

	(void)state;
	assert_null(r.ast);
	assert_non_null(strstr(r.messages, "rules:1:4: error: a NUL byte"));
	reading_free(&r);
	expect_error("# \x1b", "1:3", "a control character (U+001B)");
	expect_error("# \xff", "1:3", "a byte that is not UTF-8");
	expect_error("# \xc2\x85", "1:3", "a control character (U+0085)");
}

static void a_million_lines_of_elements_are_read(void **state)
{
	enum { COUNT = 1000000 };
	char path[] = "/tmp/test_ast_XXXXXX", rules[128];
	const char *files[] = {NULL};
	struct compile_options options = {.files = files, .file_count = 1};
	struct reading r = {.arena = arena_new()};
	int fd = mkstemp(path), rules_fd, i;
	FILE *elements = fdopen(fd, "w");
	char rules_path[] = "/tmp/test_ast_XXXXXX";

	(void)state;
	for (i = 0; i < COUNT; i++)
		fprintf(elements, "%d.%d.%d.%d . 80 : redirect to web%d # x\r\n",
			1 + (i >> 16) % 200, (i >> 8) & 255, i & 255, i & 1, i % 10);
	fclose(elements);
	rules_fd = mkstemp(rules_path);
	i = snprintf(rules, sizeof(rules),
		     "map m { type daddr . dport : verdict; file \"%s\" }\ndaddr . dport map @m",
		     path);
	assert_int_equal(write(rules_fd, rules, (size_t)i), i);
	close(rules_fd);
	files[0] = rules_path;
	r.sources = sources_new(r.arena);
	r.diag = diag_new(r.arena, r.sources);
	r.ast = source_to_ast(r.arena, r.arena, r.sources, r.diag, &options);
	assert_non_null(r.ast);
	r.policy = ast_to_policy(r.arena, r.ast, r.diag, &options);
	assert_non_null(r.policy);
	assert_int_equal(r.policy->maps[0].element_count, COUNT);
	assert_int_equal(r.policy->maps[0].verdict_count, 10);
	assert_in_range(arena_bytes(r.arena), 0, 250 << 20);
	arena_free(r.arena);
	unlink(path);
	unlink(rules_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_is_a_complete_program),
		cmocka_unit_test(both_spellings_mean_the_same),
		cmocka_unit_test(line_ends_are_lf_or_crlf_or_a_semicolon),
		cmocka_unit_test(words_are_names_wherever_a_name_is_expected),
		cmocka_unit_test(sets_are_shared_by_all_rules_that_name_them),
		cmocka_unit_test(a_negation_stays_within_the_families_it_names),
		cmocka_unit_test(two_matches_of_one_field_must_both_hold),
		cmocka_unit_test(rules_that_never_match_stay_in_the_policy),
		cmocka_unit_test(labels_and_counters_are_numbered_as_they_come),
		cmocka_unit_test(interfaces_are_required_by_iif_alone),
		cmocka_unit_test(all_that_a_wildcard_matches_is_one_range_of_classes),
		cmocka_unit_test(an_interface_has_the_class_of_its_name_or_of_the_longest_wildcard),
		cmocka_unit_test(devices_of_sockets_are_interfaces_too),
		cmocka_unit_test(a_map_may_be_looked_up_by_other_fields_of_its_type),
		cmocka_unit_test(a_set_of_several_keys_may_be_matched_by_other_fields_of_its_type),
		cmocka_unit_test(map_keys_are_apart_or_one_inside_the_other),
		cmocka_unit_test(a_define_may_use_earlier_ones_and_is_checked_where_it_is_used),
		cmocka_unit_test(the_command_line_overrides_defines),
		cmocka_unit_test(each_mistake_has_its_message_and_source_location),
		cmocka_unit_test(a_statement_with_a_mistake_does_not_hide_the_next),
		cmocka_unit_test(a_long_list_of_mistakes_is_read_at_once),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(a_million_lines_of_elements_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
