/* Diagnostics as they are printed: source locations, carets, escapes, windows and limits. */
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static const struct span nowhere = {0, 0};

struct fixture {
	struct arena *arena;
	struct sources *sources;
	struct diag *diag;
	char *printed;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->arena = arena_new();
	f->sources = sources_new(f->arena);
	f->diag = diag_new(f->arena, f->sources);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	free(f->printed);
	free(f);
	return 0;
}

static uint32_t add(struct fixture *f, const char *name, const char *text, struct span included)
{
	return source_add(f->sources, name, text, strlen(text), included)->base;
}

/* The span at which WORDS first occur in the file that begins at BASE. */
static struct span span_of(const struct fixture *f, uint32_t base, const char *words)
{
	const char *text = source_text(f->sources, (struct span){base, base});
	const char *found = strstr(text, words);
	uint32_t first;

	assert_non_null(found);
	first = base + (uint32_t)(found - text);
	return (struct span){first, first + (uint32_t)strlen(words)};
}

static const char *print(struct fixture *f, enum diag_color color)
{
	size_t length;
	FILE *out;

	free(f->printed);
	out = open_memstream(&f->printed, &length);
	diag_print(f->diag, out, color);
	fclose(out);
	return f->printed;
}

static void an_error_shows_its_line_with_carets_under_the_words(void **state)
{
	struct fixture *f = *state;
	uint32_t base = add(f, "rules.conf",
			    "policy drop\n\ntcp daddr 192.0.2.1 dport 80000 redirect to web\n",
			    nowhere);

	diag_error(f->diag, span_of(f, base, "80000"), "port %d is larger than 65535", 80000);
	diag_note(f->diag, span_of(f, base, "policy drop"), "the policy is here");
	diag_note(f->diag, nowhere, "ports have 16 bits");
	assert_string_equal(print(f, DIAG_COLOR_NEVER),
			    "rules.conf:3:27: error: port 80000 is larger than 65535\n"
			    "    3 | tcp daddr 192.0.2.1 dport 80000 redirect to web\n"
			    "      |                           ^~~~~\n"
			    "rules.conf:1:1: note: the policy is here\n"
			    "    1 | policy drop\n"
			    "      | ^~~~~~~~~~~\n"
			    "sklc: note: ports have 16 bits\n");
}

static void carets_line_up_under_tabs_and_wide_characters(void **state)
{
	struct fixture *f = *state;
	uint32_t base = add(f, "a", "\tx\tbad\n\xe6\x97\xa5\xe6\x9c\xac bad \xc3\xa9\n", nowhere);
	struct span second = span_of(f, base, "bad \xc3\xa9");

	diag_error(f->diag, span_of(f, base, "bad"), "tabs");
	diag_error(f->diag, span_of(f, base, "\xe6\x9c\xac"), "wide");
	diag_error(f->diag, second, "narrow");
	assert_string_equal(print(f, DIAG_COLOR_NEVER),
			    "a:1:4: error: tabs\n"
			    "    1 |         x       bad\n"
			    "      |                 ^~~\n"
			    "a:2:2: error: wide\n"
			    "    2 | \xe6\x97\xa5\xe6\x9c\xac bad \xc3\xa9\n"
			    "      |   ^~\n"
			    "a:2:4: error: narrow\n"
			    "    2 | \xe6\x97\xa5\xe6\x9c\xac bad \xc3\xa9\n"
			    "      |      ^~~~~\n");
}

static void control_characters_and_broken_utf8_are_shown_escaped(void **state)
{
	struct fixture *f = *state;
	uint32_t base = add(f, "a\x1b[1m", "x \x1b[31m \xff\xc2\x85 bad \xe2\x80\xae\n", nowhere);

	diag_error(f->diag, span_of(f, base, "bad"), "unknown '\x1b[0m\n\xfe'");
	diag_error(f->diag, span_of(f, base, "\xff"), "no character");
	assert_string_equal(print(f, DIAG_COLOR_NEVER),
			    "a\\x1b[1m:1:12: error: unknown '\\x1b[0m\\x0a\\xfe'\n"
			    "    1 | x \\x1b[31m \\xff\\xc2\\x85 bad \\xe2\\x80\\xae\n"
			    "      |                         ^~~\n"
			    "a\\x1b[1m:1:9: error: no character\n"
			    "    1 | x \\x1b[31m \\xff\\xc2\\x85 bad \\xe2\\x80\\xae\n"
			    "      |            ^~~~\n");
}

static void the_end_of_a_line_or_file_has_its_caret_after_it(void **state)
{
	struct fixture *f = *state;
	uint32_t base = add(f, "a", "tcp\r\nudp", nowhere);

	diag_error(f->diag, (struct span){base + 3, base + 4}, "line");
	diag_error(f->diag, (struct span){base + 8, base + 8}, "file");
	assert_string_equal(print(f, DIAG_COLOR_NEVER),
			    "a:1:4: error: line\n    1 | tcp\n      |    ^\n"
			    "a:2:4: error: file\n    2 | udp\n      |    ^\n");
}

static void a_span_of_several_lines_shows_the_first(void **state)
{
	struct fixture *f = *state;
	uint32_t base = add(f, "a", "set x {\n}\n", nowhere);

	diag_error(f->diag, (struct span){base + 4, base + 9}, "empty");
	assert_string_equal(print(f, DIAG_COLOR_NEVER),
			    "a:1:5: error: empty\n    1 | set x {\n      |     ^~~\n");
}

static void a_very_long_line_is_cut_to_a_window(void **state)
{
	struct fixture *f = *state;
	char text[4000], expected[512];
	uint32_t base;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text + 2000, " bad ", 5);
	base = add(f, "a", text, nowhere);
	diag_error(f->diag, span_of(f, base, "bad"), "long");
	snprintf(expected, sizeof(expected),
		 "a:1:2002: error: long\n    1 | ...%.59s bad %.*s...\n      | %63s^~~\n", text,
		 200 - 3 - 59 - 5, text, "");
	assert_string_equal(print(f, DIAG_COLOR_NEVER), expected);
}

static void characters_without_width_do_not_outgrow_the_window(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(20001);
	uint32_t base;
	int i;

	for (i = 0; i < 10000; i++)
		memcpy(text + (ptrdiff_t)i * 2, "\xcc\x81", 2);
	text[20000] = '\0';
	base = add(f, "a", text, nowhere);
	free(text);
	diag_error(f->diag, (struct span){base + 10000, base + 10002}, "marks");
	assert_true(strlen(print(f, DIAG_COLOR_NEVER)) < 2000);
}

static void the_includes_are_printed_before_the_source_location(void **state)
{
	struct fixture *f = *state;
	uint32_t a = add(f, "a.conf", "\ninclude \"b.conf\"\n", nowhere);
	uint32_t b = add(f, "b.conf", "include \"c.conf\"\n", span_of(f, a, "include"));
	uint32_t c = add(f, "c.conf", "oops\n", span_of(f, b, "include"));

	diag_error(f->diag, span_of(f, c, "oops"), "unknown word 'oops'");
	diag_note(f->diag, span_of(f, c, "oops"), "again");
	diag_note(f->diag, span_of(f, b, "c.conf"), "there");
	assert_string_equal(print(f, DIAG_COLOR_NEVER), "included from a.conf:2:1:\n"
							"included from b.conf:1:1:\n"
							"c.conf:1:1: error: unknown word 'oops'\n"
							"    1 | oops\n"
							"      | ^~~~\n"
							"c.conf:1:1: note: again\n"
							"    1 | oops\n"
							"      | ^~~~\n"
							"included from a.conf:2:1:\n"
							"b.conf:1:10: note: there\n"
							"    1 | include \"c.conf\"\n"
							"      |          ^~~~~~\n");
}

/* Fails unless the words occur in the text one after the other, each once. NULL ends their list. */
static void expect_in_order(const char *text, ...)
{
	const char *words, *at = text;
	va_list list;

	va_start(list, text);
	while ((words = va_arg(list, const char *))) {
		at = strstr(at, words);
		if (!at)
			fail_msg("'%s' is not where it should be in:\n%s", words, text);
		assert_null(strstr(at + 1, words));
		at += strlen(words);
	}
	va_end(list);
}

static void warnings_say_how_to_switch_them(void **state)
{
	struct fixture *f = *state;

	diag_warning(f->diag, WARNING_SHADOWED, nowhere, "one");
	assert_int_equal(diag_error_count(f->diag), 0);
	assert_true(diag_option(f->diag, "no-shadowed"));
	diag_warning(f->diag, WARNING_SHADOWED, nowhere, "two");
	diag_note(f->diag, nowhere, "of two");
	assert_true(diag_option(f->diag, "error=ssh"));
	diag_warning(f->diag, WARNING_SSH, nowhere, "three");
	diag_warning(f->diag, WARNING_EMPTY_SET, nowhere, "four");
	assert_true(diag_option(f->diag, "error"));
	diag_warning(f->diag, WARNING_EMPTY_SET, nowhere, "five");
	diag_warning(f->diag, WARNING_SHADOWED, nowhere, "six");
	assert_true(diag_option(f->diag, "shadowed"));
	diag_warning(f->diag, WARNING_SHADOWED, nowhere, "seven");
	assert_int_equal(diag_error_count(f->diag), 3);
	assert_false(diag_option(f->diag, "no-such"));
	assert_false(diag_option(f->diag, "error=such"));
	assert_false(diag_option(f->diag, ""));
	assert_string_equal(print(f, DIAG_COLOR_NEVER), "sklc: warning: one [-Wshadowed]\n"
							"sklc: three [-Werror=ssh]\n"
							"sklc: warning: four [-Wempty-set]\n"
							"sklc: five [-Werror=empty-set]\n"
							"sklc: seven [-Werror=shadowed]\n");
}

/* What diag_print_left_out says. */
static const char *print_left_out(struct fixture *f)
{
	size_t length;
	FILE *out;

	free(f->printed);
	out = open_memstream(&f->printed, &length);
	diag_print_left_out(f->diag, out);
	fclose(out);
	return f->printed;
}

static void twenty_errors_are_kept_and_the_rest_counted(void **state)
{
	struct fixture *f = *state;
	const char *tail;
	int i;

	for (i = 0; i < 23; i++) {
		diag_error(f->diag, nowhere, "number %d", i);
		diag_note(f->diag, nowhere, "note %d", i);
	}
	diag_error(f->diag, nowhere, "number 22");
	diag_warning(f->diag, WARNING_SSH, nowhere, "still shown");
	assert_int_equal(diag_error_count(f->diag), 23);
	tail = strstr(print(f, DIAG_COLOR_NEVER), "sklc: number 19");
	assert_non_null(tail);
	assert_string_equal(tail, "sklc: number 19\nsklc: note: note 19\n"
				  "sklc: warning: still shown [-Wssh]\n");
	assert_string_equal(print_left_out(f), "sklc: and 3 more errors\n");
	assert_string_equal(print_left_out(f), "");
	diag_error(f->diag, nowhere, "number 23");
	assert_string_equal(print(f, DIAG_COLOR_NEVER), "");
	assert_string_equal(print_left_out(f), "sklc: and 1 more error\n");
}

static void the_errors_that_are_kept_are_the_first_of_the_file(void **state)
{
	struct fixture *f = *state;
	uint32_t base = add(f, "a", "0123456789012345678901234567890123456789\n", nowhere);
	uint32_t i;

	diag_error(f->diag, nowhere, "no place");
	for (i = 0; i < 30; i++) {
		uint32_t at = base + (i * 7) % 30 + 10;

		diag_error(f->diag, (struct span){at, at + 1}, "error");
		diag_note(f->diag, (struct span){at, at + 1}, "note");
	}
	for (i = 0; i < 10; i++)
		diag_error(f->diag, (struct span){base + i, base + i + 1}, "error");
	diag_sort(f->diag);
	print(f, DIAG_COLOR_NEVER);
	for (i = 1; i <= 40; i++) {
		char error[40], note[40];

		snprintf(error, sizeof(error), "a:1:%u: error: error\n", i);
		snprintf(note, sizeof(note), "a:1:%u: note: note\n", i);
		assert_true((strstr(f->printed, error) != NULL) == (i <= 20));
		assert_true((strstr(f->printed, note) != NULL) == (i > 10 && i <= 20));
	}
	assert_null(strstr(f->printed, "no place"));
	assert_string_equal(print_left_out(f), "sklc: and 21 more errors\n");
}

static void passes_may_stop_at_a_hundred_thousand_errors(void **state)
{
	struct fixture *f = *state;
	uint32_t i;

	for (i = 0; i < DIAG_ERRORS_COUNTED; i++) {
		assert_false(diag_is_full(f->diag));
		diag_error(f->diag, (struct span){i + 1, i + 2}, "the same");
	}
	assert_true(diag_is_full(f->diag));
	assert_string_equal(print_left_out(f), "sklc: and at least 99,980 more errors\n");
}

static void twenty_warnings_of_each_name_are_kept_and_the_rest_counted(void **state)
{
	struct fixture *f = *state;
	int i;

	assert_true(diag_option(f->diag, "error=never"));
	for (i = 0; i < 1025; i++) {
		assert_int_equal(diag_shows(f->diag, WARNING_SHADOWED, nowhere), i < 20);
		diag_warning(f->diag, WARNING_SHADOWED, nowhere, "shadowed %d", i);
		diag_note(f->diag, nowhere, "note %d", i);
		if (i < 21)
			diag_warning(f->diag, WARNING_NEVER, nowhere, "never %d", i);
		if (i < 20)
			diag_warning(f->diag, WARNING_SSH, nowhere, "ssh %d", i);
	}
	assert_int_equal(diag_error_count(f->diag), 21);
	print(f, DIAG_COLOR_NEVER);
	assert_non_null(strstr(f->printed, "shadowed 19 [-Wshadowed]\nsklc: note: note 19\n"));
	assert_null(strstr(f->printed, "shadowed 20"));
	assert_null(strstr(f->printed, "note 20"));
	assert_string_equal(print_left_out(f), "sklc: warning: and 1,005 more [-Wshadowed]\n"
					       "sklc: and 1 more error\n");
}

static void diagnostics_are_sorted_by_source_location(void **state)
{
	struct fixture *f = *state;
	uint32_t outer = add(f, "a.conf", "one\ninclude\nthree\n", nowhere);
	uint32_t next = add(f, "z.conf", "one\n", nowhere);
	uint32_t inner = add(f, "b.conf", "one\ninclude\n", span_of(f, outer, "include"));
	uint32_t deep = add(f, "c.conf", "one\n", span_of(f, inner, "include"));

	diag_error(f->diag, nowhere, "nowhere");
	diag_error(f->diag, span_of(f, deep, "one"), "c1");
	diag_error(f->diag, span_of(f, next, "one"), "z1");
	diag_error(f->diag, span_of(f, outer, "three"), "a3");
	diag_note(f->diag, span_of(f, outer, "one"), "of a3");
	diag_error(f->diag, span_of(f, outer, "one"), "a1");
	diag_error(f->diag, span_of(f, outer, "one"), "a1 again");
	diag_error(f->diag, span_of(f, inner, "one"), "b1");
	diag_error(f->diag, span_of(f, inner, "include"), "b2");
	diag_error(f->diag, span_of(f, outer, "include"), "a2");
	diag_sort(f->diag);
	diag_error(f->diag, span_of(f, inner, "one"), "b1");
	diag_error(f->diag, span_of(f, outer, "one"), "after");
	expect_in_order(print(f, DIAG_COLOR_NEVER), "a.conf:1:1: error: a1\n",
			"a.conf:1:1: error: a1 again\n", "a.conf:2:1: error: a2\n",
			"b.conf:1:1: error: b1\n", "b.conf:2:1: error: b2\n",
			"c.conf:1:1: error: c1\n", "a.conf:3:1: error: a3\n",
			"a.conf:1:1: note: of a3\n", "z.conf:1:1: error: z1\n", "sklc: nowhere\n",
			"a.conf:1:1: error: after\n", NULL);
}

static void messages_of_the_runtime_are_printed_like_the_others(void **state)
{
	struct fixture *f = *state;
	uint32_t base = add(f, "c.conf", "include \"a.conf\"\n", nowhere);
	const struct source_file *line;
	struct span span;

	add(f, "a.conf", "one\ntwo\n", span_of(f, base, "\"a.conf\""));
	line = source_add_line(f->sources, "a.conf", 7, "\tseven");
	span = (struct span){line->base + 1, line->base + 6};
	assert_true(diag_message(f->diag, DIAG_ERROR, NULL, span, "refused", "log\x1b\n\tlines"));
	assert_string_equal(print(f, DIAG_COLOR_NEVER), "included from c.conf:1:9:\n"
							"a.conf:7:2: error: refused\n"
							"    7 |         seven\n"
							"      |         ^~~~~\n"
							"log\\x1b\n\tlines\n");
	assert_false(diag_message(f->diag, DIAG_NOTE, NULL, nowhere, "by the way", NULL));
	assert_false(diag_message(f->diag, DIAG_WARNING, NULL, nowhere, "no name", NULL));
	assert_false(diag_message(f->diag, DIAG_WARNING, "interface", nowhere, "none", NULL));
	assert_true(diag_option(f->diag, "error=interface"));
	assert_true(diag_message(f->diag, DIAG_WARNING, "interface", nowhere, "gone", NULL));
	assert_true(diag_option(f->diag, "no-interface"));
	assert_false(diag_message(f->diag, DIAG_WARNING, "interface", nowhere, "off", NULL));
	assert_int_equal(diag_error_count(f->diag), 2);
	assert_string_equal(print(f, DIAG_COLOR_NEVER), "sklc: note: by the way\n"
							"sklc: warning: no name\n"
							"sklc: warning: none [-Winterface]\n"
							"sklc: gone [-Werror=interface]\n");
}

static void only_errors_are_printed_when_quiet(void **state)
{
	struct fixture *f = *state;

	assert_true(diag_option(f->diag, "error=ssh"));
	diag_be_quiet(f->diag);
	assert_false(diag_wants(f->diag, WARNING_NEVER));
	diag_warning(f->diag, WARNING_NEVER, nowhere, "not heard");
	diag_note(f->diag, nowhere, "nor this");
	assert_false(diag_message(f->diag, DIAG_WARNING, "interface", nowhere, "nor that", NULL));
	assert_true(diag_is_empty(f->diag));
	diag_warning(f->diag, WARNING_SSH, nowhere, "heard");
	assert_string_equal(print(f, DIAG_COLOR_NEVER), "sklc: heard [-Werror=ssh]\n");
}

static void the_same_message_at_the_same_source_location_is_printed_once(void **state)
{
	struct fixture *f = *state;
	uint32_t base = add(f, "a", "aa", nowhere);
	int i;

	for (i = 0; i < 5; i++) {
		diag_error(f->diag, (struct span){base, base + 1}, "same");
		diag_note(f->diag, nowhere, "a note %d", i);
	}
	diag_error(f->diag, (struct span){base + 1, base + 2}, "same");
	for (i = 0; i < 1000; i++)
		diag_warning(f->diag, WARNING_SSH, (struct span){base, base + 1}, "w%d", i % 500);
	assert_int_equal(diag_error_count(f->diag), 2);
	assert_non_null(strstr(print(f, DIAG_COLOR_NEVER), "sklc: note: a note 0\n"));
	assert_null(strstr(f->printed, "a note 1"));
	assert_null(strstr(strstr(f->printed, "w19 ") + 1, "w19 "));
	assert_string_equal(print_left_out(f), "sklc: warning: and 480 more [-Wssh]\n");
}

static void colours_are_those_of_clang(void **state)
{
	struct fixture *f = *state;
	uint32_t base = add(f, "a", "x", nowhere);

	diag_error(f->diag, (struct span){base, base + 1}, "bad");
	assert_string_equal(print(f, DIAG_COLOR_ALWAYS),
			    "\033[1ma:1:1: \033[0;1;31merror: \033[0;1mbad\033[0m\n"
			    "    1 | x\n      | \033[0;1;32m^\033[0m\n");
}

static json_t *print_as_json(struct fixture *f)
{
	json_error_t error;
	json_t *json;
	size_t length;
	FILE *out;

	free(f->printed);
	out = open_memstream(&f->printed, &length);
	diag_print_json(f->diag, out);
	fclose(out);
	json = json_loads(f->printed, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(json);
	return json;
}

static void expect_text(const json_t *object, const char *key, const char *value)
{
	assert_string_equal(json_string_value(json_object_get(object, key)), value);
}

static void json_has_the_same_diagnostics(void **state)
{
	struct fixture *f = *state;
	uint32_t a = add(f, "a\xff", "include \"b\"\n", nowhere);
	uint32_t b = add(f, "b", "\n x\x1b\xc3\xa9 bad\n", span_of(f, a, "include"));
	json_t *json, *item, *includes, *note;

	diag_warning(f->diag, WARNING_NEVER, span_of(f, b, "x\x1b\xc3\xa9 bad"), "odd \xff");
	diag_note(f->diag, span_of(f, a, "b"), "here");
	diag_error(f->diag, nowhere, "plain");
	json = print_as_json(f);
	assert_int_equal(json_integer_value(json_object_get(json, "version")), 1);
	assert_int_equal(json_integer_value(json_object_get(json, "errors")), 1);
	item = json_array_get(json_object_get(json, "diagnostics"), 0);
	expect_text(item, "severity", "warning");
	expect_text(item, "name", "never");
	expect_text(item, "message", "odd \\xff");
	expect_text(item, "file", "b");
	expect_text(item, "text", "x\\x1b\xc3\xa9 bad");
	assert_int_equal(json_integer_value(json_object_get(item, "line")), 2);
	assert_int_equal(json_integer_value(json_object_get(item, "column")), 2);
	assert_int_equal(json_integer_value(json_object_get(item, "end_column")), 9);
	includes = json_object_get(item, "included_from");
	assert_int_equal(json_array_size(includes), 1);
	expect_text(json_array_get(includes, 0), "file", "a\\xff");
	note = json_array_get(json_object_get(item, "notes"), 0);
	expect_text(note, "message", "here");
	item = json_array_get(json_object_get(json, "diagnostics"), 1);
	assert_null(json_object_get(item, "file"));
	assert_null(json_object_get(item, "name"));
	json_decref(json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_error_shows_its_line_with_carets_under_the_words),
		TEST(carets_line_up_under_tabs_and_wide_characters),
		TEST(control_characters_and_broken_utf8_are_shown_escaped),
		TEST(the_end_of_a_line_or_file_has_its_caret_after_it),
		TEST(a_span_of_several_lines_shows_the_first),
		TEST(a_very_long_line_is_cut_to_a_window),
		TEST(characters_without_width_do_not_outgrow_the_window),
		TEST(the_includes_are_printed_before_the_source_location),
		TEST(warnings_say_how_to_switch_them),
		TEST(diagnostics_are_sorted_by_source_location),
		TEST(messages_of_the_runtime_are_printed_like_the_others),
		TEST(only_errors_are_printed_when_quiet),
		TEST(twenty_errors_are_kept_and_the_rest_counted),
		TEST(the_errors_that_are_kept_are_the_first_of_the_file),
		TEST(passes_may_stop_at_a_hundred_thousand_errors),
		TEST(twenty_warnings_of_each_name_are_kept_and_the_rest_counted),
		TEST(the_same_message_at_the_same_source_location_is_printed_once),
		TEST(colours_are_those_of_clang),
		TEST(json_has_the_same_diagnostics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
