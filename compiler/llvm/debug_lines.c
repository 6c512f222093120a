/* Keeps track of the rule that each instruction belongs to while LLVM changes the instructions. For this, the debug
 * information says that each origin is a line of a source file, which does not exist. .BTF.ext in the object that LLVM
 * makes gives these lines back. If LLVM merges instructions of different lines into one, that one has line 0. */
#include "ir.h"

#include "compiler/base/arena.h"

#include "runtime/abi.h"

#include <string.h>

static LLVMMetadataRef make_unit(struct ir *ir, LLVMMetadataRef file)
{
	return LLVMDIBuilderCreateCompileUnit(ir->debug, LLVMDWARFSourceLanguageC, file, "", 0, 1,
					      "", 0, 0, "", 0, LLVMDWARFEmissionLineTablesOnly, 0,
					      0, 0, "", 0, "", 0);
}

void ir_debug_lines_begin(struct ir *ir)
{
	static const char flag[] = "Debug Info Version", name[] = ABI_PROGRAM_NAME;
	LLVMMetadataRef file, nothing = NULL, type;

	LLVMAddModuleFlag(ir->module, LLVMModuleFlagBehaviorWarning, flag, sizeof(flag) - 1,
			  LLVMValueAsMetadata(ir_word(ir, LLVMDebugMetadataVersion())));
	ir->debug = LLVMCreateDIBuilder(ir->module);
	file = LLVMDIBuilderCreateFile(ir->debug, name, sizeof(name) - 1, "", 0);
	make_unit(ir, file);
	type = LLVMDIBuilderCreateSubroutineType(ir->debug, file, &nothing, 1, LLVMDIFlagZero);
	ir->scope = LLVMDIBuilderCreateFunction(ir->debug, file, name, sizeof(name) - 1, name,
						sizeof(name) - 1, file, 1, type, 0, 1, 1,
						LLVMDIFlagZero, 1);
	LLVMSetSubprogram(ir->function, ir->scope);
}

void ir_debug_lines_end(struct ir *ir)
{
	LLVMDIBuilderFinalize(ir->debug);
	LLVMDisposeDIBuilder(ir->debug);
}

void ir_origin(struct ir *ir, struct span origin)
{
	const struct span *last = ir->origin_count ? &ir->origins[ir->origin_count - 1] : NULL;
	LLVMMetadataRef line;

	if (!last || memcmp(last, &origin, sizeof(origin)) != 0)
		*ARENA_PUSH(ir->arena, ir->origins, ir->origin_count, ir->origin_capacity) = origin;
	line = LLVMDIBuilderCreateDebugLocation(ir->llvm_context, (unsigned)ir->origin_count, 0,
						ir->scope, NULL);
	LLVMSetCurrentDebugLocation2(ir->builder, line);
}
