/* The command: a table of actions and verbs, and a function for each. The only file that knows both the
 * compiler and the runtime. Results go to standard output, everything else to standard error. */
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/base/file.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/llvm/llvm.h"
#include "compiler/object/object.h"
#include "options.h"
#include "pipeline.h"
#include "runtime/base/fail.h"
#include "runtime/runtime.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_DONE, EXIT_RULES, EXIT_USAGE, EXIT_SYSTEM };

/* One run of the command: its options, the compilation, and where the runtime reports. */
struct session {
	struct report report; /* must be first: take_message gets the session from it */
	struct options options;
	struct compilation c;
	bool is_finished;
};

static enum diag_color diag_color(const struct options *options)
{
	const char *no_color = getenv("NO_COLOR");

	if (options->color == COLOR_AUTO)
		return isatty(STDERR_FILENO) && !(no_color && *no_color) ? DIAG_COLOR_ALWAYS
									 : DIAG_COLOR_NEVER;
	return options->color == COLOR_ALWAYS ? DIAG_COLOR_ALWAYS : DIAG_COLOR_NEVER;
}

static void print_to(const struct session *s, FILE *out)
{
	if (option_given(&s->options, OPTION_JSON))
		diag_print_json(s->c.diag, out);
	else
		diag_print(s->c.diag, out, diag_color(&s->options));
}

/* Prints in one write, so that the messages of several processes do not mix. */
static void print_diagnostics(const struct session *s)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		print_to(s, stderr);
		return;
	}
	print_to(s, out);
	if (!fclose(out))
		fwrite(text, 1, size, stderr);
	free(text);
}

/* Prints messages so far as text. JSON is printed at the end, as one document. */
static void say(const struct session *s)
{
	if (!option_given(&s->options, OPTION_JSON))
		print_diagnostics(s);
}

static struct span span_of(struct sources *sources, const struct excerpt *excerpt)
{
	const struct source_file *line = excerpt ? source_add_line(sources, excerpt->file,
								   excerpt->line, excerpt->text)
						 : NULL;

	if (!line)
		return (struct span){0, 0};
	return (struct span){line->base + (uint32_t)excerpt->first,
			     line->base + (uint32_t)excerpt->end};
}

/* Queues a message of the runtime. */
static bool take_message(struct report *report, const struct message *message)
{
	static const enum diag_kind kinds[] = {[SEVERITY_NOTE] = DIAG_NOTE,
					       [SEVERITY_WARNING] = DIAG_WARNING,
					       [SEVERITY_ERROR] = DIAG_ERROR};
	struct session *s = (struct session *)report;
	bool is_error = diag_message(s->c.diag, kinds[message->severity], message->name,
				     span_of(s->c.sources, message->excerpt), message->text,
				     message->details);

	say(s);
	return is_error;
}

static int system_error(struct session *s, int error, const char *tried, const char *what)
{
	fail(&s->report, error, "%s '%s'", tried, what);
	return EXIT_SYSTEM;
}

static struct runtime_options runtime_options(struct session *s)
{
	const struct options *options = &s->options;

	return (struct runtime_options){
		.report = &s->report,
		.netns = options->netns,
		.bpffs = options->bpffs,
		.json = option_given(options, OPTION_JSON),
		.quiet = option_given(options, OPTION_QUIET),
		.verbose = option_given(options, OPTION_VERBOSE),
		.require_sockets = option_given(options, OPTION_REQUIRE_SOCKETS),
		.all = option_given(options, OPTION_ALL),
		.confirm_seconds = options->confirm_seconds > 0 ? (uint32_t)options->confirm_seconds
								: 0,
		.has_if_generation = option_given(options, OPTION_IF_GENERATION),
		.if_generation = (uint32_t)options->if_generation,
	};
}

/* The exit status for what a function of the runtime returned. */
static int exit_status(int err)
{
	if (err == RUNTIME_EXPECT_FAILED)
		return EXIT_RULES;
	return err ? EXIT_SYSTEM : EXIT_DONE;
}

/* Compiles up to a stage, and prints the messages. */
static int compile_rules(struct session *s, enum stage last)
{
	bool done = compile(&s->c, &s->options.compile, last);

	say(s);
	return done ? EXIT_DONE : EXIT_RULES;
}

/* Whether a file begins as an object does. Not for a pipe, where what is read is gone for the next reader. */
static bool begins_as_object(int fd, const struct stat *status)
{
	char magic[SELFMAG];

	return S_ISREG(status->st_mode) && pread(fd, magic, SELFMAG, 0) == SELFMAG &&
	       !memcmp(magic, ELFMAG, SELFMAG);
}

/* Checks that every operand can be read; *OBJECT is the one that is an object, or NULL. */
static int look_at_files(struct session *s, const char **object)
{
	struct stat status = {0};
	size_t i;
	int fd;

	*object = NULL;
	for (i = 0; i < s->options.operand_count; i++) {
		if (!strcmp(s->options.operands[i], "-"))
			continue;
		fd = open(s->options.operands[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			return system_error(s, errno, "open", s->options.operands[i]);
		if (!fstat(fd, &status) && begins_as_object(fd, &status))
			*object = s->options.operands[i];
		close(fd);
		if (S_ISDIR(status.st_mode))
			return system_error(s, EISDIR, "read", s->options.operands[i]);
	}
	if (*object && s->options.operand_count > 1) {
		usage_error(s->c.diag, "an object is given alone: '%s'", *object);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/* As look_at_files, for commands that take only rules. */
static int look_at_rules(struct session *s)
{
	const char *object;
	int status = look_at_files(s, &object);

	if (status || !object)
		return status;
	usage_error(s->c.diag, "'%s' is compiled already; expected a file of rules", object);
	return EXIT_USAGE;
}

/* The operand that writing the object would overwrite, or NULL. */
static const char *replaced_rules(const struct options *options)
{
	struct stat output, rules;
	size_t i;

	if (lstat(options->output, &output) || !S_ISREG(output.st_mode))
		return NULL;
	for (i = 0; i < options->operand_count; i++)
		if (!stat(options->operands[i], &rules) && rules.st_dev == output.st_dev &&
		    rules.st_ino == output.st_ino)
			return options->operands[i];
	return NULL;
}

static int write_object(struct session *s)
{
	const char *rules = replaced_rules(&s->options);
	int status = look_at_rules(s);

	if (status)
		return status;
	if (rules) {
		usage_error(s->c.diag, "the object would replace the rules '%s'", rules);
		return EXIT_USAGE;
	}
	status = compile_rules(s, STAGE_OBJECT);
	if (!status && file_write(s->options.output, s->c.object->bytes, s->c.object->size))
		status = system_error(s, errno, "write", s->options.output);
	return status;
}

static int dump(struct session *s)
{
	int status = look_at_rules(s);

	if (status)
		return status;
	status = compile_rules(s, s->options.dump);
	if (status)
		return status;
	switch (s->options.dump) {
	case STAGE_AST:
		ast_dump(s->c.ast, stdout);
		break;
	case STAGE_POLICY:
		policy_dump(s->c.policy, stdout);
		break;
	case STAGE_DECISION:
		decision_dump(s->c.decision, stdout);
		break;
	case STAGE_LAYOUT:
		layout_dump(s->c.layout, stdout);
		break;
	case STAGE_LLVM:
		llvm_backend()->llvm_dump(s->c.ir, stdout);
		break;
	case STAGE_EMITTED:
		bytecode_dump(s->c.emitted, s->c.sources, stdout);
		break;
	default:
		bytecode_dump(s->c.code, s->c.sources, stdout);
	}
	return EXIT_DONE;
}

typedef int (*object_use)(const struct object_image *image, const struct runtime_options *options,
			  FILE *out);

static int use_object_file(struct session *s, object_use use)
{
	const struct runtime_options runtime = runtime_options(s);
	struct object_image image = {.name = s->options.operands[0]};
	unsigned char *bytes = file_read(image.name, &image.size);
	int err;

	if (!bytes)
		return system_error(s, errno, "read", image.name);
	image.bytes = bytes;
	err = use(&image, &runtime, stdout);
	free(bytes);
	return exit_status(err);
}

static int use_rules(struct session *s, object_use use)
{
	const struct runtime_options runtime = runtime_options(s);
	struct object_image image = {.name = s->options.operands[0]};
	int status = compile_rules(s, STAGE_OBJECT);

	if (!status) {
		image.bytes = s->c.object->bytes;
		image.size = s->c.object->size;
		status = exit_status(use(&image, &runtime, stdout));
	}
	return status;
}

static int use_operands(struct session *s, object_use use)
{
	const char *object;
	int status = look_at_files(s, &object);

	if (status)
		return status;
	return object ? use_object_file(s, use) : use_rules(s, use);
}

static int check(struct session *s)
{
	return use_operands(s, runtime_check);
}

static int apply(struct session *s)
{
	return use_operands(s, runtime_apply);
}

static int status(struct session *s)
{
	const struct runtime_options runtime = runtime_options(s);
	bool complete = false;

	if (runtime_status(&runtime, stdout, &complete))
		return EXIT_SYSTEM;
	return complete ? EXIT_DONE : EXIT_RULES;
}

static int register_socket(struct session *s)
{
	const struct runtime_options runtime = runtime_options(s);

	if (s->options.pid < 1 || s->options.fd < 0) {
		usage_error(s->c.diag, "register says which socket: --pid PID --fd FD");
		return EXIT_USAGE;
	}
	return exit_status(runtime_register(s->options.operands[1], s->options.pid, s->options.fd,
					    &runtime, stdout));
}

static int unregister(struct session *s)
{
	static const char *const words[] = {"tcp", "udp", "ipv4", "ipv6"};
	const struct runtime_options runtime = runtime_options(s);
	int protocol = 0, family = AF_UNSPEC, word;
	size_t i;

	for (i = 2; i < s->options.operand_count; i++) {
		word = find_word(s->c.diag, "protocol or family", s->options.operands[i], words, 4);
		if (word < 0)
			return EXIT_USAGE;
		if (word < 2)
			protocol = word ? IPPROTO_UDP : IPPROTO_TCP;
		else
			family = word == 3 ? AF_INET6 : AF_INET;
	}
	return exit_status(
		runtime_unregister(s->options.operands[1], protocol, family, &runtime, stdout));
}

#define FOR_ALL (OPTION_BIT(JSON) | OPTION_BIT(COLOR) | OPTION_BIT(QUIET) | OPTION_BIT(VERBOSE))
#define FOR_COMPILING                                                                              \
	(FOR_ALL | OPTION_BIT(DEFINE) | OPTION_BIT(INCLUDE) | OPTION_BIT(WARNING) |                \
	 OPTION_BIT(TABLES) | OPTION_BIT(BACKEND) | OPTION_BIT(TABLES_MAX) |                       \
	 OPTION_BIT(INSTRUCTIONS_MAX))
#define FOR_APPLYING                                                                               \
	(OPTION_BIT(APPLY) | OPTION_BIT(REQUIRE_SOCKETS) | OPTION_BIT(CONFIRM) |                   \
	 OPTION_BIT(IF_GENERATION))
#define FOR_RUNNING (FOR_ALL | OPTION_BIT(NETNS) | OPTION_BIT(BPFFS))

enum { ANY_NUMBER = 1 << 30, ACTION_COUNT = 4 };

/* The actions, which are named by options, come first, then the verbs. */
static const struct command {
	const char *word;
	uint32_t takes;                    /* options */
	size_t operands_min, operands_max; /* counting the verb */
	int (*run)(struct session *s);
	int (*runtime)(const struct runtime_options *options, FILE *out); /* where RUN is NULL */
	const char *synopsis, *meaning;
} commands[] = {
	{"--output", FOR_COMPILING | OPTION_BIT(OUTPUT), 1, ANY_NUMBER, write_object, NULL,
	 "sklc RULES... -o PROG.o", "compile to a BPF object"},
	{"--check", FOR_COMPILING | FOR_RUNNING | OPTION_BIT(CHECK), 1, ANY_NUMBER, check, NULL,
	 "sklc --check RULES...|PROG.o", "dry run, attaching nothing"},
	{"--apply", FOR_COMPILING | FOR_RUNNING | FOR_APPLYING, 1, ANY_NUMBER, apply, NULL,
	 "sklc --apply RULES...|PROG.o", "attach to a network namespace"},
	{"--dump", FOR_COMPILING | OPTION_BIT(DUMP), 1, ANY_NUMBER, dump, NULL,
	 "sklc --dump STAGE RULES...", "print a form of the rules"},
	{"list", FOR_RUNNING, 1, 1, NULL, runtime_list, "sklc list",
	 "the rules that are applied, as written"},
	{"status", FOR_RUNNING | OPTION_BIT(ALL), 1, 1, status, NULL, "sklc status",
	 "labels and their sockets, rules and their counters"},
	{"register", FOR_RUNNING | OPTION_BIT(PID) | OPTION_BIT(FD), 2, 2, register_socket, NULL,
	 "sklc register LABEL --pid PID --fd FD", "put a socket behind a label"},
	{"unregister", FOR_RUNNING, 2, 4, unregister, NULL,
	 "sklc unregister LABEL [tcp|udp] [ipv4|ipv6]", "take it away again"},
	{"sync", FOR_RUNNING, 1, 1, NULL, runtime_sync, "sklc sync",
	 "look for the declared sockets again"},
	{"confirm", FOR_RUNNING, 1, 1, NULL, runtime_confirm, "sklc confirm",
	 "keep rules that are on trial"},
	{"rollback", FOR_RUNNING | OPTION_BIT(IF_GENERATION), 1, 1, NULL, runtime_rollback,
	 "sklc rollback", "back to the rules applied before"},
	{"reset", FOR_RUNNING, 1, 1, NULL, runtime_reset, "sklc reset", "set the counters to zero"},
	{"detach", FOR_RUNNING, 1, 1, NULL, runtime_detach, "sklc detach",
	 "take the rules off the namespace"},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void usage(FILE *out)
{
	size_t i;

	fputs("sklc decides by rules which socket gets a new connection or datagram\n\n", out);
	for (i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-46s%s\n", commands[i].synopsis, commands[i].meaning);
	fputs("\n", out);
	options_help(out);
	fputs("\nExit status: 0 done; 1 the rules are at fault; 2 the command line; 3 the "
	      "system.\n"
	      "The rules are described in sklc.conf(5), the rest in sklc(1).\n",
	      out);
}

/* The command that a verb names; NULL after reporting that it is unknown. */
static const struct command *find_verb(struct session *s, const char *word)
{
	const char *verbs[COMMAND_COUNT - ACTION_COUNT];
	size_t i;
	int found;

	if (!access(word, F_OK)) {
		usage_error(s->c.diag,
			    "say what to do with '%s': -o FILE, --check, --apply or "
			    "--dump STAGE",
			    word);
		return NULL;
	}
	for (i = 0; i < COMMAND_COUNT - ACTION_COUNT; i++)
		verbs[i] = commands[ACTION_COUNT + i].word;
	found = find_word(s->c.diag, "verb", word, verbs, COMMAND_COUNT - ACTION_COUNT);
	return found < 0 ? NULL : &commands[ACTION_COUNT + found];
}

/* The action that an option names, else the verb that is the first operand; NULL after reporting. */
static const struct command *find_command(struct session *s)
{
	const struct options *options = &s->options;
	static const enum option_id actions[ACTION_COUNT] = {OPTION_OUTPUT, OPTION_CHECK,
							     OPTION_APPLY, OPTION_DUMP};
	const struct command *command = NULL;
	size_t i;

	for (i = 0; i < ACTION_COUNT; i++) {
		if (!option_given(options, actions[i]))
			continue;
		if (command) {
			usage_error(s->c.diag, "%s and %s do not go together", command->word,
				    commands[i].word);
			return NULL;
		}
		command = &commands[i];
	}
	if (command || options->operand_count)
		return command ? command : find_verb(s, options->operands[0]);
	if (option_given(options, OPTION_JSON))
		usage_error(s->c.diag, "nothing to do: give rules and an action, or a verb");
	else
		usage(stderr);
	return NULL;
}

/* Checks that the command takes these options and this number of operands. */
static bool suits(struct session *s, const struct command *command)
{
	const struct options *options = &s->options;
	const uint32_t others = options->given & ~command->takes;

	if (others) {
		usage_error(s->c.diag, "%s does not go with '%s'",
			    option_word((enum option_id)__builtin_ctz(others)), command->word);
		return false;
	}
	if (options->operand_count >= command->operands_min &&
	    options->operand_count <= command->operands_max)
		return true;
	usage_error(s->c.diag, "%s: %s",
		    options->operand_count < command->operands_min ? "too few words"
								   : "too many words",
		    command->synopsis);
	return false;
}

/* Drops all privileges that the command does not need, then runs it. Commands that take --netns use the kernel. */
static int run(struct session *s, const struct command *command)
{
	const enum runtime_use use = command->takes & OPTION_BIT(NETNS) ? RUNTIME_USE_KERNEL
									: RUNTIME_USE_COMPILE;
	const struct runtime_options runtime = runtime_options(s);

	if (runtime_limit_privileges(&s->report, use))
		return EXIT_SYSTEM;
	return command->run ? command->run(s) : exit_status(command->runtime(&runtime, stdout));
}

/* Checks that all of standard output was written. */
static int finish_output(struct session *s, int status_so_far)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status_so_far;
	return system_error(s, errno, "write to", "standard output");
}

/* Prints what is left of the messages. With --json there is always a document, except with -q where there is
 * nothing to report. */
static void finish_diagnostics(const struct session *s)
{
	bool is_silent = option_given(&s->options, OPTION_QUIET) && diag_is_empty(s->c.diag);

	if (!option_given(&s->options, OPTION_JSON) || !is_silent)
		print_diagnostics(s);
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

static int run_command(struct session *s)
{
	const struct command *command;

	if (option_given(&s->options, OPTION_HELP)) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (option_given(&s->options, OPTION_VERSION)) {
		puts("sklc " SKLC_VERSION);
		return EXIT_DONE;
	}
	command = find_command(s);
	return command && suits(s, command) ? run(s, command) : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct session s = {.report = {take_message}};
	int result = EXIT_USAGE;

	keep_standard_streams();
	on_exit(say_out_of_memory, &s);
	compilation_start(&s.c);
	if (options_read(s.c.arena, s.c.diag, argc, argv, &s.options))
		result = run_command(&s);
	result = finish_output(&s, result);
	finish_diagnostics(&s);
	compilation_free(&s.c);
	s.is_finished = true;
	exit(result); /* not return: the handler of exit still reads s, which is in this frame */
}
