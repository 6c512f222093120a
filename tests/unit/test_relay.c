/* Messages from the process that loads to the one that reports them. */
#include "runtime/load/relay.h"
#include "tests/unit/lib/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Sends a message through a socket. Gives the packet that arrives, and returns its size. */
static size_t relay(const struct message *message, char *packet)
{
	struct relay sender;
	ssize_t size;
	int channel[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel), 0);
	sender = relay_to(channel[0]);
	sender.report.take(&sender.report, message);
	size = recv(channel[1], packet, RELAY_PACKET_MAX, 0);
	close(channel[0]);
	close(channel[1]);
	assert_true(size > 0);
	return (size_t)size;
}

static const struct excerpt excerpt = {
	.file = "a.conf", .line = 7, .text = "xx yy", .first = 3, .end = 5};
static const struct message whole = {.severity = SEVERITY_WARNING,
				     .name = "ssh",
				     .text = "text",
				     .details = "one\ntwo\n",
				     .excerpt = &excerpt};

static void a_message_arrives_as_it_was_sent(void **state)
{
	const struct message bare = {.severity = SEVERITY_ERROR, .text = "bare"};
	struct listener listener = listener_new();
	char packet[RELAY_PACKET_MAX];

	(void)state;
	assert_true(relay_take(packet, relay(&whole, packet), &listener.report));
	assert_true(relay_take(packet, relay(&bare, packet), &listener.report));
	assert_string_equal(listener.said, "warning: text [ssh] {one\ntwo\n}"
					   " (a.conf:7: 3-5 of 'xx yy')\n"
					   "error: bare\n");
}

static void a_log_that_is_too_long_arrives_cut(void **state)
{
	char *details = malloc(1 << 20);
	const struct message message = {
		.severity = SEVERITY_ERROR, .text = "long", .details = details};
	struct listener listener = listener_new();
	char packet[RELAY_PACKET_MAX];

	(void)state;
	assert_non_null(details);
	memset(details, 'x', 1 << 20);
	details[(1 << 20) - 1] = '\0';
	assert_true(relay_take(packet, relay(&message, packet), &listener.report));
	assert_memory_equal(listener.said, "error: long {xxx", 16);
	free(details);
}

/* The sender is not trusted. The copies have exactly the packet's size, so that the sanitizer
 * notices reads beyond it. */
static void a_packet_cut_or_changed_anywhere_does_no_harm(void **state)
{
	char packet[RELAY_PACKET_MAX];
	size_t size = relay(&whole, packet), cut, at;
	struct listener listener;
	char *copy;

	(void)state;
	for (cut = 1; cut < size; cut++) {
		copy = malloc(cut);
		assert_non_null(copy);
		memcpy(copy, packet, cut);
		listener = listener_new();
		assert_false(relay_take(copy, cut, &listener.report));
		free(copy);
	}
	for (at = 0; at < size; at++) {
		copy = malloc(size);
		assert_non_null(copy);
		memcpy(copy, packet, size);
		copy[at] = (char)0xff;
		listener = listener_new();
		relay_take(copy, size, &listener.report);
		assert_null(strstr(listener.said, "255-"));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_arrives_as_it_was_sent),
		cmocka_unit_test(a_log_that_is_too_long_arrives_cut),
		cmocka_unit_test(a_packet_cut_or_changed_anywhere_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
