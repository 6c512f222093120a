/* The verbs that compile rules, or take an object that was compiled before. */
#include "actions.h"
#include "messages.h"
#include "verify.h"

#include "compiler/base/diag.h"
#include "compiler/base/file.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/llvm/llvm.h"
#include "compiler/object/object.h"
#include "runtime/runtime.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Compiles up to a stage, and prints the messages. */
static int compile_rules(struct session *s, enum stage last)
{
	bool done = compile(&s->c, &s->options.compile, last);

	say(s);
	return done ? EXIT_DONE : EXIT_RULES;
}

/* Whether a regular file begins as an object does. Returns 0, or an errno. */
static int read_magic(const char *file, bool *is)
{
	char magic[SELFMAG];
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	*is = pread(fd, magic, SELFMAG, 0) == SELFMAG && !memcmp(magic, ELFMAG, SELFMAG);
	close(fd);
	return 0;
}

/* Whether FILE is an object, and whether it can be read. A pipe or a device is no object, and is not opened: what is
 * read from it is gone for the next reader, and a pipe's writer would not wait for that one. Returns 0, or an errno. */
static int look_at_file(const char *file, bool *is)
{
	struct stat status;

	*is = false;
	if (stat(file, &status))
		return errno;
	if (S_ISDIR(status.st_mode))
		return EISDIR;
	if (S_ISREG(status.st_mode))
		return read_magic(file, is);
	return faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) ? errno : 0;
}

bool is_object(const char *file)
{
	bool is;

	return !look_at_file(file, &is) && is;
}

/* Checks that every operand can be read; *OBJECT is the one that is an object, or NULL. */
static int look_at_files(struct session *s, const char **object)
{
	size_t i;

	*object = NULL;
	for (i = 0; i < s->options.compile.file_count; i++) {
		const char *file = s->options.compile.files[i];
		bool is;
		int error;

		if (!strcmp(file, "-"))
			continue;
		error = look_at_file(file, &is);
		if (error)
			return system_error(s, error, error == EISDIR ? "read" : "open", file);
		if (is)
			*object = file;
	}
	if (*object && s->options.compile.file_count > 1) {
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
	for (i = 0; i < options->compile.file_count; i++)
		if (!stat(options->compile.files[i], &rules) && rules.st_dev == output.st_dev &&
		    rules.st_ino == output.st_ino)
			return options->compile.files[i];
	return NULL;
}

int write_object(struct session *s)
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

int dump(struct session *s)
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
	struct runtime_options runtime = runtime_options(s);
	struct object_image image = {.name = s->options.compile.files[0]};
	unsigned char *bytes = file_read(image.name, &image.size);
	int status = EXIT_DONE;

	if (!bytes)
		return system_error(s, errno, "read", image.name);
	image.bytes = bytes;
	/* What is verified is as good as what is compiled here. */
	runtime.guarded = !option_given(&s->options, OPTION_VERIFY);
	if (!runtime.guarded)
		status = verify_object(s, &image);
	if (!status)
		status = exit_status(use(&image, &runtime, stdout));
	free(bytes);
	return status;
}

static int use_rules(struct session *s, object_use use)
{
	const struct runtime_options runtime = runtime_options(s);
	struct object_image image = {.name = s->options.compile.files[0]};
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
	if (!object && option_given(&s->options, OPTION_VERIFY)) {
		usage_error(s->c.diag, "--verify is for an object; '%s' is compiled here",
			    s->options.compile.files[0]);
		return EXIT_USAGE;
	}
	return object ? use_object_file(s, use) : use_rules(s, use);
}

int check(struct session *s)
{
	return use_operands(s, runtime_check);
}

int apply(struct session *s)
{
	return use_operands(s, runtime_apply);
}
