/* Reads the object that LLVM's BPF target makes. */
#ifndef SKLC_LLVM_OBJECT_READER_H
#define SKLC_LLVM_OBJECT_READER_H

#include <stddef.h>

struct arena;
struct bytecode;
struct llvm_ir;

/* Appends the one function of an object, which was made from IR, to CODE. Jumps lead to basic blocks, and references
 * name symbols and subprograms. The rule that an instruction belongs to follows from IR's origins. Returns NULL, or
 * what is wrong with the object. */
const char *llvm_object_read(struct arena *arena, const char *bytes, size_t size,
			     const struct llvm_ir *ir, struct bytecode *code);

#endif
