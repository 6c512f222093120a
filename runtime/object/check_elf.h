/* Checks what libbpf and the kernel will read of an object. */
#ifndef SKLC_CHECK_ELF_H
#define SKLC_CHECK_ELF_H

#include <libelf.h>

struct object;

/* Refuses sections, symbols, relocations and instructions that are not in allowed.c. Needs the
 * object's header. -EINVAL after a message that names what is not allowed; -ENOMEM. */
int check_elf(const struct object *object, Elf *elf);

#endif
