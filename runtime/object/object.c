/* Reads the sklc.* sections of an object with libelf, as untrusted input: all offsets and indices
 * are checked. What libbpf acts on is checked by check_elf.c, what the runtime reads by
 * check_object.c. */
#include "object.h"

#include "check_elf.h"
#include "check_object.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

/* A section to read, and where its bytes and the number of its records are stored. RECORD is the
 * size of a record, in bytes. */
struct wanted {
	const char *name;
	size_t record;
	void **bytes;
	size_t *count;
	bool found;
};

/* Copies a section, and allocates one more byte, so that the copy of an empty section is not
 * NULL. */
static int take_section(struct report *report, const struct object_image *image,
			struct wanted *wanted, Elf_Scn *section)
{
	Elf_Data *data = elf_rawdata(section, NULL);
	unsigned char *copy;

	if (!data || (data->d_size && !data->d_buf))
		return refuse(report, EINVAL,
			      "object '%s' is damaged: the section '%s' cannot be read",
			      image->name, wanted->name);
	if (wanted->found)
		return refuse(report, EINVAL,
			      "object '%s' is damaged: the section '%s' is there twice",
			      image->name, wanted->name);
	if (data->d_size % wanted->record)
		return refuse(report, EINVAL,
			      "object '%s' is damaged: the section '%s' has %zu bytes, expected a "
			      "multiple of %zu",
			      image->name, wanted->name, data->d_size, wanted->record);
	copy = malloc(data->d_size + 1);
	if (!copy)
		return fail(report, ENOMEM, "read object '%s'", image->name);
	if (data->d_size)
		memcpy(copy, data->d_buf, data->d_size);
	copy[data->d_size] = 0;
	*wanted->bytes = copy;
	*wanted->count = data->d_size / wanted->record;
	wanted->found = true;
	return 0;
}

/* Notes where the tables are; if there are two such sections, or one that is not within the file,
 * then that there are none. */
static void take_tables(struct object *object, const GElf_Shdr *header)
{
	size_t rest = object->image->size;

	if (object->tables_at || header->sh_type == SHT_NOBITS || header->sh_offset > rest ||
	    header->sh_size > rest - header->sh_offset) {
		object->tables_bytes = 0;
		return;
	}
	object->tables_at = (size_t)header->sh_offset;
	object->tables_bytes = (size_t)header->sh_size;
}

/* Adds the size of a section that only libbpf reads to the object's sizes. */
static void take_size(struct object *object, const char *name, size_t size)
{
	if (strcmp(name, ABI_PROGRAM_SECTION) == 0)
		object->program_bytes += size;
	else if (strcmp(name, ABI_CALLED_SECTION) == 0)
		object->called_bytes += size;
	else if (strcmp(name, ABI_MACHINE) == 0 || strcmp(name, ABI_MACHINE_3) == 0 ||
		 strcmp(name, ABI_MACHINE_2) == 0)
		object->machine_bytes += size;
}

static int take_sections(struct object *object, Elf *elf, struct wanted *wanted,
			 size_t wanted_count)
{
	const struct object_image *image = object->image;
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return refuse(object->report, EINVAL,
			      "object '%s' is damaged: its sections have no names", image->name);
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header)
					   ? elf_strptr(elf, names, header.sh_name)
					   : NULL;
		size_t i = 0;
		int err;

		if (!name)
			return refuse(object->report, EINVAL,
				      "object '%s' is damaged: a section has no name", image->name);
		while (i < wanted_count && strcmp(name, wanted[i].name) != 0)
			i++;
		take_size(object, name, header.sh_size);
		if (strcmp(name, ABI_TABLES) == 0 || strcmp(name, ABI_TABLES_FROZEN) == 0)
			take_tables(object, &header);
		if (strcmp(name, ABI_TEXT_SECTION) == 0)
			object->text_at = (size_t)header.sh_offset;
		err = i < wanted_count ? take_section(object->report, image, &wanted[i], section)
				       : 0;
		if (err)
			return err;
	}
	return 0;
}

static int check_machine(struct report *report, const struct object_image *image, Elf *elf)
{
	GElf_Ehdr header;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
		return refuse(report, EINVAL, "'%s' is no object file (ELF)", image->name);
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_BPF ||
	    header.e_type != ET_REL)
		return refuse(report, EINVAL, "object '%s' is not made for BPF", image->name);
	if (header.e_ident[EI_DATA] !=
	    (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB))
		return refuse(report, EINVAL, "object '%s' is made for the other byte order",
			      image->name);
	return 0;
}

/* Whether a section is a header of the version that it says, which is one that is known or of a
 * version that is not. */
static bool is_header(const struct abi_header *header, size_t size)
{
	if (!header || size < ABI_HEADER_2_BYTES || header->magic != ABI_MAGIC)
		return false;
	return (header->version == 2 && size == ABI_HEADER_2_BYTES) ||
	       (header->version == 3 && size == ABI_HEADER_3_BYTES) ||
	       (header->version == ABI_VERSION && size == sizeof(*header)) ||
	       header->version < ABI_VERSION_OLDEST || header->version > ABI_VERSION;
}

static int take_header(struct object *object, const struct abi_header *header, size_t size)
{
	const char *name = object->image->name;

	if (!is_header(header, size))
		return refuse(object->report, EINVAL,
			      "'%s' was not made by sklc, or is damaged: it has no section '%s' of "
			      "its form",
			      name, ABI_HEADER_SECTION);
	if (header->version < ABI_VERSION_OLDEST || header->version > ABI_VERSION)
		return refuse(object->report, EINVAL,
			      "object '%s' has the format version %u, this sklc knows %u to %u: "
			      "compile it again",
			      name, header->version, ABI_VERSION_OLDEST, ABI_VERSION);
	object->header.compiler = object->header.backend = object->header.tables = ABI_NO_STRING;
	object->header.tables_frozen = 1; /* unless a header of today says that they are not */
	memcpy(&object->header, header, size < sizeof(*header) ? size : sizeof(*header));
	return 0;
}

/* How many records a section has whose records are shorter in older versions. */
static int count_records(const struct object *object, const char *section, size_t size,
			 size_t record, size_t *count)
{
	*count = size / record;
	return size % record ? refuse(object->report, EINVAL,
				      "object '%s' is damaged: the section '%s' has %zu bytes, "
				      "expected a "
				      "multiple of %zu",
				      object->image->name, section, size, record)
			     : 0;
}

static int take_interfaces(struct object *object, const unsigned char *bytes, size_t size,
			   size_t *count)
{
	size_t record = object->header.version < 4 ? ABI_INTERFACE_3_BYTES
						   : sizeof(struct abi_interface);
	int err = count_records(object, ABI_INTERFACES_SECTION, size, record, count);

	if (err)
		return err;
	object->interfaces = calloc(*count + 1, sizeof(*object->interfaces));
	if (!object->interfaces)
		return fail(object->report, ENOMEM, "read object '%s'", object->image->name);
	for (size_t i = 0; i < *count; i++)
		memcpy(&object->interfaces[i], bytes + i * record, record);
	return 0;
}

/* Before version 4, the interface of an expect's packet was the index of a record or none. */
static void class_expects(const struct object *object)
{
	for (size_t i = 0; object->header.version < 4 && i < object->expect_count; i++) {
		uint32_t *interface = &object->expects[i].interface;

		if (*interface == UINT32_MAX)
			*interface = object_class_other(object);
		else if (*interface < object->header.interface_count)
			*interface += ABI_CLASS_FIRST;
		else
			*interface = ABI_CLASS_NOT_KNOWN; /* which object_check refuses */
	}
}

/* Takes the records of declared sockets from their section. */
static int take_sockets(struct object *object, const unsigned char *bytes, size_t size)
{
	size_t record = object->header.version == 2 ? ABI_SOCKET_2_BYTES
						    : sizeof(struct abi_socket);
	int err = count_records(object, ABI_SOCKETS_SECTION, size, record, &object->socket_count);

	if (err)
		return err;
	object->sockets = calloc(object->socket_count + 1, sizeof(*object->sockets));
	if (!object->sockets)
		return fail(object->report, ENOMEM, "read object '%s'", object->image->name);
	for (size_t i = 0; i < object->socket_count; i++) {
		object->sockets[i].device = ABI_NO_STRING;
		memcpy(&object->sockets[i], bytes + i * record, record);
	}
	return 0;
}

/* Checks that the sections have as many records as the header says. A section of no records may be
 * missing. */
static int check_counts(const struct object *object, const struct wanted *wanted, size_t labels,
			size_t interfaces)
{
	if (!wanted[1].found)
		return refuse(object->report, EINVAL, "object '%s' has no section '%s'",
			      object->image->name, ABI_STRINGS_SECTION);
	if (object->header.label_count != labels || object->header.interface_count != interfaces)
		return refuse(object->report, EINVAL,
			      "object '%s': its header counts %u labels and %u interfaces, "
			      "its sections %zu and %zu",
			      object->image->name, object->header.label_count,
			      object->header.interface_count, labels, interfaces);
	return 0;
}

static int read_sections(struct object *object, Elf *elf)
{
	size_t label_count = 0, interface_count = 0, header_bytes = 0;
	size_t socket_bytes = 0, interface_bytes = 0;
	autofree void *header = NULL, *sockets = NULL, *interfaces = NULL;
	struct wanted wanted[] = {
		{ABI_HEADER_SECTION, 1, &header, &header_bytes, false},
		{ABI_STRINGS_SECTION, 1, (void **)&object->strings, &object->string_bytes, false},
		{ABI_LABELS_SECTION, sizeof(*object->labels), (void **)&object->labels,
		 &label_count, false},
		{ABI_INTERFACES_SECTION, 1, &interfaces, &interface_bytes, false},
		{ABI_RULES_SECTION, sizeof(*object->rules), (void **)&object->rules,
		 &object->rule_count, false},
		{ABI_SOCKETS_SECTION, 1, &sockets, &socket_bytes, false},
		{ABI_EXPECTS_SECTION, sizeof(*object->expects), (void **)&object->expects,
		 &object->expect_count, false},
		{ABI_DEFINITIONS_SECTION, sizeof(*object->definitions),
		 (void **)&object->definitions, &object->definition_count, false},
		{ABI_PREFIXES_SECTION, sizeof(*object->prefixes), (void **)&object->prefixes,
		 &object->prefix_count, false},
		{ABI_TEXTS_SECTION, sizeof(*object->texts), (void **)&object->texts,
		 &object->text_count, false},
		{ABI_TEXT_SECTION, 1, (void **)&object->text, &object->text_size, false},
		{".BTF.ext", 1, (void **)&object->btf_ext, &object->btf_ext_bytes, false},
	};
	int err = check_machine(object->report, object->image, elf);

	if (!err)
		err = take_sections(object, elf, wanted, sizeof(wanted) / sizeof(wanted[0]));
	if (!err)
		err = take_header(object, header, header_bytes);
	if (!err)
		err = check_elf(object, elf);
	if (!err)
		err = take_sockets(object, sockets, socket_bytes);
	if (!err)
		err = take_interfaces(object, interfaces, interface_bytes, &interface_count);
	if (!err)
		err = check_counts(object, wanted, label_count, interface_count);
	return err;
}

/* Where the part of the file ends that the header of a section names. */
static uint64_t section_end(const struct object_image *image, const Elf64_Ehdr *header, unsigned i)
{
	Elf64_Shdr section;
	uint64_t end;

	memcpy(&section, image->bytes + header->e_shoff + i * sizeof(section), sizeof(section));
	if (section.sh_type == SHT_NOBITS || section.sh_type == SHT_NULL)
		return 0;
	return __builtin_add_overflow(section.sh_offset, section.sh_size, &end) ? UINT64_MAX : end;
}

/* Tells a file that was not copied whole, of which libelf would say only that sections are missing.
 * What is no ELF file for BPF is for others to tell. */
static int check_whole(struct report *report, const struct object_image *image)
{
	Elf64_Ehdr header = {0};
	uint64_t end = sizeof(header);

	memcpy(&header, image->bytes, image->size < end ? image->size : end);
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return 0;
	if (image->size >= end &&
	    (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_shentsize != sizeof(Elf64_Shdr)))
		return 0; /* the headers of its sections are of another form */
	if (image->size >= end &&
	    __builtin_add_overflow(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr), &end))
		end = UINT64_MAX;
	for (unsigned i = 0; end <= image->size && i < header.e_shnum && header.e_shoff; i++)
		if (section_end(image, &header, i) > image->size)
			end = section_end(image, &header, i);
	if (end <= image->size)
		return 0;
	return refuse(report, EINVAL,
		      "object '%s' is cut off or damaged: it has %zu bytes, and byte %" PRIu64
		      " would be its last one; copy it again, or compile its rules again",
		      image->name, image->size, end);
}

int object_read(struct report *report, const struct object_image *image, struct object *object)
{
	Elf *elf = NULL;
	int err = check_whole(report, image);

	*object = (struct object){.report = report, .image = image};
	if (err)
		return err;
	elf_version(EV_CURRENT);
	/* elf_memory takes a pointer to bytes that are not const, but does not change them when it
	 * only reads. */
	elf = elf_memory((char *)(uintptr_t)image->bytes, image->size);
	if (!elf)
		return refuse(report, EINVAL, "'%s' is no object file (ELF)", image->name);
	err = read_sections(object, elf);
	elf_end(elf);
	if (!err)
		class_expects(object);
	if (!err)
		err = object_check(object);
	if (err)
		object_free(object);
	return err;
}

void object_free(struct object *object)
{
	free(object->strings);
	free(object->labels);
	free(object->interfaces);
	free(object->rules);
	free(object->sockets);
	free(object->expects);
	free(object->definitions);
	free(object->prefixes);
	free(object->texts);
	free(object->text);
	free(object->btf_ext);
	*object = (struct object){0};
}

const char *object_string(const struct object *object, uint32_t offset)
{
	return offset == ABI_NO_STRING ? NULL : object->strings + offset;
}

const char *object_label(const struct object *object, uint32_t label)
{
	return object_string(object, object->labels[label].name);
}

const char *object_machine(const struct object *object)
{
	switch (object->header.version) {
	case 2:
		return ABI_MACHINE_2;
	case 3:
		return ABI_MACHINE_3;
	default:
		return ABI_MACHINE;
	}
}

const char *object_tables(const struct object *object)
{
	return object->header.tables_frozen ? ABI_TABLES_FROZEN : ABI_TABLES;
}

int object_text(const struct object *object, char **text)
{
	uLongf length = (uLongf)object->header.text_bytes;
	char *buffer = malloc(object->header.text_bytes + 1);

	*text = NULL;
	if (!buffer)
		return fail(object->report, ENOMEM, "unpack the rules' text of '%s'",
			    object->image->name);
	if (length &&
	    (uncompress((Bytef *)buffer, &length, object->text, object->text_size) != Z_OK ||
	     length != object->header.text_bytes)) {
		free(buffer);
		return refuse(object->report, EINVAL, "object '%s': the rules' text is damaged",
			      object->image->name);
	}
	buffer[length] = '\0';
	*text = buffer;
	return 0;
}
