/* Loads an object in another process. libbpf is not made for malicious files, and this process has
 * the privileges that the author of such a file would like. So a child process, which keeps only
 * the capabilities that loading needs, gives the object to libbpf and passes the descriptors back.
 * If the child dies, nothing has changed. */
#include "load.h"

#include "loader.h"
#include "relay.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"
#include "runtime/kernel/clock.h"
#include "runtime/object/object.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { MESSAGES_MAX = 64, KILLED_SECONDS_MAX = 5 };

/* What the loading process answers. */
struct answer {
	int err;              /* 0: descriptors come with the answer */
	bool guarded;         /* of struct loaded */
	uint32_t descriptors; /* bits 1 << index in the list: those that come */
};

enum { DESCRIPTORS_MAX = 7 };

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

static void list_descriptors(struct loaded *loaded, int *list[DESCRIPTORS_MAX])
{
	list[0] = &loaded->program;
	list[1] = &loaded->rule_counters;
	list[2] = &loaded->label_counters;
	list[3] = &loaded->machine;
	list[4] = &loaded->tables;
	list[5] = &loaded->interfaces;
	list[6] = &loaded->near;
}

static void send_answer(int channel, int err, struct loaded *loaded)
{
	struct answer answer = {.err = err, .guarded = loaded->guarded};
	struct iovec part = {&answer, sizeof(answer)};
	union control control = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	int *list[DESCRIPTORS_MAX], descriptors[DESCRIPTORS_MAX];
	size_t count = 0;

	list_descriptors(loaded, list);
	for (unsigned int i = 0; !err && i < DESCRIPTORS_MAX; i++) {
		if (*list[i] < 0)
			continue;
		answer.descriptors |= 1u << i;
		descriptors[count++] = *list[i];
	}
	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
	}
	sendmsg(channel, &message, MSG_NOSIGNAL);
}

/* Takes the descriptors that come with an answer; false if their number is not what the answer
 * says, or the program is missing. */
static bool take_descriptors(const struct answer *answer, struct msghdr *message,
			     struct loaded *loaded)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(message);
	size_t count = (size_t)__builtin_popcount(answer->descriptors);
	int *list[DESCRIPTORS_MAX], descriptors[DESCRIPTORS_MAX];
	const int *next = descriptors;

	if (answer->descriptors >> DESCRIPTORS_MAX || !(answer->descriptors & 1) || !control ||
	    control->cmsg_len != CMSG_LEN(count * sizeof(int)))
		return false;
	memcpy(descriptors, CMSG_DATA(control), count * sizeof(int));
	list_descriptors(loaded, list);
	loaded->guarded = answer->guarded;
	for (unsigned int i = 0; i < DESCRIPTORS_MAX; i++)
		if (answer->descriptors & 1u << i)
			*list[i] = *next++;
	return true;
}

/* Waits until the other process has written or ended; false if that takes until the deadline, by
 * waiting_ms. */
static bool wait_for(int channel, int64_t deadline)
{
	struct pollfd wanted = {.fd = channel, .events = POLLIN};
	int64_t now;
	int ready;

	do {
		now = waiting_ms();
		if (now >= deadline)
			return false;
		ready = poll(&wanted, 1, (int)(deadline - now));
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/* Passes on the messages of the other process until its answer comes; false if none comes in
 * time. */
static bool receive_answer(int channel, int64_t deadline, struct report *report,
			   struct answer *answer, struct loaded *loaded)
{
	autofree char *packet = malloc(RELAY_PACKET_MAX);
	struct iovec part = {packet, packet ? RELAY_PACKET_MAX : 0};
	union control control;
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
	int messages = 0;
	ssize_t size;

	do {
		if (!wait_for(channel, deadline))
			return false;
		message.msg_controllen = sizeof(control);
		size = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	} while (size > 0 && messages++ < MESSAGES_MAX && relay_take(packet, (size_t)size, report));
	if (size != (ssize_t)sizeof(*answer))
		return false;
	memcpy(answer, packet, sizeof(*answer));
	return answer->err || take_descriptors(answer, &message, loaded);
}

/* Closes the link, the state's folders and everything else that the loading process must not
 * have. */
static void close_others(int channel, const struct shared_maps *shared)
{
	const int kept[] = {channel, shared->sockets, shared->spare_marks};
	unsigned int first = STDERR_FILENO + 1;

	for (size_t pass = 0; pass <= sizeof(kept) / sizeof(kept[0]); pass++) {
		unsigned int next = ~0u;

		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (kept[i] >= (int)first && (unsigned int)kept[i] < next)
				next = (unsigned int)kept[i];
		if (next > first)
			close_range(first, next - (next != ~0u), 0);
		if (next == ~0u)
			return;
		first = next + 1;
	}
}

/* Runs in the loading process and never returns. The end of the process frees what libbpf
 * allocated. */
static void run_loader(int channel, const struct object *original, const struct host *host,
		       const struct shared_maps *shared, const struct load_options *options)
{
	struct relay relay = relay_to(channel);
	struct object object = *original;
	struct loaded loaded = LOADED_NONE;
	int err = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_others(channel, shared);
	object.report = &relay.report;
	err = caps_limit_to_loading(object.report);
	if (!err)
		err = loader_run(&object, host, shared, options, &loaded);
	send_answer(channel, err, &loaded);
	_exit(0);
}

/* Waits for the loading process to end. One that was killed may be in the kernel for some time yet;
 * it is left to itself then, and false is returned. */
static bool wait_for_end(pid_t process, bool killed, int *status)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	int64_t deadline = waiting_ms() + KILLED_SECONDS_MAX * INT64_C(1000);
	pid_t ended;

	do {
		ended = waitpid(process, status, killed ? WNOHANG : 0);
		if (ended == 0)
			nanosleep(&pause, NULL);
	} while ((ended < 0 && errno == EINTR) || (ended == 0 && waiting_ms() < deadline));
	return ended == process;
}

static int refuse_slow(const struct object *object, unsigned int seconds, bool ended)
{
	return refuse(
		object->report, ETIMEDOUT,
		"object '%s': loading it takes longer than %u second%s, and was %s; no object "
		"that sklc makes takes so long",
		object->image->name, seconds, seconds == 1 ? "" : "s",
		ended ? "ended" : "left alone: the kernel is still at it");
}

/* Takes the answer, then waits for the loading process to end. */
static int take_answer(int channel, pid_t process, const struct object *object,
		       const struct load_options *options, struct loaded *loaded)
{
	unsigned int seconds = options->seconds ? options->seconds : LOAD_SECONDS_MAX;
	int64_t deadline = waiting_ms() + seconds * INT64_C(1000);
	struct answer answer = {0};
	bool answered = receive_answer(channel, deadline, object->report, &answer, loaded);
	bool slow = !answered && waiting_ms() >= deadline, ended;
	int status = 0;

	if (slow)
		kill(process, SIGKILL);
	ended = wait_for_end(process, slow, &status);
	if (answered)
		return answer.err;
	if (slow)
		return refuse_slow(object, seconds, ended);
	if (WIFSIGNALED(status))
		return refuse(object->report, EINVAL,
			      "object '%s' is damaged: the process that loads it ended by signal "
			      "%d (%s)",
			      object->image->name, WTERMSIG(status), strsignal(WTERMSIG(status)));
	return refuse(object->report, EIO, "the process that loads '%s' ended without a word",
		      object->image->name);
}

int load_object(const struct object *object, const struct host *host,
		const struct shared_maps *shared, const struct load_options *options,
		struct loaded *loaded)
{
	int channel[2];
	pid_t process;
	int err;

	*loaded = LOADED_NONE;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel))
		return fail(object->report, errno, "load '%s'", object->image->name);
	process = fork();
	if (process == 0)
		run_loader(channel[1], object, host, shared, options);
	err = errno;
	close(channel[1]);
	err = process < 0 ? fail(object->report, err, "start a process to load '%s'",
				 object->image->name)
			  : take_answer(channel[0], process, object, options, loaded);
	close(channel[0]);
	return err;
}

void loaded_close(struct loaded *loaded)
{
	int *list[DESCRIPTORS_MAX];

	list_descriptors(loaded, list);
	for (size_t i = 0; i < DESCRIPTORS_MAX; i++)
		close_fd(list[i]);
	*loaded = LOADED_NONE;
}
