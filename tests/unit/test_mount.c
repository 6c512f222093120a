/* When bpffs may be mounted: only if all that has to be so was proven. */
#include "runtime/state/mount.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { FACTS = sizeof(struct mount_facts) / sizeof(bool) };

static struct mount_facts all_but(size_t missing)
{
	bool facts[FACTS];
	size_t i;

	for (i = 0; i < FACTS; i++)
		facts[i] = i != missing;
	return (struct mount_facts){facts[0], facts[1], facts[2], facts[3], facts[4], facts[5]};
}

static void a_mount_is_safe_only_if_every_fact_is_so(void **state)
{
	struct mount_facts facts = all_but(FACTS);
	size_t i;

	(void)state;
	assert_true(mount_is_safe(&facts));
	for (i = 0; i < FACTS; i++) {
		facts = all_but(i);
		assert_false(mount_is_safe(&facts));
	}
}

static void a_folder_with_entries_is_not_empty(void **state)
{
	int folder = open("/", O_RDONLY | O_DIRECTORY);
	struct mount_facts facts = mount_look(folder, "/");

	(void)state;
	close(folder);
	assert_false(facts.is_empty);
}

static void what_cannot_be_found_out_is_false(void **state)
{
	struct mount_facts facts = mount_look(-1, "/nowhere");

	(void)state;
	assert_false(facts.may_mount || facts.is_initial || facts.shares_mounts ||
		     facts.shares_folder || facts.is_closed || facts.is_empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mount_is_safe_only_if_every_fact_is_so),
		cmocka_unit_test(a_folder_with_entries_is_not_empty),
		cmocka_unit_test(what_cannot_be_found_out_is_false),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
