/* The passes of the LLVM back end, as the table in backend.c has them; llvm.h describes each. */
#ifndef SKLC_LLVM_BACKEND_H
#define SKLC_LLVM_BACKEND_H

#include "llvm.h"

struct llvm_ir *layout_to_llvm(struct arena *arena, const struct layout *layout, struct diag *diag);
struct llvm_ir *classifier_to_llvm(struct arena *arena, const struct layout *layout,
				   struct diag *diag);
struct bytecode *llvm_to_bytecode(struct arena *arena, const struct llvm_ir *ir, struct diag *diag);
void llvm_dump(const struct llvm_ir *ir, FILE *out);

#endif
