/* What is told of the verifier's log, and which of its words say that a program may be loaded with
 * CAP_PERFMON. */
#include "runtime/base/report.h"
#include "runtime/load/refusal.h"
#include "runtime/object/object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

/* Of Linux 6.1, about a program that it takes with the capability. */
static const char second_number[] =
	"93: (63) *(u32 *)(r10 -8) = r2        ; R2=scalar(umax=3) R10=fp0 fp-8=\n"
	"105: (63) *(u32 *)(r10 -4) = r7\n"
	"attempt to corrupt spilled pointer on stack\n"
	"processed 14 insns (limit 1000000) max_states_per_insn 0 total_states 0\n";

static const char variable_offset[] =
	"7: (79) r1 = *(u64 *)(r2 +0)\n"
	"R2 variable offset stack access prohibited for !root, var_off=(0x0; 0x8) off=-16\n"
	"processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0\n";

/* Of Linux 6.18, about a program that it takes with the capability. */
static const char loop[] = "242: (61) r1 = *(u32 *)(r8 +0)\n"
			   "infinite loop detected at insn 243\n"
			   "cur state: R0=0 R10=fp0\n"
			   "processed 901 insns (limit 1000000) max_states_per_insn 0 "
			   "total_states 0\n";

static const char leak[] =
	"7: (7b) *(u64 *)(r6 +0) = r10\n"
	"R10 leaks addr into ctx\n"
	"processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0\n";

static void what_only_the_guards_refuse_is_tried_without_them(void **state)
{
	(void)state;
	assert_true(refusal_by_guards(-EACCES, second_number));
	assert_true(refusal_by_guards(-EACCES, variable_offset));
	assert_true(refusal_by_guards(-EINVAL, loop));
	assert_true(refusal_by_guards(-E2BIG, ""));
}

static void a_leak_of_a_pointer_is_not(void **state)
{
	(void)state;
	assert_false(refusal_by_guards(-EACCES, leak));
	assert_false(refusal_by_guards(-EPERM, ""));
}

/* The last message. */
struct heard {
	struct report report;
	char text[256], details[1024];
};

static bool hear(struct report *report, const struct message *message)
{
	struct heard *heard = (struct heard *)report;

	snprintf(heard->text, sizeof(heard->text), "%s", message->text);
	snprintf(heard->details, sizeof(heard->details), "%s",
		 message->details ? message->details : "");
	return true;
}

static int report_log(const char *log, bool verbose, struct heard *heard)
{
	const struct object_image image = {.name = "rules.o"};
	const struct object object = {.report = &heard->report, .image = &image};

	*heard = (struct heard){.report = {hear}};
	return refusal_report(&object, NULL, -EACCES, log, verbose);
}

static void the_refused_instruction_and_the_reason_are_told(void **state)
{
	struct heard heard;

	(void)state;
	assert_int_equal(report_log(leak, false, &heard), -EACCES);
	assert_string_equal(heard.details, "instruction 7: *(u64 *)(r6 +0) = r10\n"
					   "R10 leaks addr into ctx\n");
	assert_int_equal(report_log("the reason alone\n", false, &heard), -EACCES);
	assert_string_equal(heard.details, "the reason alone\n");
	assert_int_equal(report_log(leak, true, &heard), -EACCES);
	assert_non_null(
		strstr(heard.details, "leaks addr into ctx\nthe verifier's log ends:\n7: "));
}

/* In a process of its own: it has no memory for another copy of the reason. */
static int report_without_memory(void)
{
	enum { LENGTH = 32 << 20 };
	char *log = malloc(LENGTH + 1);
	struct heard heard;

	memset(log, 'x', LENGTH);
	log[LENGTH] = '\0';
	setrlimit(RLIMIT_AS, &(struct rlimit){1 << 20, 1 << 20});
	return report_log(log, false, &heard) == -ENOMEM && !heard.details[0] &&
	       strstr(heard.text, "say why the kernel's verifier refuses 'rules.o'");
}

static void a_reason_that_there_is_no_memory_for_is_not_cut(void **state)
{
	pid_t process;
	int status;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* the sanitizer's allocator ends the process itself */
#endif
	process = fork();
	if (!process)
		_exit(report_without_memory());
	assert_int_equal(waitpid(process, &status, 0), process);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_refused_instruction_and_the_reason_are_told),
		cmocka_unit_test(a_reason_that_there_is_no_memory_for_is_not_cut),
		cmocka_unit_test(what_only_the_guards_refuse_is_tried_without_them),
		cmocka_unit_test(a_leak_of_a_pointer_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
