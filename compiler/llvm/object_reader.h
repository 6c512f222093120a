/* Reads the object that LLVM's BPF target makes. */
#ifndef SKLC_LLVM_OBJECT_READER_H
#define SKLC_LLVM_OBJECT_READER_H

#include <stddef.h>

struct arena;
struct bytecode;
struct llvm_ir;

/* Appends to CODE the one function of an object that was made from IR. Jumps lead to basic blocks, and references name
 * symbols and subprograms; which rule an instruction belongs to follows from IR's origins. NULL, or what is wrong with
 * the object. */
const char *llvm_object_read(struct arena *arena, const char *bytes, size_t size,
			     const struct llvm_ir *ir, struct bytecode *code);

#endif
