/* LLVM's BPF target. */
#ifndef SKLC_LLVM_TARGET_H
#define SKLC_LLVM_TARGET_H

#include <llvm-c/TargetMachine.h>

#define LLVM_TRIPLE "bpf"

/* The target, which the caller disposes of; NULL if this libLLVM has none. */
LLVMTargetMachineRef llvm_target_new(void);

/* Tells a module which target it is for. */
void llvm_target_describe(LLVMTargetMachineRef target, LLVMModuleRef module);

#endif
