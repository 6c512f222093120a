/* A dump is taken as a whole, or not at all. The kernel is played by datagrams that wait in a pair of sockets. */
#include "runtime/kernel/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { OBJECT_TYPE = NLMSG_MIN_TYPE, OBJECTS_MAX = 8 };

struct message {
	struct nlmsghdr header;
	int value;
};

/* What was taken, in order. */
struct taken {
	int values[OBJECTS_MAX];
	size_t count;
};

static struct message message(uint16_t type, uint16_t flags, int value)
{
	return (struct message){
		{.nlmsg_len = sizeof(struct message), .nlmsg_type = type, .nlmsg_flags = flags},
		value};
}

static void say(int kernel, struct message message)
{
	assert_int_equal(send(kernel, &message, sizeof(message), MSG_DONTWAIT), sizeof(message));
}

static int take(const struct nlmsghdr *header, void *argument)
{
	struct taken *taken = argument;

	assert_int_equal(header->nlmsg_type, OBJECT_TYPE);
	assert_true(taken->count < OBJECTS_MAX);
	taken->values[taken->count++] = ((const struct message *)(const void *)header)->value;
	return 0;
}

static void forget(void *argument)
{
	*(struct taken *)argument = (struct taken){0};
}

static int dump(int fd, struct taken *taken)
{
	const struct nlmsghdr request = {.nlmsg_len = sizeof(request)};

	*taken = (struct taken){0};
	return netlink_dump(fd, &request, sizeof(request), take, forget, taken);
}

static void a_list_that_changed_meanwhile_is_asked_for_again(void **state)
{
	struct taken taken;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	say(pair[1], message(OBJECT_TYPE, 0, 1));
	say(pair[1], message(OBJECT_TYPE, NLM_F_DUMP_INTR, 3));
	say(pair[1], message(NLMSG_DONE, 0, 0));
	say(pair[1], message(OBJECT_TYPE, 0, 1));
	say(pair[1], message(NLMSG_DONE, NLM_F_DUMP_INTR, 0));
	say(pair[1], message(OBJECT_TYPE, 0, 2));
	say(pair[1], message(OBJECT_TYPE, 0, 3));
	say(pair[1], message(NLMSG_DONE, 0, 0));
	assert_int_equal(dump(pair[0], &taken), 0);
	assert_int_equal(taken.count, 2);
	assert_int_equal(taken.values[0], 2);
	assert_int_equal(taken.values[1], 3);
	close(pair[0]);
	close(pair[1]);
}

static void a_list_that_changes_all_the_time_is_not_taken(void **state)
{
	struct taken taken;
	int pair[2], i, err;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	for (i = 0; i < 100; i++)
		say(pair[1], message(NLMSG_DONE, NLM_F_DUMP_INTR, 0));
	err = dump(pair[0], &taken);
	assert_int_equal(err, -EAGAIN);
	close(pair[0]);
	close(pair[1]);
}

static void a_list_that_ended_with_an_error_is_not_taken(void **state)
{
	struct taken taken;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	say(pair[1], message(OBJECT_TYPE, 0, 1));
	say(pair[1], message(NLMSG_DONE, 0, -ENOBUFS));
	assert_int_equal(dump(pair[0], &taken), -ENOBUFS);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_that_changed_meanwhile_is_asked_for_again),
		cmocka_unit_test(a_list_that_changes_all_the_time_is_not_taken),
		cmocka_unit_test(a_list_that_ended_with_an_error_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
