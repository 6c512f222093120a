/* Layouts of hand-made shapes: every way to store them finds what the diagram says, at and beside every start
 * of an interval. The tables are searched here as the programs do, in plain C. */
#include "arena.h"
#include "decision.h"
#include "diag.h"
#include "layout.h"
#include "pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t key_value(const struct packet *packet, enum key key)
{
	switch (key) {
	case KEY_DPORT:
		return (uint32_t)packet->values[FIELD_DPORT];
	case KEY_SPORT:
		return (uint32_t)packet->values[FIELD_SPORT];
	case KEY_DADDR4:
		return (uint32_t)packet->values[FIELD_DADDR];
	case KEY_SADDR4:
		return (uint32_t)packet->values[FIELD_SADDR];
	default:
		if (key >= KEY_SADDR6_0)
			return (uint32_t)(packet->values[FIELD_SADDR] >>
					  (96 - 32 * (key - KEY_SADDR6_0)));
		return (uint32_t)(packet->values[FIELD_DADDR] >> (96 - 32 * (key - KEY_DADDR6_0)));
	}
}

static const uint32_t *region_words(const struct layout *layout, struct layout_region region)
{
	return (const uint32_t *)(const void *)(layout->object.tables + region.offset);
}

static uint32_t search_line(const struct layout *layout, const struct layout_step *step,
			    uint32_t line, uint32_t value)
{
	const struct layout_line *lines = (const void *)region_words(layout, layout->lines);
	uint32_t rank = 0;
	size_t i;

	assert_true(line < layout->lines.count);
	for (i = 0; i < LINE_KEYS; i++)
		rank += lines[line].keys[i] < value;
	if (!step->is_leaf)
		return lines[line].first + rank;
	assert_true(lines[line].first + rank < layout->results.count);
	return region_words(layout, layout->results)[lines[line].first + rank];
}

static uint32_t search_root(const struct layout *layout, const struct layout_step *step,
			    uint32_t line, uint32_t value)
{
	assert_true(line + root_lines(step) <= layout->lines.count);
	return region_words(layout,
			    layout->lines)[line * LINE_CHILDREN + (value >> root_shift(step))];
}

static uint32_t search_cross(const struct layout *layout, const struct layout_step *step,
			     uint32_t line, uint32_t value)
{
	const unsigned char *classes = layout->object.tables + layout->classes.offset;
	uint32_t class = 0;
	size_t i;

	for (i = 0; i + 1 < step->class_count; i++)
		class += step->class_starts[i] <= value;
	if (step->class_table != NO_INDEX)
		assert_int_equal(class, classes[step->class_table * CLASS_TABLE + value]);
	assert_true(line + step->row_lines <= layout->lines.count);
	return region_words(layout, layout->lines)[line * LINE_CHILDREN + class];
}

/* The longest prefix, by looking at all. */
static uint32_t search_lpm(const struct layout *layout, uint32_t node, uint32_t value)
{
	const struct abi_prefix *best = NULL;
	size_t i;

	for (i = 0; i < layout->object.prefix_count; i++) {
		const struct abi_prefix *prefix = &layout->object.prefixes[i];
		uint32_t bits = prefix->key.bits - 32;

		if (ntohl(prefix->key.node) != node ||
		    (bits && (ntohl(prefix->key.word) ^ value) >> (32 - bits)))
			continue;
		if (!best || prefix->key.bits > best->key.bits)
			best = prefix;
	}
	assert_non_null(best);
	return best->value;
}

/* The first row that a reference into the tables leads to. */
static uint32_t search_tables(const struct layout *layout, const struct layout_machine *machine,
			      uint32_t ref, const struct packet *packet)
{
	size_t i;

	for (i = 0; i < machine->step_count; i++) {
		const struct layout_step *step = &machine->steps[i];
		uint32_t line = ref & LINE_MASK;

		if (ref >> TAG_SHIFT < step->tag)
			continue;
		assert_int_equal(ref >> TAG_SHIFT, step->tag);
		switch (step->kind) {
		case SEARCH_LINE:
			ref = search_line(layout, step, line, key_value(packet, step->key));
			break;
		case SEARCH_ROOT:
			ref = search_root(layout, step, line, key_value(packet, step->key));
			break;
		case SEARCH_CROSS:
			ref = search_cross(layout, step, line, key_value(packet, step->key));
			break;
		default:
			ref = search_lpm(layout, line, key_value(packet, step->key));
		}
	}
	return ref;
}

static uint32_t search_layout(const struct layout *layout, const struct packet *packet)
{
	decision_ref ref = layout->roots[packet->family][packet->protocol];

	while (!ref_is_outcome(ref)) {
		const struct decision_node *node = &layout->nodes[ref];
		uint32_t value = key_value(packet, variable_key(node->variable)),
			 i = node->count - 1;

		if (layout->forms[ref] == FORM_TABLE)
			return search_tables(layout,
					     &layout->machines[node->variable >> MACHINE_SHIFT],
					     layout->table_refs[ref], packet);
		while (node->starts[i] > value)
			i--;
		ref = node->children[i];
	}
	return layout->rows_of[ref_index(ref)];
}

/* Whether the rows from one on are the outcome. */
static void assert_outcome(const struct layout *layout, uint32_t row,
			   const struct decision_outcome *outcome)
{
	const struct layout_row *rows = (const void *)region_words(layout, layout->rows);
	size_t i;

	for (i = 0; i < outcome->step_count; i++) {
		assert_true(row < layout->rows.count);
		assert_int_equal(rows[row].label, outcome->steps[i].index);
		row = rows[row].next;
	}
	assert_int_equal(row, outcome->end == END_PASS ? ROW_PASS : ROW_DROP);
}

static void check_packet(const struct compilation *c, const struct packet *packet)
{
	static const bool known[1];
	struct environment environment = {known};

	assert_outcome(c->layout, search_layout(c->layout, packet),
		       decision_eval(c->decision, &environment, packet));
}

/* Packets at and beside each start of the diagram in one field, the others at a few values. */
static void check_starts(const struct compilation *c)
{
	static const u128 others[] = {0, 22, 80, 0x0a000001, UINT16_MAX};
	size_t i, j, k;

	for (i = 0; i < c->decision->node_count; i++) {
		const struct decision_node *node = &c->decision->nodes[i];
		struct packet packet = {0};

		for (j = 0; j < node->count * 2 * FAMILY_COUNT * 5; j++) {
			packet.family = j % FAMILY_COUNT;
			packet.protocol = j / FAMILY_COUNT % PROTOCOL_COUNT;
			for (k = 0; k < FIELD_COUNT; k++)
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

static void check_all_lowerings(const char *rules)
{
	static const enum table_kind kinds[] = {TABLES_AUTO, TABLES_CODE, TABLES_SPLUS, TABLES_TRIE,
						TABLES_LPM};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		check_rules(rules, kinds[i]);
}

static void one_interval_needs_no_node(void **state)
{
	(void)state;
	check_all_lowerings("redirect to a\n");
	check_all_lowerings("policy drop\n");
}

static void every_single_address_beside_all_of_them(void **state)
{
	(void)state;
	check_all_lowerings("daddr 0.0.0.0 redirect to a\ndaddr 255.255.255.255 redirect to b\n"
			    "daddr 10.0.0.1/32 redirect to c\ndaddr 0.0.0.0/0 redirect to d\n"
			    "daddr :: redirect to e\ndaddr ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
			    "redirect to f\n"
			    "daddr ::/0 redirect to g\n");
}

static void ranges_that_are_no_prefixes(void **state)
{
	(void)state;
	check_all_lowerings("daddr 10.0.0.1-10.0.3.254 redirect to a\n"
			    "daddr 9.255.255.255-10.0.0.2 redirect to b\n"
			    "saddr 2001:db8::3-2001:db8:0:1::2 redirect to c\n");
}

static void many_starts_within_one_64(void **state)
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
	check_all_lowerings(text);
	free(text);
}

static void every_port_of_its_own(void **state)
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

/* More classes of ports than are compared in code, over many addresses. */
static void classes_by_a_table(void **state)
{
	char *text = NULL;
	size_t size;
	unsigned i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (i = 0; i < 200; i++)
		fprintf(out, "tcp daddr 10.0.%u.0/24 dport { %u, %u } redirect to l%u\n", i,
			100 + i % 40, 500 + i % 30, i % 9);
	fclose(out);
	check_all_lowerings(text);
	free(text);
}

static const struct layout_step *find_step(const struct layout *layout, enum search kind)
{
	size_t i, j;

	for (i = 0; i < layout->machine_count; i++)
		for (j = 0; j < layout->machines[i].step_count; j++)
			if (layout->machines[i].steps[j].kind == kind)
				return &layout->machines[i].steps[j];
	return NULL;
}

static void a_layout_uses_what_was_asked_for(void **state)
{
	static const struct {
		enum table_kind tables;
		enum search kind;
	} cases[] = {
		{TABLES_SPLUS, SEARCH_LINE}, {TABLES_TRIE, SEARCH_ROOT}, {TABLES_LPM, SEARCH_LPM}};
	const char *rules = "daddr { 10.0.0.0/8, 192.0.2.7 } redirect to a\n";
	struct compilation c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct compile_options options = {.tables = cases[i].tables};

		assert_true(compile_text(&c, rules, strlen(rules), &options));
		assert_non_null(find_step(c.layout, cases[i].kind));
		compilation_free(&c);
	}
}

static void equal_parts_are_stored_once(void **state)
{
	struct compile_options options = {.tables = TABLES_SPLUS};
	struct compilation c;
	const char *rules =
		"daddr { 10.0.0.0/8, 12.0.0.0/8, 14.0.0.0/8 } dport { 80, 443 } redirect to a\n";

	(void)state;
	assert_true(compile_text(&c, rules, strlen(rules), &options));
	/* One line for the addresses, one for the ports. */
	assert_int_equal(c.layout->lines.count, 2);
	compilation_free(&c);
}

static void tables_beyond_their_budget_are_refused(void **state)
{
	struct compile_options options = {.tables = TABLES_SPLUS, .table_bytes_max = 100};
	struct compilation c;
	const char *rules = "daddr 10.0.0.0/8 redirect to a\n";
	char *printed = NULL;
	size_t size;
	FILE *out;

	(void)state;
	assert_false(compile_text(&c, rules, strlen(rules), &options));
	out = open_memstream(&printed, &size);
	diag_print(c.diag, out, DIAG_COLOR_NEVER);
	fclose(out);
	assert_non_null(strstr(printed, "budget of 100 bytes"));
	free(printed);
	compilation_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_interval_needs_no_node),
		cmocka_unit_test(every_single_address_beside_all_of_them),
		cmocka_unit_test(ranges_that_are_no_prefixes),
		cmocka_unit_test(many_starts_within_one_64),
		cmocka_unit_test(every_port_of_its_own),
		cmocka_unit_test(classes_by_a_table),
		cmocka_unit_test(a_layout_uses_what_was_asked_for),
		cmocka_unit_test(equal_parts_are_stored_once),
		cmocka_unit_test(tables_beyond_their_budget_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
