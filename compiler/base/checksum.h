/* The checksum of an object: a sum, modulo 2^32, of one CRC-32 (as zlib has it) for each thing in it, so that the order
 * in which a file has them makes no difference, nor does where they are. Each name counts with the NUL behind it, each
 * number with 8 bytes, the lowest first. */
#ifndef SKLC_CHECKSUM_H
#define SKLC_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Of a section: its name, its size and its bytes. BYTES is NULL for a section that the file has only the size of. */
uint32_t checksum_of_section(const char *name, const void *bytes, size_t size);

/* Of a symbol: its name, that of its section, its offset there and its size. */
uint32_t checksum_of_symbol(const char *name, const char *section, uint64_t value, uint64_t size);

/* Of a relocation: the name of the section of code, the offset there, the type, and the name of the symbol. */
uint32_t checksum_of_relocation(const char *code, uint64_t offset, uint64_t type,
				const char *symbol);

#endif
