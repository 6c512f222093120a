/* The words of errors, warnings and notes. */
#include "runtime/base/fail.h"
#include "tests/unit/lib/listener.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* cmocka has a macro of that name. */
#undef fail

static void a_failure_says_what_was_tried_and_why_and_returns_its_number(void **state)
{
	struct listener listener = listener_new();

	(void)state;
	assert_int_equal(fail(&listener.report, ENOENT, "open '%s'", "x"), -ENOENT);
	assert_int_equal(fail(&listener.report, -524, "put %d in", 1), -524);
	assert_int_equal(refuse(&listener.report, EPERM, "no"), -EPERM);
	assert_string_equal(listener.said, "error: cannot open 'x': no such file or directory\n"
					   "error: cannot put 1 in: not supported\n"
					   "error: no\n");
}

static void a_message_is_one_line_whatever_is_quoted_in_it(void **state)
{
	struct listener listener = listener_new();

	(void)state;
	warn(&listener.report, "'%s'", "a\n\t b\r\nc");
	note(&listener.report, "%s", "x");
	assert_string_equal(listener.said, "warning: 'a b c'\nnote: x\n");
}

static void the_report_decides_whether_a_warning_is_an_error(void **state)
{
	struct listener listener = listener_new();

	(void)state;
	assert_false(warn_named(&listener.report, "interface", "gone"));
	assert_string_equal(listener.said, "warning: gone [interface]\n");
}

static void what_is_kept_is_given_out_or_forgotten(void **state)
{
	struct listener listener = listener_new();
	struct kept_report kept;

	(void)state;
	report_keep(&kept, &listener.report);
	assert_int_equal(refuse(&kept.report, EPERM, "overtaken"), -EPERM);
	report_drop(&kept);
	assert_int_equal(fail(&kept.report, ENOENT, "open '%s'", "x"), -ENOENT);
	warn_named(&kept.report, "interface", "gone");
	assert_string_equal(listener.said, "");
	report_give_out(&kept);
	note(&kept.report, "late");
	assert_string_equal(listener.said, "error: cannot open 'x': no such file or directory\n"
					   "warning: gone [interface]\nnote: late\n");
	report_drop(&kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_says_what_was_tried_and_why_and_returns_its_number),
		cmocka_unit_test(a_message_is_one_line_whatever_is_quoted_in_it),
		cmocka_unit_test(the_report_decides_whether_a_warning_is_an_error),
		cmocka_unit_test(what_is_kept_is_given_out_or_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
