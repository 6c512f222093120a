/* The target that LLVM generates code for: BPF in the byte order of the host. It is version 3 of the instruction set,
 * which has 32-bit jumps and arithmetic; kernels from 5.1 on run it. */
#include "target.h"

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <stddef.h>

#define PROCESSOR "v3"

LLVMTargetMachineRef llvm_target_new(void)
{
	LLVMTargetRef bpf = NULL;
	char *error = NULL;

	LLVMInitializeBPFTargetInfo();
	LLVMInitializeBPFTarget();
	LLVMInitializeBPFTargetMC();
	LLVMInitializeBPFAsmPrinter();
	if (LLVMGetTargetFromTriple(LLVM_TRIPLE, &bpf, &error)) {
		LLVMDisposeMessage(error);
		return NULL;
	}
	return LLVMCreateTargetMachine(bpf, LLVM_TRIPLE, PROCESSOR, "", LLVMCodeGenLevelDefault,
				       LLVMRelocDefault, LLVMCodeModelDefault);
}

void llvm_target_describe(LLVMTargetMachineRef target, LLVMModuleRef module)
{
	LLVMTargetDataRef data = LLVMCreateTargetDataLayout(target);

	LLVMSetModuleDataLayout(module, data);
	LLVMSetTarget(module, LLVM_TRIPLE);
	LLVMDisposeTargetData(data);
}
