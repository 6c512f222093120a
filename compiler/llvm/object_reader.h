/* The code of an object that LLVM's BPF target has made. */
#ifndef SKLC_LLVM_OBJECT_READER_H
#define SKLC_LLVM_OBJECT_READER_H

#include <stddef.h>

struct arena;
struct bytecode;
struct llvm_ir;

/* Appends the one function of an object that was made of IR to CODE: jumps by label, references by symbol,
 * and the rules that IR says the instructions are from. NULL, or what is wrong with it. */
const char *llvm_object_read(struct arena *arena, const char *bytes, size_t size,
			     const struct llvm_ir *ir, struct bytecode *code);

#endif
