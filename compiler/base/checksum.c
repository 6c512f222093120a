/* The CRC-32 of each thing that an object's checksum is the sum of. */
#include "checksum.h"

#include <string.h>
#include <zlib.h>

static uLong add_name(uLong crc, const char *name)
{
	return crc32_z(crc, (const Bytef *)name, strlen(name) + 1);
}

static uLong add_number(uLong crc, uint64_t number)
{
	Bytef bytes[sizeof(number)];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (Bytef)(number >> 8 * i);
	return crc32_z(crc, bytes, sizeof(bytes));
}

uint32_t checksum_of_section(const char *name, const void *bytes, size_t size)
{
	uLong crc = add_number(add_name(0, name), size);

	return (uint32_t)(bytes ? crc32_z(crc, bytes, size) : crc);
}

uint32_t checksum_of_symbol(const char *name, const char *section, uint64_t value, uint64_t size)
{
	uLong crc = add_name(add_name(0, name), section);

	return (uint32_t)add_number(add_number(crc, value), size);
}

uint32_t checksum_of_relocation(const char *code, uint64_t offset, uint64_t type,
				const char *symbol)
{
	uLong crc = add_number(add_number(add_name(0, code), offset), type);

	return (uint32_t)add_name(crc, symbol);
}
