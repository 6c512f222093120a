/* Opens network namespaces and makes sockets inside them. The caller's thread never changes its
 * namespace, since the way back could fail: another thread enters the namespace, makes the socket
 * and ends. */
#include "netns.h"

#include "caps.h"
#include "proc.h"

#include "runtime/base/fail.h"
#include "runtime/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define NAMES_FOLDER "/run/netns"

/* Work for another thread. */
struct visit {
	int netns; /* descriptor of the namespace to enter; -1: a new one */
	int (*work)(void *argument);
	void *argument;
	int result;
};

static void *visit_netns(void *argument)
{
	struct visit *visit = argument;
	int err = visit->netns >= 0 ? setns(visit->netns, CLONE_NEWNET) : unshare(CLONE_NEWNET);

	visit->result = err ? -errno : visit->work(visit->argument);
	return NULL;
}

static int run_visit(struct visit *visit)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, visit_netns, visit);

	if (err)
		return -err;
	err = pthread_join(thread, NULL);
	return err ? -err : visit->result;
}

int netns_run_apart(int (*work)(void *argument), void *argument)
{
	struct visit visit = {.netns = -1, .work = work, .argument = argument};

	return run_visit(&visit);
}

int netns_run_in(const struct netns *netns, int (*work)(void *argument), void *argument)
{
	struct visit visit = {.netns = netns->fd, .work = work, .argument = argument};

	return netns->own ? work(argument) : run_visit(&visit);
}

struct socket_request {
	int domain, type, protocol;
};

static int make_socket(void *argument)
{
	const struct socket_request *request = argument;
	int fd = socket(request->domain, request->type | SOCK_CLOEXEC, request->protocol);

	return fd < 0 ? -errno : fd;
}

int netns_socket(const struct netns *netns, int domain, int type, int protocol)
{
	struct socket_request request = {domain, type, protocol};

	return netns_run_in(netns, make_socket, &request);
}

/* Opens the caller's own namespace: from a socket, which needs CAP_NET_ADMIN, else from /proc. -errno
 * without a message. */
static int open_own(void)
{
	autoclose int made = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd = made < 0 ? -1 : ioctl(made, SIOCGSKNS);

	if (fd < 0)
		fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Writes the path of the namespace; RUNTIME_USAGE after a message that says what is wrong with its
 * name. */
static int netns_path(struct report *report, const char *name, char *path, size_t size)
{
	char *end;
	long pid;
	int length;

	if (strncmp(name, "pid:", 4) == 0) {
		pid = strtol(name + 4, &end, 10);
		if (pid <= 0 || pid > INT_MAX || *end || name[4] < '0' || name[4] > '9')
			return refuse(report, RUNTIME_USAGE,
				      "'%s' is no process: expected pid:NUMBER", name);
		snprintf(path, size, "/proc/%ld/ns/net", pid);
		return 0;
	}
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return refuse(report, RUNTIME_USAGE,
			      "'%s' is no network namespace: expected a name, a path or pid:NUMBER",
			      name);
	length = strchr(name, '/') ? snprintf(path, size, "%s", name)
				   : snprintf(path, size, NAMES_FOLDER "/%s", name);
	if (length < 0 || (size_t)length >= size)
		return refuse(report, RUNTIME_USAGE,
			      "the name of the network namespace is too long");
	return 0;
}

static bool is_own(const struct stat *status)
{
	autoclose int fd = open_own();
	struct stat own;

	return fd >= 0 && fstat(fd, &own) == 0 && own.st_ino == status->st_ino &&
	       own.st_dev == status->st_dev;
}

static int read_cookie(struct netns *netns)
{
	autoclose int fd = netns_socket(netns, AF_UNIX, SOCK_DGRAM, 0);
	socklen_t size = sizeof(netns->cookie);

	if (fd < 0)
		return caps_fail(netns->report, fd, caps_for_namespace, "enter %s", netns->words);
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &netns->cookie, &size) == 0)
		return 0;
	if (errno == ENOPROTOOPT)
		return refuse(netns->report, errno,
			      "this kernel gives network namespaces no cookie: "
			      "Linux 5.14 or later is needed");
	return fail(netns->report, errno, "read the cookie of %s", netns->words);
}

/* Whether there is no process with this number. */
static bool is_gone(int pid)
{
	autoclose int process = (int)syscall(SYS_pidfd_open, pid, 0);

	return process < 0 && errno == ESRCH;
}

static int fail_open(struct report *report, int error, const char *name, const char *path)
{
	if (error == ENOENT && strncmp(name, "pid:", 4) == 0) {
		if (is_gone(atoi(name + 4)))
			return refuse(report, RUNTIME_NOT_THERE, "there is no process '%s'",
				      name + 4);
		return refuse(report, error,
			      "/proc does not show process '%s', which is there: this needs the "
			      "capability CAP_SYS_PTRACE, or a /proc without hidepid",
			      name + 4);
	}
	if (error == ENOENT)
		return refuse(report, RUNTIME_NOT_THERE,
			      "there is no network namespace '%s' ('%s' does not exist); "
			      "`ip netns list` shows those with a name",
			      name, path);
	return caps_fail(report, error, caps_for_path(path), "open network namespace '%s'", name);
}

/* Process numbers in /proc have the meaning that the caller gives them only if /proc gives this
 * process its own number. */
static int check_numbers(struct report *report, const char *name)
{
	int err = proc_require(report, "open the network namespace of a process");

	if (err || proc_self() == getpid())
		return err;
	return refuse(
		report, EXDEV,
		"/proc is that of another pid namespace, where '%s' is another process: mount "
		"one with `mount -t proc proc /proc`",
		name);
}

static int open_named(struct report *report, const char *name)
{
	char path[PATH_MAX];
	int fd, err;

	err = netns_path(report, name, path, sizeof(path));
	if (!err && strncmp(name, "pid:", 4) == 0)
		err = check_numbers(report, name);
	if (err)
		return err;
	/* O_NONBLOCK, since the path may lead to a pipe. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail_open(report, errno, name, path);
	if (ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET)
		return fd;
	close(fd);
	return refuse(report, EINVAL, "'%s' is no network namespace", path);
}

/* Opens the namespace; -errno after a message. */
static int open_any(struct report *report, const char *name)
{
	int fd, err;

	if (name)
		return open_named(report, name);
	fd = open_own();
	if (fd >= 0)
		return fd;
	if (proc_self() <= 0 && !caps_have_all(caps_for_hook))
		return caps_fail(report, EPERM, caps_for_hook,
				 "open this network namespace where /proc does not show this "
				 "process");
	err = proc_require(report, "open this network namespace");
	return err ? err : fail(report, fd, "open this network namespace");
}

int netns_open(struct report *report, const char *name, struct netns *netns)
{
	autoclose int fd = -1;
	struct stat status;
	int err;

	*netns = (struct netns){.report = report, .fd = -1};
	if (name)
		snprintf(netns->words, sizeof(netns->words), "network namespace '%s'", name);
	else
		snprintf(netns->words, sizeof(netns->words), "this network namespace");
	fd = open_any(report, name);
	if (fd < 0)
		return fd;
	if (fstat(fd, &status))
		return fail(report, errno, "look at %s", netns->words);
	netns->own = is_own(&status);
	netns->inode = status.st_ino;
	netns->fd = fd;
	err = read_cookie(netns);
	if (err) {
		netns->fd = -1;
		return err;
	}
	take_fd(&fd);
	return 0;
}

void netns_close(struct netns *netns)
{
	close_fd(&netns->fd);
	netns->fd = -1;
}

int netns_interface(const struct netns *netns, const char *name)
{
	autoclose int fd = -1;
	struct ifreq request = {0};

	if (strlen(name) >= sizeof(request.ifr_name))
		return 0;
	fd = netns_socket(netns, AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return fd;
	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(fd, SIOCGIFINDEX, &request) == 0)
		return request.ifr_ifindex;
	return errno == ENODEV ? 0 : -errno;
}

int interface_name(int socket, uint32_t number, char name[16])
{
	struct ifreq request = {.ifr_ifindex = (int)number};

	_Static_assert(sizeof(request.ifr_name) == 16, "an interface's name fits");
	if (ioctl(socket, SIOCGIFNAME, &request) == 0) {
		memcpy(name, request.ifr_name, sizeof(request.ifr_name));
		return 1;
	}
	if (errno != ENODEV)
		return -errno;
	snprintf(name, sizeof(request.ifr_name), "if%" PRIu32, number);
	return 0;
}

int netns_interface_name(const struct netns *netns, uint32_t number, char name[16])
{
	autoclose int fd = netns_socket(netns, AF_INET, SOCK_DGRAM, 0);
	int found = fd < 0 ? fd : interface_name(fd, number, name);

	return found < 0 ? fail(netns->report, found,
				"look up the interface number %" PRIu32 " of %s", number,
				netns->words)
			 : found;
}

bool netns_find_name(struct report *report, uint64_t inode, char *name, size_t size)
{
	DIR *folder = opendir(NAMES_FOLDER);
	struct dirent *entry;
	struct stat status;
	bool found = false;

	if (!folder) {
		if (errno != ENOENT)
			fail(report, errno, "read the names of network namespaces in '%s'",
			     NAMES_FOLDER);
		return false;
	}
	while (!found && (entry = readdir(folder))) {
		found = entry->d_name[0] != '.' &&
			fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 &&
			status.st_ino == inode;
		if (found)
			snprintf(name, size, "%s", entry->d_name);
	}
	closedir(folder);
	return found;
}
