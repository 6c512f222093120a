/* Compiles the rules in an object again. An object is data that anybody may have written, and only the program in it
 * decides, so this is how `list` is known to show what decides. */
#include "verify.h"

#include "actions.h"
#include "session.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/llvm/llvm.h"
#include "compiler/object/object.h"
#include "runtime/base/fail.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* Reports that this sklc cannot make the object again. */
static int refuse_other(struct session *s, const struct object_image *image,
			const struct runtime_origin *origin, const char *why)
{
	return refuse(
		&s->report, ENOTSUP,
		"object '%s' was made by %s (%s), and %s: only what made it can verify it; or "
		"compile its rules again",
		image->name, origin->compiler, origin->backend, why);
}

/* Reads the back end; false if this command does not have the same. */
static bool read_backend(const char *words, struct compile_options *options)
{
	static const char llvm[] = "llvm ";

	if (!strcmp(words, "direct")) {
		options->backend = BACKEND_DIRECT;
		return true;
	}
	if (strncmp(words, llvm, strlen(llvm)) != 0 || !llvm_backend() ||
	    strcmp(words + strlen(llvm), llvm_backend()->llvm_version) != 0)
		return false;
	options->backend = BACKEND_LLVM;
	options->backend_version = llvm_backend()->llvm_version;
	return true;
}

static bool read_tables(const char *word, struct compile_options *options)
{
	static const char *const kinds[] = {
#define TABLE_KIND_WORD(constant, word) [TABLES_##constant] = word,
		TABLE_KINDS(TABLE_KIND_WORD)
#undef TABLE_KIND_WORD
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i], word) != 0)
			continue;
		options->tables = (enum table_kind)i;
		return true;
	}
	return false;
}

/* Reads the options that the object was made with. */
static int read_options(struct session *s, const struct object_image *image,
			const struct runtime_origin *origin, struct compile_options *options)
{
	if (!origin->is_of_this_format)
		return refuse(&s->report, ENOTSUP,
			      "object '%s' is of an older format, which this sklc does not write: "
			      "compile its rules again",
			      image->name);
	if (!origin->is_of_this_version)
		return refuse_other(s, image, origin, "this is sklc " SKLC_VERSION);
	if (!read_backend(origin->backend, options))
		return refuse_other(s, image, origin, "this sklc does not have that back end");
	if (!read_tables(origin->tables, options) || origin->instructions_max > INT_MAX)
		return refuse(&s->report, EINVAL,
			      "object '%s': the options in its header make no sense", image->name);
	options->instructions_max = (int)origin->instructions_max;
	options->table_bytes_max = (size_t)origin->tables_max;
	options->freeze_tables = origin->tables_frozen;
	options->parts = (enum parts)origin->parts; /* the same numbers: see metadata.c */
	return 0;
}

static void give_files(struct arena *arena, const struct runtime_origin *origin,
		       struct compile_options *options)
{
	struct memory_file *files = arena_alloc(arena, origin->file_count, sizeof(*files));
	size_t i;

	for (i = 0; i < origin->file_count; i++)
		files[i] = (struct memory_file){origin->files[i].name, origin->files[i].text,
						origin->files[i].length};
	options->memory = files;
	options->memory_count = origin->file_count;
	options->definitions = origin->definitions;
	options->definition_count = origin->definition_count;
}

/* Compiles in a compilation of its own, whose messages nobody needs: the rules compiled once. */
static int make_and_compare(struct session *s, const struct object_image *image,
			    const struct runtime_origin *origin, struct compile_options *options)
{
	struct object_image again = {.name = "the same rules"};
	struct compilation c;
	int err;

	compilation_start(&c);
	give_files(c.arena, origin, options);
	if (compile(&c, options, STAGE_OBJECT)) {
		again.bytes = c.object->bytes;
		again.size = c.object->size;
		err = runtime_compare(&s->report, image, &again);
	} else {
		err = refuse(&s->report, RUNTIME_DIFFERENT,
			     "object '%s' is not what the rules in it compile to: they do not "
			     "compile; do not trust it",
			     image->name);
	}
	compilation_free(&c);
	return err;
}

int verify_object(struct session *s, const struct object_image *image)
{
	struct compile_options options = {0};
	struct runtime_origin origin;
	int err = runtime_origin(&s->report, image, &origin);

	if (err)
		return exit_status(err);
	err = read_options(s, image, &origin, &options);
	if (!err)
		err = make_and_compare(s, image, &origin, &options);
	if (!err)
		note(&s->report, "'%s' is what %s (%s) compiles the rules in it to", image->name,
		     origin.compiler, origin.backend);
	runtime_origin_free(&origin);
	return exit_status(err);
}
