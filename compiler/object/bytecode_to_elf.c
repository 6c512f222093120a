/*
 * The last pass. It writes a relocatable ELF file for BPF that loaders take, from the
 * program, the tables and the policy: the program in the section `sk_lookup`, maps defined by BTF,
 * tables as data, and line information that points into the rules. What only sklc's
 * runtime reads is in other sections (see metadata.c). The same input gives the same bytes.
 */
#include "btf.h"
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/layout/layout.h"
#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"
#include "elf_writer.h"
#include "metadata.h"
#include "object.h"
#include "plan.h"

#include "runtime/abi.h"

#include <elf.h>

enum { CACHE_LINE = 64, NO_SYMBOL = 0 };

/* The file being written, and the ELF symbol of each thing that instructions refer to. */
struct writing {
	struct arena *arena;
	struct elf_writer *elf;
	unsigned symbols[SYMBOL_COUNT];
	const struct bytecode *program;
	unsigned host, tables;        /* sections */
	unsigned *subprogram_symbols; /* of each subprogram; NO_SYMBOL: not written yet */
	const char *error;
};

/* The ELF symbol that an instruction refers to. */
static unsigned symbol_of(const struct writing *w, const struct bytecode_instruction *instruction)
{
	size_t i;

	if (instruction->symbol != SYMBOL_SUBPROGRAM)
		return w->symbols[instruction->symbol];
	for (i = 0; i < w->program->subprogram_count; i++)
		if (w->program->subprograms[i] == instruction->subprogram)
			return w->subprogram_symbols[i];
	return NO_SYMBOL;
}

/* Adds relocations for the instructions of CODE, which begins at instruction FIRST of the
 * section. */
static void add_references(struct writing *w, const struct bytecode *code, unsigned section,
			   size_t first)
{
	size_t i;

	for (i = 0; i < code->count; i++) {
		enum bytecode_symbol symbol = code->instructions[i].symbol;
		enum elf_reference reference = ELF_LOADS;

		if (symbol == SYMBOL_NONE)
			continue;
		if (symbol == SYMBOL_SUBPROGRAM)
			reference = ELF_CALLS;
		if (symbol_of(w, &code->instructions[i]) == NO_SYMBOL)
			w->error = arena_printf(
				w->arena,
				"instruction %zu refers to a map or table that is missing", i);
		elf_relocation(w->elf, section, (first + i) * sizeof(struct bpf_insn), reference,
			       symbol_of(w, &code->instructions[i]));
	}
}

static unsigned add_code_section(struct writing *w, const char *name, struct bpf_insn *insns,
				 size_t count)
{
	return elf_section(w->elf, name, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, sizeof(*insns),
			   insns, count * sizeof(*insns));
}

/* Writes CODE to instruction FIRST and those after it in INSNS, the section's. Returns its
 * symbol. */
static unsigned put_code(struct writing *w, const char *name, const struct bytecode *code,
			 unsigned section, struct bpf_insn *insns, size_t first)
{
	unsigned symbol = elf_symbol(w->elf, name, STT_FUNC, section, first * sizeof(*insns),
				     code->count * sizeof(*insns));
	size_t i;

	for (i = 0; i < code->count; i++)
		insns[first + i] = code->instructions[i].insn;
	add_references(w, code, section, first);
	return symbol;
}

/* Writes callees first, so that their symbols exist when the callers' relocations are made. In the
 * section, callees come after their callers, so the section is filled from its end. */
static void add_subprograms(struct writing *w)
{
	const struct bytecode *program = w->program;
	struct bpf_insn *insns;
	size_t count = 0, i;
	unsigned section;

	if (!program->subprogram_count)
		return;
	for (i = 0; i < program->subprogram_count; i++)
		count += program->subprograms[i]->code->count;
	insns = arena_alloc(w->arena, count, sizeof(*insns));
	section = add_code_section(w, ABI_CALLED_SECTION, insns, count);
	w->subprogram_symbols = arena_alloc(w->arena, program->subprogram_count,
					    sizeof(*w->subprogram_symbols));
	for (i = 0; i < program->subprogram_count; i++) {
		const struct bytecode_subprogram *subprogram = program->subprograms[i];

		count -= subprogram->code->count;
		w->subprogram_symbols[i] = put_code(w, subprogram->name, subprogram->code, section,
						    insns, count);
	}
}

static void add_program(struct writing *w)
{
	const struct bytecode *code = w->program;
	struct bpf_insn *insns = arena_alloc(w->arena, code->count, sizeof(*insns));
	unsigned section;

	add_subprograms(w);
	section = add_code_section(w, ABI_PROGRAM_SECTION, insns, code->count);
	put_code(w, ABI_PROGRAM_NAME, code, section, insns, 0);
}

static void add_license(struct writing *w)
{
	static const char license[] = ABI_LICENSE;
	unsigned section = elf_section(w->elf, OBJECT_LICENSE_SECTION, SHT_PROGBITS,
				       SHF_ALLOC | SHF_WRITE, 1, license, sizeof(license));

	elf_symbol(w->elf, OBJECT_LICENSE, STT_OBJECT, section, 0, sizeof(license));
}

static void add_maps(struct writing *w, const struct object_plan *plan)
{
	size_t i, bytes = plan->map_count * OBJECT_MAP_BYTES;
	unsigned section = elf_section(w->elf, ".maps", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 8,
				       arena_alloc(w->arena, bytes, 1), bytes);

	for (i = 0; i < plan->map_count; i++) {
		const struct object_map *map = &plan->maps[i];

		w->symbols[map->symbol] = elf_symbol(w->elf, map->name, STT_OBJECT, section,
						     i * OBJECT_MAP_BYTES, OBJECT_MAP_BYTES);
	}
}

/* Adds the sections of data. Instructions refer to them as wholes: some loaders know no other reference that goes on by
 * an offset, which instructions have. So these come before the global symbols. The words of the host are all 0, so the
 * file has only their size. */
static void add_data(struct writing *w, const struct object_plan *plan)
{
	size_t words = plan->host.slot_count + plan->host.class_count;

	w->host = elf_section(w->elf, ABI_MACHINE, SHT_NOBITS, SHF_ALLOC | SHF_WRITE,
			      sizeof(uint32_t), NULL, words * sizeof(uint32_t));
	w->symbols[SYMBOL_HOST] = elf_section_symbol(w->elf, w->host);
	if (!plan->table_bytes)
		return;
	w->tables = elf_section(w->elf, plan->tables_section, SHT_PROGBITS,
				plan->tables_frozen ? SHF_ALLOC : SHF_ALLOC | SHF_WRITE, CACHE_LINE,
				plan->tables, plan->table_bytes);
	w->symbols[SYMBOL_TABLES] = elf_section_symbol(w->elf, w->tables);
}

/* Adds the names by which programs of other people find what is in the sections of data. */
static void add_variables(struct writing *w, const struct object_plan *plan)
{
	size_t slot_bytes = plan->host.slot_count * sizeof(uint32_t);
	size_t class_bytes = plan->host.class_count * sizeof(uint32_t);

	if (slot_bytes)
		elf_symbol(w->elf, OBJECT_SLOTS, STT_OBJECT, w->host, 0, slot_bytes);
	if (class_bytes)
		elf_symbol(w->elf, OBJECT_CLASS, STT_OBJECT, w->host, slot_bytes, class_bytes);
	if (plan->table_bytes)
		elf_symbol(w->elf, OBJECT_TABLES, STT_OBJECT, w->tables, 0, plan->table_bytes);
}

static void add_types(struct writing *w, const struct object_plan *plan,
		      const struct bytecode *code, const struct sources *sources)
{
	struct object_btf btf = {0};
	const char *error = object_btf_make(w->arena, plan, code, sources, &btf);

	if (error)
		w->error = error;
	elf_section(w->elf, ".BTF", SHT_PROGBITS, 0, 4, btf.types, btf.type_bytes);
	elf_section(w->elf, ".BTF.ext", SHT_PROGBITS, 0, 4, btf.lines, btf.line_bytes);
}

static const char *write_object(struct writing *w, const struct layout_object *layout,
				const struct policy *policy, struct object *object)
{
	struct object_plan plan = object_plan_of(layout);
	const char *error;

	add_data(w, &plan);
	add_license(w);
	add_maps(w, &plan);
	add_variables(w, &plan);
	add_program(w);
	add_types(w, &plan, w->program, policy->sources);
	error = object_metadata_add(w->arena, w->elf, policy, layout);
	if (w->error || error)
		return w->error ? w->error : error;
	return elf_write(w->elf, object);
}

struct object *bytecode_to_elf(struct arena *arena, const struct bytecode *code,
			       const struct layout *layout, const struct policy *policy,
			       struct diag *diag)
{
	struct writing writing = {.arena = arena, .elf = elf_writer_new(arena), .program = code};
	struct object *object = arena_alloc(arena, 1, sizeof(*object));
	const char *error = write_object(&writing, &layout->object, policy, object);

	if (error) {
		diag_error(diag, (struct span){0, 0}, "the object cannot be made: %s", error);
		return NULL;
	}
	return object;
}
