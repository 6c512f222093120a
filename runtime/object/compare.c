/* Compares two objects section by section. */
#include "object.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <linux/bpf.h>
#include <string.h>

static const Elf_Data *next_section(Elf *elf, Elf_Scn **section, const char **name)
{
	GElf_Shdr header;
	size_t names;

	*section = elf_nextscn(elf, *section);
	if (!*section || elf_getshdrstrndx(elf, &names) || !gelf_getshdr(*section, &header))
		return NULL;
	*name = elf_strptr(elf, names, header.sh_name);
	return *name ? elf_rawdata(*section, NULL) : NULL;
}

static const Elf_Data *find_section(Elf *elf, const char *wanted)
{
	Elf_Scn *section = NULL;
	const Elf_Data *data;
	const char *name;

	while ((data = next_section(elf, &section, &name)))
		if (strcmp(name, wanted) == 0)
			return data;
	return NULL;
}

/* The index of the first byte that differs; the length of the shorter one if one is the beginning
 * of the other. */
static size_t first_difference(const Elf_Data *left, const Elf_Data *right)
{
	const unsigned char *a = left->d_buf, *b = right->d_buf;
	size_t i = 0;

	if (!a || !b) /* sections that the files have only the size of */
		return left->d_size < right->d_size ? left->d_size : right->d_size;
	while (i < left->d_size && i < right->d_size && a[i] == b[i])
		i++;
	return i;
}

static int refuse_difference(const struct object *object, const char *name, size_t at)
{
	if (strcmp(name, ABI_PROGRAM_SECTION) == 0 || strcmp(name, ABI_CALLED_SECTION) == 0)
		return refuse(object->report, RUNTIME_DIFFERENT,
			      "object '%s' is not what the rules in it compile to: instruction %zu "
			      "of section '%s' differs; do not trust it",
			      object->image->name, at / sizeof(struct bpf_insn), name);
	return refuse(
		object->report, RUNTIME_DIFFERENT,
		"object '%s' is not what the rules in it compile to: the section '%s' differs "
		"from byte %zu on; do not trust it",
		object->image->name, name, at);
}

/* Compares the sections of ELF with those of AGAIN. The compressed text is left out: AGAIN is made
 * from that text, and another zlib compresses it to other bytes. */
static int compare(const struct object *object, Elf *elf, Elf *again)
{
	Elf_Scn *section = NULL;
	size_t left = 0, right = 0;
	const Elf_Data *data;
	const char *name;

	while ((data = next_section(elf, &section, &name))) {
		const Elf_Data *other = find_section(again, name);
		size_t at = other ? first_difference(data, other) : 0;

		left++;
		if (strcmp(name, ABI_TEXT_SECTION) == 0)
			continue;
		if (!other || at < data->d_size || at < other->d_size)
			return refuse_difference(object, name, at);
	}
	for (section = NULL; next_section(again, &section, &name);)
		right++;
	return left == right
		       ? 0
		       : refuse(object->report, RUNTIME_DIFFERENT,
				"object '%s' is not what the rules in it compile to: it has %zu "
				"sections, expected %zu; do not trust it",
				object->image->name, left, right);
}

/* Compares the files outside of their compressed texts: the headers, and what is between sections and
 * behind them. Where the texts are of different lengths, as another zlib makes them, all that comes
 * behind them is elsewhere, and the sections alone are compared. */
static int compare_files(const struct object *object, const struct object_image *again, Elf *other)
{
	const struct object_image *image = object->image;
	const unsigned char *left = image->bytes, *right = again->bytes;
	const Elf_Data *text = find_section(other, ABI_TEXT_SECTION);
	size_t size = image->size < again->size ? image->size : again->size, i = 0;

	if (!text || text->d_size != object->text_size)
		return 0;
	while (i < size && ((i >= object->text_at && i - object->text_at < object->text_size) ||
			    left[i] == right[i]))
		i++;
	return i == image->size && i == again->size
		       ? 0
		       : refuse(object->report, RUNTIME_DIFFERENT,
				"object '%s' is not what the rules in it compile to: its sections "
				"are, and the file differs from byte %zu on; do not trust it",
				image->name, i);
}

int object_compare(const struct object *object, const struct object_image *again)
{
	/* As in object_read. */
	Elf *elf = elf_memory((char *)(uintptr_t)object->image->bytes, object->image->size);
	Elf *other = elf_memory((char *)(uintptr_t)again->bytes, again->size);
	int err = elf && other ? compare(object, elf, other)
			       : fail(object->report, ENOMEM, "compare object '%s'",
				      object->image->name);

	if (!err)
		err = compare_files(object, again, other);
	elf_end(other);
	elf_end(elf);
	return err;
}
