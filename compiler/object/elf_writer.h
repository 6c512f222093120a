/* Writes an ELF object file for BPF, with its sections, symbols and relocations. */
#ifndef SKLC_ELF_WRITER_H
#define SKLC_ELF_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct elf_writer;
struct object;

struct elf_writer *elf_writer_new(struct arena *arena);

/* Adds a section and returns its index. TYPE and FLAGS are SHT_ and SHF_ values. BYTES is not
 * copied, and must live until elf_write. */
unsigned elf_section(struct elf_writer *elf, const char *name, uint32_t type, uint64_t flags,
		     uint64_t alignment, const void *bytes, size_t size);

/* Adds a global symbol and returns its index. TYPE is STT_FUNC or STT_OBJECT. */
unsigned elf_symbol(struct elf_writer *elf, const char *name, unsigned char type, unsigned section,
		    uint64_t value, uint64_t size);

/* Adds the local symbol that stands for a section as a whole, and returns its index. It must be added before all global
 * symbols. */
unsigned elf_section_symbol(struct elf_writer *elf, unsigned section);

/* How an instruction refers to a symbol: it loads the symbol's address, or calls the subprogram. */
enum elf_reference { ELF_LOADS, ELF_CALLS };

/* Adds a relocation for the instruction at OFFSET, in bytes, of the section TARGET. All relocations
 * of a section must be added before those of the next section. */
void elf_relocation(struct elf_writer *elf, unsigned target, uint64_t offset,
		    enum elf_reference reference, unsigned symbol);

/* The checksum (compiler/base/checksum.h) of all that was added, but for the section EXCEPT. */
uint32_t elf_checksum(const struct elf_writer *elf, const char *except);

/* Writes the file's bytes into the arena. Returns NULL, or what went wrong. */
const char *elf_write(struct elf_writer *elf, struct object *object);

#endif
