/* Layouts of diagrams of special shapes: with each kind of tables, the search finds what the
 * diagram says, at the start of every interval and just below it. */
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/layout/layout.h"
#include "compiler/layout/table_format.h"
#include "compiler/pipeline.h"
#include "tests/unit/lib/layout_interpreter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fails unless the rows from ROW on are those of the outcome. */
static void assert_outcome(const struct layout *layout, uint32_t row,
			   const struct diagram_outcome *outcome)
{
	const struct layout_row *rows = (const void *)(layout->object.tables + layout->rows.offset);
	size_t i;

	for (i = 0; i < outcome->action_count; i++) {
		assert_true(row < layout->rows.count);
		assert_int_equal(rows[row].label, outcome->actions[i].index);
		row = rows[row].next;
	}
	assert_int_equal(row, outcome->end == OUTCOME_PASS ? ROW_PASS : ROW_DROP);
}

static void check_packet(const struct compilation *c, const struct packet *packet)
{
	struct action actions[DECIDED_ACTIONS_MAX];
	struct diagram_outcome outcome = decision_eval(c->decision, packet, actions);

	assert_outcome(c->layout, search_layout(c->layout, packet), &outcome);
}

/* Tries packets with one field at or just below each start of an interval, and the others at a few
 * values. */
static void check_starts(const struct compilation *c)
{
	static const u128 others[] = {0, 22, 80, 0x0a000001, UINT16_MAX};
	size_t i, j, k;

	for (i = 0; i < c->decision->node_count; i++) {
		const struct diagram_node *node = &c->decision->nodes[i];
		struct packet packet = {0};

		for (j = 0; j < node->count * 2 * FAMILY_COUNT * 5; j++) {
			packet.family = j % FAMILY_COUNT;
			packet.protocol = j / FAMILY_COUNT % PROTOCOL_COUNT;
			for (k = 0; k < VALUE_FIELD_COUNT; k++)
				packet.values[k] = others[j % 5] &
						   field_last((enum field)k, packet.family);
			packet.values[node->variable] = (node->starts[j / 20] - (j / 10 & 1)) &
							field_last(node->variable, packet.family);
			check_packet(c, &packet);
		}
	}
}

static void check_rules(const char *rules, enum table_kind tables)
{
	struct compile_options options = {.tables = tables};
	struct compilation c;

	if (!compile_text(&c, rules, strlen(rules), &options)) {
		diag_print(c.diag, stderr, DIAG_COLOR_NEVER);
		fail();
	}
	check_starts(&c);
	compilation_free(&c);
}

static void check_all_tables(const char *rules)
{
	static const enum table_kind kinds[] = {TABLES_AUTO, TABLES_CODE,   TABLES_SPLUS,
						TABLES_TRIE, TABLES_RANGES, TABLES_LPM};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		check_rules(rules, kinds[i]);
}

static void one_interval_needs_no_node(void **state)
{
	(void)state;
	check_all_tables("redirect to a\n");
	check_all_tables("policy drop\n");
}

static void single_addresses_are_told_apart_from_their_whole_family(void **state)
{
	(void)state;
	check_all_tables("daddr 0.0.0.0 redirect to a\ndaddr 255.255.255.255 redirect to b\n"
			 "daddr 10.0.0.1/32 redirect to c\ndaddr 0.0.0.0/0 redirect to d\n"
			 "daddr :: redirect to e\ndaddr ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
			 "redirect to f\n"
			 "daddr ::/0 redirect to g\n");
}

static void ranges_that_are_no_prefixes_are_found_at_their_edges(void **state)
{
	(void)state;
	check_all_tables("daddr 10.0.0.1-10.0.3.254 redirect to a\n"
			 "daddr 9.255.255.255-10.0.0.2 redirect to b\n"
			 "saddr 2001:db8::3-2001:db8:0:1::2 redirect to c\n");
}

static void many_addresses_of_one_64_bit_prefix_are_told_apart(void **state)
{
	char *text = NULL;
	size_t size;
	unsigned i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < 100; i++)
		fprintf(out, "daddr 2001:db8::%x:%x redirect to l%u\n", i / 10, 7 * i, i % 5);
	fprintf(out, "daddr 2001:db8::/64 redirect to rest\ndaddr 2001:db8::/32 dport 80 drop\n");
	fclose(out);
	check_all_tables(text);
	free(text);
}

static void all_ports_may_differ_from_their_neighbours(void **state)
{
	char *text = NULL;
	size_t size;
	unsigned i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fprintf(out, "map ports { type port : verdict; elements = {\n");
	for (i = 0; i < 65536; i++)
		fprintf(out, "%u : redirect to l%u,\n", i, i % 3);
	fprintf(out, "} }\ntcp daddr 10.0.0.0/8 dport map @ports\n");
	fclose(out);
	check_rules(text, TABLES_AUTO);
	check_rules(text, TABLES_SPLUS);
	check_rules(text, TABLES_TRIE);
	free(text);
}

/* The number of entries of a stride table that refer to a tree, or else of those that hold a
 * range. */
static size_t count_entries(const struct layout *layout, const struct layout_step *stride,
			    bool are_references)
{
	const unsigned char *entries = layout_element(layout, stride, 0);
	size_t found = 0, i;

	for (i = 0; i < stride->element_bytes / sizeof(uint64_t); i++) {
		uint64_t entry = number_at(entries, i, 64);

		bool is_reference = entry >> ENTRY_REFERENCE;

		found += are_references ? is_reference : !is_reference && entry >> ENTRY_START;
	}
	return found;
}

/* Checks that the addresses of the rules get a stride table with RANGES ranges and REFERENCES references. */
static void check_entries(const char *rules, size_t ranges, size_t references)
{
	struct compile_options options = {.tables = TABLES_RANGES};
	const struct layout_step *stride;
	struct compilation c;

	assert_true(compile_text(&c, rules, strlen(rules), &options));
	stride = find_step(c.layout, STEP_STRIDE);
	assert_non_null(stride);
	assert_true(stride->has_entries);
	assert_int_equal(count_entries(c.layout, stride, false), ranges);
	assert_int_equal(count_entries(c.layout, stride, true), references);
	compilation_free(&c);
	check_all_tables(rules);
}

static void a_stride_table_entry_holds_one_range_wherever_it_lies(void **state)
{
	/* What eight entries of the table must tell apart from the rest: one address; the first
	 * half of the entry's addresses; the last address; the last half; sixteen addresses that
	 * are no prefix; all but the last; a prefix; and two ranges, which take a reference. */
	static const char addresses[] =
		"10.0.1.2, 10.32.0.0/17, 10.95.255.255, 10.112.128.0/17, 10.144.0.1-10.144.0.16,"
		"10.160.0.0-10.160.255.254, 10.200.64.0/18, 10.224.0.1-10.224.0.3, 10.224.7.0/24";
	char rules[400];

	(void)state;
	snprintf(rules, sizeof(rules), "tcp daddr { %s } redirect to a\n", addresses);
	check_entries(rules, 7, 1);
	snprintf(rules, sizeof(rules), "tcp daddr { %s } dport { 22, 80 } redirect to a\n",
		 addresses);
	check_entries(rules, 7, 1);
	snprintf(rules, sizeof(rules),
		 "daddr { %s } redirect to a\ndaddr 10.0.0.0/8 redirect to b\n", addresses);
	check_entries(rules, 7, 1);
}

static void a_stride_table_entry_ignores_the_bits_that_its_window_skips(void **state)
{
	(void)state;
	check_entries("daddr { 2001:db8:7::/48, 2001:db8:9000::/36, 2001:db8:c00f:100::/56, "
		      "2001:db8:5123:4500::/56 } redirect to c\n",
		      4, 0);
}

/* Checks rules whose ports must get a cross-product table with a table of equivalence classes. */
static void check_class_table(const char *rules)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	const struct layout_step *cross;
	struct compilation c;

	assert_true(compile_text(&c, rules, strlen(rules), &options));
	cross = find_step(c.layout, STEP_CROSS);
	assert_non_null(cross);
	assert_true(has_class_table(cross));
	check_starts(&c);
	compilation_free(&c);
}

/* Many addresses, and more equivalence classes of ports than code would find by comparisons. */
static void many_equivalence_classes_of_ports_are_looked_up_in_a_table(void **state)
{
	char *text = NULL;
	size_t size;
	unsigned i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < 200; i++)
		fprintf(out, "tcp daddr 10.0.%u.0/24 dport { %u, %u } redirect to l%u\n", i,
			100 + i % 12, 500 + i % 10, i % 9);
	fclose(out);
	check_class_table(text);
	check_all_tables(text);
	free(text);
}

/* Every port begins a run of its own, yet there are few equivalence classes; the last port is in
 * one of them. */
static void alternating_ports_make_few_equivalence_classes(void **state)
{
	char *text = NULL;
	size_t size;
	unsigned i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < 400; i++)
		fprintf(out, "tcp daddr 10.0.%u.%u dport { %u, 65535 } redirect to l%u\n", i / 200,
			i % 200, i % 10, i / 10);
	fprintf(out, "map odd { type port : verdict; elements = {\n");
	for (i = 1; i < 65536; i += 2)
		fprintf(out, "%u : redirect to odd,\n", i);
	fprintf(out, "} }\ntcp daddr 192.0.2.1 dport map @odd\n");
	fclose(out);
	check_class_table(text);
	check_rules(text, TABLES_SPLUS);
	check_rules(text, TABLES_TRIE);
	free(text);
}

/* Addresses so far apart that no stride table alone tells them apart. */
static uint32_t scattered_address(uint32_t i)
{
	return i * UINT32_C(2654435761);
}

static void write_scattered_address(FILE *out, uint32_t i)
{
	uint32_t address = scattered_address(i);

	fprintf(out, "tcp daddr %u.%u.%u.%u ", address >> 24, address >> 16 & 255,
		address >> 8 & 255, address & 255);
}

/* Tries packets to the first ADDRESSES scattered addresses, at the first PORTS ports. */
static void check_scattered(const char *rules, uint32_t addresses, uint32_t ports)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	struct packet packet = {0};
	struct compilation c;
	uint32_t i;

	assert_true(compile_text(&c, rules, strlen(rules), &options));
	for (i = 0; i < addresses * ports; i++) {
		packet.values[FIELD_DADDR] = scattered_address(i / ports);
		packet.values[FIELD_DPORT] = i % ports;
		check_packet(&c, &packet);
	}
	compilation_free(&c);
}

static void more_nodes_than_two_byte_results_can_number_are_found(void **state)
{
	const uint32_t addresses = NARROW_BIT + 40;
	char *text = NULL;
	size_t size;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < addresses; i++) {
		write_scattered_address(out, i);
		fprintf(out, "dport %u redirect to l%u\n", i % 5, i / 5);
	}
	fclose(out);
	check_scattered(text, addresses, 6);
	free(text);
}

static void more_rows_than_two_byte_results_can_number_are_found(void **state)
{
	const uint32_t addresses = 170, ports = 100;
	char *text = NULL;
	size_t size;
	uint32_t i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_true(2 * addresses * ports > NARROW_BIT); /* rows */
	for (i = 0; i < addresses; i++) {
		write_scattered_address(out, i);
		fprintf(out, "redirect to a%u else continue\n", i);
	}
	for (i = 0; i < ports; i++)
		fprintf(out, "tcp dport %u redirect to b%u\n", i, i);
	fclose(out);
	check_scattered(text, addresses, ports);
	free(text);
}

/* If the window of these nodes began at the first start, it would have no value below that
 * start. */
static void small_nodes_that_start_with_their_window_are_searched_rightly(void **state)
{
	char *text = NULL;
	size_t size;
	unsigned i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < 200; i++)
		fprintf(out, "tcp daddr 192.0.2.1 saddr %u.%u.7.0/24 redirect to l%u\n", 1 + i,
			i * 37 % 256, i % 5);
	fprintf(out, "tcp daddr 10.0.0.1 saddr 10.0.0.0/9 redirect to near\n");
	fclose(out);
	check_all_tables(text);
	free(text);
}

static void write_far_addresses(FILE *out)
{
	unsigned i;

	fprintf(out, "daddr { 1.2.3.4, 224.0.0.0/4, 10.255.0.0-10.255.0.9 } redirect to far\n"
		     "daddr { fe80::/10, 1::5, 2001:db8:ffff::/48 } redirect to far\n");
	for (i = 0; i < 90; i++)
		fprintf(out,
			"daddr 10.0.%u.%u redirect to l%u\n"
			"daddr 2001:db8:0:%x::/64 redirect to l%u\n",
			i / 9, i * 37 % 256, i % 5, i * 29, i % 7);
}

/* Most addresses are in one window; a few are far below or far above it. */
static void a_few_addresses_far_from_all_others_are_tested_apart(void **state)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	char *text = NULL;
	struct compilation c;
	size_t size, i, asked_again = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	write_far_addresses(out);
	fclose(out);
	check_all_tables(text);
	assert_true(compile_text(&c, text, size, &options));
	for (i = 0; i < c.layout->node_count; i++)
		asked_again += variable_is_again(c.layout->nodes[i].variable);
	assert_int_equal(asked_again, 2);
	compilation_free(&c);
	free(text);
}

/* Checks rules for COUNT prefixes at a distance of APART, which must get lanes of LANE_BITS. */
static void check_lanes(const char *format, unsigned count, unsigned apart, uint32_t lane_bits)
{
	struct compile_options options = {.tables = TABLES_SPLUS};
	const struct layout_step *leaf;
	struct compilation c;
	char *text = NULL;
	size_t size;
	unsigned i;
	FILE *out = open_memstream(&text, &size);

	for (i = 1; i <= count; i++)
		fprintf(out, format, i * apart >> 16, i * apart & 0xffff, i % 3);
	fclose(out);
	check_all_tables(text);
	assert_true(compile_text(&c, text, size, &options));
	leaf = find_step(c.layout, STEP_LEAF);
	assert_non_null(leaf);
	assert_int_equal(leaf->lane_bits, lane_bits);
	compilation_free(&c);
	free(text);
}

static void lanes_are_as_wide_as_the_window(void **state)
{
	(void)state;
	check_lanes("saddr 2001:db8:%x:%x::/64 redirect to l%u\n", 300, 100, 16);
	check_lanes("saddr 2001:db8:%x:%x::/64 redirect to l%u\n", 300, 10001, 32);
	check_lanes("saddr 2001:%x:%x::/48 redirect to l%u\n", 300, 100, 16);
	check_lanes("saddr 1:0:%x:%x::/64 redirect to l%u\n", 300, 0x7000001, 32);
	check_lanes("saddr %x:0:0:%x::/64 redirect to l%u\n", 300, 70001, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_interval_needs_no_node),
		cmocka_unit_test(single_addresses_are_told_apart_from_their_whole_family),
		cmocka_unit_test(ranges_that_are_no_prefixes_are_found_at_their_edges),
		cmocka_unit_test(many_addresses_of_one_64_bit_prefix_are_told_apart),
		cmocka_unit_test(all_ports_may_differ_from_their_neighbours),
		cmocka_unit_test(a_stride_table_entry_holds_one_range_wherever_it_lies),
		cmocka_unit_test(a_stride_table_entry_ignores_the_bits_that_its_window_skips),
		cmocka_unit_test(many_equivalence_classes_of_ports_are_looked_up_in_a_table),
		cmocka_unit_test(alternating_ports_make_few_equivalence_classes),
		cmocka_unit_test(more_nodes_than_two_byte_results_can_number_are_found),
		cmocka_unit_test(more_rows_than_two_byte_results_can_number_are_found),
		cmocka_unit_test(small_nodes_that_start_with_their_window_are_searched_rightly),
		cmocka_unit_test(a_few_addresses_far_from_all_others_are_tested_apart),
		cmocka_unit_test(lanes_are_as_wide_as_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
