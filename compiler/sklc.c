/* The command: a table of what it can be asked, and a function for each. The only file that knows both
 * the compiler and the runtime. Results go to standard output, all else to standard error. */
#include "arena.h"
#include "bytecode.h"
#include "diag.h"
#include "file.h"
#include "llvm.h"
#include "options.h"
#include "pipeline.h"
#include "runtime/fail.h"
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

static int system_error(int error, const char *tried, const char *what)
{
	fail(error, "%s '%s'", tried, what);
	return EXIT_SYSTEM;
}

/* What the -W options say of interfaces, which only the machine knows. */
static enum missing_interfaces missing_interfaces(const struct options *options)
{
	struct arena *arena = arena_new();
	struct diag *diag = diag_new(arena, NULL);
	enum missing_interfaces missing = MISSING_INTERFACES_WARN;
	size_t i;

	for (i = 0; i < options->compile.warning_count; i++)
		diag_option(diag, options->compile.warnings[i]);
	if (!diag_wants(diag, WARNING_INTERFACE))
		missing = MISSING_INTERFACES_IGNORE;
	else if (diag_is_error(diag, WARNING_INTERFACE))
		missing = MISSING_INTERFACES_REFUSE;
	else if (option_given(options, OPTION_QUIET))
		missing = MISSING_INTERFACES_IGNORE;
	arena_free(arena);
	return missing;
}

static struct runtime_options runtime_options(const struct options *options)
{
	return (struct runtime_options){
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
		.missing_interfaces = missing_interfaces(options),
	};
}

/* The exit status for what a function of the runtime returned. */
static int exit_status(int err)
{
	if (err == RUNTIME_EXPECT_FAILED)
		return EXIT_RULES;
	return err ? EXIT_SYSTEM : EXIT_DONE;
}

static enum diag_color diag_color(const struct options *options)
{
	const char *no_color = getenv("NO_COLOR");

	if (options->color == COLOR_AUTO)
		return isatty(STDERR_FILENO) && !(no_color && *no_color) ? DIAG_COLOR_ALWAYS
									 : DIAG_COLOR_NEVER;
	return options->color == COLOR_ALWAYS ? DIAG_COLOR_ALWAYS : DIAG_COLOR_NEVER;
}

/* Compiles as far as asked, and prints what there is to say of it. */
static int compile_rules(const struct options *options, enum stage last, struct compilation *c)
{
	bool done = compile(c, &options->compile, last);

	if (done && option_given(options, OPTION_QUIET))
		return EXIT_DONE;
	if (option_given(options, OPTION_JSON))
		diag_print_json(c->diag, stderr);
	else
		diag_print(c->diag, stderr, diag_color(options));
	return done ? EXIT_DONE : EXIT_RULES;
}

/* Whether a file begins as an object does. A pipe is not asked, since what is read of it is gone. */
static bool begins_as_object(int fd, const struct stat *status)
{
	char magic[SELFMAG];

	return S_ISREG(status->st_mode) && pread(fd, magic, SELFMAG, 0) == SELFMAG &&
	       !memcmp(magic, ELFMAG, SELFMAG);
}

/* Whether every operand can be read, and which is an object, if one is. */
static int look_at_files(const struct options *options, const char **object)
{
	struct stat status = {0};
	size_t i;
	int fd;

	*object = NULL;
	for (i = 0; i < options->operand_count; i++) {
		if (!strcmp(options->operands[i], "-"))
			continue;
		fd = open(options->operands[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			return system_error(errno, "open", options->operands[i]);
		if (!fstat(fd, &status) && begins_as_object(fd, &status))
			*object = options->operands[i];
		close(fd);
		if (S_ISDIR(status.st_mode))
			return system_error(EISDIR, "read", options->operands[i]);
	}
	if (*object && options->operand_count > 1) {
		usage_error("an object is given alone: '%s'", *object);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/* The same, where only rules have a meaning. */
static int look_at_rules(const struct options *options)
{
	const char *object;
	int status = look_at_files(options, &object);

	if (status || !object)
		return status;
	usage_error("'%s' is compiled already; expected a file of rules", object);
	return EXIT_USAGE;
}

/* The rules that the object would replace, or NULL. */
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

static int write_object(const struct options *options)
{
	const char *rules = replaced_rules(options);
	struct compilation c;
	int status = look_at_rules(options);

	if (status)
		return status;
	if (rules) {
		usage_error("the object would replace the rules '%s'", rules);
		return EXIT_USAGE;
	}
	status = compile_rules(options, STAGE_OBJECT, &c);
	if (!status && file_write(options->output, c.object->bytes, c.object->size))
		status = system_error(errno, "write", options->output);
	compilation_free(&c);
	return status;
}

static int dump(const struct options *options)
{
	struct compilation c;
	int status = look_at_rules(options);

	if (status)
		return status;
	status = compile_rules(options, options->dump, &c);
	if (status) {
		compilation_free(&c);
		return status;
	}
	switch (options->dump) {
	case STAGE_AST:
		ast_dump(c.ast, stdout);
		break;
	case STAGE_POLICY:
		policy_dump(c.policy, stdout);
		break;
	case STAGE_DECISION:
		decision_dump(c.decision, stdout);
		break;
	case STAGE_LAYOUT:
		layout_dump(c.layout, stdout);
		break;
	case STAGE_LLVM:
		llvm_backend()->llvm_dump(c.ir, stdout);
		break;
	default:
		bytecode_dump(c.code, c.sources, stdout);
	}
	compilation_free(&c);
	return EXIT_DONE;
}

typedef int (*object_use)(const struct object_image *image, const struct runtime_options *options,
			  FILE *out);

static int use_object_file(const struct options *options, object_use use)
{
	const struct runtime_options runtime = runtime_options(options);
	struct object_image image = {.name = options->operands[0]};
	unsigned char *bytes = file_read(image.name, &image.size);
	int err;

	if (!bytes)
		return system_error(errno, "read", image.name);
	image.bytes = bytes;
	err = use(&image, &runtime, stdout);
	free(bytes);
	return exit_status(err);
}

static int use_rules(const struct options *options, object_use use)
{
	const struct runtime_options runtime = runtime_options(options);
	struct object_image image = {.name = options->operands[0]};
	struct compilation c;
	int status = compile_rules(options, STAGE_OBJECT, &c);

	if (!status) {
		image.bytes = c.object->bytes;
		image.size = c.object->size;
		status = exit_status(use(&image, &runtime, stdout));
	}
	compilation_free(&c);
	return status;
}

static int use_operands(const struct options *options, object_use use)
{
	const char *object;
	int status = look_at_files(options, &object);

	if (status)
		return status;
	return object ? use_object_file(options, use) : use_rules(options, use);
}

static int check(const struct options *options)
{
	return use_operands(options, runtime_check);
}

static int apply(const struct options *options)
{
	return use_operands(options, runtime_apply);
}

static int confirm(const struct options *options)
{
	const struct runtime_options runtime = runtime_options(options);

	return exit_status(runtime_confirm(&runtime, stdout));
}

static int rollback(const struct options *options)
{
	const struct runtime_options runtime = runtime_options(options);

	return exit_status(runtime_rollback(&runtime, stdout));
}

static int reset(const struct options *options)
{
	const struct runtime_options runtime = runtime_options(options);

	return exit_status(runtime_reset(&runtime, stdout));
}

static int detach(const struct options *options)
{
	const struct runtime_options runtime = runtime_options(options);

	return exit_status(runtime_detach(&runtime, stdout));
}

static int list(const struct options *options)
{
	const struct runtime_options runtime = runtime_options(options);

	return exit_status(runtime_list(&runtime, stdout));
}

static int status(const struct options *options)
{
	const struct runtime_options runtime = runtime_options(options);
	bool complete = false;

	if (runtime_status(&runtime, stdout, &complete))
		return EXIT_SYSTEM;
	return complete ? EXIT_DONE : EXIT_RULES;
}

static int sync_sockets(const struct options *options)
{
	const struct runtime_options runtime = runtime_options(options);

	return exit_status(runtime_sync(&runtime, stdout));
}

static int register_socket(const struct options *options)
{
	const struct runtime_options runtime = runtime_options(options);

	if (options->pid < 1 || options->fd < 0) {
		usage_error("register says which socket: --pid PID --fd FD");
		return EXIT_USAGE;
	}
	return exit_status(runtime_register(options->operands[1], options->pid, options->fd,
					    &runtime, stdout));
}

static int unregister(const struct options *options)
{
	static const char *const words[] = {"tcp", "udp", "ipv4", "ipv6"};
	const struct runtime_options runtime = runtime_options(options);
	int protocol = 0, family = AF_UNSPEC, word;
	size_t i;

	for (i = 2; i < options->operand_count; i++) {
		word = find_word("protocol or family", options->operands[i], words, 4);
		if (word < 0)
			return EXIT_USAGE;
		if (word < 2)
			protocol = word ? IPPROTO_UDP : IPPROTO_TCP;
		else
			family = word == 3 ? AF_INET6 : AF_INET;
	}
	return exit_status(
		runtime_unregister(options->operands[1], protocol, family, &runtime, stdout));
}

#define FOR_ALL (OPTION_BIT(JSON) | OPTION_BIT(COLOR) | OPTION_BIT(QUIET) | OPTION_BIT(VERBOSE))
#define FOR_COMPILING                                                                              \
	(FOR_ALL | OPTION_BIT(DEFINE) | OPTION_BIT(INCLUDE) | OPTION_BIT(WARNING) |                \
	 OPTION_BIT(TABLES) | OPTION_BIT(BACKEND) | OPTION_BIT(TABLES_MAX))
#define FOR_APPLYING                                                                               \
	(OPTION_BIT(APPLY) | OPTION_BIT(REQUIRE_SOCKETS) | OPTION_BIT(CONFIRM) |                   \
	 OPTION_BIT(IF_GENERATION))
#define FOR_RUNNING (FOR_ALL | OPTION_BIT(NETNS) | OPTION_BIT(BPFFS))

enum { ANY_NUMBER = 1 << 30, ACTION_COUNT = 4 };

/* The actions, which options name, come first; then the verbs. */
static const struct command {
	const char *word;
	uint32_t takes;                    /* options */
	size_t operands_min, operands_max; /* with the verb itself */
	int (*run)(const struct options *options);
	const char *synopsis, *meaning;
} commands[] = {
	{"--output", FOR_COMPILING | OPTION_BIT(OUTPUT), 1, ANY_NUMBER, write_object,
	 "sklc RULES... -o PROG.o", "compile to a BPF object"},
	{"--check", FOR_COMPILING | FOR_RUNNING | OPTION_BIT(CHECK), 1, ANY_NUMBER, check,
	 "sklc --check RULES...|PROG.o", "dry run, attaching nothing"},
	{"--apply", FOR_COMPILING | FOR_RUNNING | FOR_APPLYING, 1, ANY_NUMBER, apply,
	 "sklc --apply RULES...|PROG.o", "attach to a network namespace"},
	{"--dump", FOR_COMPILING | OPTION_BIT(DUMP), 1, ANY_NUMBER, dump,
	 "sklc --dump STAGE RULES...", "print a form of the rules"},
	{"list", FOR_RUNNING, 1, 1, list, "sklc list", "the rules that are applied, as written"},
	{"status", FOR_RUNNING | OPTION_BIT(ALL), 1, 1, status, "sklc status",
	 "labels and their sockets, rules and their counters"},
	{"register", FOR_RUNNING | OPTION_BIT(PID) | OPTION_BIT(FD), 2, 2, register_socket,
	 "sklc register LABEL --pid PID --fd FD", "put a socket behind a label"},
	{"unregister", FOR_RUNNING, 2, 4, unregister, "sklc unregister LABEL [tcp|udp] [ipv4|ipv6]",
	 "take it away again"},
	{"sync", FOR_RUNNING, 1, 1, sync_sockets, "sklc sync",
	 "look for the declared sockets again"},
	{"confirm", FOR_RUNNING, 1, 1, confirm, "sklc confirm", "keep rules that are on trial"},
	{"rollback", FOR_RUNNING | OPTION_BIT(IF_GENERATION), 1, 1, rollback, "sklc rollback",
	 "back to the rules applied before"},
	{"reset", FOR_RUNNING, 1, 1, reset, "sklc reset", "set the counters to zero"},
	{"detach", FOR_RUNNING, 1, 1, detach, "sklc detach", "take the rules off the namespace"},
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
	fputs("\nExit status: 0 done; 1 the rules are at fault; 2 the command line; 3 the system.\n"
	      "The rules are described in sklc.conf(5), the rest in sklc(1).\n",
	      out);
}

/* The command that a verb names; NULL after saying that there is none. */
static const struct command *find_verb(const char *word)
{
	const char *verbs[COMMAND_COUNT - ACTION_COUNT];
	size_t i;
	int found;

	if (!access(word, F_OK)) {
		usage_error("say what to do with '%s': -o FILE, --check, --apply or --dump STAGE",
			    word);
		return NULL;
	}
	for (i = 0; i < COMMAND_COUNT - ACTION_COUNT; i++)
		verbs[i] = commands[ACTION_COUNT + i].word;
	found = find_word("verb", word, verbs, COMMAND_COUNT - ACTION_COUNT);
	return found < 0 ? NULL : &commands[ACTION_COUNT + found];
}

/* What the options ask for, else what the first operand does. */
static const struct command *find_command(const struct options *options)
{
	static const enum option_id actions[ACTION_COUNT] = {OPTION_OUTPUT, OPTION_CHECK,
							     OPTION_APPLY, OPTION_DUMP};
	const struct command *command = NULL;
	size_t i;

	for (i = 0; i < ACTION_COUNT; i++) {
		if (!option_given(options, actions[i]))
			continue;
		if (command) {
			usage_error("%s and %s do not go together", command->word,
				    commands[i].word);
			return NULL;
		}
		command = &commands[i];
	}
	if (command || options->operand_count)
		return command ? command : find_verb(options->operands[0]);
	usage(stderr);
	return NULL;
}

/* Whether the options and the number of operands are such as the command takes. */
static bool suits(const struct command *command, const struct options *options)
{
	const uint32_t others = options->given & ~command->takes;

	if (others) {
		usage_error("%s does not go with '%s'",
			    option_word((enum option_id)__builtin_ctz(others)), command->word);
		return false;
	}
	if (options->operand_count >= command->operands_min &&
	    options->operand_count <= command->operands_max)
		return true;
	usage_error("%s: %s",
		    options->operand_count < command->operands_min ? "too few words"
								   : "too many words",
		    command->synopsis);
	return false;
}

/* Runs a command with no more privilege than it needs: those that know of namespaces ask the kernel. */
static int run(const struct command *command, const struct options *options)
{
	const enum runtime_use use = command->takes & OPTION_BIT(NETNS) ? RUNTIME_USE_KERNEL
									: RUNTIME_USE_COMPILE;

	return runtime_limit_privileges(use) ? EXIT_SYSTEM : command->run(options);
}

/* What was written to standard output must have arrived. */
static int finish_output(int status_so_far)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status_so_far;
	return system_error(errno, "write to", "standard output");
}

/* A file that is opened must never get the number of a standard stream. */
static void keep_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct arena *arena = arena_new();
	const struct command *command = NULL;
	struct options options;
	int result = EXIT_USAGE;

	keep_standard_streams();
	if (!options_read(arena, argc, argv, &options)) {
		arena_free(arena);
		return EXIT_USAGE;
	}
	if (option_given(&options, OPTION_HELP)) {
		usage(stdout);
		result = EXIT_DONE;
	} else if (option_given(&options, OPTION_VERSION)) {
		puts("sklc " SKLC_VERSION);
		result = EXIT_DONE;
	} else {
		command = find_command(&options);
		if (command && suits(command, &options))
			result = run(command, &options);
	}
	arena_free(arena);
	return finish_output(result);
}
