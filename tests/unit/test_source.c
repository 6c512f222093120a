/* Positions, lines and columns of files in memory. */
#include "compiler/base/arena.h"
#include "compiler/base/source.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct span nowhere = {0, 0};

static struct source_file *add(struct sources *sources, const char *name, const char *text)
{
	return source_add(sources, name, text, strlen(text), nowhere);
}

static void expect_location(const struct sources *sources, uint32_t position, const char *name,
			    unsigned line, unsigned column)
{
	struct source_location location = source_location(sources, position);

	assert_string_equal(location.file->name, name);
	assert_int_equal(location.line, line);
	assert_int_equal(location.column, column);
}

static void expect_line(const struct sources *sources, uint32_t position, const char *expected)
{
	size_t length;
	const char *line = source_line(sources, position, &length);

	assert_int_equal(length, strlen(expected));
	assert_memory_equal(line, expected, length);
}

static void position_zero_is_nowhere(void **state)
{
	struct arena *arena = arena_new();
	struct sources *sources = sources_new(arena);
	size_t length = 1;

	(void)state;
	assert_null(source_of(sources, nowhere));
	assert_int_equal(add(sources, "a", "x")->base, 1);
	assert_null(source_of(sources, nowhere));
	assert_null(source_location(sources, 0).file);
	assert_string_equal(source_text(sources, nowhere), "");
	source_line(sources, 0, &length);
	assert_int_equal(length, 0);
	arena_free(arena);
}

static void each_byte_and_each_end_belongs_to_its_file(void **state)
{
	struct arena *arena = arena_new();
	struct sources *sources = sources_new(arena);
	const struct source_file *a = add(sources, "a", "one\ntwo");
	const struct source_file *empty = add(sources, "empty", "");
	const struct source_file *b = add(sources, "b", "\n\nthree\n");

	(void)state;
	expect_location(sources, a->base, "a", 1, 1);
	expect_location(sources, a->base + 3, "a", 1, 4);
	expect_location(sources, a->base + 4, "a", 2, 1);
	expect_location(sources, a->base + 7, "a", 2, 4);
	expect_location(sources, empty->base, "empty", 1, 1);
	expect_location(sources, b->base, "b", 1, 1);
	expect_location(sources, b->base + 1, "b", 2, 1);
	expect_location(sources, b->base + 4, "b", 3, 3);
	expect_location(sources, b->base + 8, "b", 4, 1);
	assert_ptr_equal(source_of(sources, (struct span){b->base + 2, b->base + 4}), b);
	assert_memory_equal(source_text(sources, (struct span){b->base + 2, b->base + 7}), "three",
			    5);
	arena_free(arena);
}

static void columns_are_characters_of_utf8(void **state)
{
	struct arena *arena = arena_new();
	struct sources *sources = sources_new(arena);
	uint32_t base = add(sources, "a", "x\n\xc3\xa9\xe6\x97\xa5z")->base;

	(void)state;
	expect_location(sources, base + 2, "a", 2, 1);
	expect_location(sources, base + 4, "a", 2, 2);
	expect_location(sources, base + 7, "a", 2, 3);
	arena_free(arena);
}

static void lines_come_without_their_ends(void **state)
{
	struct arena *arena = arena_new();
	struct sources *sources = sources_new(arena);
	uint32_t base = add(sources, "a", "one\r\n\r\ntwo\rx\nlast")->base;

	(void)state;
	expect_line(sources, base, "one");
	expect_line(sources, base + 4, "one");
	expect_line(sources, base + 5, "");
	expect_line(sources, base + 7, "two\rx");
	expect_line(sources, base + 17, "last");
	arena_free(arena);
}

static void a_file_is_read_to_its_first_nul_and_a_missing_one_says_why(void **state)
{
	struct arena *arena = arena_new();
	struct sources *sources = sources_new(arena);
	char path[] = "/tmp/sklc-source-XXXXXX";
	const struct source_file *file;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "a\nb\0c\n", 6), 6);
	close(fd);
	file = source_read(sources, path, nowhere);
	assert_non_null(file);
	assert_int_equal(file->length, 4);
	assert_memory_equal(file->text, "a\nb\0", 5);
	unlink(path);
	assert_null(source_read(sources, path, nowhere));
	assert_int_equal(errno, ENOENT);
	assert_null(source_read(sources, "/tmp", nowhere));
	assert_int_equal(errno, EISDIR);
	assert_int_equal(sources->count, 1);
	arena_free(arena);
}

static void what_is_no_file_is_read_only_where_the_command_line_names_it(void **state)
{
	const char *const others[] = {"/dev/null", "/dev/zero", "/dev/tty", NULL};
	struct arena *arena = arena_new();
	struct sources *sources = sources_new(arena);
	const struct span included = {1, 2};
	const struct source_file *file;
	char path[] = "/tmp/sklc-source-XXXXXX";
	size_t i;

	(void)state;
	for (i = 0; others[i]; i++) {
		assert_null(source_read(sources, others[i], included));
		assert_int_equal(errno, ESPIPE);
	}
	assert_non_null(mkdtemp(path));
	assert_null(source_read(sources, path, included));
	assert_int_equal(errno, EISDIR);
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes to it, so opening it would wait */
	assert_null(source_read(sources, path, included));
	assert_int_equal(errno, ESPIPE);
	unlink(path);
	file = source_read(sources, "/dev/zero", nowhere);
	assert_non_null(file);
	assert_int_equal(file->length, 4);
	arena_free(arena);
}

static const struct source_file *read_from_pipe(struct sources *sources, const char *text,
						size_t length)
{
	char path[32];
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, length), (ssize_t)length);
	close(ends[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	return source_read(sources, path, nowhere);
}

static void a_file_is_read_up_to_a_nul_but_so_far_that_its_encoding_is_known(void **state)
{
	const struct {
		const char *text;
		size_t length, kept;
	} cases[] = {
		{"", 0, 0},
		{"\0", 1, 1},
		{"a\0b", 3, 3},
		{"a\0b\0c\0", 6, 4},
		{"\0abcd", 5, 4},
		{"\xff\xfe"
		 "a\0b\0",
		 6, 4},
		{"\xff\xfe\0\0a\0\0\0", 8, 4},
		{"abcdef\0gh", 9, 7},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new();
		const struct source_file *file = read_from_pipe(sources_new(arena), cases[i].text,
								cases[i].length);

		assert_non_null(file);
		assert_int_equal(file->length, cases[i].kept);
		assert_memory_equal(file->text, cases[i].text, cases[i].kept);
		assert_int_equal(file->text[file->length], '\0');
		arena_free(arena);
	}
}

static void a_line_of_an_object_has_the_name_by_which_the_file_was_given(void **state)
{
	struct arena *arena = arena_new();
	struct sources *sources = sources_new(arena);
	const struct source_file *line;

	(void)state;
	source_add(sources, "/etc/sklc/a.conf", "one\n", 4, nowhere)->stored_name = "a.conf";
	line = source_add_line(sources, "a.conf", 7, "seven");
	assert_string_equal(line->name, "/etc/sklc/a.conf");
	expect_location(sources, line->base, "/etc/sklc/a.conf", 7, 1);
	assert_string_equal(source_add_line(sources, "b.conf", 7, "seven")->name, "b.conf");
	arena_free(arena);
}

/* Sends COUNT bytes through a pipe as standard input, and reads them back. */
static void expect_piped(size_t count)
{
	struct arena *arena = arena_new();
	struct sources *sources = sources_new(arena);
	const struct source_file *file;
	FILE *writer;
	char command[64];
	size_t i;

	snprintf(command, sizeof(command), "head -c %zu /dev/zero | tr '\\0' r", count);
	writer = popen(command, "r");
	assert_non_null(writer);
	assert_int_equal(dup2(fileno(writer), STDIN_FILENO), STDIN_FILENO);
	file = source_read(sources, "-", nowhere);
	pclose(writer);
	assert_non_null(file);
	assert_string_equal(file->name, "<stdin>");
	assert_int_equal(file->length, count);
	for (i = 0; i < count; i++)
		assert_int_equal(file->text[i], 'r');
	assert_int_equal(file->text[count], '\0');
	arena_free(arena);
}

static void standard_input_may_be_a_pipe_of_any_length(void **state)
{
	(void)state;
	expect_piped(0);
	expect_piped(1);
	expect_piped(65535);
	expect_piped(300000);
}

static void a_line_deep_in_a_large_file_is_found_at_once(void **state)
{
	enum { LINES = 1000000 };
	struct arena *arena = arena_new();
	struct sources *sources = sources_new(arena);
	char *text = malloc(LINES * 8);
	uint32_t base, i;

	(void)state;
	for (i = 0; i < LINES; i++)
		memcpy(text + (size_t)i * 8, "1234567\n", 8);
	base = source_add(sources, "large", text, (size_t)LINES * 8, nowhere)->base;
	free(text);
	for (i = 0; i < LINES; i += 3)
		assert_int_equal(source_location(sources, base + i * 8 + 3).line, i + 1);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(position_zero_is_nowhere),
		cmocka_unit_test(each_byte_and_each_end_belongs_to_its_file),
		cmocka_unit_test(columns_are_characters_of_utf8),
		cmocka_unit_test(lines_come_without_their_ends),
		cmocka_unit_test(a_file_is_read_to_its_first_nul_and_a_missing_one_says_why),
		cmocka_unit_test(what_is_no_file_is_read_only_where_the_command_line_names_it),
		cmocka_unit_test(a_file_is_read_up_to_a_nul_but_so_far_that_its_encoding_is_known),
		cmocka_unit_test(a_line_of_an_object_has_the_name_by_which_the_file_was_given),
		cmocka_unit_test(standard_input_may_be_a_pipe_of_any_length),
		cmocka_unit_test(a_line_deep_in_a_large_file_is_found_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
