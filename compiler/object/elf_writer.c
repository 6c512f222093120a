/*
 * Writes an ELF file with libelf. libelf can only write into a file, here one in memory, from which
 * the result is read, so everything that libelf writes is copied twice. Large sections (a
 * decision's tables can be hundreds of megabytes) are therefore at the end of the ELF file, and are
 * copied directly into the result. What libelf writes is called the frame.
 */
#include "elf_writer.h"
#include "object.h"

#include "compiler/base/arena.h"
#include "compiler/base/checksum.h"
#include "compiler/pipeline.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef EM_BPF
#define EM_BPF 247
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ORDER ELFDATA2LSB
#else
#define NATIVE_ORDER ELFDATA2MSB
#endif

enum {
	RELOCATION_64_64 = 1,  /* R_BPF_64_64 of the BPF ABI */
	RELOCATION_64_32 = 10, /* R_BPF_64_32 */
	LARGE = 64 * 1024,     /* bytes */
};

struct section {
	const char *name;
	const void *bytes;
	Elf64_Shdr header; /* with its offset once set_all_offsets has run */
};

/* The relocations of the section with index TARGET. */
struct relocations {
	unsigned target;
	Elf64_Rel *items;
	size_t count, capacity;
};

struct strings {
	char *bytes;
	size_t count, capacity;
};

struct elf_writer {
	struct arena *arena;
	struct section *sections; /* [0] is ELF's null section */
	size_t section_count, section_capacity;
	Elf64_Sym *symbols; /* [0] is ELF's null symbol */
	size_t symbol_count, symbol_capacity;
	struct relocations *relocations;
	size_t relocations_count, relocations_capacity;
	struct strings strings;
	uint64_t frame; /* size of the file without its large sections, in bytes */
};

static uint32_t add_string(struct elf_writer *elf, const char *text)
{
	size_t offset = elf->strings.count;

	do
		*ARENA_PUSH(elf->arena, elf->strings.bytes, elf->strings.count,
			    elf->strings.capacity) = *text;
	while (*text++);
	return (uint32_t)offset;
}

static unsigned push_section(struct elf_writer *elf, struct section section)
{
	*ARENA_PUSH(elf->arena, elf->sections, elf->section_count, elf->section_capacity) = section;
	return (unsigned)elf->section_count - 1;
}

static unsigned push_symbol(struct elf_writer *elf, Elf64_Sym symbol)
{
	*ARENA_PUSH(elf->arena, elf->symbols, elf->symbol_count, elf->symbol_capacity) = symbol;
	return (unsigned)elf->symbol_count - 1;
}

struct elf_writer *elf_writer_new(struct arena *arena)
{
	struct elf_writer *elf = arena_alloc(arena, 1, sizeof(*elf));

	elf->arena = arena;
	add_string(elf, "");
	push_section(elf, (struct section){0});
	push_symbol(elf, (Elf64_Sym){0});
	return elf;
}

unsigned elf_section(struct elf_writer *elf, const char *name, uint32_t type, uint64_t flags,
		     uint64_t alignment, const void *bytes, size_t size)
{
	Elf64_Shdr header = {
		.sh_name = add_string(elf, name),
		.sh_type = type,
		.sh_flags = flags,
		.sh_size = size,
		.sh_addralign = alignment,
	};

	return push_section(elf, (struct section){name, bytes, header});
}

unsigned elf_symbol(struct elf_writer *elf, const char *name, unsigned char type, unsigned section,
		    uint64_t value, uint64_t size)
{
	Elf64_Sym symbol = {
		.st_name = add_string(elf, name),
		.st_info = (unsigned char)ELF64_ST_INFO(STB_GLOBAL, type),
		.st_shndx = (Elf64_Section)section,
		.st_value = value,
		.st_size = size,
	};

	return push_symbol(elf, symbol);
}

unsigned elf_section_symbol(struct elf_writer *elf, unsigned section)
{
	Elf64_Sym symbol = {
		.st_info = (unsigned char)ELF64_ST_INFO(STB_LOCAL, STT_SECTION),
		.st_shndx = (Elf64_Section)section,
	};

	return push_symbol(elf, symbol);
}

/* The relocations of TARGET. If they are not those added to last, they are new. */
static struct relocations *relocations_of(struct elf_writer *elf, unsigned target)
{
	struct relocations *last = elf->relocations_count
					   ? &elf->relocations[elf->relocations_count - 1]
					   : NULL;

	if (last && last->target == target)
		return last;
	last = ARENA_PUSH(elf->arena, elf->relocations, elf->relocations_count,
			  elf->relocations_capacity);
	*last = (struct relocations){.target = target};
	return last;
}

void elf_relocation(struct elf_writer *elf, unsigned target, uint64_t offset,
		    enum elf_reference reference, unsigned symbol)
{
	struct relocations *relocations = relocations_of(elf, target);
	Elf64_Xword type = reference == ELF_CALLS ? RELOCATION_64_32 : RELOCATION_64_64;

	*ARENA_PUSH(elf->arena, relocations->items, relocations->count, relocations->capacity) =
		(Elf64_Rel){offset, ELF64_R_INFO((Elf64_Xword)symbol, type)};
}

static void add_relocations(struct elf_writer *elf, const struct relocations *relocations,
			    unsigned symbols)
{
	const char *target = elf->sections[relocations->target].name;
	unsigned section = elf_section(elf, arena_printf(elf->arena, ".rel%s", target), SHT_REL,
				       SHF_INFO_LINK, 8, relocations->items,
				       relocations->count * sizeof(*relocations->items));

	elf->sections[section].header.sh_link = symbols;
	elf->sections[section].header.sh_info = relocations->target;
	elf->sections[section].header.sh_entsize = sizeof(*relocations->items);
}

static unsigned first_global_symbol(const struct elf_writer *elf)
{
	unsigned first = 1;

	while (first < elf->symbol_count && ELF64_ST_BIND(elf->symbols[first].st_info) == STB_LOCAL)
		first++;
	return first;
}

/* Adds the sections that describe the others: symbols, relocations and strings. Returns the index
 * of the strings. */
static unsigned add_tables(struct elf_writer *elf)
{
	unsigned symbols, strings;
	size_t i;

	symbols = elf_section(elf, ".symtab", SHT_SYMTAB, 0, 8, elf->symbols,
			      elf->symbol_count * sizeof(*elf->symbols));
	for (i = 0; i < elf->relocations_count; i++)
		add_relocations(elf, &elf->relocations[i], symbols);
	strings = elf_section(elf, ".strtab", SHT_STRTAB, 0, 1, NULL, 0);
	elf->sections[symbols].header.sh_link = strings;
	elf->sections[symbols].header.sh_info = first_global_symbol(elf);
	elf->sections[symbols].header.sh_entsize = sizeof(Elf64_Sym);
	elf->sections[strings].bytes = elf->strings.bytes;
	elf->sections[strings].header.sh_size = elf->strings.count;
	return strings;
}

/* The name of a symbol; that of its section, for a section's own symbol. */
static const char *symbol_name(const struct elf_writer *elf, size_t number)
{
	const Elf64_Sym *symbol = &elf->symbols[number];

	return ELF64_ST_TYPE(symbol->st_info) == STT_SECTION ? elf->sections[symbol->st_shndx].name
							     : elf->strings.bytes + symbol->st_name;
}

uint32_t elf_checksum(const struct elf_writer *elf, const char *except)
{
	uint32_t sum = 0;
	size_t i, j;

	for (i = 1; i < elf->section_count; i++)
		if (strcmp(elf->sections[i].name, except) != 0)
			sum += checksum_of_section(elf->sections[i].name, elf->sections[i].bytes,
						   elf->sections[i].header.sh_size);
	for (i = 1; i < elf->symbol_count; i++)
		sum += checksum_of_symbol(symbol_name(elf, i),
					  elf->sections[elf->symbols[i].st_shndx].name,
					  elf->symbols[i].st_value, elf->symbols[i].st_size);
	for (i = 0; i < elf->relocations_count; i++)
		for (j = 0; j < elf->relocations[i].count; j++) {
			const Elf64_Rel *rel = &elf->relocations[i].items[j];

			sum += checksum_of_relocation(
				elf->sections[elf->relocations[i].target].name, rel->r_offset,
				ELF64_R_TYPE(rel->r_info),
				symbol_name(elf, ELF64_R_SYM(rel->r_info)));
		}
	return sum;
}

static uint64_t align(uint64_t offset, uint64_t alignment)
{
	return (offset + alignment - 1) / alignment * alignment;
}

static bool is_large(const struct section *section)
{
	return section->header.sh_size >= LARGE && section->header.sh_type != SHT_NOBITS;
}

/* Sets the offsets of the large sections, or else of the small ones, from OFFSET on. Returns where
 * they end. */
static uint64_t set_offsets(struct elf_writer *elf, bool large, uint64_t offset)
{
	size_t i;

	for (i = 1; i < elf->section_count; i++) {
		struct section *section = &elf->sections[i];

		if (is_large(section) != large)
			continue;
		offset = align(offset, section->header.sh_addralign);
		section->header.sh_offset = offset;
		if (section->header.sh_type != SHT_NOBITS)
			offset += section->header.sh_size;
	}
	return offset;
}

/* Sets the offsets of the small sections, the section headers and the large sections, in this
 * order. Returns the file's size. */
static uint64_t set_all_offsets(struct elf_writer *elf, Elf64_Ehdr *header)
{
	header->e_shoff = align(set_offsets(elf, false, sizeof(*header)), 8);
	elf->frame = header->e_shoff + elf->section_count * sizeof(Elf64_Shdr);
	return set_offsets(elf, true, elf->frame);
}

/* What libelf calls the type of a section's data. */
static Elf_Type data_type(uint32_t section_type)
{
	switch (section_type) {
	case SHT_SYMTAB:
		return ELF_T_SYM;
	case SHT_REL:
		return ELF_T_REL;
	default:
		return ELF_T_BYTE;
	}
}

/* Gives libelf a section's header, and its bytes unless they are large. */
static bool describe_section(Elf *file, const struct section *section)
{
	Elf_Scn *scn = elf_newscn(file);
	Elf64_Shdr *header = scn ? elf64_getshdr(scn) : NULL;
	Elf_Data *data;

	if (!header)
		return false;
	*header = section->header;
	if (is_large(section))
		return true;
	data = elf_newdata(scn);
	if (!data)
		return false;
	data->d_buf = (void *)(uintptr_t)section->bytes;
	data->d_size = section->header.sh_size;
	data->d_align = section->header.sh_addralign;
	data->d_type = data_type(section->header.sh_type);
	return true;
}

/* Writes the frame. SIZE is the size of the whole file. */
static bool write_frame(struct elf_writer *elf, Elf *file, uint64_t *size)
{
	unsigned strings = add_tables(elf);
	Elf64_Ehdr *header = elf64_newehdr(file);
	size_t i;

	if (!header)
		return false;
	*size = set_all_offsets(elf, header);
	header->e_ident[EI_DATA] = NATIVE_ORDER;
	header->e_type = ET_REL;
	header->e_machine = EM_BPF;
	header->e_version = EV_CURRENT;
	header->e_shstrndx = (Elf64_Half)strings;
	elf_flagelf(file, ELF_C_SET, ELF_F_LAYOUT);
	for (i = 1; i < elf->section_count; i++)
		if (!describe_section(file, &elf->sections[i]))
			return false;
	return elf_update(file, ELF_C_WRITE) >= 0;
}

static bool read_whole(int fd, unsigned char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = pread(fd, bytes + done, size - done, (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

/* Puts the file together: the frame from what libelf wrote, and the large sections. */
static const char *assemble(struct elf_writer *elf, int fd, uint64_t size, struct object *object)
{
	unsigned char *bytes = arena_alloc(elf->arena, size, 1);
	size_t i;

	if (!read_whole(fd, bytes, elf->frame))
		return arena_printf(elf->arena, "read the file in memory: %s",
				    arena_errno(elf->arena, errno));
	for (i = 1; i < elf->section_count; i++) {
		const struct section *section = &elf->sections[i];

		if (is_large(section))
			memcpy(bytes + section->header.sh_offset, section->bytes,
			       section->header.sh_size);
	}
	*object = (struct object){bytes, size};
	return NULL;
}

const char *elf_write(struct elf_writer *elf, struct object *object)
{
	const char *error = NULL;
	uint64_t size;
	Elf *file;
	int fd;

	elf_version(EV_CURRENT);
	errno = 0;
	fd = memfd_create("sklc-object", MFD_CLOEXEC);
	if (fd < 0)
		return arena_printf(elf->arena, "make a file in memory: %s",
				    arena_errno(elf->arena, errno));
	file = elf_begin(fd, ELF_C_WRITE, NULL);
	if (!file || !write_frame(elf, file, &size)) {
		if (errno == ENOMEM)
			arena_out_of_memory();
		error = arena_printf(elf->arena, "libelf: %s", elf_errmsg(-1));
	} else {
		error = assemble(elf, fd, size, object);
	}
	elf_end(file);
	close(fd);
	return error;
}
