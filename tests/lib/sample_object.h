/* A small object for tests that damage it: the sections that the runtime reads, with a record of each kind, and a small
 * program. It has no types, so it cannot be loaded. */
#ifndef SKLC_SAMPLE_OBJECT_H
#define SKLC_SAMPLE_OBJECT_H

#include "compiler/base/checksum.h"
#include "runtime/abi.h"

#include <elf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

enum {
	/* ELF's empty one, ten of sklc's, maps, code, symbols, relocations, types, the host's words,
	 * the names */
	SAMPLE_SECTIONS = 19,
	SAMPLE_MAPS_SECTION = 11, /* indices of sections */
	SAMPLE_CALLED_SECTION = 12,
	SAMPLE_PROGRAM_SECTION = 13,
	SAMPLE_SYMBOLS_SECTION = 14,
	SAMPLE_INSTRUCTIONS = 6,
	SAMPLE_SYMBOLS = 4,
	SAMPLE_RELOCATIONS = 2,
	SAMPLE_SIZE_MAX = 8192,
	SAMPLE_MAP_BYTES = 40,
	SAMPLE_LABELS = 2,
	SAMPLE_TEXT_BYTES = 30,
};

/* Offsets into the strings. */
#define SAMPLE_STRINGS                                                                             \
	"web\0dns\0eth0\0tcp redirect to web\0tcp expanded\0rules.conf\0root\0p=1\0expect"
enum {
	SAMPLE_WEB = 0,
	SAMPLE_DNS = 4,
	SAMPLE_ETH0 = 8,
	SAMPLE_RULE = 13,
	SAMPLE_EXPANDED = 33,
	SAMPLE_FILE = 46,
	SAMPLE_ROOT = 57,
	SAMPLE_DEFINE = 62,
	SAMPLE_EXPECT = 66,
};

/* The contents of the sections: tests change them, then write the file. */
struct sample {
	struct abi_header header;
	size_t header_bytes; /* that are written */
	char strings[sizeof(SAMPLE_STRINGS)];
	struct abi_label labels[SAMPLE_LABELS];
	struct abi_interface interfaces[1];
	size_t interface_bytes; /* of the record that are written */
	struct abi_rule rules[1];
	struct abi_socket sockets[1];
	size_t socket_bytes; /* of the record that are written */
	struct abi_expect expects[1];
	uint32_t definitions[1];
	struct abi_text texts[1];
	unsigned char text[128];
	size_t text_size;
	const char *program_section;
	/* Loads the address of a map, calls a helper and a subprogram, and returns. */
	struct bpf_insn program[SAMPLE_INSTRUCTIONS];
	struct bpf_insn called[1];
	Elf64_Sym symbols[SAMPLE_SYMBOLS]; /* ELF's empty one, a map, the subprogram, the program */
	Elf64_Rel relocations[SAMPLE_RELOCATIONS];
	uint32_t relocated; /* index of the section that the relocations are of */
	uint64_t program_flags;
};

static inline void sample_fill_code(struct sample *sample)
{
	enum { OBJECT = STB_GLOBAL << 4 | STT_OBJECT, FUNCTION = STB_GLOBAL << 4 | STT_FUNC };
	const struct bpf_insn program[SAMPLE_INSTRUCTIONS] = {
		{.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 1},
		{0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem},
		{.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = -1},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};

	memcpy(sample->program, program, sizeof(program));
	sample->called[0] = program[SAMPLE_INSTRUCTIONS - 1];
	sample->symbols[1] = (Elf64_Sym){
		.st_info = OBJECT, .st_shndx = SAMPLE_MAPS_SECTION, .st_size = SAMPLE_MAP_BYTES};
	sample->symbols[2] = (Elf64_Sym){
		.st_info = FUNCTION, .st_shndx = SAMPLE_CALLED_SECTION, .st_size = 8};
	sample->symbols[3] = (Elf64_Sym){.st_info = FUNCTION,
					 .st_shndx = SAMPLE_PROGRAM_SECTION,
					 .st_size = sizeof(program)};
	sample->relocations[0] = (Elf64_Rel){0, ELF64_R_INFO(1, 1)};
	sample->relocations[1] = (Elf64_Rel){3 * sizeof(program[0]), ELF64_R_INFO(2, 10)};
	sample->relocated = SAMPLE_PROGRAM_SECTION;
	sample->program_flags = SHF_ALLOC | SHF_EXECINSTR;
}

static inline void sample_fill(struct sample *sample)
{
	static const char text[SAMPLE_TEXT_BYTES + 1] = "tcp dport 80 redirect to web.\n";
	uLongf size = sizeof(sample->text);

	*sample = (struct sample){
		.header = {.magic = ABI_MAGIC,
			   .version = ABI_VERSION,
			   .label_count = SAMPLE_LABELS,
			   .interface_count = 1,
			   .counter_count = 1,
			   .policy = ABI_DROP,
			   .text_bytes = SAMPLE_TEXT_BYTES,
			   .tries_spares = 1,
			   .compiler = SAMPLE_FILE,
			   .backend = SAMPLE_FILE,
			   .tables = SAMPLE_FILE,
			   .asks_interface = 1},
		.header_bytes = sizeof(struct abi_header),
		.strings = SAMPLE_STRINGS,
		.labels = {{SAMPLE_WEB, 1}, {SAMPLE_DNS, 15}},
		.interfaces = {{SAMPLE_ETH0, 1, 0}},
		.interface_bytes = sizeof(struct abi_interface),
		.rules = {{.text = SAMPLE_RULE,
			   .chain = ABI_NO_STRING,
			   .line = 1,
			   .column = 1,
			   .expanded = SAMPLE_EXPANDED}},
		.sockets = {{.label = 1,
			     .protocol = IPPROTO_UDP,
			     .family = AF_UNSPEC,
			     .port = 53,
			     .uid = SAMPLE_ROOT,
			     .cgroup = ABI_NO_STRING,
			     .device = SAMPLE_ETH0,
			     .line = 2,
			     .any_address = 1}},
		.socket_bytes = sizeof(struct abi_socket),
		.expects = {{.text = SAMPLE_EXPECT,
			     .line = 3,
			     .family = AF_INET6,
			     .protocol = IPPROTO_TCP,
			     .remote_port = 65535,
			     .local_port = 80,
			     .interface = ABI_CLASS_FIRST + 1,
			     .verdict = ABI_REDIRECT,
			     .label = 1}},
		.definitions = {SAMPLE_DEFINE},
		.texts = {{.name = SAMPLE_FILE, .bytes = SAMPLE_TEXT_BYTES}},
		.program_section = ABI_PROGRAM_SECTION,
	};
	sample_fill_code(sample);
	compress2(sample->text, &size, (const Bytef *)text, SAMPLE_TEXT_BYTES, 1);
	sample->text_size = size;
}

/* An ELF file that is being written from its beginning to its end. */
struct sample_elf {
	unsigned char *bytes;
	size_t size;
	Elf64_Shdr headers[SAMPLE_SECTIONS];
	char names[256];
	size_t name_bytes, count;
};

/* Adds a section; returns its header. */
static inline Elf64_Shdr *sample_section(struct sample_elf *elf, const char *name, uint32_t type,
					 uint64_t flags, const void *bytes, size_t size)
{
	Elf64_Shdr *header = &elf->headers[elf->count++];

	*header = (Elf64_Shdr){
		.sh_name = (Elf64_Word)elf->name_bytes,
		.sh_type = type,
		.sh_flags = flags,
		.sh_offset = elf->size,
		.sh_size = size,
		.sh_addralign = 1,
	};
	strcpy(elf->names + elf->name_bytes, name);
	elf->name_bytes += strlen(name) + 1;
	if (type == SHT_NOBITS)
		return header;
	memcpy(elf->bytes + elf->size, bytes, size);
	elf->size += size;
	return header;
}

static inline void sample_records(struct sample_elf *elf, const char *name, const void *bytes,
				  size_t size)
{
	sample_section(elf, name, SHT_STRTAB, SHF_ALLOC, bytes, size);
}

static inline void sample_write_code(struct sample_elf *elf, const struct sample *s)
{
	static const char maps[SAMPLE_MAP_BYTES];
	Elf64_Shdr *header;

	sample_section(elf, ".maps", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, maps, sizeof(maps));
	sample_section(elf, ABI_CALLED_SECTION, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, s->called,
		       sizeof(s->called));
	sample_section(elf, s->program_section, SHT_PROGBITS, s->program_flags, s->program,
		       sizeof(s->program));
	header = sample_section(elf, ".symtab", SHT_SYMTAB, 0, s->symbols, sizeof(s->symbols));
	header->sh_link = SAMPLE_SECTIONS - 1;
	header->sh_entsize = sizeof(s->symbols[0]);
	header = sample_section(elf, ".rel" ABI_PROGRAM_SECTION, SHT_REL, SHF_INFO_LINK,
				s->relocations, sizeof(s->relocations));
	header->sh_link = SAMPLE_SYMBOLS_SECTION;
	header->sh_info = s->relocated;
	header->sh_entsize = sizeof(s->relocations[0]);
}

/* Types that nobody reads here, and the words of the host: for each slot, and for the class of
 * interfaces or, in old versions, each interface of the header. */
static inline void sample_write_data(struct sample_elf *elf, const struct sample *s)
{
	static const uint32_t words[(SAMPLE_LABELS + 1) * ABI_FLOW_CLASSES + 2];
	size_t count = s->header.label_count * ABI_FLOW_CLASSES +
		       (s->header.version < 4 ? s->header.interface_count
					      : s->header.asks_interface);
	size_t size = count * sizeof(words[0]);

	sample_section(elf, ".BTF", SHT_PROGBITS, 0, "types", sizeof("types"));
	if (s->header.version == 2)
		sample_section(elf, ABI_MACHINE_2, SHT_PROGBITS, SHF_ALLOC, words, size);
	else if (s->header.version == 3)
		sample_section(elf, ABI_MACHINE_3, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, words,
			       size);
	else
		sample_section(elf, ABI_MACHINE, SHT_NOBITS, SHF_ALLOC | SHF_WRITE, words, size);
}

/* The name of a section by its number; "" if there is none. */
static inline const char *sample_section_name(const struct sample_elf *elf, uint32_t section)
{
	return section && section < elf->count ? elf->names + elf->headers[section].sh_name : "";
}

/* The sample's symbols have no names, but those of sections have the section's. */
static inline const char *sample_symbol_name(const struct sample_elf *elf, const struct sample *s,
					     size_t number)
{
	const Elf64_Sym *symbol = &s->symbols[number];

	return number < SAMPLE_SYMBOLS && ELF64_ST_TYPE(symbol->st_info) == STT_SECTION
		       ? sample_section_name(elf, symbol->st_shndx)
		       : "";
}

/* The sum of a section, with the relocations if it has such. */
static inline uint32_t sample_sum(const struct sample_elf *elf, const struct sample *s,
				  const Elf64_Shdr *section)
{
	const char *name = elf->names + section->sh_name;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; section->sh_type == SHT_REL && i < SAMPLE_RELOCATIONS; i++)
		sum += checksum_of_relocation(
			ABI_PROGRAM_SECTION, s->relocations[i].r_offset,
			ELF64_R_TYPE(s->relocations[i].r_info),
			sample_symbol_name(elf, s, ELF64_R_SYM(s->relocations[i].r_info)));
	if (section->sh_type == SHT_REL || section->sh_type == SHT_SYMTAB ||
	    strcmp(name, ABI_TEXT_SECTION) == 0 || strcmp(name, ".strtab") == 0)
		return sum;
	return checksum_of_section(
		name, section->sh_type == SHT_NOBITS ? NULL : elf->bytes + section->sh_offset,
		section->sh_size);
}

/* Puts the checksum into the header, which is the first section, and has none yet. */
static inline void sample_seal(const struct sample_elf *elf, const struct sample *s)
{
	size_t at = elf->headers[1].sh_offset + offsetof(struct abi_header, checksum), i;
	uint32_t sum = 0;

	if (s->header_bytes < sizeof(s->header))
		return;
	for (i = 1; i < elf->count; i++)
		sum += sample_sum(elf, s, &elf->headers[i]);
	for (i = 1; i < SAMPLE_SYMBOLS; i++)
		sum += checksum_of_symbol(sample_symbol_name(elf, s, i),
					  sample_section_name(elf, s->symbols[i].st_shndx),
					  s->symbols[i].st_value, s->symbols[i].st_size);
	memcpy(elf->bytes + at, &sum, sizeof(sum));
}

/* Writes the file into SAMPLE_SIZE_MAX bytes; returns its size. */
static inline size_t sample_write(const struct sample *s, unsigned char *bytes)
{
	struct sample_elf elf = {
		.bytes = bytes, .size = sizeof(Elf64_Ehdr), .name_bytes = 1, .count = 1};
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB,
			    EV_CURRENT},
		.e_type = ET_REL,
		.e_machine = EM_BPF,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(header),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = SAMPLE_SECTIONS,
		.e_shstrndx = SAMPLE_SECTIONS - 1,
	};

	sample_records(&elf, ABI_HEADER_SECTION, &s->header, s->header_bytes);
	sample_records(&elf, ABI_STRINGS_SECTION, s->strings, sizeof(s->strings));
	sample_records(&elf, ABI_LABELS_SECTION, s->labels, sizeof(s->labels));
	sample_records(&elf, ABI_INTERFACES_SECTION, s->interfaces, s->interface_bytes);
	sample_records(&elf, ABI_RULES_SECTION, s->rules, sizeof(s->rules));
	sample_records(&elf, ABI_SOCKETS_SECTION, s->sockets, s->socket_bytes);
	sample_records(&elf, ABI_EXPECTS_SECTION, s->expects, sizeof(s->expects));
	sample_records(&elf, ABI_DEFINITIONS_SECTION, s->definitions, sizeof(s->definitions));
	sample_records(&elf, ABI_TEXTS_SECTION, s->texts, sizeof(s->texts));
	sample_records(&elf, ABI_TEXT_SECTION, s->text, s->text_size);
	sample_write_code(&elf, s);
	sample_write_data(&elf, s);
	memcpy(elf.names + elf.name_bytes, ".strtab", sizeof(".strtab"));
	sample_section(&elf, ".strtab", SHT_STRTAB, 0, elf.names,
		       elf.name_bytes + sizeof(".strtab"));
	sample_seal(&elf, s);
	elf.size = (elf.size + 7) & ~(size_t)7;
	header.e_shoff = elf.size;
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + elf.size, elf.headers, sizeof(elf.headers));
	return elf.size + sizeof(elf.headers);
}

#endif
