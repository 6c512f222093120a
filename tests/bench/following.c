/* Listens and connects in four cases, in turns: without a follower; with rules that declare a socket in another network
 * namespace; with rules in this one that declare another socket; with rules that declare the one that listens. Runs in
 * namespaces and with a bpffs of its own. */
#include "following.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 15, LISTENS = 1000, CONNECTIONS = 2000, PORT = 8080 };

/* A pause after each command, since the kernel then still waits for programs to end and frees maps. */
enum { SETTLE_US = 300 * 1000 };

enum follower { NOBODY, ELSEWHERE, ANOTHER, THIS, FOLLOWERS };

static const char *const NAMES[FOLLOWERS] = {"nobody follows", "followed elsewhere",
					     "another is declared", "this is declared"};

/* The port that the rules declare; the first case has no rules. */
static const int PORTS[FOLLOWERS] = {0, PORT, PORT + 1, PORT};

struct lab {
	const char *sklc;
	char folder[64], bpffs[96], rules[96], elsewhere[32];
};

static bool run_sklc(char *const *words)
{
	int status = -1, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t child = fork();

	if (child == 0) {
		if (dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0)
			execv(words[0], words);
		_exit(127);
	}
	close(null);
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

static bool write_rules(const struct lab *lab, int port)
{
	FILE *out = fopen(lab->rules, "w");

	return out &&
	       fprintf(out, "socket web { tcp 127.0.0.1:%d }\ntcp dport 80 redirect to web\n",
		       port) > 0 &&
	       !fclose(out);
}

static bool set_follower(const struct lab *lab, enum follower follower, bool on)
{
	const char *netns = follower == ELSEWHERE ? lab->elsewhere : "/proc/self/ns/net";
	char *words[] = {
		(char *)lab->sklc, on ? "--apply" : "detach", "--netns",          (char *)netns,
		"--bpffs",         (char *)lab->bpffs,        (char *)lab->rules, NULL};

	if (!on)
		words[6] = NULL;
	if (follower == NOBODY || (write_rules(lab, PORTS[follower]) && run_sklc(words)))
		return !usleep(SETTLE_US);
	fprintf(stderr, "bench: sklc cannot %s\n", words[1]);
	return false;
}

static int open_listener(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (void *)address, sizeof(*address)) || listen(fd, 64))
		return -1;
	return fd;
}

static const struct sockaddr_in ADDRESS = {
	.sin_family = AF_INET,
	.sin_port = __builtin_bswap16(PORT),
	.sin_addr = {__builtin_bswap32(INADDR_LOOPBACK)},
};

/* Microseconds to make a socket that listens, and to close it. */
static double listen_us(void)
{
	struct sockaddr_in address = ADDRESS;
	double start = clock_ms();
	int i, fd;

	for (i = 0; i < LISTENS; i++) {
		fd = open_listener(&address);
		if (fd < 0)
			return -1;
		close(fd);
	}
	return (clock_ms() - start) * 1e3 / LISTENS;
}

static bool connect_once(int listener)
{
	struct sockaddr_in address = ADDRESS;
	struct linger reset = {1, 0}; /* no TIME_WAIT */
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int peer = -1;

	if (client >= 0 && !connect(client, (void *)&address, sizeof(address)))
		peer = accept(listener, NULL, NULL);
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(client);
	close(peer);
	return peer >= 0;
}

/* Microseconds to make a connection and to reset it. */
static double connect_us(void)
{
	struct sockaddr_in address = ADDRESS;
	int i, listener = open_listener(&address);
	double start = clock_ms();

	for (i = 0; i < CONNECTIONS; i++)
		if (!connect_once(listener))
			return -1;
	start = (clock_ms() - start) * 1e3 / CONNECTIONS;
	close(listener);
	return start;
}

static void print(const struct report *report, double listens[FOLLOWERS][ROUNDS],
		  double connections[FOLLOWERS][ROUNDS])
{
	double over[2][ROUNDS], us[2];
	size_t f, round;

	fprintf(report->out,
		"\nfollowing: us of a socket that listens and closes, and of a connection, and "
		"over the first\n%-22s %9s %8s %12s %8s\n",
		"", "listen", "", "connection", "");
	for (f = 0; f < FOLLOWERS; f++) {
		for (round = 0; round < ROUNDS; round++) {
			over[0][round] = listens[f][round] - listens[NOBODY][round];
			over[1][round] = connections[f][round] - connections[NOBODY][round];
		}
		us[0] = median(over[0], ROUNDS);
		us[1] = median(over[1], ROUNDS);
		report_figure(report, "following", "listen", 1, NAMES[f], "us over", us[0]);
		report_figure(report, "following", "connection", 1, NAMES[f], "us over", us[1]);
		fprintf(report->out, "  %-20s", NAMES[f]);
		fprintf(report->out, " %9.2f %+8.2f %12.2f %+8.2f\n",
			us[0] + median(listens[NOBODY], ROUNDS), us[0],
			us[1] + median(connections[NOBODY], ROUNDS), us[1]);
	}
}

static bool measure(const struct report *report, const struct lab *lab)
{
	double listens[FOLLOWERS][ROUNDS], connections[FOLLOWERS][ROUNDS];
	bool good = true;
	size_t round;
	int f;

	for (round = 0; good && round < ROUNDS; round++)
		for (f = 0; good && f < FOLLOWERS; f++) {
			good = set_follower(lab, (enum follower)f, true);
			listens[f][round] = good ? listen_us() : -1;
			connections[f][round] = good ? connect_us() : -1;
			good = good && listens[f][round] >= 0 && connections[f][round] >= 0 &&
			       set_follower(lab, (enum follower)f, false);
		}
	if (good)
		print(report, listens, connections);
	return good;
}

static bool raise_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool raised = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &request);

	close(fd);
	return raised;
}

/* Starts a process that keeps another network namespace; 0 if that is not possible. */
static pid_t hold_namespace(void)
{
	int ready[2];
	char byte;
	pid_t child;

	if (pipe2(ready, O_CLOEXEC))
		return 0;
	child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (child > 0 && read(ready[0], &byte, 1) != 1) {
		waitpid(child, NULL, 0);
		child = 0;
	}
	close(ready[0]);
	return child > 0 ? child : 0;
}

/* Runs in a child process, whose namespaces end with it. */
static bool run_apart(const struct report *report, struct lab *lab)
{
	pid_t holder;
	bool good;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", lab->bpffs, "bpf", 0, NULL) || !raise_loopback()) {
		fprintf(stderr, "bench: cannot make a network namespace: %s\n", strerror(errno));
		return false;
	}
	holder = hold_namespace();
	snprintf(lab->elsewhere, sizeof(lab->elsewhere), "pid:%d", holder);
	good = holder && measure(report, lab);
	if (holder) {
		kill(holder, SIGKILL);
		waitpid(holder, NULL, 0);
	}
	return good;
}

bool following_run(const struct report *report, const char *sklc)
{
	struct lab lab = {.sklc = sklc, .folder = "/tmp/sklc-bench.XXXXXX"};
	int status = -1;
	pid_t child;

	if (!mkdtemp(lab.folder))
		return false;
	snprintf(lab.bpffs, sizeof(lab.bpffs), "%s/bpf", lab.folder);
	snprintf(lab.rules, sizeof(lab.rules), "%s/rules.conf", lab.folder);
	if (!mkdir(lab.bpffs, 0700)) {
		fflush(NULL);
		child = fork();
		if (child == 0) {
			bool good = run_apart(report, &lab);

			fflush(NULL);
			_exit(!good);
		}
		waitpid(child, &status, 0);
	}
	unlink(lab.rules);
	rmdir(lab.bpffs);
	rmdir(lab.folder);
	return !status;
}
