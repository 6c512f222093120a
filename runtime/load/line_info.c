/* Reads .BTF.ext: a header, then information on functions, then on lines, section by section.
 * libbpf has no public function that reads it. Every offset and size is checked. */
#include "line_info.h"

#include "runtime/object/object.h"

#include <bpf/btf.h>
#include <string.h>

struct ext_header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t header_bytes;
	uint32_t functions, function_bytes, lines, line_bytes; /* offsets from the header's end */
};

struct ext_section {
	uint32_t name, count;
};

struct ext_line {
	uint32_t offset; /* of the first instruction, in bytes */
	uint32_t file, text;
	uint32_t line_column; /* line in the upper 22 bits, column in the lower 10 */
};
enum { COLUMN_BITS = 10, INSTRUCTION_BYTES = 8 };

/* The bytes that are left to read. */
struct bytes {
	const char *at;
	size_t size;
};

static bool take(struct bytes *from, void *to, size_t size)
{
	if (size > from->size)
		return false;
	memcpy(to, from->at, size);
	from->at += size;
	from->size -= size;
	return true;
}

static bool skip(struct bytes *from, size_t size)
{
	if (size > from->size)
		return false;
	from->at += size;
	from->size -= size;
	return true;
}

/* Finds the line information, which begins with the size of a record. LINES are the bytes after
 * that size. */
static bool find_lines(const struct object *object, struct bytes *lines, uint32_t *record)
{
	struct ext_header header;

	*lines = (struct bytes){object->btf_ext, object->btf_ext_bytes};
	if (!lines->at || !take(lines, &header, sizeof(header)) || header.magic != BTF_MAGIC ||
	    header.header_bytes < sizeof(header) ||
	    !skip(lines, header.header_bytes - sizeof(header)) || !skip(lines, header.lines) ||
	    header.line_bytes > lines->size)
		return false;
	lines->size = header.line_bytes;
	return take(lines, record, sizeof(*record)) && *record >= sizeof(struct ext_line);
}

/* Narrows LINES to the records of the program's section. */
static bool find_program(const struct btf *types, struct bytes *lines, uint32_t record)
{
	struct ext_section section;

	while (take(lines, &section, sizeof(section))) {
		const char *name = btf__name_by_offset(types, section.name);

		if (section.count > lines->size / record)
			return false;
		if (name && strcmp(name, ABI_PROGRAM_SECTION) == 0) {
			lines->size = (size_t)section.count * record;
			return true;
		}
		skip(lines, (size_t)section.count * record);
	}
	return false;
}

static bool find_file(const struct object *object, const char *name, uint32_t *file)
{
	for (*file = 0; name && *file < object->text_count; ++*file)
		if (strcmp(object_string(object, object->texts[*file].name), name) == 0)
			return true;
	return false;
}

bool line_info_find(const struct object *object, const struct btf *types, size_t instruction,
		    struct line_info *info)
{
	struct ext_line found = {0}, line;
	struct bytes lines;
	uint32_t record;

	if (instruction >= object->program_bytes / INSTRUCTION_BYTES ||
	    !find_lines(object, &lines, &record) || !find_program(types, &lines, record))
		return false;
	for (; lines.size >= record; skip(&lines, record)) {
		memcpy(&line, lines.at, sizeof(line));
		if (line.offset > instruction * INSTRUCTION_BYTES)
			break;
		found = line;
	}
	info->line = found.line_column >> COLUMN_BITS;
	info->text = btf__name_by_offset(types, found.text);
	return info->line && info->text &&
	       find_file(object, btf__name_by_offset(types, found.file), &info->file);
}
