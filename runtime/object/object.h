/* The data for the runtime in an object file (abi.h), read from memory and checked, since an object
 * is untrusted input. After object_read every index is in its range and every string is UTF-8. */
#ifndef SKLC_OBJECT_H
#define SKLC_OBJECT_H

#include "runtime/abi.h"
#include "runtime/runtime.h"

struct object {
	struct report *report; /* that object_read was called with */
	const struct object_image *image;
	struct abi_header header;
	char *strings;
	struct abi_label *labels;
	struct abi_interface *interfaces;
	struct abi_rule *rules;
	struct abi_socket *sockets;
	struct abi_expect *expects;
	uint32_t *definitions;
	struct abi_prefix *prefixes;
	struct abi_text *texts;
	unsigned char *text; /* compressed */
	char *btf_ext;       /* NULL: none */
	size_t string_bytes, rule_count, socket_count, expect_count, definition_count;
	size_t text_count, text_size, prefix_count, btf_ext_bytes;
	/* Sizes of sections that only libbpf reads: instructions of the program and of the
	 * subprograms that it calls, tables, and the words of the host. */
	size_t program_bytes, called_bytes, tables_bytes, machine_bytes;
	size_t tables_at, text_at; /* where the sections of tables and text are in the image */
};

/* -EINVAL after a message that names what is wrong; -ENOMEM. IMAGE must outlive the object. */
int object_read(struct report *report, const struct object_image *image, struct object *object);
void object_free(struct object *object);

/* The string at an offset that object_read has checked; NULL for ABI_NO_STRING. */
const char *object_string(const struct object *object, uint32_t offset);
const char *object_label(const struct object *object, uint32_t label);

/* Whether programs of this object know interfaces by class: see ABI_CLASS_FIRST. Those of older
 * versions compare numbers. */
bool object_has_classes(const struct object *object);

/* The class of an interface of the host by its name; and that of all that no record matches. */
uint32_t object_class(const struct object *object, const char *name);
uint32_t object_class_other(const struct object *object);

/* The index of the record of an interface's exact name; UINT32_MAX: there is none. */
uint32_t object_interface(const struct object *object, const char *name);

/* The names of the sections that have the words of the host, and the tables. */
const char *object_machine(const struct object *object);
const char *object_tables(const struct object *object);

/* Compares the object with one that was made again from the rules in it (compare.c).
 * RUNTIME_DIFFERENT after a message that says where they differ. */
int object_compare(const struct object *object, const struct object_image *again);

/* The bytes of all files, one after the other, with a NUL at the end; the caller frees. */
int object_text(const struct object *object, char **text);

/* Hashes of an object, by SHA-256 (hash.c). */
enum { OBJECT_HASH_BYTES = 32, HASH_TEXT_MAX = 2 * OBJECT_HASH_BYTES + 1 };

struct object_hash {
	/* Of what was written: the texts of all files under their base names, and the definitions
	 * of the command line. It is the same on all hosts, whatever version of the compiler or
	 * back end made the object, and from whichever folder. */
	uint8_t content[OBJECT_HASH_BYTES];
	/* Of that and of the code: what decides is the same if this is. */
	uint8_t identity[OBJECT_HASH_BYTES];
};

/* -EINVAL if the texts are damaged, -ENOMEM; each after a message. */
int object_hash(const struct object *object, struct object_hash *hash);

/* Writes a hash in hexadecimal digits. */
void object_hash_text(const uint8_t hash[OBJECT_HASH_BYTES], char text[HASH_TEXT_MAX]);

/* A line of the rules from the text in the object, for messages (rules_line.c). */
struct rules_line {
	struct excerpt excerpt; /* the whole line */
	char *text;
};

/* Reads a line, counted from 1, of the object's text number FILE; empty if there is no such line.
 * The caller frees. -errno after a message. */
int rules_line_read(const struct object *object, uint32_t file, uint32_t line,
		    struct rules_line *rules_line);
void rules_line_free(struct rules_line *rules_line);

/* Narrows an excerpt to WORDS. If they are not all on that line, narrows it to the line without its
 * indent. */
void excerpt_mark(struct excerpt *excerpt, const char *words);

/* Which rule or label of one object is the same as which of another (rule_identity.c). Rules are the
 * same if their expanded texts, and so their meanings, and their chains are equal; if several rules
 * of an object are equal, their order decides. Labels are the same if their names are. */

/* *MAP[counter of FROM] is the counter of TO, or ABI_NO_COUNTER; the caller frees. -ENOMEM. */
int identity_of_counters(const struct object *from, const struct object *to, uint32_t **map);

/* *MAP[label of FROM] is the label of TO, or ABI_NO_STRING; the caller frees. -ENOMEM. */
int identity_of_labels(const struct object *from, const struct object *to, uint32_t **map);

#endif
