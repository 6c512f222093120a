/* Holds definition, decision and programs against each other for as long as one likes: each seed is a rules file and
 * tens of thousands of packets, of which every variant is asked. What fails is made small and written to a file.
 * Prints TAP, and a comment for each seed. */
#include "tests/differential/lib/child.h"
#include "tests/differential/lib/respell.h"
#include "tests/differential/lib/specimen.h"
#include "tests/differential/lib/tap.h"
#include "tests/differential/lib/variants.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	DEFAULT_SECONDS = 60,
	DEFAULT_FILES = 60,
	DEFAULT_PACKETS = 1 << 15,
	JOBS_MAX = 256,
	FILE_SECONDS = 300, /* of CPU time, for a file and all variants */
	SHRINK_TRIES = 5000,
	SHRINK_SECONDS = 300,
	SUM_SECONDS = 60, /* between lines with the sum */
	GRACE_SECONDS = 30
};

struct options {
	unsigned long seconds, seed, jobs, files, packets, variants;
	const char *folder;
};

/* What the workers share. Only files that were tried to their end are counted. */
struct soak {
	struct options options;
	volatile bool stop,
		killed; /* workers may not begin another file; may not end the one that they have */
	_Atomic uint64_t next_seed, files, pairs, decisions, failures;
	_Atomic bool cannot_run;
};

struct worker {
	struct soak *soak;
	struct lab lab;
	struct specimen *specimen;
	struct hunt *hunt;
};

static void run_hunt(void *data)
{
	hunt_run(data);
}

static void report(struct worker *worker, uint64_t seed, const char *text)
{
	struct soak *soak = worker->soak;
	const struct effort effort = {SHRINK_TRIES, SHRINK_SECONDS, &soak->stop};
	char *small, *folder = NULL;
	unsigned tries;

	soak->failures++;
	printf("# seed %lu fails: %s\n", (unsigned long)seed,
	       failure_words(worker->specimen->failure.kind));
	small = specimen_shrink(worker->specimen, &worker->lab, text, effort, &tries);
	if (asprintf(&folder, "%s/seed-%lu", soak->options.folder, (unsigned long)seed) < 0)
		abort();
	printf("# made smaller in %u tries, from %zu bytes of rules to %zu\n", tries, strlen(text),
	       strlen(small));
	if (!specimen_report(worker->specimen, &worker->lab, small, seed, folder))
		printf("# %s/rules.conf cannot be written: %s\n", folder, strerror(errno));
	free(folder);
	free(small);
}

static void try_seed(struct worker *worker, uint64_t seed)
{
	const struct kind_of_file *kind = kind_of_seed(seed);
	struct specimen *specimen = worker->specimen;
	struct soak *soak = worker->soak;
	struct random random = {seed};
	char *text = respell(kind->generate(&random), &random);

	specimen->count = 0;
	specimen->failure = (struct failure){.kind = FAILURE_NONE};
	*worker->hunt = (struct hunt){.lab = &worker->lab,
				      .seed = seed,
				      .packets = (uint32_t)soak->options.packets,
				      .variants = (uint32_t)soak->options.variants,
				      .kind = kind,
				      .text = text,
				      .specimen = specimen};
	if (!child_run(run_hunt, worker->hunt, FILE_SECONDS, false, specimen->failure.text,
		       FAILURE_TEXT))
		specimen->failure.kind = FAILURE_CRASH;
	if (specimen->failure.kind != FAILURE_NONE) {
		report(worker, seed, text);
	} else {
		soak->files++;
		soak->pairs += specimen->count;
		soak->decisions += (uint64_t)specimen->count * worker->hunt->programs;
		printf("# seed %lu, %s: %u packets, %u programs\n", (unsigned long)seed, kind->word,
		       specimen->count, worker->hunt->programs);
	}
	free(text);
}

static _Noreturn void work(struct soak *soak)
{
	struct worker worker = {.soak = soak,
				.specimen = shared_memory(sizeof(struct specimen)),
				.hunt = shared_memory(sizeof(struct hunt))};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!lab_open(&worker.lab)) {
		soak->cannot_run = true;
		_exit(0);
	}
	while (!soak->stop) {
		uint64_t seed = soak->next_seed++;

		if (seed - soak->options.seed >= soak->options.files)
			break;
		try_seed(&worker, seed);
	}
	lab_close(&worker.lab);
	_exit(0);
}

static double seconds_since(struct timespec start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
}

static void print_sum(const struct soak *soak, struct timespec start)
{
	double seconds = seconds_since(start);

	printf("# in %.0f s: %lu rule sets, %lu pairs of a rule set and a packet (%.0f a second), "
	       "%lu decisions of programs (%.0f a second); %lu failures\n",
	       seconds, (unsigned long)soak->files, (unsigned long)soak->pairs,
	       (double)soak->pairs / seconds, (unsigned long)soak->decisions,
	       (double)soak->decisions / seconds, (unsigned long)soak->failures);
}

/* Takes workers that have ended off the list. Returns how many are left. */
static unsigned reap(struct soak *soak, pid_t *workers)
{
	unsigned i, left = 0;
	int status;

	for (i = 0; i < soak->options.jobs; i++) {
		if (workers[i] && waitpid(workers[i], &status, WNOHANG) == workers[i]) {
			workers[i] = 0;
			if (soak->killed) {
				puts("# a file was left that takes longer than the time after the "
				     "end");
			} else if (status) {
				printf("# a worker ended with status %d\n", status);
				soak->failures++;
			}
		}
		left += workers[i] != 0;
	}
	return left;
}

static void kill_all(struct soak *soak, const pid_t *workers)
{
	unsigned i;

	soak->killed = true;
	for (i = 0; i < soak->options.jobs; i++)
		if (workers[i])
			kill(workers[i], SIGKILL);
}

/* Waits for the workers. At the end of the time, and after a signal, each may end the file that it has. */
static void wait_for(struct soak *soak, pid_t *workers, const sigset_t *signals,
		     struct timespec start)
{
	double end = (double)soak->options.seconds, next_sum = SUM_SECONDS;
	const struct timespec pause = {0, 200000000};

	while (reap(soak, workers)) {
		int signal = sigtimedwait(signals, NULL, &pause);
		double now = seconds_since(start);

		if (!soak->stop && ((signal > 0 && signal != SIGCHLD) || now >= end)) {
			if (signal > 0 && signal != SIGCHLD)
				printf("# ended by signal %d (%s)\n", signal, strsignal(signal));
			soak->stop = true;
			end = now;
		}
		if (soak->stop && now >= end + GRACE_SECONDS)
			kill_all(soak, workers);
		if (now >= next_sum) {
			print_sum(soak, start);
			next_sum += SUM_SECONDS;
		}
	}
}

static void start_workers(struct soak *soak, pid_t *workers)
{
	unsigned i;

	for (i = 0; i < soak->options.jobs; i++) {
		fflush(stdout);
		workers[i] = fork();
		if (workers[i] < 0)
			abort();
		if (!workers[i])
			work(soak);
	}
}

static unsigned long number(const char *text, const char *option)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || !value) {
		fprintf(stderr, "soak: --%s takes a number from 1 on, not '%s'\n", option, text);
		exit(2);
	}
	return value;
}

static struct options read_options(int argc, char **argv)
{
	static const struct option names[] = {
		{"seconds", required_argument, NULL, 0}, {"seed", required_argument, NULL, 1},
		{"jobs", required_argument, NULL, 2},    {"files", required_argument, NULL, 3},
		{"packets", required_argument, NULL, 4}, {"variants", required_argument, NULL, 5},
		{"folder", required_argument, NULL, 6},  {NULL, 0, NULL, 0}};
	struct options options = {DEFAULT_SECONDS,
				  1,
				  (unsigned long)sysconf(_SC_NPROCESSORS_ONLN),
				  DEFAULT_FILES,
				  DEFAULT_PACKETS,
				  0,
				  "soak"};
	unsigned long *const numbers[] = {&options.seconds, &options.seed,    &options.jobs,
					  &options.files,   &options.packets, &options.variants};
	bool has_seconds = false, has_files = false;
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == '?')
			exit(2);
		if (option == 6)
			options.folder = optarg;
		else
			*numbers[option] = number(optarg, names[option].name);
		has_seconds |= option == 0;
		has_files |= option == 3;
	}
	if (has_seconds && !has_files)
		options.files = ULONG_MAX;
	options.jobs = options.jobs < JOBS_MAX ? options.jobs : JOBS_MAX;
	options.packets = options.packets < BATCH_MAX ? options.packets : BATCH_MAX;
	return options;
}

int main(int argc, char **argv)
{
	struct soak *soak = shared_memory(sizeof(*soak));
	pid_t workers[JOBS_MAX] = {0};
	struct timespec start;
	struct tap tap = {0};
	sigset_t signals;

	soak->options = read_options(argc, argv);
	soak->next_seed = soak->options.seed;
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	printf("# seeds from %lu on, %lu s, %lu at a time\n", soak->options.seed,
	       soak->options.seconds, soak->options.jobs);
	variant_count(); /* opens LLVM once for all */
	start_workers(soak, workers);
	wait_for(soak, workers, &signals, start);
	if (soak->cannot_run) {
		tap_skip(&tap, "a soak needs root, for network namespaces of its own");
		return tap_end(&tap);
	}
	print_sum(soak, start);
	tap_result(
		&tap, !soak->failures && soak->files,
		"definition, decision and programs agree on %lu pairs of a rule set and a packet",
		(unsigned long)soak->pairs);
	return tap_end(&tap);
}
