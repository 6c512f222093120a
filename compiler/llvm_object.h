/* The code of an object that LLVM's BPF target has made. */
#ifndef SKLC_LLVM_OBJECT_H
#define SKLC_LLVM_OBJECT_H

#include <stddef.h>

struct arena;
struct bytecode;

/* Appends the one function of an object to CODE, jumps by label and references by symbol. NULL, or what
 * is wrong with it. */
const char *llvm_object_read(struct arena *arena, const char *bytes, size_t size,
			     struct bytecode *code);

#endif
