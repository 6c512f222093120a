/* What the verifier walks does not grow with the rules: tables do. Prints TAP. */
#include "generate.h"
#include "kernel.h"
#include "tap.h"

#include "../../compiler/diag.h"
#include "../../compiler/layout.h"

#include <stdlib.h>
#include <string.h>

enum { VERIFIED_MAX = 1000, SIZES = 3 };

/* The instructions that the verifier walked; 0 if it refused the program. */
static uint32_t verified_instructions(const char *text)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	struct program program = {0};
	struct compilation c;
	bool good = compile_text(&c, text, strlen(text), &options);

	if (!good)
		diag_print(c.diag, stdout, DIAG_COLOR_NEVER);
	good = good && program_load(&program, c.object, layout_object(c.layout), NULL);
	if (good)
		program_close(&program);
	compilation_free(&c);
	return good ? program.verified_instructions : 0;
}

/* With DECLARED, the program has the function that tries spare slots. */
static void check_bindings(struct tap *tap, const char *family, bool declared)
{
	static const uint32_t sizes[SIZES] = {1000, 10000, 100000};
	const char *words = declared ? ", declared sockets" : "";
	uint32_t verified[SIZES];
	size_t i;

	for (i = 0; i < SIZES; i++) {
		struct random random = {1};
		char *rules = generate_large(&random, family, sizes[i]), *text = NULL;

		if (asprintf(&text, "%s%s", declared ? "socket l0 { tcp 127.0.0.1:1 }\n" : "",
			     rules) < 0)
			abort();
		verified[i] = verified_instructions(text);
		free(text);
		free(rules);
	}
	tap_result(tap, verified[0] && verified[2] && verified[2] <= VERIFIED_MAX,
		   "%s%s: %u instructions verified for 1,000 bindings, %u for 10,000, %u for "
		   "100,000",
		   family, words, verified[0], verified[1], verified[2]);
	tap_result(tap, verified[2] <= verified[0] + verified[0] / 2,
		   "%s%s: a hundred times the bindings take a level of tables more at the most",
		   family, words);
}

/* COUNT labels with declared sockets: each of a rule of its own, or all tried for one packet. */
static void check_labels(struct tap *tap, uint32_t count, bool in_turn)
{
	char *text = NULL;
	uint32_t i, verified;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (i = 0; out && i < count; i++)
		fprintf(out, "socket l%u { tcp 127.0.0.1:%u }\ntcp dport %u redirect to l%u%s\n", i,
			8000 + i, in_turn ? 80 : 80 + 2 * i, i, in_turn ? " else continue" : "");
	if (!out || fclose(out))
		abort();
	verified = verified_instructions(text);
	tap_result(tap, verified && verified <= VERIFIED_MAX,
		   "%u instructions verified for %u declared labels%s", verified, count,
		   in_turn ? ", tried in turn" : "");
	free(text);
}

int main(void)
{
	static const uint32_t counts[] = {1, 2, 16, 32};
	static const char *const families[] = {"ip", "ip6"};
	struct sentinels sentinels;
	struct tap tap = {0};
	size_t i;

	if (!sentinels_open(&sentinels, 1)) {
		tap_skip(&tap, "loading programs needs root");
		return tap_end(&tap);
	}
	for (i = 0; i < 4; i++)
		check_bindings(&tap, families[i % 2], i >= 2);
	for (i = 0; i < 4; i++) {
		check_labels(&tap, counts[i], false);
		if (counts[i] <= ATTEMPTS_MAX)
			check_labels(&tap, counts[i], true);
	}
	sentinels_close(&sentinels);
	return tap_end(&tap);
}
