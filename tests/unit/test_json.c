/* JSON of any bytes, streams into memory, and both where memory runs out. */
#include "compiler/base/arena.h"
#include "compiler/base/json.h"
#include "compiler/base/memory_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void expect_text(const char *text, const char *shown)
{
	json_t *json = json_text(text);

	assert_string_equal(json_string_value(json), shown);
	json_decref(json);
}

static void what_is_not_utf8_is_escaped(void **state)
{
	(void)state;
	expect_text("", "");
	expect_text("caf\xc3\xa9\t\n", "caf\xc3\xa9\t\n");
	expect_text("caf\xc3", "caf\\xc3");
	expect_text("\xff\x1b[1m", "\\xff\\x1b[1m");
}

static void no_text_is_null(void **state)
{
	(void)state;
	assert_true(json_is_null(json_text(NULL)));
}

static void bytes_may_have_no_end(void **state)
{
	json_t *json = json_bytes("a\xff\xff", 2);

	(void)state;
	assert_string_equal(json_string_value(json), "a\\xff");
	json_decref(json);
}

static void a_stream_keeps_all_that_is_written(void **state)
{
	struct memory_text text = {0};
	FILE *out = memory_stream_open(&text);
	size_t i;

	(void)state;
	for (i = 0; i < 10000; i++)
		fprintf(out, "%05zu", i);
	fclose(out);
	assert_int_equal(text.size, 50000);
	for (i = 0; i < 10000; i++)
		assert_int_equal(strtoul((char[]){text.text[5 * i], text.text[5 * i + 1],
						  text.text[5 * i + 2], text.text[5 * i + 3],
						  text.text[5 * i + 4], '\0'},
					 NULL, 10),
				 i);
	free(text.text);
}

static void ask_jansson_for_too_much(void)
{
	json_start();
	json_stringn_nocheck("", SIZE_MAX / 4);
}

static void write_without_end(void)
{
	static char block[1 << 20];
	struct memory_text text = {0};
	FILE *out = memory_stream_open(&text);

	setrlimit(RLIMIT_AS, &(struct rlimit){1 << 20, 1 << 20});
	fwrite(block, 1, sizeof(block), out);
}

static void the_process_exits_where_memory_runs_out(void **state)
{
	void (*const wants[])(void) = {ask_jansson_for_too_much, write_without_end};
	size_t i;
	int status;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* the sanitizer's allocator ends the process itself */
#endif
	for (i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		pid_t process = fork();

		if (!process) {
			wants[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(process, &status, 0), process);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), ARENA_EXIT_STATUS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_utf8_is_escaped),
		cmocka_unit_test(no_text_is_null),
		cmocka_unit_test(bytes_may_have_no_end),
		cmocka_unit_test(a_stream_keeps_all_that_is_written),
		cmocka_unit_test(the_process_exits_where_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
