/* A child is waited for, whatever it does; its limit of CPU time is the bound. */
#include "child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

void shared_free(void *memory, size_t size)
{
	munmap(memory, size);
}

static void limit(pid_t parent, unsigned seconds)
{
	struct rlimit cpu = {seconds, seconds + 1}, core = {0, 0};

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

static void be_quiet(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
}

static bool has_ended_well(int status, char *text, size_t text_size)
{
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	if (WIFEXITED(status))
		snprintf(text, text_size, "exit status %d", WEXITSTATUS(status));
	else if (WTERMSIG(status) == SIGXCPU)
		snprintf(text, text_size, "its CPU time was over");
	else
		snprintf(text, text_size, "signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	return false;
}

bool child_run(void (*function)(void *data), void *data, unsigned seconds, bool quiet, char *text,
	       size_t text_size)
{
	pid_t parent = getpid(), child;
	int status;

	fflush(stdout);
	child = fork();
	if (child < 0)
		abort();
	if (!child) {
		limit(parent, seconds);
		if (quiet)
			be_quiet();
		function(data);
		fflush(stdout);
		_exit(0);
	}
	while (waitpid(child, &status, 0) != child)
		;
	return has_ended_well(status, text, text_size);
}
