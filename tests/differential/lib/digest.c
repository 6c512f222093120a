#include "digest.h"

#include "compiler/bytecode/bytecode.h"
#include "compiler/layout/layout.h"
#include "runtime/abi.h"

#include <string.h>

static void add_text(SHA2_CTX *sha, const char *text)
{
	SHA256Update(sha, (const uint8_t *)text, strlen(text) + 1);
}

static void add_code(SHA2_CTX *sha, const struct bytecode *code)
{
	size_t i;

	SHA256Update(sha, (const uint8_t *)&code->count, sizeof(code->count));
	for (i = 0; i < code->count; i++) {
		const struct bytecode_instruction *instruction = &code->instructions[i];

		SHA256Update(sha, (const uint8_t *)&instruction->insn, sizeof(instruction->insn));
		SHA256Update(sha, (const uint8_t *)&instruction->symbol,
			     sizeof(instruction->symbol));
		if (instruction->symbol == SYMBOL_SUBPROGRAM)
			add_text(sha, instruction->subprogram->name);
	}
}

struct digest digest_of(const struct compilation *c)
{
	const struct layout_object *object = &c->layout->object;
	struct digest digest;
	SHA2_CTX sha;
	size_t i;

	SHA256Init(&sha);
	add_code(&sha, c->code);
	for (i = 0; i < c->code->subprogram_count; i++) {
		add_text(&sha, c->code->subprograms[i]->name);
		add_code(&sha, c->code->subprograms[i]->code);
	}
	SHA256Update(&sha, (const uint8_t *)&object->table_bytes, sizeof(object->table_bytes));
	SHA256Update(&sha, object->tables, object->table_bytes);
	SHA256Update(&sha, (const uint8_t *)object->prefixes,
		     object->prefix_count * sizeof(*object->prefixes));
	SHA256Final(digest.bytes, &sha);
	return digest;
}
