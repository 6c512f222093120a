/* Each command runs in a child process, with a network namespace and a bpffs that end with it. */
#include "compiling.h"

#include "clock.h"

#include "compiler/base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ATTEMPTS = 3 };

struct files {
	char folder[64], rules[96], elements[96], object[96], bpffs[96];
};

struct spent {
	double ms, megabytes;
};

static bool make_files(struct files *files)
{
	strcpy(files->folder, "/tmp/sklc-bench.XXXXXX");
	if (!mkdtemp(files->folder))
		return false;
	snprintf(files->rules, sizeof(files->rules), "%s/rules.conf", files->folder);
	snprintf(files->elements, sizeof(files->elements), "%s/bindings.txt", files->folder);
	snprintf(files->object, sizeof(files->object), "%s/rules.o", files->folder);
	snprintf(files->bpffs, sizeof(files->bpffs), "%s/bpf", files->folder);
	return !mkdir(files->bpffs, 0700);
}

static void remove_files(const struct files *files)
{
	unlink(files->rules);
	unlink(files->elements);
	unlink(files->object);
	rmdir(files->bpffs);
	rmdir(files->folder);
}

_Noreturn static void become(const struct files *files, char *const *command)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", files->bpffs, "bpf", 0, NULL) || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0) /* there are warnings of labels without sockets */
		_exit(126);
	execv(command[0], command);
	_exit(127);
}

/* The shortest time of a few runs, and the most memory. */
static bool spend(struct spent *spent, const struct files *files, char *const *command)
{
	struct rusage usage;
	int status, i;
	pid_t child;

	*spent = (struct spent){0, 0};
	for (i = 0; i < ATTEMPTS; i++) {
		double start = clock_ms(), ms;

		child = fork();
		if (child < 0)
			return false;
		if (!child)
			become(files, command);
		if (wait4(child, &status, 0, &usage) != child || status) {
			fprintf(stderr, "bench: '%s %s' failed\n", command[0], command[1]);
			return false;
		}
		ms = clock_ms() - start;
		if (i == 0 || ms < spent->ms)
			spent->ms = ms;
		if ((double)usage.ru_maxrss / 1024 > spent->megabytes)
			spent->megabytes = (double)usage.ru_maxrss / 1024;
	}
	return true;
}

static void print(const struct report *report, size_t size, const char *kind, const char *who,
		  const struct spent *spent)
{
	fprintf(report->out, " | %9.1f %7.0f", spent->ms, spent->megabytes);
	report_figure(report, "compiling", kind, size, who, "ms", spent->ms);
	report_figure(report, "compiling", kind, size, who, "MB", spent->megabytes);
}

static bool run_size(const struct report *report, const char *sklc, const struct files *files,
		     const struct bindings *bindings)
{
	char *const to_object[] = {(char *)sklc, "-o", (char *)files->object, (char *)files->rules,
				   NULL};
	char *const apply[] = {(char *)sklc,         "--apply", (char *)files->rules, "--bpffs",
			       (char *)files->bpffs, NULL};
	const char *kind = bindings->has_ports ? "with ports" : "addresses";
	struct spent spent;

	if (!bindings_write(bindings, files->rules, files->elements)) {
		fprintf(stderr, "bench: cannot write '%s': %s\n", files->rules, strerror(errno));
		return false;
	}
	fprintf(report->out, "%9zu %-10s", bindings->count, kind);
	if (!spend(&spent, files, to_object))
		return false;
	print(report, bindings->count, kind, "object", &spent);
	if (!spend(&spent, files, apply))
		return false;
	print(report, bindings->count, kind, "apply", &spent);
	fputc('\n', report->out);
	fflush(report->out);
	return true;
}

bool compiling_run(const struct report *report, const char *sklc, const size_t *sizes, size_t count)
{
	struct files files;
	bool done = true;
	size_t i;

	if (!make_files(&files))
		return false;
	fprintf(report->out,
		"\ncompiling, ipv4, bindings in a map's file; goals to attached: 100 ms at 100k, 1 "
		"s at 1M, 250 MB\n"
		"%9s %-10s | %9s %7s | %9s %7s\n",
		"bindings", "", "object ms", "MB", "apply ms", "MB");
	for (i = 0; done && i < 2 * count; i++) {
		struct arena *arena = arena_new();
		struct bindings bindings = bindings_random(arena, FAMILY_IPV4, i % 2, sizes[i / 2]);

		done = run_size(report, sklc, &files, &bindings);
		arena_free(arena);
	}
	remove_files(&files);
	return done;
}
