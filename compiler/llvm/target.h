/* LLVM's BPF target. */
#ifndef SKLC_LLVM_MACHINE_H
#define SKLC_LLVM_MACHINE_H

#include <llvm-c/TargetMachine.h>

#define LLVM_TRIPLE "bpf"

/* The target, for the caller to dispose of; NULL if this libLLVM has none. */
LLVMTargetMachineRef llvm_machine_new(void);

/* Tells a module which target it is for. */
void llvm_machine_describe(LLVMTargetMachineRef machine, LLVMModuleRef module);

#endif
