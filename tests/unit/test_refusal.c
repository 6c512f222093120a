/* Which words of the verifier say that a program may be loaded with CAP_PERFMON. */
#include "runtime/load/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

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

static const char leak[] =
	"7: (7b) *(u64 *)(r6 +0) = r10\n"
	"R10 leaks addr into ctx\n"
	"processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0\n";

static void what_only_the_guards_refuse_is_tried_without_them(void **state)
{
	(void)state;
	assert_true(refusal_by_guards(-EACCES, second_number));
	assert_true(refusal_by_guards(-EACCES, variable_offset));
	assert_true(refusal_by_guards(-E2BIG, ""));
}

static void a_leak_of_a_pointer_is_not(void **state)
{
	(void)state;
	assert_false(refusal_by_guards(-EACCES, leak));
	assert_false(refusal_by_guards(-EPERM, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_only_the_guards_refuse_is_tried_without_them),
		cmocka_unit_test(a_leak_of_a_pointer_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
