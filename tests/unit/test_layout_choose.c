/* How each node of a diagram is stored: which kind is chosen for special sizes and shapes, and what
 * is refused. */
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/layout/cost.h"
#include "compiler/layout/forms.h"
#include "compiler/layout/layout.h"
#include "compiler/pipeline.h"
#include "tests/unit/lib/layout_interpreter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Compiles rules for COUNT prefixes that are far apart, each with PORTS_EACH ports out of PORTS. */
static struct compilation compile_limited(const struct compile_options *options, unsigned count,
					  unsigned ports_each, unsigned ports)
{
	struct compilation c;
	char *text = NULL;
	size_t size;
	unsigned i, j;
	FILE *out = open_memstream(&text, &size);

	for (i = 1; i <= count; i++) {
		uint32_t address = i * UINT32_C(2654435761);

		fprintf(out, "tcp daddr %u.%u.%u.0/24 ", address >> 24, address >> 16 & 255,
			address >> 8 & 255);
		for (j = 0; j < ports_each; j++)
			fprintf(out, "%s%u", j ? ", " : "dport { ",
				1000 + 2 * ((address >> 5 * j) % ports));
		fprintf(out, "%sredirect to l%u\n", ports_each ? " } " : "", i % 5);
	}
	fclose(out);
	compile_text(&c, text, size, options);
	free(text);
	return c;
}

static struct compilation compile_within(int instructions_max, unsigned count, unsigned ports_each,
					 unsigned ports)
{
	const struct compile_options options = {.tables = TABLES_AUTO,
						.instructions_max = instructions_max};

	return compile_limited(&options, count, ports_each, ports);
}

static struct compilation compile_prefixes(unsigned count, unsigned ports_each, unsigned ports)
{
	struct compilation c = compile_within(0, count, ports_each, ports);

	assert_non_null(c.object);
	return c;
}

static enum layout_form form_of_root(const struct layout *layout)
{
	diagram_ref root = layout->roots[0][FAMILY_IPV4][PROTOCOL_TCP];

	assert_false(ref_is_terminal(root));
	return (enum layout_form)layout->forms[root];
}

static void a_few_intervals_are_code_and_many_a_table(void **state)
{
	struct compilation few = compile_prefixes(3, 0, 0), many = compile_prefixes(50, 0, 0);

	(void)state;
	assert_int_equal(form_of_root(few.layout), FORM_CODE);
	assert_int_equal(few.layout->code_intervals, 7);
	assert_int_equal(form_of_root(many.layout), FORM_TABLE);
	compilation_free(&few);
	compilation_free(&many);
}

/* If the addresses were in tables, the ports below them would be too, and take one more step. */
static void the_cost_of_a_node_includes_what_is_below_it(void **state)
{
	struct compilation alone = compile_prefixes(5, 0, 0), ported = compile_prefixes(5, 1, 1);
	const struct form_costs *one, *both;

	(void)state;
	one = &alone.layout->form_costs[alone.layout->roots[0][FAMILY_IPV4][PROTOCOL_TCP]];
	both = &ported.layout->form_costs[ported.layout->roots[0][FAMILY_IPV4][PROTOCOL_TCP]];
	assert_true(one->code_ps > one->tables_ps);
	assert_true(both->code_ps < both->tables_ps);
	assert_int_equal(form_of_root(alone.layout), FORM_TABLE);
	assert_int_equal(form_of_root(ported.layout), FORM_CODE);
	compilation_free(&alone);
	compilation_free(&ported);
}

static void code_replaces_tables_that_take_too_many_instructions(void **state)
{
	struct compilation few = compile_within(440, 200, 0, 0);

	(void)state;
	assert_non_null(few.object);
	assert_int_equal(form_of_root(few.layout), FORM_CODE);
	assert_true(few.layout->instructions_saved > 440);
	assert_int_equal(few.layout->bytes_saved, 0);
	compilation_free(&few);
}

static void smaller_tables_replace_those_that_do_not_fit(void **state)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	struct compilation fastest = compile_limited(&options, 600, 2, 7), smaller, none;
	size_t bytes = fastest.layout->object.table_bytes;

	(void)state;
	assert_int_equal(fastest.layout->bytes_saved, 0);
	options.table_bytes_max = bytes - 1;
	smaller = compile_limited(&options, 600, 2, 7);
	assert_non_null(smaller.object);
	assert_int_equal(smaller.layout->bytes_saved, bytes);
	assert_true(smaller.layout->object.table_bytes < bytes);
	options.table_bytes_max = 100;
	none = compile_limited(&options, 600, 2, 7);
	assert_null(none.object);
	assert_int_equal(diag_error_count(none.diag), 1);
	compilation_free(&fastest);
	compilation_free(&smaller);
	compilation_free(&none);
}

/* Code for every second port of COUNT. */
static bool warns_of_load_time(unsigned count)
{
	const struct compile_options options = {.tables = TABLES_CODE};
	struct compilation c;
	char *text = NULL, *printed = NULL;
	size_t size;
	unsigned i;
	bool warns;
	FILE *out = open_memstream(&text, &size);

	for (i = 0; i < count; i++)
		fprintf(out, "%s%u", i ? ", " : "dport { ", 1 + 2 * i);
	fputs(" } drop\n", out);
	fclose(out);
	assert_true(compile_text(&c, text, strlen(text), &options));
	out = open_memstream(&printed, &size);
	diag_print(c.diag, out, DIAG_COLOR_NEVER);
	fclose(out);
	warns = strstr(printed, "ms to load");
	compilation_free(&c);
	free(printed);
	free(text);
	return warns;
}

static void a_program_that_takes_long_to_load_is_warned_of(void **state)
{
	(void)state;
	assert_true(warns_of_load_time(2000));
	assert_false(warns_of_load_time(1000));
}

static void a_node_of_too_many_intervals_is_never_code(void **state)
{
	struct compilation c = compile_prefixes(CODE_MAX, 0, 0);
	diagram_ref root = c.layout->roots[0][FAMILY_IPV4][PROTOCOL_TCP];

	(void)state;
	assert_int_equal(c.layout->form_costs[root].code_ps, UINT64_MAX);
	assert_int_equal(form_of_root(c.layout), FORM_TABLE);
	compilation_free(&c);
}

static struct compilation compile_kind(const char *rules, enum table_kind tables)
{
	struct compile_options options = {.tables = tables};
	struct compilation c;

	assert_true(compile_text(&c, rules, strlen(rules), &options));
	return c;
}

/* Rules whose node of ports is the root for TCP, and is also below COUNT prefixes for UDP. */
static char *shared_ports(unsigned count)
{
	char *text = NULL;
	size_t size;
	unsigned i;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "tcp dport { 80, 443 } redirect to l\n");
	for (i = 0; i < count; i++)
		fprintf(out, "udp daddr 10.%u.%u.0/24 dport { 80, 443 } redirect to l\n", i,
			i * 37 & 255);
	fclose(out);
	return text;
}

static void a_node_that_tables_lead_to_is_a_table_too(void **state)
{
	char *text = shared_ports(200), *dump = NULL;
	struct compilation c = compile_kind(text, TABLES_AUTO);
	size_t size;
	FILE *out = open_memstream(&dump, &size);

	(void)state;
	layout_dump(c.layout, out);
	fclose(out);
	assert_int_equal(form_of_root(c.layout), FORM_TABLE);
	assert_int_equal(c.layout->code_intervals, 0);
	assert_non_null(strstr(dump, "in tables, but tables lead there too)"));
	assert_non_null(strstr(dump, "code: 0 nodes of 0 intervals"));
	compilation_free(&c);
	free(dump);
	free(text);
}

static void the_kind_of_tables_is_the_one_asked_for(void **state)
{
	static const struct {
		enum table_kind tables;
		enum step_kind kind;
		bool has_entries;
	} cases[] = {{TABLES_SPLUS, STEP_LEAF, false},
		     {TABLES_TRIE, STEP_STRIDE, false},
		     {TABLES_RANGES, STEP_STRIDE, true},
		     {TABLES_LPM, STEP_LPM, false}};
	const char *rules = "daddr { 10.0.0.0/8, 192.0.2.7 } redirect to a\n";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct compilation c = compile_kind(rules, cases[i].tables);
		const struct layout_step *step = find_step(c.layout, cases[i].kind);

		assert_non_null(step);
		assert_int_equal(step->has_entries, cases[i].has_entries);
		compilation_free(&c);
	}
}

/* The width of the stride table for COUNT prefixes that are far apart. */
static uint32_t stride_bits(unsigned count)
{
	struct compilation c = compile_prefixes(count, 0, 0);
	const struct layout_step *stride = find_step(c.layout, STEP_STRIDE);
	uint32_t bits;

	assert_non_null(stride);
	assert_true(stride->costs.stride_ps < stride->costs.tree_ps);
	assert_true(stride->has_entries);
	assert_true(stride->costs.ranges_ps < stride->costs.stride_ps);
	bits = stride->stride_bits;
	compilation_free(&c);
	return bits;
}

static void a_stride_table_is_wider_for_more_intervals(void **state)
{
	uint32_t hundred = stride_bits(100), thousand = stride_bits(1000);
	uint32_t ten_thousand = stride_bits(10000);

	(void)state;
	assert_true(hundred < thousand);
	assert_true(thousand < ten_thousand);
	assert_in_range(thousand, 9, 14);
}

/* The addresses are in a hundred clusters far apart. A stride table does not tell the addresses of
 * a cluster apart. */
static void clustered_addresses_have_stride_tables_of_references(void **state)
{
	struct compilation c;
	char *text = NULL;
	size_t size;
	unsigned i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < 4000; i++)
		fprintf(out, "tcp daddr %u.%u.7.%u redirect to l%u\n", 1 + i / 40,
			i / 40 * 37 % 256, i % 40 * 3, i % 5);
	fclose(out);
	c = compile_kind(text, TABLES_AUTO);
	assert_non_null(find_step(c.layout, STEP_STRIDE));
	assert_false(find_step(c.layout, STEP_STRIDE)->has_entries);
	compilation_free(&c);
	free(text);
}

static void stride_table_entries_hold_ranges_only_with_two_byte_results(void **state)
{
	const char *narrow = "tcp daddr { 10.0.0.0/8, 192.0.2.7 } redirect to a\n";
	const char *wide = "tcp daddr { 10.0.0.0/8, 192.0.2.7 } dport 53 redirect to a\n"
			   "tcp daddr 172.16.0.0/12 sport 1-1023 redirect to b\n";
	struct compilation c = compile_kind(narrow, TABLES_RANGES);

	(void)state;
	assert_true(find_step(c.layout, STEP_STRIDE)->has_entries);
	compilation_free(&c);
	c = compile_kind(wide, TABLES_RANGES);
	assert_false(find_step(c.layout, STEP_STRIDE)->has_entries);
	compilation_free(&c);
}

/* A lane of an inner node needs one bit more than it compares, so a tree cannot compare all 64
 * bits. */
static void a_tree_of_64_bits_needs_a_stride_table_above_it(void **state)
{
	const struct layout_step *stride;
	struct compilation c;
	char *text = NULL;
	size_t size;
	unsigned i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 1; i <= 200; i++)
		fprintf(out, "tcp daddr %x:%x::/64 redirect to l%u\n", i * 40503 & 0xffff, i,
			i % 5);
	fclose(out);
	c = compile_kind(text, TABLES_AUTO);
	stride = find_step(c.layout, STEP_STRIDE);
	assert_non_null(stride);
	assert_int_equal(stride->window.bits - stride->window.skip, 64);
	assert_int_not_equal(stride->costs.stride_ps, 0);
	assert_int_equal(stride->costs.tree_ps, 0);
	compilation_free(&c);
	free(text);
}

/* A cross-product table has a result for each equivalence class of ports in each row; a tree has
 * results only for the intervals of its node. */
static void no_cross_product_table_is_chosen_where_it_would_be_far_larger(void **state)
{
	struct compilation small = compile_prefixes(300, 3, 40);
	struct compilation large = compile_prefixes(60000, 3, 40);
	const struct layout_step *cross = find_step(small.layout, STEP_CROSS);

	(void)state;
	assert_non_null(cross);
	assert_true(cross->costs.cross_ps < cross->costs.tree_ps);
	assert_null(find_step(large.layout, STEP_CROSS));
	compilation_free(&small);
	compilation_free(&large);
}

/* Each node of ports has one start, 2048 or 3072; the larger is the last word of the window. */
static void a_tree_of_one_start_costs_more_than_a_cross_product_table(void **state)
{
	char *text = NULL;
	struct compilation c;
	const struct layout_step *cross;
	size_t size;
	unsigned i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < 200; i++)
		fprintf(out, "tcp daddr 10.%u.%u.0/24 dport < %u redirect to l%u\n", i,
			i * 37 & 255, i & 1 ? 3072 : 2048, i % 7);
	fclose(out);
	c = compile_kind(text, TABLES_AUTO);
	cross = find_step(c.layout, STEP_CROSS);
	assert_non_null(cross);
	assert_true(cross->costs.cross_ps < cross->costs.tree_ps);
	compilation_free(&c);
	free(text);
}

static void equal_parts_are_stored_once(void **state)
{
	struct compile_options options = {.tables = TABLES_SPLUS};
	struct compilation c;
	const char *rules =
		"daddr { 10.0.0.0/8, 12.0.0.0/8, 14.0.0.0/8 } dport { 80, 443 } redirect to a\n";
	size_t i, j;

	(void)state;
	assert_true(compile_text(&c, rules, strlen(rules), &options));
	/* Equal nodes are stored once, so no step has more than one element. */
	for (i = 0; i < c.layout->search_count; i++)
		for (j = 0; j < c.layout->searches[i].step_count; j++)
			assert_int_equal(c.layout->searches[i].steps[j].region.count, 1);
	compilation_free(&c);
}

/* Fails unless the rules are refused with this message, since they do not fit. */
static void assert_beyond(const char *rules, const struct compile_options *options,
			  const char *said)
{
	struct compilation c;
	char *printed = NULL;
	size_t size;
	FILE *out;

	assert_false(compile_text(&c, rules, strlen(rules), options));
	out = open_memstream(&printed, &size);
	diag_print(c.diag, out, DIAG_COLOR_NEVER);
	fclose(out);
	assert_non_null(strstr(printed, said));
	free(printed);
	compilation_free(&c);
}

static void tables_beyond_their_budget_are_refused(void **state)
{
	const struct compile_options options = {.tables = TABLES_SPLUS, .table_bytes_max = 60};

	(void)state;
	assert_beyond("daddr 10.0.0.0/8 redirect to a\n", &options,
		      "the rules for ipv4 tell apart 3 places in daddr, more than fits into the "
		      "budget of 60 bytes");
	assert_beyond("daddr fd00::/8 dport { 1, 3, 5, 7, 9, 11 } redirect to a\n", &options,
		      "the rules for ipv6 multiply each other: 13 places in dport by 3 in daddr");
	assert_beyond("iifname \"a\" drop\n", &options,
		      "tell apart 3 places in iifname, more than");
	assert_beyond("drop\n", &options, "the rules for ipv4 take more than fits");
}

static void a_program_beyond_its_budget_is_refused(void **state)
{
	const struct compile_options options = {.tables = TABLES_AUTO, .instructions_max = 10};

	(void)state;
	assert_beyond("dport 80 iifname { \"a\", \"b\" } drop\n", &options,
		      "for ipv4 alone the rules tell apart 3 places in dport, 3 in iifname\n");
	assert_beyond("drop\n", &options, "more than its budget of 10\n");
}

/* The number after WORD in what was said of the rules; 0 if it is not there. */
static size_t number_said(struct compilation *c, const char *word)
{
	char *printed = NULL;
	const char *at;
	size_t size, number;
	FILE *out = open_memstream(&printed, &size);

	diag_print(c->diag, out, DIAG_COLOR_NEVER);
	fclose(out);
	at = strstr(printed, word);
	number = at ? strtoull(at + strlen(word), NULL, 10) : 0;
	free(printed);
	compilation_free(c);
	return number;
}

static void the_budget_that_a_refusal_names_fits(void **state)
{
	struct compile_options options = {.tables = TABLES_AUTO, .table_bytes_max = 100};
	struct compilation refused = compile_limited(&options, 600, 2, 7), taken;
	size_t bytes = number_said(&refused, "100 bytes ("), instructions;

	(void)state;
	options.table_bytes_max = bytes;
	taken = compile_limited(&options, 600, 2, 7);
	assert_non_null(taken.object);
	assert_in_range(taken.layout->object.table_bytes, 101, bytes);
	compilation_free(&taken);
	options = (struct compile_options){.tables = TABLES_AUTO, .instructions_max = 100};
	refused = compile_limited(&options, 600, 2, 7);
	instructions = number_said(&refused, "sets another budget; with about ");
	options.instructions_max = (int)instructions;
	taken = compile_limited(&options, 600, 2, 7);
	assert_non_null(taken.object);
	compilation_free(&taken);
}

/* Rules of two fields that do not multiply each other, since they are in parts. */
static void tables_of_parts_beyond_their_budget_are_refused(void **state)
{
	const struct compile_options options = {
		.tables = TABLES_SPLUS, .parts = PARTS_ALWAYS, .table_bytes_max = 60};

	(void)state;
	assert_beyond("daddr 10.0.0.0/8 redirect to a\nsaddr 10.0.0.0/8 redirect to a\n", &options,
		      "the rules for ipv4 tell apart 3 places in daddr, 3 in saddr, more than");
	assert_beyond("daddr 10.0.0.0/8 redirect to a\nsaddr 10.0.0.0/8 redirect to a\n", &options,
		      "without '--tables', all kinds of tables are tried\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_intervals_are_code_and_many_a_table),
		cmocka_unit_test(the_cost_of_a_node_includes_what_is_below_it),
		cmocka_unit_test(code_replaces_tables_that_take_too_many_instructions),
		cmocka_unit_test(smaller_tables_replace_those_that_do_not_fit),
		cmocka_unit_test(a_program_that_takes_long_to_load_is_warned_of),
		cmocka_unit_test(a_node_of_too_many_intervals_is_never_code),
		cmocka_unit_test(a_node_that_tables_lead_to_is_a_table_too),
		cmocka_unit_test(the_kind_of_tables_is_the_one_asked_for),
		cmocka_unit_test(a_stride_table_is_wider_for_more_intervals),
		cmocka_unit_test(a_tree_of_64_bits_needs_a_stride_table_above_it),
		cmocka_unit_test(clustered_addresses_have_stride_tables_of_references),
		cmocka_unit_test(stride_table_entries_hold_ranges_only_with_two_byte_results),
		cmocka_unit_test(no_cross_product_table_is_chosen_where_it_would_be_far_larger),
		cmocka_unit_test(a_tree_of_one_start_costs_more_than_a_cross_product_table),
		cmocka_unit_test(equal_parts_are_stored_once),
		cmocka_unit_test(tables_beyond_their_budget_are_refused),
		cmocka_unit_test(a_program_beyond_its_budget_is_refused),
		cmocka_unit_test(the_budget_that_a_refusal_names_fits),
		cmocka_unit_test(tables_of_parts_beyond_their_budget_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
