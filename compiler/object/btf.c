/*
 * Writes BTF with libbpf, and .BTF.ext by hand, since libbpf has no writer for it. Maps are what
 * libbpf calls BTF-defined: a variable in `.maps` whose type is a struct of pointers. A pointer to
 * a type says that the map's keys or values have this type; a pointer to an array says a number, by
 * the array's length. The kernel's rules for line information (kernel/bpf/verifier.c,
 * check_btf_line): offsets strictly increase, the first is 0, and none is in the second half of a
 * 64-bit load. A line number has 22 bits, and a column 10.
 */
#include "btf.h"

#include "compiler/base/arena.h"
#include "compiler/base/escape.h"
#include "compiler/base/source.h"
#include "compiler/bytecode/bytecode.h"
#include "plan.h"

#include "compiler/base/utf8.h"
#include "runtime/abi.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

enum {
	LINE_MAX_NUMBER = (1 << 22) - 1,
	COLUMN_MAX_NUMBER = (1 << 10) - 1,
	LINE_TEXT_MAX = 80, /* bytes */
	POINTER_BYTES = 8,
	POINTER_BITS = 64,
};

/* The types written so far. The first error sticks. */
struct types {
	struct arena *arena;
	struct btf *btf;
	int error;
	int u8, u32, u64, i32; /* ids of the integers */
};

/* Returns ID, which is an id or an offset from libbpf, or a negative error; keeps the first
 * error. */
static int check(struct types *t, int id)
{
	if (id == -ENOMEM)
		arena_out_of_memory();
	if (id < 0 && !t->error)
		t->error = id;
	return id;
}

/* The offset of a string in .BTF. */
static int string(struct types *t, const char *text)
{
	return check(t, btf__add_str(t->btf, text));
}

static void add_integers(struct types *t)
{
	t->u8 = check(t, btf__add_int(t->btf, "unsigned char", 1, 0));
	t->u32 = check(t, btf__add_int(t->btf, "unsigned int", 4, 0));
	t->u64 = check(t, btf__add_int(t->btf, "unsigned long long", 8, 0));
	t->i32 = check(t, btf__add_int(t->btf, "int", 4, BTF_INT_SIGNED));
}

static int add_array(struct types *t, int element, size_t count)
{
	return check(t, btf__add_array(t->btf, t->u32, element, (uint32_t)count));
}

static int add_pointer(struct types *t, int to)
{
	return check(t, btf__add_ptr(t->btf, to));
}

static int add_label_count(struct types *t)
{
	int id = check(t, btf__add_struct(t->btf, "label_count", sizeof(struct abi_label_count)));

	check(t, btf__add_field(t->btf, "hits", t->u64, 0, 0));
	check(t, btf__add_field(t->btf, "misses", t->u64, POINTER_BITS, 0));
	return id;
}

static int add_prefix_key(struct types *t)
{
	int id = check(t, btf__add_struct(t->btf, "prefix_key", sizeof(struct abi_prefix_key)));

	check(t, btf__add_field(t->btf, "bits", t->u32, 0, 0));
	check(t, btf__add_field(t->btf, "node", t->u32, 32, 0));
	check(t, btf__add_field(t->btf, "word", t->u64, 64, 0));
	return id;
}

static int add_spare_marks(struct types *t)
{
	int used = add_array(t, t->u8, ABI_SPARE_RUN_MAX);
	int id = check(t, btf__add_struct(t->btf, "spare_marks", sizeof(struct abi_spare_marks)));

	check(t, btf__add_field(t->btf, "used", used, 0, 0));
	return id;
}

static int add_value(struct types *t, enum object_value value)
{
	switch (value) {
	case OBJECT_LABEL_COUNT:
		return add_label_count(t);
	case OBJECT_U32:
		return t->u32;
	case OBJECT_SPARE_MARKS:
		return add_spare_marks(t);
	default:
		return t->u64;
	}
}

/* The variable that defines a map:
 *     struct { int (*type)[TYPE]; int (*max_entries)[N]; u32 *key; ... } */
static int add_map(struct types *t, const struct object_map *map)
{
	int value = add_value(t, map->value);
	int key = map->type == BPF_MAP_TYPE_LPM_TRIE ? add_prefix_key(t) : t->u32;
	int members[] = {
		add_pointer(t, add_array(t, t->i32, map->type)),
		add_pointer(t, add_array(t, t->i32, map->entries)),
		add_pointer(t, key),
		add_pointer(t, value),
		add_pointer(t, add_array(t, t->i32, map->flags)),
	};
	static const char *const names[] = {"type", "max_entries", "key", "value", "map_flags"};
	int id = check(t, btf__add_struct(t->btf, NULL, OBJECT_MAP_BYTES));
	uint32_t i;

	for (i = 0; i < OBJECT_MAP_BYTES / POINTER_BYTES; i++)
		check(t, btf__add_field(t->btf, names[i], members[i], i * POINTER_BITS, 0));
	return check(t, btf__add_var(t->btf, map->name, BTF_VAR_GLOBAL_ALLOCATED, id));
}

static void add_maps(struct types *t, const struct object_plan *plan)
{
	int variables[OBJECT_MAPS_MAX];
	uint32_t i;

	for (i = 0; i < plan->map_count; i++)
		variables[i] = add_map(t, &plan->maps[i]);
	check(t, btf__add_datasec(t->btf, ".maps", (uint32_t)plan->map_count * OBJECT_MAP_BYTES));
	for (i = 0; i < plan->map_count; i++)
		check(t, btf__add_datasec_var_info(t->btf, variables[i], i * OBJECT_MAP_BYTES,
						   OBJECT_MAP_BYTES));
}

/* A variable that is an array. */
static int add_variable(struct types *t, const char *name, int element, size_t count)
{
	return check(t, btf__add_var(t->btf, name, BTF_VAR_GLOBAL_ALLOCATED,
				     add_array(t, element, count)));
}

static void add_tables(struct types *t, const struct object_plan *plan)
{
	int variable, element = t->u8;

	if (!plan->table_bytes)
		return;
	if (plan->tables_frozen)
		element = check(t, btf__add_const(t->btf, t->u8));
	variable = add_variable(t, OBJECT_TABLES, element, plan->table_bytes);
	check(t, btf__add_datasec(t->btf, plan->tables_section, (uint32_t)plan->table_bytes));
	check(t, btf__add_datasec_var_info(t->btf, variable, 0, (uint32_t)plan->table_bytes));
}

/* Linkers look for the type of every global variable. */
static void add_license(struct types *t)
{
	int variable = add_variable(t, OBJECT_LICENSE, t->u8, sizeof(ABI_LICENSE));

	check(t, btf__add_datasec(t->btf, OBJECT_LICENSE_SECTION, sizeof(ABI_LICENSE)));
	check(t, btf__add_datasec_var_info(t->btf, variable, 0, sizeof(ABI_LICENSE)));
}

static void add_host(struct types *t, const struct object_host *host)
{
	uint32_t slot_bytes = (uint32_t)(host->slot_count * sizeof(uint32_t));
	uint32_t class_bytes = (uint32_t)(host->class_count * sizeof(uint32_t));
	int slots = 0, class = 0;

	if (slot_bytes)
		slots = add_variable(t, OBJECT_SLOTS, t->u32, host->slot_count);
	if (class_bytes)
		class = check(t,
			      btf__add_var(t->btf, OBJECT_CLASS, BTF_VAR_GLOBAL_ALLOCATED, t->u32));
	check(t, btf__add_datasec(t->btf, ABI_MACHINE, slot_bytes + class_bytes));
	if (slot_bytes)
		check(t, btf__add_datasec_var_info(t->btf, slots, 0, slot_bytes));
	if (class_bytes)
		check(t, btf__add_datasec_var_info(t->btf, class, slot_bytes, class_bytes));
}

/* The type "pointer to struct bpf_sk_lookup". For a program the kernel accepts any type; for a
 * subprogram it must be a struct of this name. */
static int add_context(struct types *t, bool is_struct)
{
	static const char name[] = "bpf_sk_lookup";

	if (is_struct)
		return add_pointer(
			t, check(t, btf__add_struct(t->btf, name, sizeof(struct bpf_sk_lookup))));
	return add_pointer(t, check(t, btf__add_fwd(t->btf, name, BTF_FWD_STRUCT)));
}

/* int sklc(struct bpf_sk_lookup *ctx) */
static int add_program(struct types *t, int context)
{
	int prototype = check(t, btf__add_func_proto(t->btf, t->i32));

	check(t, btf__add_func_param(t->btf, "ctx", context));
	return check(t, btf__add_func(t->btf, ABI_PROGRAM_NAME, BTF_FUNC_GLOBAL, prototype));
}

static int add_subprogram(struct types *t, int context,
			  const struct bytecode_subprogram *subprogram)
{
	int prototype = check(t, btf__add_func_proto(t->btf, t->i32));
	size_t i;

	check(t, btf__add_func_param(t->btf, "ctx", context));
	for (i = 0; i < subprogram->argument_count; i++)
		check(t, btf__add_func_param(t->btf, subprogram->arguments[i], t->u64));
	return check(t, btf__add_func(t->btf, subprogram->name, BTF_FUNC_GLOBAL, prototype));
}

/* .BTF.ext, as in Documentation/bpf/btf.rst of Linux, has a header and three parts: records of the
 * functions (the program and its subprograms) of each section of code, then records of the lines of
 * each. A part begins with the size of its records. The third one, relocations by the types of the
 * kernel, is empty; some loaders read where it is without asking whether the header says it. */
struct ext_header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t header_bytes;
	uint32_t functions_offset, functions_bytes; /* from the header's end */
	uint32_t lines_offset, lines_bytes;
	uint32_t relocations_offset, relocations_bytes;
};

struct ext_section {
	uint32_t section_name;
	uint32_t record_count;
};

struct ext_function {
	uint32_t offset; /* from the section's start, in bytes */
	uint32_t type;   /* id of the function's type */
};

struct ext_line {
	uint32_t offset;          /* from the section's start, in bytes */
	uint32_t file_name, text; /* offsets of strings in .BTF */
	uint32_t line_column;     /* line << 10 | column; see line_column() */
};

struct function_list {
	struct ext_function *items;
	size_t count, capacity;
};

struct line_list {
	struct ext_line *items;
	size_t count, capacity;
};

/* The first line of a rule's text as a string: cut between two UTF-8 characters if it is too long,
 * and with spaces for control characters. */
static int line_text(struct types *t, const struct sources *sources, struct span origin)
{
	const char *text = source_text(sources, origin);
	size_t length = origin.end - origin.first;
	char line[LINE_TEXT_MAX + 1];
	size_t i;

	if (length > LINE_TEXT_MAX)
		for (length = LINE_TEXT_MAX; length && utf8_is_continuation(text[length]);)
			length--;
	for (i = 0; i < length && text[i] != '\n' && text[i] != '\r'; i++)
		line[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
	line[i] = '\0';
	return string(t, line);
}

/* A line or column whose number has too many bits becomes 0, which means "not known". */
static uint32_t line_column(struct source_location location)
{
	uint32_t line = location.line <= LINE_MAX_NUMBER ? location.line : 0;
	uint32_t column = location.column <= COLUMN_MAX_NUMBER ? location.column : 0;

	return line << 10 | column;
}

/* The name of a file, the same as in ABI_TEXTS_SECTION. */
static int file_name(struct types *t, const struct source_file *file)
{
	return string(t, file ? escape_non_utf8(t->arena, file->stored_name) : "sklc");
}

static const struct source_file *first_file(const struct sources *sources)
{
	return sources->count ? sources->files[0] : NULL;
}

/* The line record of an instruction, without its offset. */
static struct ext_line line_of(struct types *t, const struct sources *sources, struct span origin)
{
	struct ext_line line = {0};
	struct source_location location;

	if (!origin.end) {
		line.file_name = (uint32_t)file_name(t, first_file(sources));
		line.text = (uint32_t)string(t, "sklc: shared look-up");
		return line;
	}
	location = source_location(sources, origin.first);
	line.file_name = (uint32_t)file_name(t, location.file);
	line.text = (uint32_t)line_text(t, sources, origin);
	line.line_column = line_column(location);
	return line;
}

/* A section of code, to which functions are added one by one. */
struct code_section {
	const char *name;
	uint32_t bytes; /* of its code */
	struct function_list functions;
	struct line_list lines;
};

/* Adds a function at the section's end. It gets a line record at its start and wherever the rule
 * changes, which is never inside a 64-bit load: both halves come from the same rule. */
static void add_code(struct types *t, struct code_section *section, int type,
		     const struct bytecode *code, const struct sources *sources)
{
	struct function_list *functions = &section->functions;
	struct line_list *lines = &section->lines;
	struct span before = {0, 0};
	size_t i;

	*ARENA_PUSH(t->arena, functions->items, functions->count,
		    functions->capacity) = (struct ext_function){section->bytes, (uint32_t)type};
	for (i = 0; i < code->count; i++) {
		struct span origin = code->instructions[i].origin;
		struct ext_line line;

		if (i && origin.first == before.first && origin.end == before.end)
			continue;
		line = line_of(t, sources, origin);
		line.offset = section->bytes + (uint32_t)(i * sizeof(struct bpf_insn));
		*ARENA_PUSH(t->arena, lines->items, lines->count, lines->capacity) = line;
		before = origin;
	}
	section->bytes += (uint32_t)(code->count * sizeof(struct bpf_insn));
}

/* Writes at *AT and moves it past what was written. */
static void put(char **at, const void *bytes, size_t size)
{
	memcpy(*at, bytes, size);
	*at += size;
}

static void put_records(struct types *t, char **at, const char *section, const void *records,
			size_t count, size_t size)
{
	struct ext_section head = {(uint32_t)string(t, section), (uint32_t)count};

	put(at, &head, sizeof(head));
	put(at, records, count * size);
}

static void put_functions(struct types *t, char **at, const struct code_section *sections,
			  size_t count)
{
	uint32_t record_bytes = sizeof(struct ext_function);
	size_t i;

	put(at, &record_bytes, sizeof(record_bytes));
	for (i = 0; i < count; i++)
		put_records(t, at, sections[i].name, sections[i].functions.items,
			    sections[i].functions.count, record_bytes);
}

static void put_lines(struct types *t, char **at, const struct code_section *sections, size_t count)
{
	uint32_t record_bytes = sizeof(struct ext_line);
	size_t i;

	put(at, &record_bytes, sizeof(record_bytes));
	for (i = 0; i < count; i++)
		put_records(t, at, sections[i].name, sections[i].lines.items,
			    sections[i].lines.count, record_bytes);
}

static void write_ext(struct types *t, const struct code_section *sections, size_t count,
		      struct object_btf *btf)
{
	size_t functions = sizeof(uint32_t), lines = sizeof(uint32_t), i;
	struct ext_header header = {
		.magic = BTF_MAGIC, .version = BTF_VERSION, .header_bytes = sizeof(header)};
	char *at;

	for (i = 0; i < count; i++) {
		functions += sizeof(struct ext_section) +
			     sections[i].functions.count * sizeof(struct ext_function);
		lines += sizeof(struct ext_section) +
			 sections[i].lines.count * sizeof(struct ext_line);
	}
	header.functions_bytes = header.lines_offset = (uint32_t)functions;
	header.lines_bytes = (uint32_t)lines;
	header.relocations_offset = (uint32_t)(functions + lines);
	btf->line_bytes = sizeof(header) + functions + lines;
	btf->lines = at = arena_alloc(t->arena, btf->line_bytes, 1);
	put(&at, &header, sizeof(header));
	put_functions(t, &at, sections, count);
	put_lines(t, &at, sections, count);
}

/* Adds the types of the program and its subprograms, and makes .BTF.ext. */
static void make_lines(struct types *t, const struct bytecode *code, const struct sources *sources,
		       struct object_btf *btf)
{
	struct code_section sections[] = {{.name = ABI_PROGRAM_SECTION},
					  {.name = ABI_CALLED_SECTION}};
	size_t i = code->subprogram_count;
	int context = add_context(t, i > 0);

	add_code(t, &sections[0], add_program(t, context), code, sources);
	while (i-- > 0)
		add_code(t, &sections[1], add_subprogram(t, context, code->subprograms[i]),
			 code->subprograms[i]->code, sources);
	write_ext(t, sections, code->subprogram_count ? 2 : 1, btf);
}

static void keep_types(struct types *t, struct object_btf *btf)
{
	uint32_t size = 0;
	const void *raw = btf__raw_data(t->btf, &size);
	void *copy;

	if (!raw) {
		check(t, -ENOMEM);
		return;
	}
	copy = arena_alloc(t->arena, size, 1);
	memcpy(copy, raw, size);
	btf->types = copy;
	btf->type_bytes = size;
}

const char *object_btf_make(struct arena *arena, const struct object_plan *plan,
			    const struct bytecode *code, const struct sources *sources,
			    struct object_btf *btf)
{
	struct types types = {.arena = arena, .btf = btf__new_empty()};

	if (!types.btf)
		arena_out_of_memory();
	add_integers(&types);
	add_maps(&types, plan);
	add_tables(&types, plan);
	add_host(&types, &plan->host);
	add_license(&types);
	make_lines(&types, code, sources, btf);
	keep_types(&types, btf);
	btf__free(types.btf);
	if (types.error)
		return arena_printf(arena, "write the types: %s", arena_errno(arena, -types.error));
	return NULL;
}
