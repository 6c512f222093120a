/* Runs LLVM's optimizer and its BPF target in memory, and takes the code out of the object that they make. Nothing else
 * of that object is used: maps, data and types are written as with the direct back end. */
#include "backend.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "object_reader.h"
#include "target.h"

#include "runtime/abi.h"

#include <llvm-c/BitReader.h>
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <llvm/Config/llvm-config.h>
#include <string.h>

/* From LLVM 18 on, this pass ends the process if one round does not reach a fixpoint, unless it is told not to verify
 * that. */
#if LLVM_VERSION_MAJOR >= 18
#define COMBINE "instcombine<no-verify-fixpoint>"
#else
#define COMBINE "instcombine"
#endif

/* Roughly what -O2 does, without passes that merge equal ends of blocks. Those would replace loads of two fields of the
 * packet by one load through a computed pointer ("dereference of modified ctx ptr R4 off=40 disallowed"). */
#define SIMPLIFY "simplifycfg," COMBINE ","
#define PASSES                                                                                     \
	"function(sroa,early-cse<memssa>," SIMPLIFY                                                \
	"jump-threading,correlated-propagation," SIMPLIFY "reassociate,gvn,sccp,bdce," SIMPLIFY    \
	"jump-threading,correlated-propagation,dse,adce," SIMPLIFY "early-cse<memssa>)"

struct translation {
	struct arena *arena;
	LLVMContextRef llvm_context;
	LLVMModuleRef module;
	LLVMTargetMachineRef target;
	const char *error; /* the first one */
};

static void set_error(struct translation *t, const char *text)
{
	if (!t->error)
		t->error = arena_string(t->arena, text, strlen(text));
}

/* Takes the text of an error. Without this handler, LLVM would end the process at an error. */
static void take_diagnostic(LLVMDiagnosticInfoRef info, void *translation)
{
	char *text;

	if (LLVMGetDiagInfoSeverity(info) != LLVMDSError)
		return;
	text = LLVMGetDiagInfoDescription(info);
	set_error(translation, text);
	LLVMDisposeMessage(text);
}

static void read_module(struct translation *t, const struct llvm_ir *ir)
{
	LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRange(ir->bitcode, ir->size,
									   ABI_PROGRAM_NAME, 0);

	if (LLVMParseBitcodeInContext2(t->llvm_context, buffer, &t->module))
		set_error(t, "its bitcode cannot be read");
	LLVMDisposeMemoryBuffer(buffer);
}

static void optimize(struct translation *t)
{
	LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
	LLVMErrorRef error = LLVMRunPasses(t->module, PASSES, t->target, options);
	char *text;

	if (error) {
		text = LLVMGetErrorMessage(error);
		set_error(t, text);
		LLVMDisposeErrorMessage(text);
	}
	LLVMDisposePassBuilderOptions(options);
}

static struct bytecode *translate(struct translation *t, const struct llvm_ir *ir)
{
	LLVMMemoryBufferRef object = NULL;
	struct bytecode *code;
	char *error = NULL;

	if (LLVMTargetMachineEmitToMemoryBuffer(t->target, t->module, LLVMObjectFile, &error,
						&object)) {
		set_error(t, error);
		LLVMDisposeMessage(error);
		return NULL;
	}
	code = bytecode_new(t->arena);
	if (!t->error)
		t->error = llvm_object_read(t->arena, LLVMGetBufferStart(object),
					    LLVMGetBufferSize(object), ir, code);
	if (!t->error)
		t->error = bytecode_finish(code);
	LLVMDisposeMemoryBuffer(object);
	return code;
}

static void translation_free(struct translation *t)
{
	if (t->module)
		LLVMDisposeModule(t->module);
	if (t->target)
		LLVMDisposeTargetMachine(t->target);
	LLVMContextDispose(t->llvm_context);
}

struct bytecode *llvm_to_bytecode(struct arena *arena, const struct llvm_ir *ir, struct diag *diag)
{
	struct translation t = {.arena = arena, .llvm_context = LLVMContextCreate()};
	struct bytecode *code = NULL;

	LLVMContextSetDiagnosticHandler(t.llvm_context, take_diagnostic, &t);
	t.target = llvm_target_new();
	if (t.target)
		read_module(&t, ir);
	else
		set_error(&t, "it has no BPF target");
	if (!t.error)
		optimize(&t);
	if (!t.error)
		code = translate(&t, ir);
	translation_free(&t);
	if (!t.error)
		return code;
	diag_error(diag, (struct span){0, 0}, "LLVM cannot write the program: %s", t.error);
	return NULL;
}
