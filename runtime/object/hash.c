/* Hashes an object. What is hashed is a sequence of numbers of 64 bits, lowest byte first, and of
 * byte strings, each after its length, so that two sequences never give the same bytes. */
#include "object.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <sha2.h>
#include <string.h>

/* Sections that libbpf reads, and that decide what the program does. Types are left out: they
 * contain the names of files. */
static const char *const code_sections[] = {
	ABI_PROGRAM_SECTION,
	ABI_CALLED_SECTION,
	(".rel" ABI_PROGRAM_SECTION),
	(".rel" ABI_CALLED_SECTION),
	ABI_TABLES,
	ABI_TABLES_FROZEN,
	ABI_MACHINE,
	ABI_MACHINE_3,
	ABI_MACHINE_2,
	".maps",
	".symtab",
	".strtab",
	"license",
};

static void add_number(SHA2_CTX *sha, uint64_t number)
{
	uint8_t bytes[sizeof(number)];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(number >> 8 * i);
	SHA256Update(sha, bytes, sizeof(bytes));
}

static void add_bytes(SHA2_CTX *sha, const void *bytes, size_t size)
{
	add_number(sha, size);
	SHA256Update(sha, bytes, size);
}

/* Adds the string at an offset, and whether there is one. */
static void add_string(SHA2_CTX *sha, const struct object *object, uint32_t offset)
{
	const char *string = object_string(object, offset);

	add_number(sha, string != NULL);
	if (string)
		add_bytes(sha, string, strlen(string));
}

static int compare_strings(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Adds the definitions in the order of their bytes, since their order means nothing. */
static int add_definitions(SHA2_CTX *sha, const struct object *object)
{
	size_t count = object->definition_count;
	autofree const char **all = malloc((count + 1) * sizeof(*all));

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		all[i] = object_string(object, object->definitions[i]);
	qsort(all, count, sizeof(*all), compare_strings);
	add_number(sha, count);
	for (size_t i = 0; i < count; i++)
		add_bytes(sha, all[i], strlen(all[i]));
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Adds the texts, but for those of the command line, which are its definitions. */
static void add_texts(SHA2_CTX *sha, const struct object *object, const char *text)
{
	for (size_t i = 0; i < object->text_count; i++) {
		const char *name = object_string(object, object->texts[i].name);
		size_t size = (size_t)object->texts[i].bytes;

		if (strcmp(name, ABI_COMMAND_LINE) != 0) {
			add_bytes(sha, base_name(name), strlen(base_name(name)));
			add_bytes(sha, text, size);
		}
		text += size;
	}
}

static int hash_content(const struct object *object, uint8_t hash[OBJECT_HASH_BYTES])
{
	autofree char *text = NULL;
	SHA2_CTX sha;
	int err = object_text(object, &text);

	if (err)
		return err;
	SHA256Init(&sha);
	err = add_definitions(&sha, object);
	if (err)
		return fail(object->report, err, "hash '%s'", object->image->name);
	add_texts(&sha, object, text);
	SHA256Final(hash, &sha);
	return 0;
}

static bool is_code(const char *name)
{
	for (size_t i = 0; i < sizeof(code_sections) / sizeof(code_sections[0]); i++)
		if (strcmp(name, code_sections[i]) == 0)
			return true;
	return false;
}

static void add_code(SHA2_CTX *sha, Elf *elf)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header)
					   ? elf_strptr(elf, names, header.sh_name)
					   : NULL;
		const Elf_Data *data = name && is_code(name) ? elf_rawdata(section, NULL) : NULL;

		if (!data)
			continue;
		add_bytes(sha, name, strlen(name));
		add_bytes(sha, data->d_buf, data->d_buf ? data->d_size : 0);
	}
}

static void add_rules(SHA2_CTX *sha, const struct object *object)
{
	add_number(sha, object->rule_count);
	for (size_t i = 0; i < object->rule_count; i++) {
		const struct abi_rule *rule = &object->rules[i];

		add_string(sha, object, rule->text);
		add_string(sha, object, rule->chain);
		add_string(sha, object, rule->expanded);
		add_number(sha, rule->counter);
	}
}

static void add_sockets(SHA2_CTX *sha, const struct object *object)
{
	add_number(sha, object->socket_count);
	for (size_t i = 0; i < object->socket_count; i++) {
		struct abi_socket socket = object->sockets[i];

		add_string(sha, object, socket.uid);
		add_string(sha, object, socket.cgroup);
		add_string(sha, object, socket.device);
		socket.uid = socket.cgroup = socket.device = socket.file = socket.line = 0;
		add_bytes(sha, &socket, sizeof(socket));
	}
}

/* Adds the records for the runtime with their strings, whose offsets depend on the names of
 * files. */
static void add_records(SHA2_CTX *sha, const struct object *object)
{
	struct abi_header header = object->header;

	/* Who made it by which options makes no difference beside what was made. */
	header.compiler = header.backend = header.tables = header.instructions_max = 0;
	header.tables_max = header.parts = 0;
	header.tables_frozen = header.checksum = 0;
	add_bytes(sha, &header, object_has_classes(object) ? sizeof(header) : ABI_HEADER_3_BYTES);
	for (uint32_t i = 0; i < object->header.label_count; i++) {
		add_string(sha, object, object->labels[i].name);
		add_number(sha, object->labels[i].flow_classes);
	}
	for (uint32_t i = 0; i < object->header.interface_count; i++) {
		add_string(sha, object, object->interfaces[i].name);
		add_number(sha, object->interfaces[i].required);
		if (object_has_classes(object))
			add_number(sha, object->interfaces[i].is_wildcard);
	}
	add_rules(sha, object);
	add_sockets(sha, object);
	add_bytes(sha, object->prefixes, object->prefix_count * sizeof(*object->prefixes));
}

int object_hash(const struct object *object, struct object_hash *hash)
{
	SHA2_CTX sha;
	Elf *elf;
	int err = hash_content(object, hash->content);

	if (err)
		return err;
	/* As in object_read. */
	elf = elf_memory((char *)(uintptr_t)object->image->bytes, object->image->size);
	if (!elf)
		return fail(object->report, ENOMEM, "hash '%s'", object->image->name);
	SHA256Init(&sha);
	SHA256Update(&sha, hash->content, sizeof(hash->content));
	add_code(&sha, elf);
	add_records(&sha, object);
	SHA256Final(hash->identity, &sha);
	elf_end(elf);
	return 0;
}

void object_hash_text(const uint8_t hash[OBJECT_HASH_BYTES], char text[HASH_TEXT_MAX])
{
	for (size_t i = 0; i < OBJECT_HASH_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
}
