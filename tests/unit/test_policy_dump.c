/* The policy dumped as a rules file: each form of a match, verdict and block, in policies built by hand. */
#include "compiler/base/arena.h"
#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 1000000 };

static struct label labels[] = {{.name = "web"}, {.name = "dns"}};
static struct interface interfaces[] = {{.text = "eth0", .required = true}, {.text = "wg0"}};
static struct chain chains[] = {{.name = NULL}, {.name = "local"}};
static struct map maps[] = {
	{.name = NULL, .key_count = 2, .key_fields = {FIELD_DADDR, FIELD_DPORT}},
	{.name = "map-0"},
};

static const struct policy policy = {
	.end = VERDICT_PASS,
	.chains = chains,
	.chain_count = 2,
	.labels = labels,
	.label_count = 2,
	.interfaces = interfaces,
	.interface_count = 2,
	.maps = maps,
	.map_count = 2,
};

static struct rule any_rule(void)
{
	return (struct rule){
		.match = {.families = 3, .protocols = 3},
		.verdict = {.kind = VERDICT_DROP, .target = NO_INDEX},
		.counter = NO_INDEX,
	};
}

static void expect_rule(const struct rule *rule, const char *text)
{
	struct arena *arena = arena_new();

	assert_string_equal(policy_rule_text(arena, &policy, rule), text);
	arena_free(arena);
}

static void dump(const struct policy *dumped, char **text)
{
	size_t length;
	FILE *out = open_memstream(text, &length);

	policy_dump(dumped, out);
	fclose(out);
}

#define SET(...)                                                                                   \
	(&(struct range_set){(struct range[]){__VA_ARGS__},                                        \
			     sizeof((struct range[]){__VA_ARGS__}) / sizeof(struct range)})

static const struct range_set empty = {NULL, 0};

static u128 mapped(uint32_t low)
{
	return (u128)0xffff << 32 | low;
}

static void a_rule_without_matches_is_its_verdict(void **state)
{
	struct rule rule = any_rule();

	(void)state;
	expect_rule(&rule, "drop");
}

static void every_field_of_a_rule_is_written(void **state)
{
	struct rule rule = any_rule();

	(void)state;
	rule.match.families = 1 << FAMILY_IPV4;
	rule.match.protocols = 1 << PROTOCOL_TCP;
	rule.match.values[FAMILY_IPV4][FIELD_DADDR] = SET({0xc0000200, 0xc00002ff});
	rule.match.values[FAMILY_IPV4][FIELD_SADDR] = SET({1, 3}, {7, 7});
	rule.match.values[FAMILY_IPV4][FIELD_DPORT] = SET({80, 80});
	rule.match.values[FAMILY_IPV4][FIELD_SPORT] = SET({0, 79}, {81, 65535});
	rule.match.interfaces = (struct interface_match[]){{(uint32_t[]){0}, 1, false},
							   {(uint32_t[]){0, 1}, 2, true}};
	rule.match.interface_count = 2;
	rule.verdict = (struct verdict){VERDICT_REDIRECT, 0, FALLBACK_CONTINUE, true};
	rule.counter = 0;
	rule.comment = "the web";
	expect_rule(&rule,
		    "tcp daddr 192.0.2.0/24 dport 80 saddr { 0.0.0.1-0.0.0.3, 0.0.0.7 } "
		    "sport { 0-79, 81-65535 } iif \"eth0\" iifname != { \"eth0\", \"wg0\" } "
		    "counter redirect to web no-reuseport else continue comment \"the web\"");
}

static void the_family_is_named_where_no_address_shows_it(void **state)
{
	struct rule rule = any_rule();

	(void)state;
	rule.match.families = 1 << FAMILY_IPV6;
	rule.match.protocols = 1 << PROTOCOL_UDP;
	expect_rule(&rule, "meta nfproto ipv6 udp drop");
	rule.match.values[FAMILY_IPV6][FIELD_SADDR] = SET({1, 1});
	expect_rule(&rule, "udp saddr ::1 drop");
	rule.match.values[FAMILY_IPV4][FIELD_SADDR] = &empty;
	expect_rule(&rule, "udp saddr ::1 drop");
}

static void a_family_whose_addresses_are_all_meant_is_listed_beside_the_other(void **state)
{
	struct rule rule = any_rule();

	(void)state;
	rule.match.values[FAMILY_IPV6][FIELD_DADDR] = SET({0, ((u128)1 << 127) - 1});
	expect_rule(&rule, "daddr { 0.0.0.0/0, ::/1 } drop");
	rule.match.values[FAMILY_IPV4][FIELD_SADDR] = SET({0x0a000000, 0x0affffff});
	expect_rule(&rule, "daddr { 0.0.0.0/0, ::/1 } saddr { 10.0.0.0/8, ::/0 } drop");
}

static void a_family_that_cannot_match_is_left_out(void **state)
{
	struct rule rule = any_rule();

	(void)state;
	rule.match.values[FAMILY_IPV4][FIELD_DADDR] = &empty;
	expect_rule(&rule, "meta nfproto ipv6 drop");
	rule.match.values[FAMILY_IPV6][FIELD_DADDR] = SET({1, 1});
	expect_rule(&rule, "daddr ::1 drop");
}

static void a_match_that_never_holds_is_written_too(void **state)
{
	struct rule rule = any_rule();

	(void)state;
	rule.match.values[FAMILY_IPV4][FIELD_DADDR] = &empty;
	rule.match.values[FAMILY_IPV6][FIELD_DADDR] = &empty;
	expect_rule(&rule, "daddr { } drop");
	rule.match.families = 1 << FAMILY_IPV4;
	expect_rule(&rule, "meta nfproto ipv4 daddr { } drop");
	rule = any_rule();
	rule.match.values[FAMILY_IPV4][FIELD_DPORT] = rule.match.values[FAMILY_IPV6][FIELD_DPORT] =
		&empty;
	expect_rule(&rule, "dport { } drop");
	rule = any_rule();
	rule.match.families = rule.match.protocols = 0;
	expect_rule(&rule, "meta nfproto != { ipv4, ipv6 } meta l4proto != { tcp, udp } drop");
	rule = any_rule();
	rule.match.interfaces = &(struct interface_match){NULL, 0, false};
	rule.match.interface_count = 1;
	expect_rule(&rule, "iifname { } drop");
}

/* Rules may not name IPv4-mapped addresses, so a range that ends beside them is written as a negation. */
static void ranges_that_end_at_mapped_addresses_are_written_as_negations(void **state)
{
	struct rule rule = any_rule();

	(void)state;
	rule.match.families = 1 << FAMILY_IPV6;
	rule.match.values[FAMILY_IPV6][FIELD_DADDR] = SET({0, mapped(UINT32_MAX)});
	expect_rule(&rule, "daddr ::/80 drop");
	rule.match.values[FAMILY_IPV6][FIELD_DADDR] = SET({5, mapped(UINT32_MAX)});
	expect_rule(&rule,
		    "daddr != { ::-::4, ::1:0:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff } drop");
	rule.match.values[FAMILY_IPV6][FIELD_DADDR] = SET({mapped(0), ~(u128)0});
	expect_rule(&rule, "daddr != ::-::fffe:ffff:ffff drop");
	rule.match.values[FAMILY_IPV6][FIELD_DADDR] = SET({mapped(0), mapped(UINT32_MAX)});
	expect_rule(&rule, "daddr != { ::-::fffe:ffff:ffff, "
			   "::1:0:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff } drop");
	rule.match.families = 3;
	rule.match.values[FAMILY_IPV4][FIELD_DADDR] = SET({1, UINT32_MAX});
	rule.match.values[FAMILY_IPV6][FIELD_DADDR] = SET({mapped(0), ~(u128)0});
	expect_rule(&rule, "daddr != { 0.0.0.0, ::-::fffe:ffff:ffff } drop");
}

static void verdicts_name_their_targets(void **state)
{
	struct rule rule = any_rule();

	(void)state;
	rule.verdict = (struct verdict){VERDICT_PASS, NO_INDEX, FALLBACK_DROP, false};
	expect_rule(&rule, "pass");
	rule.verdict = (struct verdict){VERDICT_RETURN, NO_INDEX, FALLBACK_DROP, false};
	expect_rule(&rule, "return");
	rule.verdict = (struct verdict){VERDICT_JUMP, 1, FALLBACK_DROP, false};
	expect_rule(&rule, "jump local");
	rule.verdict = (struct verdict){VERDICT_GOTO, 1, FALLBACK_DROP, false};
	expect_rule(&rule, "goto local");
	rule.verdict = (struct verdict){VERDICT_REDIRECT, 1, FALLBACK_PASS, false};
	expect_rule(&rule, "redirect to dns else pass");
	rule.verdict = (struct verdict){VERDICT_MAP, 0, FALLBACK_DROP, false};
	expect_rule(&rule, "daddr . dport map @map-0x");
}

static struct range_set odd_values(struct range *ranges, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		ranges[i] = (struct range){2 * i + 1, 2 * i + 1};
	return (struct range_set){ranges, count};
}

static void a_long_list_is_a_set_named_by_what_it_holds(void **state)
{
	struct range ranges[100];
	struct range_set set = odd_values(ranges, 100);
	struct rule rules[3] = {any_rule(), any_rule(), any_rule()};
	struct chain top = {.rules = rules, .count = 3};
	struct policy sets = policy;
	char *text, *first, *second;
	struct arena *arena = arena_new();

	(void)state;
	rules[0].match.families = rules[1].match.families = 1;
	rules[0].match.values[FAMILY_IPV4][FIELD_DADDR] = &set;
	rules[1].match.values[FAMILY_IPV4][FIELD_SADDR] = &set;
	rules[2].match.values[FAMILY_IPV4][FIELD_DPORT] =
		rules[2].match.values[FAMILY_IPV6][FIELD_DPORT] = &set;
	sets.chains = &top;
	sets.chain_count = 1;
	sets.map_count = 0;
	dump(&sets, &text);
	first = strstr(text, "set addr-");
	second = strstr(text, "set ports-");
	assert_non_null(first);
	assert_non_null(second);
	assert_null(strstr(first + 1, "set addr-"));
	assert_non_null(strstr(text, "\t\t0.0.0.1,\n\t\t0.0.0.3,\n"));
	assert_non_null(strstr(text, policy_rule_text(arena, &sets, &rules[0])));
	assert_memory_equal(strstr(text, "daddr @") + 7, first + 4, strlen("addr-") + 16);
	ranges[99].last++;
	assert_null(strstr(text, policy_rule_text(arena, &sets, &rules[0])));
	free(text);
	arena_free(arena);
}

static struct expect EXPECTS[] = {
	{.packet = {.family = FAMILY_IPV4,
		    .protocol = PROTOCOL_TCP,
		    .values = {0xc0000207, 80, 0xc6336409, 4242}},
	 .has_source = true,
	 .verdict = {VERDICT_REDIRECT, 0, FALLBACK_DROP, false}},
	{.packet = {.family = FAMILY_IPV6, .protocol = PROTOCOL_UDP, .values = {1, 53, 0, 0}},
	 .interface = "eth0",
	 .verdict = {VERDICT_DROP, NO_INDEX, FALLBACK_DROP, false}},
};

static const char WHOLE_POLICY[] = "policy drop\n"
				   "\n"
				   "socket web {\n"
				   "\ttcp 127.0.0.1:8080\n"
				   "\tudp [::1]:53\n"
				   "\ttcp *:443 dev \"eth0\"\n"
				   "\tuid \"root\"\n"
				   "\tcgroup \"/system.slice/nginx.service\"\n"
				   "}\n"
				   "\n"
				   "map bindings {\n"
				   "\ttype l4proto . daddr . dport : verdict\n"
				   "\telements = {\n"
				   "\t\ttcp . 192.0.2.1 . 80-90 : redirect to web,\n"
				   "\t\tudp . ::/0 . 53 : drop\n"
				   "\t}\n"
				   "}\n"
				   "\n"
				   "chain local {\n"
				   "\tdrop\n"
				   "}\n"
				   "\n"
				   "l4proto . daddr . dport map @bindings\n"
				   "jump local\n"
				   "\n"
				   "expect tcp 198.51.100.9:4242 -> 192.0.2.7:80 redirect to web\n"
				   "expect udp [::1]:53 iif \"eth0\" drop\n";

static void the_whole_policy_is_a_rules_file(void **state)
{
	struct rule top[2] = {any_rule(), any_rule()}, local[1] = {any_rule()};
	struct chain both[] = {{.rules = top, .count = 2},
			       {.name = "local", .rules = local, .count = 1}};
	struct map_element elements[] = {{.families = 1, .verdict = 0},
					 {.families = 2, .verdict = 1}};
	struct range keys[] = {{0, 0},  {0xc0000201, 0xc0000201}, {80, 90}, {1, 1}, {0, ~(u128)0},
			       {53, 53}};
	struct verdict verdicts[] = {{VERDICT_REDIRECT, 0, FALLBACK_DROP, false},
				     {VERDICT_DROP, NO_INDEX, FALLBACK_DROP, false}};
	struct map bindings = {.name = "bindings",
			       .key_count = 3,
			       .key_fields = {FIELD_L4PROTO, FIELD_DADDR, FIELD_DPORT},
			       .element_count = 2,
			       .elements = elements,
			       .keys = keys,
			       .verdicts = verdicts,
			       .verdict_count = 2};
	struct declared_endpoint endpoints[] = {
		{.protocol = PROTOCOL_TCP,
		 .family = FAMILY_IPV4,
		 .address = 0x7f000001,
		 .port = 8080},
		{.protocol = PROTOCOL_UDP, .family = FAMILY_IPV6, .address = 1, .port = 53},
		{.protocol = PROTOCOL_TCP,
		 .any_address = true,
		 .any_family = true,
		 .port = 443,
		 .device = "eth0"},
	};
	struct socket_declaration declaration = {.label = 0,
						 .endpoints = endpoints,
						 .endpoint_count = 3,
						 .uid = "root",
						 .cgroup = "/system.slice/nginx.service"};
	struct policy whole = policy;
	char *text;

	(void)state;
	top[0].verdict = (struct verdict){VERDICT_MAP, 0, FALLBACK_DROP, false};
	top[1].verdict = (struct verdict){VERDICT_JUMP, 1, FALLBACK_DROP, false};
	whole.end = VERDICT_DROP;
	whole.chains = both;
	whole.maps = &bindings;
	whole.map_count = 1;
	whole.sockets = &declaration;
	whole.socket_count = 1;
	whole.expects = EXPECTS;
	whole.expect_count = 2;
	dump(&whole, &text);
	assert_string_equal(text, WHOLE_POLICY);
	free(text);
}

static void a_map_of_a_million_elements_is_written_whole(void **state)
{
	struct map_element *elements = calloc(MANY, sizeof(*elements));
	struct range *keys = calloc(MANY * 2, sizeof(*keys));
	struct verdict verdict = {VERDICT_REDIRECT, 0, FALLBACK_DROP, false};
	struct map map = {.name = "all",
			  .key_count = 2,
			  .key_fields = {FIELD_DADDR, FIELD_DPORT},
			  .element_count = MANY,
			  .elements = elements,
			  .keys = keys,
			  .verdicts = &verdict,
			  .verdict_count = 1};
	struct policy large = policy;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		elements[i].families = 1;
		keys[2 * i] = (struct range){0x0a000000 + i, 0x0a000000 + i};
		keys[2 * i + 1] = (struct range){80, 80};
	}
	large.maps = &map;
	large.map_count = 1;
	dump(&large, &text);
	assert_non_null(strstr(text, "\t\t10.15.66.63 . 80 : redirect to web\n\t}\n}\n"));
	free(text);
	free(elements);
	free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_without_matches_is_its_verdict),
		cmocka_unit_test(every_field_of_a_rule_is_written),
		cmocka_unit_test(the_family_is_named_where_no_address_shows_it),
		cmocka_unit_test(a_family_whose_addresses_are_all_meant_is_listed_beside_the_other),
		cmocka_unit_test(a_family_that_cannot_match_is_left_out),
		cmocka_unit_test(a_match_that_never_holds_is_written_too),
		cmocka_unit_test(ranges_that_end_at_mapped_addresses_are_written_as_negations),
		cmocka_unit_test(verdicts_name_their_targets),
		cmocka_unit_test(a_long_list_is_a_set_named_by_what_it_holds),
		cmocka_unit_test(the_whole_policy_is_a_rules_file),
		cmocka_unit_test(a_map_of_a_million_elements_is_written_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
