/* The compiled rules: an ELF file that any BPF loader takes. */
#ifndef SKLC_COMPILER_OBJECT_H
#define SKLC_COMPILER_OBJECT_H

#include <stddef.h>

struct object {
	unsigned char *bytes; /* in the arena */
	size_t size;
};

#endif
