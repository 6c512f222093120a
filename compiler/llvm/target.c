/* The target: BPF in the byte order of this machine, with the jumps and the arithmetic of 32 bits that kernels
 * from 5.1 on have. */
#include "target.h"

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <stddef.h>

#define PROCESSOR "v3"

LLVMTargetMachineRef llvm_machine_new(void)
{
	LLVMTargetRef target = NULL;
	char *error = NULL;

	LLVMInitializeBPFTargetInfo();
	LLVMInitializeBPFTarget();
	LLVMInitializeBPFTargetMC();
	LLVMInitializeBPFAsmPrinter();
	if (LLVMGetTargetFromTriple(LLVM_TRIPLE, &target, &error)) {
		LLVMDisposeMessage(error);
		return NULL;
	}
	return LLVMCreateTargetMachine(target, LLVM_TRIPLE, PROCESSOR, "", LLVMCodeGenLevelDefault,
				       LLVMRelocDefault, LLVMCodeModelDefault);
}

void llvm_machine_describe(LLVMTargetMachineRef machine, LLVMModuleRef module)
{
	LLVMTargetDataRef data = LLVMCreateTargetDataLayout(machine);

	LLVMSetModuleDataLayout(module, data);
	LLVMSetTarget(module, LLVM_TRIPLE);
	LLVMDisposeTargetData(data);
}
