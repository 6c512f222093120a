/* Holds the ELF file of an object against the list of allowed.c. Two sections of one name, symbols
 * with names from another section, or symbols and relocations that lead out of what they name, would
 * have libbpf load something else than what is checked here, so these are refused too. */
#include "check_elf.h"

#include "allowed.h"
#include "object.h"

#include "compiler/base/checksum.h"
#include "runtime/base/fail.h"

#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <string.h>

/* More sections than all that are allowed. */
enum { SECTIONS_MAX = 32 };
/* For faults of types, flags and names: they are checked before the checksum, so damage looks like another maker. */
#define DAMAGED_OR_FOREIGN "it is damaged, or was not made by sklc"

enum { REFERS_TO_DATA = 1, REFERS_TO_CODE = 10 }; /* R_BPF_64_64, R_BPF_64_32 */

struct section {
	const char *name;
	const unsigned char *bytes;
	size_t size;
	GElf_Shdr header;
};

struct checking {
	const struct object *object;
	Elf *elf;
	struct section sections[SECTIONS_MAX];
	size_t section_count;
	const struct section *symbols; /* .symtab */
};

static int refuse_section(const struct checking *c, const char *name, const char *why)
{
	return refuse(c->object->report, EINVAL,
		      "object '%s': the section '%s' %s; " DAMAGED_OR_FOREIGN,
		      c->object->image->name, name, why);
}

static int refuse_instruction(const struct checking *c, const struct section *section,
			      size_t number, const char *why)
{
	return refuse(c->object->report, EINVAL,
		      "object '%s': instruction %zu of section '%s' %s; sklc takes objects that "
		      "sklc made",
		      c->object->image->name, number, section->name, why);
}

static const struct section *find_section(const struct checking *c, const char *name)
{
	for (size_t i = 1; i < c->section_count; i++)
		if (strcmp(c->sections[i].name, name) == 0)
			return &c->sections[i];
	return NULL;
}

static int check_section(const struct checking *c, const struct section *section)
{
	const struct allowed_section *allowed = allowed_section(section->name);
	uint32_t version = c->object->header.version;

	if (!allowed || version < allowed->first || version > allowed->latest)
		return refuse(c->object->report, EINVAL,
			      "object '%s': unexpected section '%s'; " DAMAGED_OR_FOREIGN,
			      c->object->image->name, section->name);
	if (find_section(c, section->name))
		return refuse_section(c, section->name, "is there twice");
	if (section->header.sh_type != allowed->type || section->header.sh_flags != allowed->flags)
		return refuse_section(c, section->name,
				      "has another type, or other flags, than "
				      "sklc gives it");
	if (!section->bytes && section->size && section->header.sh_type != SHT_NOBITS)
		return refuse_section(c, section->name, "cannot be read");
	return 0;
}

static int list_sections(struct checking *c)
{
	Elf_Scn *elf_section = NULL;
	size_t names = 0;

	elf_getshdrstrndx(c->elf, &names);
	c->section_count = 1; /* ELF's null section */
	while ((elf_section = elf_nextscn(c->elf, elf_section))) {
		struct section *section = &c->sections[c->section_count];
		const Elf_Data *data = elf_rawdata(elf_section, NULL);
		int err;

		if (c->section_count == SECTIONS_MAX ||
		    !gelf_getshdr(elf_section, &section->header) || !data)
			return refuse(
				c->object->report, EINVAL,
				"object '%s': its sections cannot be read; " DAMAGED_OR_FOREIGN,
				c->object->image->name);
		section->name = elf_strptr(c->elf, names, section->header.sh_name);
		section->bytes = data->d_buf;
		section->size = data->d_size;
		err = check_section(c, section);
		if (err)
			return err;
		c->section_count++;
	}
	c->symbols = find_section(c, ".symtab");
	return 0;
}

/* Symbols have their names in .strtab, relocations their symbols in .symtab. */
static int check_links(const struct checking *c)
{
	for (size_t i = 1; i < c->section_count; i++) {
		const struct section *section = &c->sections[i];
		bool is_symbols = section->header.sh_type == SHT_SYMTAB;
		size_t record = is_symbols ? sizeof(Elf64_Sym) : sizeof(Elf64_Rel);

		if (!is_symbols && section->header.sh_type != SHT_REL)
			continue;
		if (section->header.sh_entsize != record ||
		    section->header.sh_link >= c->section_count ||
		    &c->sections[section->header.sh_link] !=
			    find_section(c, is_symbols ? ".strtab" : ".symtab"))
			return refuse_section(c, section->name,
					      "is of another form than sklc gives it");
	}
	return 0;
}

/* What libbpf cannot do without; it would not say what is missing. */
static int check_presence(const struct checking *c)
{
	const char *const needed[] = {".maps", ".BTF", object_machine(c->object)};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!find_section(c, needed[i]))
			return refuse(c->object->report, EINVAL, "object '%s' has no section '%s'",
				      c->object->image->name, needed[i]);
	return 0;
}

static int check_license(const struct checking *c)
{
	const struct section *section = find_section(c, "license");

	if (section && (section->size != sizeof(ABI_LICENSE) ||
			memcmp(section->bytes, ABI_LICENSE, sizeof(ABI_LICENSE)) != 0))
		return refuse_section(c, "license", "is not '" ABI_LICENSE "'");
	return 0;
}

static int check_sizes(const struct checking *c)
{
	const struct object *object = c->object;
	size_t words = ABI_FLOW_CLASSES * (size_t)object->header.label_count +
		       (object_has_classes(object) ? object->header.asks_interface
						   : object->header.interface_count);
	size_t instructions = (object->program_bytes + object->called_bytes) /
			      sizeof(struct bpf_insn);
	const struct section *machine = find_section(c, object_machine(object));

	if (instructions > ALLOWED_INSTRUCTIONS)
		return refuse(object->report, EINVAL,
			      "object '%s' has %zu instructions; the kernel verifies at most %d",
			      object->image->name, instructions, ALLOWED_INSTRUCTIONS);
	if (object->tables_bytes > ALLOWED_TABLE_BYTES)
		return refuse(object->report, EINVAL,
			      "object '%s' has %zu bytes of tables; a program reaches at most %d",
			      object->image->name, object->tables_bytes, ALLOWED_TABLE_BYTES);
	if (machine->size != (words ? words : 1) * sizeof(uint32_t))
		return refuse(object->report, EINVAL,
			      "object '%s': the section '%s' has %zu bytes, expected %zu by its "
			      "header",
			      object->image->name, machine->name, machine->size,
			      (words ? words : 1) * sizeof(uint32_t));
	return 0;
}

/* A symbol of the table by its index; false if there is none. */
static bool read_symbol(const struct checking *c, size_t index, Elf64_Sym *symbol)
{
	if (!c->symbols || index >= c->symbols->size / sizeof(*symbol))
		return false;
	memcpy(symbol, c->symbols->bytes + index * sizeof(*symbol), sizeof(*symbol));
	return true;
}

/* The section that a symbol is in; NULL if it is in none, as what libbpf would look for in the
 * kernel is. */
static const struct section *section_of(const struct checking *c, const Elf64_Sym *symbol)
{
	return symbol->st_shndx && symbol->st_shndx < c->section_count
		       ? &c->sections[symbol->st_shndx]
		       : NULL;
}

/* Whether a symbol is what sklc makes for a section: a function or a variable, or the symbol of a section of data. */
static bool is_allowed_symbol(const Elf64_Sym *symbol, const struct section *section)
{
	bool is_code = section->header.sh_flags & SHF_EXECINSTR;

	if (symbol->st_value > section->size ||
	    symbol->st_size > section->size - symbol->st_value || symbol->st_other)
		return false;
	if (symbol->st_info == ELF64_ST_INFO(STB_LOCAL, STT_SECTION))
		return allowed_reference(section->name) && !symbol->st_value;
	return symbol->st_info == ELF64_ST_INFO(STB_GLOBAL, is_code ? STT_FUNC : STT_OBJECT);
}

static int check_symbols(const struct checking *c)
{
	Elf64_Sym symbol;

	for (size_t i = 1; read_symbol(c, i, &symbol); i++) {
		const struct section *section = section_of(c, &symbol);

		if (!section || !is_allowed_symbol(&symbol, section))
			return refuse(c->object->report, EINVAL,
				      "object '%s': its symbol %zu is not one that sklc "
				      "makes; " DAMAGED_OR_FOREIGN,
				      c->object->image->name, i);
	}
	return 0;
}

static struct bpf_insn instruction_at(const struct section *section, size_t number)
{
	struct bpf_insn insn;

	memcpy(&insn, section->bytes + number * sizeof(insn), sizeof(insn));
	return insn;
}

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL);
}

static bool is_wide(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

/* Why a relocation is not allowed, or NULL. */
static const char *fault_of_relocation(const struct checking *c, const struct bpf_insn *insn,
				       const Elf64_Rel *relocation)
{
	const struct section *section;
	Elf64_Sym symbol;

	if (!read_symbol(c, ELF64_R_SYM(relocation->r_info), &symbol) ||
	    !(section = section_of(c, &symbol)))
		return "refers to nothing";
	if (ELF64_R_TYPE(relocation->r_info) == REFERS_TO_DATA && is_wide(insn))
		return allowed_reference(section->name) ? NULL : "refers to no map";
	if (ELF64_R_TYPE(relocation->r_info) == REFERS_TO_CODE && is_call(insn) &&
	    insn->src_reg == BPF_PSEUDO_CALL)
		return strcmp(section->name, ABI_CALLED_SECTION) == 0 ? NULL
								      : "calls no subprogram";
	return "has a relocation of a kind that sklc does not make";
}

/* Checks the relocations of a section of code, and marks the instructions that have one. */
static int check_relocations(const struct checking *c, const struct section *code, bool *relocated)
{
	size_t count = code->size / sizeof(struct bpf_insn);

	for (size_t i = 1; i < c->section_count; i++) {
		const struct section *section = &c->sections[i];
		const struct allowed_section *allowed = allowed_section(section->name);

		if (!allowed->relocated || strcmp(allowed->relocated, code->name) != 0)
			continue;
		if (section->header.sh_info >= c->section_count ||
		    &c->sections[section->header.sh_info] != code ||
		    section->size % sizeof(Elf64_Rel))
			return refuse_section(c, section->name,
					      "has not the relocations of its "
					      "section");
		for (size_t j = 0; j < section->size / sizeof(Elf64_Rel); j++) {
			struct bpf_insn insn;
			const char *fault;
			Elf64_Rel rel;
			size_t number;

			memcpy(&rel, section->bytes + j * sizeof(rel), sizeof(rel));
			number = rel.r_offset / sizeof(insn);
			if (rel.r_offset % sizeof(insn) || number >= count || relocated[number])
				return refuse_section(c, section->name,
						      "has a relocation of no instruction, or two "
						      "of one");
			insn = instruction_at(code, number);
			fault = fault_of_relocation(c, &insn, &rel);
			if (fault)
				return refuse_instruction(c, code, number, fault);
			relocated[number] = true;
		}
	}
	return 0;
}

/* Why an instruction is not allowed, or NULL. */
static const char *fault_of_instruction(const struct bpf_insn *insn, bool is_relocated)
{
	if (is_wide(insn) && insn->src_reg)
		return "loads a number of the kernel";
	if (!allowed_instruction(insn))
		return "is of a kind that sklc does not write";
	if (!is_call(insn))
		return NULL;
	if (insn->src_reg == BPF_PSEUDO_CALL)
		return is_relocated ? NULL : "calls no subprogram";
	if (insn->src_reg)
		return "calls a function of the kernel";
	return allowed_helper(insn->imm) ? NULL : "calls a helper that sklc does not use";
}

static int check_instructions(const struct checking *c, const struct section *code,
			      const bool *relocated)
{
	size_t count = code->size / sizeof(struct bpf_insn);

	for (size_t i = 0; i < count; i++) {
		struct bpf_insn insn = instruction_at(code, i);
		const char *fault = fault_of_instruction(&insn, relocated[i]);

		if (fault)
			return refuse_instruction(c, code, i, fault);
		if (!is_wide(&insn))
			continue;
		if (++i == count || relocated[i] || instruction_at(code, i).code)
			return refuse_instruction(c, code, i - 1, "has no second half");
	}
	return 0;
}

static int check_code(const struct checking *c, const char *name)
{
	const struct section *code = find_section(c, name);
	autofree bool *relocated = NULL;
	int err;

	if (!code)
		return 0;
	if (code->size % sizeof(struct bpf_insn))
		return refuse_section(c, name, "has no whole number of instructions");
	relocated = calloc(code->size / sizeof(struct bpf_insn) + 1, sizeof(*relocated));
	if (!relocated)
		return fail(c->object->report, ENOMEM, "read object '%s'", c->object->image->name);
	err = check_relocations(c, code, relocated);
	return err ? err : check_instructions(c, code, relocated);
}

/* In .BTF.ext there could be relocations by the types of the kernel, after which other instructions
 * would be loaded than those checked here. Before version 4, the header has no word of them. */
static int check_line_info(const struct checking *c)
{
	struct {
		uint16_t magic;
		uint8_t version, flags;
		uint32_t header_bytes, offsets_and_sizes[4];
		uint32_t relocations_offset, relocations_bytes;
	} header = {0};
	size_t expected = c->object->header.version > 3
				  ? sizeof(header)
				  : offsetof(__typeof__(header), relocations_offset);

	if (!c->object->btf_ext)
		return 0;
	if (c->object->btf_ext_bytes < expected)
		return refuse_section(c, ".BTF.ext", "has another header than sklc gives it");
	memcpy(&header, c->object->btf_ext, expected);
	if (header.header_bytes != expected || header.relocations_bytes)
		return refuse_section(c, ".BTF.ext", "has another header than sklc gives it");
	return 0;
}

/* The name of a symbol, which may be any bytes; that of its section, for a section's own symbol. NULL if it is not
 * within .strtab. */
static const char *symbol_name(const struct checking *c, const Elf64_Sym *symbol)
{
	const struct section *names = find_section(c, ".strtab");

	if (ELF64_ST_TYPE(symbol->st_info) == STT_SECTION)
		return section_of(c, symbol) ? section_of(c, symbol)->name : NULL;
	return names && symbol->st_name < names->size &&
			       memchr(names->bytes + symbol->st_name, 0,
				      names->size - symbol->st_name)
		       ? (const char *)names->bytes + symbol->st_name
		       : NULL;
}

/* The checksum of a section as a whole; 0 for symbols and relocations, which have one each, and for what the checksum
 * leaves out. */
static uint32_t sum_section(const struct checking *c, const struct section *section)
{
	struct abi_header header;

	switch (section->header.sh_type) {
	case SHT_SYMTAB:
	case SHT_REL:
		return 0;
	default:
		break;
	}
	if (strcmp(section->name, ".strtab") == 0 || strcmp(section->name, ABI_TEXT_SECTION) == 0)
		return 0;
	if (strcmp(section->name, ABI_HEADER_SECTION) != 0)
		return checksum_of_section(section->name,
					   section->header.sh_type == SHT_NOBITS ? NULL
										 : section->bytes,
					   section->size);
	header = c->object->header;
	header.checksum = 0;
	return checksum_of_section(section->name, &header, sizeof(header));
}

static uint32_t sum_relocations(const struct checking *c, const struct section *section)
{
	const struct allowed_section *allowed = allowed_section(section->name);
	uint32_t sum = 0;

	for (size_t i = 0; allowed->relocated && i < section->size / sizeof(Elf64_Rel); i++) {
		const char *name = NULL;
		Elf64_Sym symbol;
		Elf64_Rel rel;

		memcpy(&rel, section->bytes + i * sizeof(rel), sizeof(rel));
		if (read_symbol(c, ELF64_R_SYM(rel.r_info), &symbol))
			name = symbol_name(c, &symbol);
		sum += checksum_of_relocation(allowed->relocated, rel.r_offset,
					      ELF64_R_TYPE(rel.r_info), name ? name : "");
	}
	return sum;
}

static uint32_t sum_symbols(const struct checking *c)
{
	Elf64_Sym symbol;
	uint32_t sum = 0;

	for (size_t i = 1; read_symbol(c, i, &symbol); i++) {
		const struct section *section = section_of(c, &symbol);
		const char *name = symbol_name(c, &symbol);

		sum += checksum_of_symbol(name ? name : "", section ? section->name : "",
					  symbol.st_value, symbol.st_size);
	}
	return sum;
}

/* Tells damage from what somebody has made wrong, which the other checks tell. */
static int check_checksum(const struct checking *c)
{
	uint32_t sum = sum_symbols(c);

	if (c->object->header.version < 4)
		return 0;
	for (size_t i = 1; i < c->section_count; i++)
		sum += sum_section(c, &c->sections[i]) + sum_relocations(c, &c->sections[i]);
	if (sum == c->object->header.checksum)
		return 0;
	return refuse(c->object->report, EINVAL,
		      "object '%s' is damaged: the checksum of what is in it is %08" PRIx32
		      ", and its header has %08" PRIx32
		      "; copy it again, or compile its rules again",
		      c->object->image->name, sum, c->object->header.checksum);
}

int check_elf(const struct object *object, Elf *elf)
{
	struct checking c = {.object = object, .elf = elf};
	int err = list_sections(&c);

	if (!err)
		err = check_links(&c);
	if (!err)
		err = check_checksum(&c);
	if (!err)
		err = check_presence(&c);
	if (!err)
		err = check_license(&c);
	if (!err)
		err = check_sizes(&c);
	if (!err)
		err = check_symbols(&c);
	if (!err)
		err = check_code(&c, ABI_PROGRAM_SECTION);
	if (!err)
		err = check_code(&c, ABI_CALLED_SECTION);
	return err ? err : check_line_info(&c);
}
