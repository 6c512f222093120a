/* Reads any bytes as rules, without a file, into a policy. The dump of a policy must read back as a policy with the
 * same dump. */
#include "compiler/ast/ast.h"
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/pipeline.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

struct text {
	char *bytes;
	size_t size;
};

/* The dump of the text's policy; no bytes if the text is refused. */
static struct text dump_of(const char *bytes, size_t size, FILE *nowhere)
{
	struct arena *arena = arena_new();
	struct sources *sources = sources_new(arena);
	struct diag *diag = diag_new(arena, sources);
	struct source_file *file = source_add(sources, "rules", bytes, size, (struct span){0, 0});
	struct ast *ast = text_to_ast(arena, arena, sources, file, diag, NULL);
	struct policy *policy = ast ? ast_to_policy(arena, ast, diag, NULL) : NULL;
	struct text text = {NULL, 0};
	FILE *out;

	if (ast)
		ast_dump(ast, nowhere);
	if (policy) {
		out = open_memstream(&text.bytes, &text.size);
		if (!out)
			abort();
		policy_dump(policy, out);
		fclose(out);
	}
	diag_print(diag, nowhere, DIAG_COLOR_ALWAYS);
	arena_free(arena);
	return text;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
	FILE *nowhere = fopen("/dev/null", "w");
	struct text first, again = {NULL, 0};

	if (!nowhere)
		abort();
	first = dump_of((const char *)bytes, size, nowhere);
	if (first.bytes)
		again = dump_of(first.bytes, first.size, nowhere);
	if (first.bytes && (!again.bytes || first.size != again.size ||
			    memcmp(first.bytes, again.bytes, first.size)))
		abort();
	free(first.bytes);
	free(again.bytes);
	fclose(nowhere);
	return 0;
}
