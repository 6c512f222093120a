/* What an object file holds for the runtime: labels, interfaces, sockets, rules, expects and the
 * rules' text, as records of runtime/abi.h. */
#ifndef SKLC_OBJECT_METADATA_H
#define SKLC_OBJECT_METADATA_H

struct arena;
struct elf_writer;
struct layout_object;
struct policy;

/* Adds the sections, after all others, since the header has the checksum of all. Returns NULL, or what went wrong. */
const char *object_metadata_add(struct arena *arena, struct elf_writer *elf,
				const struct policy *policy, const struct layout_object *layout);

#endif
