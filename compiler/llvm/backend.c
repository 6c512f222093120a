/* The table that the shared object of the LLVM back end exports. open_backend.c, which is part of the command, finds it
 * by name. */
#include "backend.h"

#include <llvm/Config/llvm-config.h>

extern const struct llvm_backend LLVM_BACKEND_NAME;

const struct llvm_backend LLVM_BACKEND_NAME = {
	.version = SKLC_VERSION,
	.llvm_version = LLVM_VERSION_STRING,
	.layout_to_llvm = layout_to_llvm,
	.classifier_to_llvm = classifier_to_llvm,
	.llvm_to_bytecode = llvm_to_bytecode,
	.llvm_dump = llvm_dump,
};
