/* The command: a table of verbs (verbs.c), and a function for each. The only folder that knows both the compiler
 * and the runtime. Results go to standard output, everything else to standard error. */
#include "actions.h"
#include "help.h"
#include "messages.h"
#include "verbs.h"

#include "compiler/base/diag.h"
#include "compiler/base/json.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Runs a verb that is a function of the runtime. It may go on after an error, to tell what else it finds out. */
static int run_runtime(struct session *s, const struct verb *verb)
{
	const struct runtime_options runtime = runtime_options(s);
	int status = exit_status(verb->runtime(&runtime, stdout));

	if (diag_error_count(s->c.diag) && (status == EXIT_DONE || status == EXIT_RULES))
		return EXIT_SYSTEM;
	return status;
}

/* Drops all privileges that the verb does not need, then runs it. */
static int run(struct session *s, const struct verb *verb)
{
	const struct runtime_options runtime = runtime_options(s);

	if (runtime_limit_privileges(&runtime, verb->keeps))
		return EXIT_SYSTEM;
	return verb->run ? verb->run(s) : run_runtime(s, verb);
}

/* Checks that all of standard output was written. */
static int finish_output(struct session *s, int status_so_far)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status_so_far;
	return system_error(s, errno, "write to", "standard output");
}

/* Opens the standard streams that are closed, so that no file that is opened later gets one of their numbers. */
static void keep_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* A handler of exit, for when the process ends before it is finished: only running out of memory does that. */
static void say_out_of_memory(int status, void *session)
{
	const struct session *s = session;

	(void)status;
	if (s->is_finished)
		return;
	if (option_given(&s->options, OPTION_JSON))
		diag_print_json_alone("out of memory", stderr);
	else
		fputs("sklc: out of memory\n", stderr);
}

/* Adds to the last error in the command line how the verb is called. */
static void note_usage(const struct session *s, const struct verb *verb)
{
	const struct span nowhere = {0, 0};

	if (verb)
		diag_note(s->c.diag, nowhere, "usage: %s [options]",
			  verb_synopsis(s->c.arena, verb, !s->options.is_by_word));
	else
		diag_note(s->c.diag, nowhere, "`sklc help` shows all verbs and options");
}

/* Says what can be done where nothing was asked for. */
static int nothing_to_do(struct session *s)
{
	if (option_given(&s->options, OPTION_HELP)) {
		help_overview(s->c.arena, stdout);
		return EXIT_DONE;
	}
	if (option_given(&s->options, OPTION_JSON))
		usage_error(s->c.diag, "nothing to do: give a verb, such as `sklc check RULES`");
	else
		help_overview(s->c.arena, stderr);
	return EXIT_USAGE;
}

static int run_verb(struct session *s, const struct verb *verb)
{
	if (option_given(&s->options, OPTION_HELP)) {
		help_verb(s->c.arena, verb, stdout);
		return EXIT_DONE;
	}
	if (verb_read(s, verb))
		return run(s, verb);
	note_usage(s, verb);
	return EXIT_USAGE;
}

/* Finds what is to be done and does it. IS_READ: the options are right. */
static int run_command(struct session *s, bool is_read)
{
	const struct verb *verb;
	int status = EXIT_USAGE;

	if (is_read && option_given(&s->options, OPTION_VERSION)) {
		puts("sklc " SKLC_VERSION);
		return EXIT_DONE;
	}
	verb = verb_of_session(s);
	if (is_read && verb)
		return run_verb(s, verb);
	if (!diag_error_count(s->c.diag))
		status = nothing_to_do(s);
	if (diag_error_count(s->c.diag))
		note_usage(s, verb);
	return status;
}

int main(int argc, char **argv)
{
	struct session s = {.report = {take_message}};
	int result;
	bool is_read;

	keep_standard_streams();
	json_start();
	on_exit(say_out_of_memory, &s);
	compilation_start(&s.c);
	is_read = options_read(s.c.arena, s.c.diag, argc, argv, &s.options);
	result = run_command(&s, is_read);
	result = finish_output(&s, result);
	finish_messages(&s);
	compilation_free(&s.c);
	s.is_finished = true;
	exit(result); /* not return: the handler of exit still reads s, which is in this frame */
}
