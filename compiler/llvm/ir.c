/* Writes single instructions of LLVM's intermediate representation, with its C API. It only uses calls that are told
 * the types, so it works with versions of LLVM that have typed pointers and with those that do not. */
#include "ir.h"

#include "compiler/base/arena.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/emit/emit.h"

#include "runtime/abi.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

static const char *const SYMBOL_NAMES[] = {
#define SYMBOL_NAME(constant, name) name,
	LLVM_SYMBOLS(SYMBOL_NAME)
#undef SYMBOL_NAME
};

LLVMValueRef ir_word(struct ir *ir, uint32_t value)
{
	return LLVMConstInt(ir->word, value, 0);
}

LLVMValueRef ir_wide(struct ir *ir, uint64_t value)
{
	return LLVMConstInt(ir->wide, value, 0);
}

LLVMValueRef ir_widen(struct ir *ir, LLVMValueRef value)
{
	return LLVMBuildZExt(ir->builder, value, ir->wide, "");
}

LLVMBasicBlockRef ir_block(struct ir *ir, const char *name)
{
	return LLVMAppendBasicBlockInContext(ir->llvm_context, ir->function, name);
}

void ir_start(struct ir *ir, LLVMBasicBlockRef block)
{
	LLVMPositionBuilderAtEnd(ir->builder, block);
}

void ir_jump(struct ir *ir, LLVMBasicBlockRef block)
{
	LLVMBuildBr(ir->builder, block);
}

void ir_branch(struct ir *ir, LLVMValueRef condition, LLVMBasicBlockRef yes, LLVMBasicBlockRef no)
{
	LLVMBuildCondBr(ir->builder, condition, yes, no);
}

void ir_leave_if(struct ir *ir, LLVMValueRef a, LLVMIntPredicate predicate, LLVMValueRef b,
		 LLVMBasicBlockRef block)
{
	LLVMBasicBlockRef on = ir_block(ir, "");

	ir_branch(ir, LLVMBuildICmp(ir->builder, predicate, a, b, ""), block, on);
	ir_start(ir, on);
}

LLVMValueRef ir_add(struct ir *ir, LLVMValueRef a, LLVMValueRef b)
{
	return LLVMBuildAdd(ir->builder, a, b, "");
}

LLVMValueRef ir_and(struct ir *ir, LLVMValueRef a, uint32_t mask)
{
	return LLVMBuildAnd(ir->builder, a, LLVMConstInt(LLVMTypeOf(a), mask, 0), "");
}

LLVMValueRef ir_xor(struct ir *ir, LLVMValueRef a, LLVMValueRef b)
{
	return LLVMBuildXor(ir->builder, a, b, "");
}

LLVMValueRef ir_shift_left(struct ir *ir, LLVMValueRef value, unsigned bits)
{
	return LLVMBuildShl(ir->builder, value, LLVMConstInt(LLVMTypeOf(value), bits, 0), "");
}

LLVMValueRef ir_shift_right(struct ir *ir, LLVMValueRef value, unsigned bits)
{
	return LLVMBuildLShr(ir->builder, value, LLVMConstInt(LLVMTypeOf(value), bits, 0), "");
}

/* Marks a call whose result depends only on its arguments. Versions of LLVM have different names for this attribute. */
static void set_pure(struct ir *ir, LLVMValueRef call)
{
	static const char *const words[] = {"memory", "readnone"};
	unsigned kind = 0;
	size_t i;

	for (i = 0; i < 2 && !kind; i++)
		kind = LLVMGetEnumAttributeKindForName(words[i], strlen(words[i]));
	LLVMAddCallSiteAttribute(call, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
				 LLVMCreateEnumAttribute(ir->llvm_context, kind, 0));
}

/* Inline assembly without an instruction, whose result is in the register of its argument. The constraint "r" means 64
 * bits, "w" means 32. */
LLVMValueRef ir_opaque(struct ir *ir, LLVMValueRef value)
{
	char nothing[] = "", constraints[] = "=r,0";
	LLVMTypeRef type = LLVMTypeOf(value), function = LLVMFunctionType(type, &type, 1, 0);
	LLVMValueRef barrier, call;

	if (type == ir->word)
		constraints[1] = 'w';
	barrier = LLVMGetInlineAsm(function, nothing, 0, constraints, sizeof(constraints) - 1, 0, 0,
				   LLVMInlineAsmDialectATT, 0);
	call = LLVMBuildCall2(ir->builder, function, barrier, &value, 1, "");
	set_pure(ir, call);
	return call;
}

LLVMValueRef ir_symbol(struct ir *ir, enum llvm_symbol symbol)
{
	LLVMValueRef global = ir->symbols[symbol];

	if (!global) {
		global = LLVMAddGlobal(ir->module, ir->wide, SYMBOL_NAMES[symbol]);
		LLVMSetLinkage(global, LLVMExternalLinkage);
		ir->symbols[symbol] = global;
	}
	return LLVMConstBitCast(global, ir->pointer);
}

LLVMValueRef ir_at(struct ir *ir, LLVMValueRef pointer, LLVMValueRef offset)
{
	return LLVMBuildGEP2(ir->builder, ir->byte, pointer, &offset, 1, "");
}

static LLVMValueRef typed_pointer(struct ir *ir, LLVMTypeRef type, LLVMValueRef pointer,
				  size_t offset)
{
	LLVMValueRef address = offset ? ir_at(ir, pointer, ir_wide(ir, offset)) : pointer;

	return LLVMBuildBitCast(ir->builder, address, LLVMPointerType(type, 0), "");
}

LLVMValueRef ir_load(struct ir *ir, LLVMTypeRef type, LLVMValueRef pointer, size_t offset)
{
	return LLVMBuildLoad2(ir->builder, type, typed_pointer(ir, type, pointer, offset), "");
}

LLVMValueRef ir_store(struct ir *ir, LLVMValueRef value, LLVMValueRef pointer, size_t offset)
{
	return LLVMBuildStore(ir->builder, value,
			      typed_pointer(ir, LLVMTypeOf(value), pointer, offset));
}

LLVMValueRef ir_variable(struct ir *ir, LLVMTypeRef type, const char *name)
{
	return LLVMBuildAlloca(ir->builder, type, name);
}

static LLVMValueRef call(struct ir *ir, LLVMTypeRef result, enum bpf_func_id helper,
			 LLVMValueRef *arguments, unsigned count)
{
	LLVMTypeRef types[5], function;
	LLVMValueRef address;
	unsigned i;

	for (i = 0; i < count; i++)
		types[i] = LLVMTypeOf(arguments[i]);
	function = LLVMFunctionType(result, types, count, 0);
	address = LLVMConstIntToPtr(ir_wide(ir, helper), LLVMPointerType(function, 0));
	return LLVMBuildCall2(ir->builder, function, address, arguments, count, "");
}

LLVMValueRef ir_call(struct ir *ir, enum bpf_func_id helper, LLVMValueRef *arguments,
		     unsigned count)
{
	return call(ir, ir->wide, helper, arguments, count);
}

LLVMValueRef ir_call_for_pointer(struct ir *ir, enum bpf_func_id helper, LLVMValueRef *arguments,
				 unsigned count)
{
	return call(ir, ir->pointer, helper, arguments, count);
}

LLVMValueRef ir_call_subprogram(struct ir *ir, const struct bytecode_subprogram *subprogram,
				LLVMValueRef *arguments, unsigned count)
{
	LLVMValueRef function = LLVMGetNamedFunction(ir->module, subprogram->name);
	LLVMTypeRef types[5], type;
	unsigned i;

	for (i = 0; i < count; i++)
		types[i] = LLVMTypeOf(arguments[i]);
	type = LLVMFunctionType(ir->word, types, count, 0);
	if (!function) {
		function = LLVMAddFunction(ir->module, subprogram->name, type);
		*ARENA_PUSH(ir->arena, ir->subprograms, ir->subprogram_count,
			    ir->subprogram_capacity) = subprogram;
	}
	return LLVMBuildCall2(ir->builder, type, function, arguments, count, "");
}

LLVMValueRef ir_to_host(struct ir *ir, LLVMValueRef value)
{
	static const char name[] = "llvm.bswap";
	LLVMTypeRef type = LLVMTypeOf(value);
	unsigned id;

	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		return value;
	id = LLVMLookupIntrinsicID(name, sizeof(name) - 1);
	return LLVMBuildCall2(ir->builder, LLVMIntrinsicGetType(ir->llvm_context, id, &type, 1),
			      LLVMGetIntrinsicDeclaration(ir->module, id, &type, 1), &value, 1, "");
}

/* Half of an IPv6 address. One of its two words is opaque, or the optimizer would load both at once, which the verifier
 * refuses. */
static LLVMValueRef half_address(struct ir *ir, size_t offset)
{
	LLVMValueRef first = ir_to_host(ir, ir_load(ir, ir->word, ir->packet, offset));
	LLVMValueRef second = ir_to_host(ir, ir_load(ir, ir->word, ir->packet, offset + 4));

	first = ir_shift_left(ir, ir_widen(ir, ir_opaque(ir, first)), 32);
	return LLVMBuildOr(ir->builder, first, ir_widen(ir, second), "");
}

static LLVMValueRef class_of_interface(struct ir *ir)
{
	if (!ir->class_of_interface)
		ir->class_of_interface = class_subprogram(ir->arena, ir->layout);
	return ir_call_subprogram(ir, ir->class_of_interface, &ir->packet, 1);
}

LLVMValueRef ir_operand(struct ir *ir, enum operand operand)
{
	struct operand_info info = operand_info(operand);

	if (info.field == FIELD_IIFNAME)
		return class_of_interface(ir);
	if (info.order == ORDER_HOST)
		return ir_load(ir, ir->word, ir->packet, info.offset);
	if (info.bits == 16) /* in the first half of its member, which has 32 bits */
		return LLVMBuildZExt(ir->builder,
				     ir_to_host(ir, ir_load(ir, ir->half, ir->packet, info.offset)),
				     ir->word, "");
	if (info.bits == 32)
		return ir_to_host(ir, ir_load(ir, ir->word, ir->packet, info.offset));
	return half_address(ir, info.offset);
}

LLVMValueRef ir_wide_operand(struct ir *ir, enum operand operand)
{
	LLVMValueRef value = ir_operand(ir, operand);

	return operand_bits(operand) < 64 ? ir_widen(ir, value) : value;
}

/* The index is opaque. Else the optimizer would compare a shifted or masked copy of it, and the verifier would not know
 * a bound of the index itself ("unbounded memory access"). */
LLVMValueRef ir_bounded(struct ir *ir, LLVMValueRef index, uint32_t count)
{
	LLVMValueRef wide = ir_opaque(ir, ir_widen(ir, index));

	ir_leave_if(ir, wide, LLVMIntUGT, ir_wide(ir, (uint64_t)count - 1), ir->drop);
	return wide;
}

LLVMValueRef ir_element(struct ir *ir, struct layout_region region, size_t size, LLVMValueRef index)
{
	LLVMValueRef base = ir_at(ir, ir_symbol(ir, LLVM_SYMBOL_TABLES),
				  ir_wide(ir, region.offset));
	LLVMValueRef wide;

	if (region.count == 1)
		return base;
	wide = ir_bounded(ir, index, region.count);
	return ir_at(ir, base, LLVMBuildMul(ir->builder, wide, ir_wide(ir, size), ""));
}
