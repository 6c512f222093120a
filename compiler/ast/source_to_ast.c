/* Reads the rules files of a compilation and all that they include. Each file is parsed by itself into the node
 * that names it. Files are compared by device and inode, so that two names of one file are found out. */
#include "ast.h"
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/base/utf8.h"
#include "compiler/pipeline.h"
#include "find_files.h"
#include "parser.h"
#include "runtime/abi.h"
#include "skl.tab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { INCLUDE_DEPTH_MAX = 64, BAD_BYTES_MAX = 5 };

/* A file that is being read, and the file that includes it. */
struct reading {
	const struct reading *includer; /* NULL: the command line */
	const struct source_file *source;
	struct span span; /* of the include */
	unsigned depth;
};

struct seen_file {
	dev_t device;
	ino_t inode;
	struct span span;
	const char *name;
};

struct reader {
	struct arena *arena;
	struct arena *nodes;
	struct sources *sources;
	struct diag *diag;
	const struct compile_options *options;
	struct ast *ast;
	bool in_memory;     /* only text_to_ast: no other file may be read */
	size_t memory_next; /* of the options' files in memory, the one that is read next */
	struct seen_file *seen;
	size_t seen_count, seen_capacity;
};

/* Text. */

static bool is_plain(char c)
{
	return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\t' || c == '\r';
}

static void refuse_bytes(struct reader *r, struct span span, size_t length, uint32_t code)
{
	if (!length)
		diag_error(r->diag, span, "a byte that is not UTF-8");
	else if (!code)
		diag_error(r->diag, span, "a NUL byte");
	else
		diag_error(r->diag, span, "a control character (U+%04X)", code);
}

/* The encoding of a file whose first characters have two bytes or four; NULL: another. */
static const char *wide_encoding(const struct source_file *file)
{
	const char *text = file->text;

	if (file->length >= 4 &&
	    (!memcmp(text, "\xff\xfe\0\0", 4) || !memcmp(text, "\0\0\xfe\xff", 4)))
		return "UTF-32";
	if (file->length >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
		return "UTF-16";
	if (file->length >= 4 && !text[0] == !text[2] && !text[1] == !text[3] &&
	    !text[0] != !text[1])
		return text[0] ? "UTF-16LE" : "UTF-16BE";
	return NULL;
}

static bool check_encoding(struct reader *r, const struct source_file *file)
{
	const char *encoding = wide_encoding(file);

	if (!encoding)
		return true;
	diag_error(r->diag, (struct span){file->base, file->base + 1},
		   "the file is %s, but rules are UTF-8; 'iconv -f %s -t UTF-8' changes it",
		   encoding, encoding);
	return false;
}

/* Rules are UTF-8 without control characters, in comments and strings too. Looks no further than to a NUL. */
static void check_text(struct reader *r, const struct source_file *file)
{
	const char *nul = memchr(file->text, '\0', file->length);
	size_t end = nul ? (size_t)(nul - file->text) + 1 : file->length;
	size_t at = 0, length, bad = 0;
	struct span span;
	uint32_t code;

	while (at < end && bad < BAD_BYTES_MAX) {
		if (is_plain(file->text[at])) {
			at++;
			continue;
		}
		length = utf8_decode(file->text + at, file->length - at, &code);
		span.first = file->base + (uint32_t)at;
		span.end = span.first + (uint32_t)(length ? length : 1);
		if (!length || code < ' ' || (code >= 0x7f && code < 0xa0)) {
			refuse_bytes(r, span, length, code);
			bad++;
		}
		at += length ? length : 1;
	}
}

/* A parser of the bytes [first, end) of a file. */
static struct parser parser_of(struct arena *arena, struct arena *nodes,
			       const struct sources *sources, struct diag *diag,
			       const struct source_file *file, size_t first, size_t end)
{
	return (struct parser){
		.arena = arena,
		.nodes = nodes,
		.sources = sources,
		.diag = diag,
		.file = file,
		.next = first,
		.end = end,
		.position = file->base + (uint32_t)first,
		.field = FIELD_NONE,
	};
}

/* Parses all bytes; returns false after reporting errors. */
static bool run_parser(struct parser *p)
{
	struct span span = {p->position, p->position};
	int result = skl_run(p);

	if (result > 1)
		diag_error(p->diag, span, "no memory is left to read this");
	return !result;
}

/* A file is read no further than to a NUL; what follows is not known, so it is not parsed. */
static bool has_nul(const struct source_file *file)
{
	return memchr(file->text, '\0', file->length);
}

static struct ast_items *parse_file(struct reader *r, const struct source_file *file)
{
	struct parser p = parser_of(r->arena, r->nodes, r->sources, r->diag, file,
				    utf8_mark_length(file->text, file->length), file->length);

	p.ast = r->ast;
	p.start = TOKEN_START_RULES;
	p.items = ast_items(&p);
	if (!check_encoding(r, file))
		return p.items;
	check_text(r, file);
	if (!has_nul(file))
		run_parser(&p);
	return p.items;
}

/* Reading files. */

/* Takes the next of the files in memory; NULL with errno set if another one is asked for. */
static struct source_file *take_from_memory(struct reader *r, const char *path, struct span span)
{
	const struct memory_file *next = &r->options->memory[r->memory_next];
	struct source_file *source;

	errno = ENOENT;
	if (r->memory_next == r->options->memory_count || strcmp(next->name, path) != 0)
		return NULL;
	r->memory_next++;
	source = source_add(r->sources, next->name, next->text, next->length, span);
	if (!source)
		errno = EFBIG;
	return source;
}

static bool is_all_in_memory(const struct reader *r)
{
	return r->options && r->options->memory;
}

static const struct source_file *read_source(struct reader *r, struct found_file found,
					     struct span span)
{
	const char *path = found.path;
	struct source_file *source = is_all_in_memory(r) ? take_from_memory(r, path, span)
							 : source_read(r->sources, path, span);

	if (source && strcmp(path, "-") != 0)
		source->stored_name = found.stored_name;
	if (source)
		return source;
	if (errno == EFBIG)
		diag_error(r->diag, span,
			   "cannot read '%s': all rules together are larger than 4 GiB", path);
	else if (errno == ESPIPE)
		diag_error(r->diag, span,
			   "cannot read '%s': it is a pipe, a socket or a device, and rules may "
			   "only name files",
			   path);
	else
		diag_error(r->diag, span, "cannot read '%s': %s", path,
			   arena_errno(r->arena, errno));
	return NULL;
}

/* "a -> b -> a": the chain of includes from the file that is included again. */
static const char *cycle_path(struct reader *r, const struct reading *at, const char *name,
			      const struct seen_file *first)
{
	const char *path = name;

	for (; at; at = at->includer) {
		path = arena_printf(r->arena, "%s -> %s", at->source->name, path);
		if (!strcmp(at->source->name, first->name))
			break;
	}
	return path;
}

static bool is_being_read(const struct reading *at, const char *name)
{
	while (at && strcmp(at->source->name, name))
		at = at->includer;
	return at;
}

static void refuse_again(struct reader *r, const struct reading *includer,
			 const struct seen_file *first, const char *path, struct span span)
{
	if (is_being_read(includer, first->name)) {
		diag_error(r->diag, span, "'%s' includes itself: %s", first->name,
			   cycle_path(r, includer, path, first));
		return;
	}
	diag_error(r->diag, span, "'%s' is read a second time", path);
	if (first->span.end)
		diag_note(r->diag, first->span, "it is read here first");
}

/* Whether a file was not read before; reports it if it was. A file without a status counts as new: reading it
 * will fail and say why. */
static bool check_first_time(struct reader *r, const struct reading *includer, const char *path,
			     struct span span)
{
	bool is_stdin = !strcmp(path, "-");
	struct seen_file file = {.span = span, .name = is_stdin ? "<stdin>" : path};
	struct stat status;
	size_t i;

	if (is_all_in_memory(r)) /* each of them is read once */
		return true;
	if (is_stdin ? fstat(0, &status) : stat(path, &status))
		return true;
	file.device = status.st_dev;
	file.inode = status.st_ino;
	for (i = 0; i < r->seen_count; i++) {
		if (r->seen[i].device != file.device || r->seen[i].inode != file.inode)
			continue;
		refuse_again(r, includer, &r->seen[i], path, span);
		return false;
	}
	*ARENA_PUSH(r->arena, r->seen, r->seen_count, r->seen_capacity) = file;
	return true;
}

static void read_included(struct reader *r, const struct reading *at, struct ast_items *items);

/* Reads and parses one file and all that it includes. False if it cannot be read. */
static bool read_rules(struct reader *r, const struct reading *includer, struct found_file found,
		       struct span span, struct ast_file *file)
{
	struct reading at = {includer, NULL, span, includer ? includer->depth + 1 : 0};

	if (at.depth > INCLUDE_DEPTH_MAX) {
		diag_error(r->diag, span, "files are included deeper than %d", INCLUDE_DEPTH_MAX);
		return false;
	}
	if (!check_first_time(r, includer, found.path, span))
		return false;
	file->source = at.source = read_source(r, found, span);
	if (!file->source)
		return false;
	file->items = parse_file(r, file->source);
	read_included(r, &at, file->items);
	return true;
}

/* Reads the element files of a set or map. They may be large, and are parsed by the next pass. */
static void read_elements(struct reader *r, const struct reading *at, struct ast_element_file *file)
{
	for (; file; file = file->next) {
		const struct finder finder = {r->arena, r->options, r->memory_next};

		if (!file->name.text) /* what is wrong with it was reported */
			continue;
		if (r->in_memory) {
			diag_error(r->diag, file->name.span, "no files are read here");
			continue;
		}
		file->source = read_source(r, find_file(&finder, at->source, file->name.text),
					   file->name.span);
		if (file->source && check_encoding(r, file->source))
			check_text(r, file->source);
	}
}

static void read_include(struct reader *r, const struct reading *at, struct ast_include *include)
{
	const struct finder finder = {r->arena, r->options, r->memory_next};
	const char *pattern = include->pattern.text;
	struct found_file single, *files = &single;
	size_t count = 1, i;

	if (!pattern) /* what is wrong with it was reported */
		return;
	if (r->in_memory) {
		diag_error(r->diag, include->pattern.span, "no files are read here");
		return;
	}
	if (is_pattern(pattern))
		files = find_files(&finder, at->source, pattern, &count);
	else
		single = find_file(&finder, at->source, pattern);
	include->files = arena_alloc(r->nodes, count, sizeof(*include->files));
	for (i = 0; i < count && !diag_is_full(r->diag); i++)
		if (read_rules(r, at, files[i], include->pattern.span,
			       &include->files[include->file_count]))
			include->file_count++;
}

static void read_included(struct reader *r, const struct reading *at, struct ast_items *items)
{
	struct ast_item *item;
	size_t i;

	for (i = 0; i < items->count; i++) {
		item = items->items[i];
		if (item->kind == AST_ITEM_INCLUDE)
			read_include(r, at, (struct ast_include *)item);
		else if (item->kind == AST_ITEM_SET)
			read_elements(r, at, ((struct ast_set *)item)->files);
		else if (item->kind == AST_ITEM_MAP)
			read_elements(r, at, ((struct ast_map *)item)->files);
	}
}

/* The command line. */

static void read_definition(struct reader *r, const char *text)
{
	const struct source_file *file = source_add(r->sources, ABI_COMMAND_LINE, text,
						    strlen(text), (struct span){0, 0});
	struct parser p;

	if (!file)
		return;
	check_text(r, file);
	p = parser_of(r->arena, r->nodes, r->sources, r->diag, file, 0, file->length);
	p.ast = r->ast;
	p.start = TOKEN_START_DEFINITION;
	if (run_parser(&p))
		r->ast->definitions[r->ast->definition_count++] = p.definition;
}

static void read_definitions(struct reader *r)
{
	size_t count = r->options ? r->options->definition_count : 0, i;

	r->ast->definitions = arena_alloc(r->nodes, count, sizeof(*r->ast->definitions));
	for (i = 0; i < count; i++)
		read_definition(r, r->options->definitions[i]);
}

static void reader_start(struct reader *r, size_t file_count)
{
	r->ast = arena_alloc(r->nodes, 1, sizeof(*r->ast));
	r->ast->sources = r->sources;
	r->ast->files = arena_alloc(r->nodes, file_count, sizeof(*r->ast->files));
	read_definitions(r);
}

/* The Nth file that is not included by another one; NULL after the last. */
static const char *nth_file(const struct reader *r, size_t n)
{
	const struct compile_options *options = r->options;

	if (options->memory)
		return r->memory_next < options->memory_count ? options->memory[r->memory_next].name
							      : NULL;
	return n < options->file_count ? options->files[n] : NULL;
}

struct ast *source_to_ast(struct arena *arena, struct arena *nodes, struct sources *sources,
			  struct diag *diag, const struct compile_options *options)
{
	struct reader r = {.arena = arena,
			   .nodes = nodes,
			   .sources = sources,
			   .diag = diag,
			   .options = options};
	size_t errors = diag_error_count(diag), i;
	struct ast *ast;

	reader_start(&r, options->memory ? options->memory_count : options->file_count);
	ast = r.ast;
	for (i = 0; !diag_is_full(diag); i++) {
		const struct finder finder = {arena, options, r.memory_next};
		const char *path = nth_file(&r, i);

		if (!path)
			break;
		if (read_rules(&r, NULL, given_file(&finder, path), (struct span){0, 0},
			       &ast->files[ast->file_count]))
			ast->file_count++;
	}
	return diag_error_count(diag) == errors ? ast : NULL;
}

struct ast *text_to_ast(struct arena *arena, struct arena *nodes, struct sources *sources,
			const struct source_file *file, struct diag *diag,
			const struct compile_options *options)
{
	struct reader r = {.arena = arena,
			   .nodes = nodes,
			   .sources = sources,
			   .diag = diag,
			   .options = options,
			   .in_memory = true};
	struct reading at = {NULL, file, {0, 0}, 0};
	size_t errors = diag_error_count(diag);

	reader_start(&r, 1);
	r.ast->files[0] = (struct ast_file){file, parse_file(&r, file)};
	r.ast->file_count = 1;
	read_included(&r, &at, r.ast->files[0].items);
	return diag_error_count(diag) == errors ? r.ast : NULL;
}

const struct ast_verdict *text_to_verdict(struct arena *arena, const struct sources *sources,
					  struct span span, struct diag *diag)
{
	const struct source_file *file = source_of(sources, span);
	size_t first = span.first - file->base;
	struct parser p = parser_of(arena, arena, sources, diag, file, first,
				    first + span.end - span.first);
	struct ast none = {.sources = sources};

	p.ast = &none;
	p.start = TOKEN_START_VERDICT;
	return run_parser(&p) ? p.verdict : NULL;
}
