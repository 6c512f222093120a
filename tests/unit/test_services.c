/* The table of services: sorted, and each name gives its port. */
#include "compiler/base/services.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void every_service_of_the_table_is_found(void **state)
{
	char longer[64];
	const char *name;
	size_t n;

	(void)state;
	for (n = 0; (name = service_nth(n)); n++) {
		assert_true(service_port(name, strlen(name)) > 0);
		if (n)
			assert_true(strcmp(service_nth(n - 1), name) < 0);
		snprintf(longer, sizeof(longer), "%s!", name);
		assert_int_equal(service_port(longer, strlen(longer)), -1);
	}
	assert_true(n > 150);
	assert_null(service_nth(n + 1));
	assert_int_equal(service_port("https", 5), 443);
	assert_int_equal(service_port("https", 4), 80);
	assert_int_equal(service_port("wireguard", 9), 51820);
	assert_int_equal(service_port("", 0), -1);
	assert_int_equal(service_port("htt", 3), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_service_of_the_table_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
