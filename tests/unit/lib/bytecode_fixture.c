#include "bytecode_fixture.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

int arena_setup(void **state)
{
	*state = arena_new();
	return 0;
}

int arena_teardown(void **state)
{
	arena_free(*state);
	return 0;
}

struct bytecode *optimize(struct arena *arena, const struct bytecode *code)
{
	struct diag *diag = diag_new(arena, sources_new(arena));
	struct bytecode *better = bytecode_optimize(arena, code, diag);

	if (!better)
		diag_print(diag, stderr, DIAG_COLOR_NEVER);
	assert_non_null(better);
	return better;
}
