/* What an object file says to the runtime (abi.h), read from memory and checked: an object is
 * untrusted input. After object_read every index is in its range and every string is UTF-8. */
#ifndef SKLC_OBJECT_H
#define SKLC_OBJECT_H

#include "abi.h"
#include "runtime.h"

struct object {
	struct report *report; /* that it was read with */
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
	/* Of the sections that loaders read; called: functions that the program calls. */
	size_t program_bytes, called_bytes, table_bytes;
};

/* -EINVAL after a message that names what is wrong; -ENOMEM. IMAGE must outlive the object. */
int object_read(struct report *report, const struct object_image *image, struct object *object);
void object_free(struct object *object);

/* The string at an offset that object_read has checked; NULL for ABI_NO_STRING. */
const char *object_string(const struct object *object, uint32_t offset);
const char *object_label(const struct object *object, uint32_t label);

/* All files' bytes, one after the other, with a NUL behind; the caller frees. */
int object_text(const struct object *object, char **text);

#endif
