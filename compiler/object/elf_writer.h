/* An ELF object file for BPF being put together: sections, symbols, relocations. */
#ifndef SKLC_ELF_WRITER_H
#define SKLC_ELF_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct elf_writer;
struct object;

struct elf_writer *elf_writer_new(struct arena *arena);

/* TYPE and FLAGS are SHT_ and SHF_ values. BYTES is not copied and must stay until elf_write. Gives
 * the section's index. */
unsigned elf_section(struct elf_writer *elf, const char *name, uint32_t type, uint64_t flags,
		     uint64_t alignment, const void *bytes, size_t size);

/* A global symbol; TYPE is STT_FUNC or STT_OBJECT. Gives its index. */
unsigned elf_symbol(struct elf_writer *elf, const char *name, unsigned char type, unsigned section,
		    uint64_t value, uint64_t size);

/* What the instruction at OFFSET of the section TARGET does with the symbol. All of one TARGET are
 * added one after the other. */
enum elf_reference { ELF_LOADS, ELF_CALLS };

void elf_relocation(struct elf_writer *elf, unsigned target, uint64_t offset,
		    enum elf_reference reference, unsigned symbol);

/* The file's bytes, in the arena. NULL, or what went wrong. */
const char *elf_write(struct elf_writer *elf, struct object *object);

#endif
