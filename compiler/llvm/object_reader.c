/* Reads a BPF object: the one function in its code section, its relocations and its line information. Writes them as a
 * program: distances become jumps to basic blocks, and relocations become references to symbols and subprograms. */
#include "object_reader.h"

#include "compiler/base/arena.h"
#include "compiler/bytecode/bytecode.h"
#include "llvm.h"

#include <gelf.h>
#include <libelf.h>
#include <string.h>

#ifndef R_BPF_64_64
#define R_BPF_64_64 1
#endif
#ifndef R_BPF_64_32
#define R_BPF_64_32 10
#endif

/* By enum llvm_symbol. */
static const struct {
	const char *name;
	enum bytecode_symbol symbol;
} SYMBOLS[] = {
#define SYMBOL_ROW(constant, name) {name, SYMBOL_##constant},
	LLVM_SYMBOLS(SYMBOL_ROW)
#undef SYMBOL_ROW
};

/* What an instruction refers to by a relocation. */
struct reference {
	enum bytecode_symbol symbol;
	const struct bytecode_subprogram *subprogram; /* of SYMBOL_SUBPROGRAM */
};

struct reading {
	struct arena *arena;
	struct bytecode *code;
	const struct bpf_insn *insns;
	size_t count;
	size_t text;                  /* index of the section with code */
	struct reference *references; /* of each instruction */
	struct basic_block *blocks;   /* of each instruction that a jump leads to */
	bool *is_target;
	uint32_t *
		lines; /* of each instruction that begins a line: the line's number; 0: several rules */
	bool *begins_line; /* of each instruction */
	const struct llvm_ir *ir;
	const char *error;
};

/* .BTF.ext, as libbpf reads it. The section begins with a header. The lines of each code section follow a header of
 * their own. linux/btf.h only has the types of .BTF. */
struct ext_head {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t head_bytes;
	uint32_t functions, functions_bytes, lines,
		lines_bytes; /* offsets count from the end of this */
};

struct ext_lines {
	uint32_t line_bytes, section, count;
};

struct ext_line {
	uint32_t offset, file, text;
	uint32_t line_column; /* 22 and 10 bits */
};
enum { COLUMN_BITS = 10 };

static Elf_Data *find_named(Elf *elf, const char *name)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) &&
		    !strcmp(elf_strptr(elf, names, header.sh_name), name))
			return elf_rawdata(section, NULL);
	return NULL;
}

static Elf_Scn *find_section(Elf *elf, uint32_t type, GElf_Shdr *header)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, header) && header->sh_type == type &&
		    (type != SHT_PROGBITS || (header->sh_flags & SHF_EXECINSTR && header->sh_size)))
			return section;
	return NULL;
}

static void read_text(struct reading *r, Elf *elf)
{
	GElf_Shdr header;
	Elf_Scn *section = find_section(elf, SHT_PROGBITS, &header);
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;

	if (!data || !data->d_size || data->d_size % sizeof(*r->insns)) {
		r->error = "there is no code in its object";
		return;
	}
	r->text = elf_ndxscn(section);
	r->insns = data->d_buf;
	r->count = data->d_size / sizeof(*r->insns);
	r->references = arena_alloc(r->arena, r->count + 1, sizeof(*r->references));
	r->blocks = arena_alloc(r->arena, r->count + 1, sizeof(*r->blocks));
	r->is_target = arena_alloc(r->arena, r->count + 1, sizeof(*r->is_target));
	r->lines = arena_alloc(r->arena, r->count + 1, sizeof(*r->lines));
	r->begins_line = arena_alloc(r->arena, r->count + 1, sizeof(*r->begins_line));
	/* LLVM 14 silently truncates the distance of a jump to 16 bits. In a program of this length, no jump needs
	 * more. */
	if (r->count > INT16_MAX)
		r->error = arena_printf(
			r->arena, "%zu instructions are more than jumps can pass over", r->count);
}

/* What a relocation of TYPE to the symbol NAME refers to; SYMBOL_NONE if to nothing that is known. */
static struct reference reference_to(const struct reading *r, uint64_t type, const char *name)
{
	size_t i;

	for (i = 0; type == R_BPF_64_32 && i < r->ir->subprogram_count; i++)
		if (!strcmp(name, r->ir->subprograms[i]->name))
			return (struct reference){SYMBOL_SUBPROGRAM, r->ir->subprograms[i]};
	for (i = 0; type == R_BPF_64_64 && i < LLVM_SYMBOL_COUNT; i++)
		if (!strcmp(name, SYMBOLS[i].name))
			return (struct reference){SYMBOLS[i].symbol, NULL};
	return (struct reference){SYMBOL_NONE, NULL};
}

static void take_reference(struct reading *r, const GElf_Rel *rel, const char *name)
{
	size_t index = rel->r_offset / sizeof(*r->insns);
	struct reference to;

	name = name ? name : "";
	to = reference_to(r, GELF_R_TYPE(rel->r_info), name);
	if (to.symbol == SYMBOL_NONE || index >= r->count)
		r->error = arena_printf(r->arena, "its object refers to '%s'", name);
	else
		r->references[index] = to;
}

static void read_relocations(struct reading *r, Elf *elf)
{
	GElf_Shdr symbols, header;
	Elf_Scn *table = find_section(elf, SHT_SYMTAB, &symbols), *section = NULL;
	Elf_Data *names = table ? elf_getdata(table, NULL) : NULL, *data;
	GElf_Sym symbol;
	GElf_Rel rel;
	int i;

	while (!r->error && (section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_REL ||
		    header.sh_info != r->text)
			continue;
		data = elf_getdata(section, NULL);
		for (i = 0; !r->error && gelf_getrel(data, i, &rel); i++)
			if (gelf_getsym(names, (int)GELF_R_SYM(rel.r_info), &symbol))
				take_reference(r, &rel,
					       elf_strptr(elf, symbols.sh_link, symbol.st_name));
	}
}

/* Only one section has code, so only the lines of the first section are read. */
static void read_lines(struct reading *r, Elf *elf)
{
	Elf_Data *data = find_named(elf, ".BTF.ext");
	const char *bytes = data ? data->d_buf : NULL;
	struct ext_lines lines;
	struct ext_head head;
	struct ext_line line;
	size_t first, i;

	if (!bytes || data->d_size < sizeof(head))
		return;
	memcpy(&head, bytes, sizeof(head));
	first = (size_t)head.head_bytes + head.lines;
	if (!head.lines_bytes || first + sizeof(lines) > data->d_size)
		return;
	memcpy(&lines, bytes + first, sizeof(lines));
	first += sizeof(lines);
	for (i = 0; i < lines.count && first + sizeof(line) <= data->d_size; i++) {
		memcpy(&line, bytes + first, sizeof(line));
		first += lines.line_bytes;
		if (line.offset / sizeof(*r->insns) >= r->count)
			continue;
		r->lines[line.offset / sizeof(*r->insns)] = line.line_column >> COLUMN_BITS;
		r->begins_line[line.offset / sizeof(*r->insns)] = true;
	}
}

/* If a line begins at the instruction, the instructions from there on get the rule of that line as their origin. */
static void take_line(struct reading *r, size_t index)
{
	static const struct span shared;
	uint32_t line = r->lines[index];

	if (r->begins_line[index])
		bytecode_origin(r->code, line && line <= r->ir->origin_count
						 ? r->ir->origins[line - 1]
						 : shared);
}

static bool is_jump(struct bpf_insn insn)
{
	const struct bytecode_instruction instruction = {.insn = insn};

	return bytecode_is_jump(&instruction);
}

static void find_targets(struct reading *r)
{
	size_t i;
	int64_t target;

	for (i = 0; i < r->count; i++) {
		target = (int64_t)i + 1 + r->insns[i].off;
		if (!is_jump(r->insns[i]))
			continue;
		if (target < 0 || target >= (int64_t)r->count) {
			r->error = "its object jumps out of the program";
			return;
		}
		if (!r->is_target[target])
			r->blocks[target] = bytecode_new_block(r->code);
		r->is_target[target] = true;
	}
}

/* Writes a 64-bit load of a number or of a reference. */
static void write_wide(struct reading *r, size_t index)
{
	struct bpf_insn first = r->insns[index], second = r->insns[index + 1];
	enum bytecode_symbol symbol = r->references[index].symbol;
	uint64_t value = (uint64_t)(uint32_t)second.imm << 32 | (uint32_t)first.imm;

	if (symbol == SYMBOL_NONE)
		bytecode_imm64(r->code, first.dst_reg, value);
	else if (symbol != SYMBOL_TABLES && symbol != SYMBOL_HOST)
		bytecode_map(r->code, first.dst_reg, symbol);
	else
		bytecode_data(r->code, first.dst_reg, symbol, (uint32_t)first.imm);
}

static void write_code(struct reading *r)
{
	size_t i;

	for (i = 0; i < r->count; i++) {
		struct bpf_insn insn = r->insns[i];

		take_line(r, i);
		if (r->is_target[i])
			bytecode_begin_block(r->code, r->blocks[i]);
		if (is_jump(insn))
			bytecode_raw_jump(r->code, insn, r->blocks[(int64_t)i + 1 + insn.off]);
		else if (insn.code == (BPF_LD | BPF_IMM | BPF_DW) && i + 1 < r->count)
			write_wide(r, i++);
		else if (r->references[i].symbol == SYMBOL_SUBPROGRAM)
			bytecode_call_subprogram(r->code, r->references[i].subprogram);
		else
			bytecode_raw(r->code, insn);
	}
}

const char *llvm_object_read(struct arena *arena, const char *bytes, size_t size,
			     const struct llvm_ir *ir, struct bytecode *code)
{
	struct reading r = {.arena = arena, .code = code, .ir = ir};
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)(uintptr_t)bytes, size);
	if (!elf)
		return elf_errmsg(-1);
	read_text(&r, elf);
	if (!r.error)
		read_relocations(&r, elf);
	if (!r.error)
		read_lines(&r, elf);
	if (!r.error)
		find_targets(&r);
	if (!r.error)
		write_code(&r);
	elf_end(elf);
	return r.error;
}
