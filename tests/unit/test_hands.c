/* The map of what was done by hand, which `sklc status` reads while another command may be writing it. */
#include "runtime/labels/labels.h"
#include "tests/unit/lib/listener.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { STAYING = 300, COMING = 300, READS = 400, LABEL = 7 };

struct writer {
	struct report *report;
	int map;
	atomic_bool stops;
};

static struct hand_entry entry_of(uint64_t cookie, uint16_t flags)
{
	return (struct hand_entry){.key = {.cookie = cookie, .label = LABEL},
				   .value = {.flags = flags, .flow_classes = 1}};
}

/* Adds and removes entries without end. */
static void *come_and_go(void *argument)
{
	struct writer *writer = argument;

	for (uint64_t i = 0; !writer->stops; i++) {
		struct hand_entry entry = entry_of(STAYING + i % COMING,
						   i / COMING % 2 ? 0 : HAND_DRAINED);

		if (hands_write(writer->report, writer->map, &entry, 1))
			break;
	}
	return NULL;
}

static void what_stays_is_read_once_while_others_come_and_go(void **state)
{
	struct listener listener = listener_new();
	struct writer writer = {&listener.report, hands_create(), false};
	pthread_t thread;

	(void)state;
	assert_true(writer.map >= 0);
	for (uint64_t cookie = 0; cookie < STAYING; cookie++) {
		struct hand_entry entry = entry_of(cookie, HAND_OVERRIDE);

		assert_int_equal(hands_write(&listener.report, writer.map, &entry, 1), 0);
	}
	assert_int_equal(pthread_create(&thread, NULL, come_and_go, &writer), 0);
	for (int i = 0; i < READS; i++) {
		struct hands hands;
		size_t staying = 0;

		assert_int_equal(hands_read(&listener.report, writer.map, &hands), 0);
		for (size_t j = 0; j < hands.count; j++) {
			staying += hands.all[j].key.cookie < STAYING;
			if (j)
				assert_true(hands.all[j - 1].key.cookie < hands.all[j].key.cookie);
		}
		assert_int_equal(staying, STAYING);
		hands_free(&hands);
	}
	writer.stops = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(writer.map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stays_is_read_once_while_others_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
