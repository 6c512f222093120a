#include "bytecode_fixture.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

char *listing(const struct bytecode *code, const struct sources *sources)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	bytecode_dump(code, sources, out);
	fclose(out);
	return text;
}

void expect_listing(const struct bytecode *code, const struct sources *sources,
		    const char *expected)
{
	char *text = listing(code, sources);

	assert_string_equal(text, expected);
	free(text);
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
