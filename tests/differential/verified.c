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
static uint32_t verified_instructions(const char *family, uint32_t prefixes)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	struct random random = {1};
	char *text = generate_large(&random, family, prefixes);
	struct program program = {0};
	struct compilation c;
	bool good = compile_text(&c, text, strlen(text), &options);

	if (!good)
		diag_print(c.diag, stdout, DIAG_COLOR_NEVER);
	good = good && program_load(&program, c.object, layout_object(c.layout), NULL);
	if (good)
		program_close(&program);
	compilation_free(&c);
	free(text);
	return good ? program.verified_instructions : 0;
}

int main(void)
{
	static const uint32_t sizes[SIZES] = {1000, 10000, 100000};
	static const char *const families[] = {"ip", "ip6"};
	struct sentinels sentinels;
	uint32_t verified[SIZES];
	struct tap tap = {0};
	size_t i, j;

	if (!sentinels_open(&sentinels, 1)) {
		tap_skip(&tap, "loading programs needs root");
		return tap_end(&tap);
	}
	for (i = 0; i < 2; i++) {
		for (j = 0; j < SIZES; j++)
			verified[j] = verified_instructions(families[i], sizes[j]);
		tap_result(&tap, verified[0] && verified[2] && verified[2] <= VERIFIED_MAX,
			   "%s: %u instructions verified for 1,000 bindings, %u for 10,000, %u for "
			   "100,000",
			   families[i], verified[0], verified[1], verified[2]);
		tap_result(
			&tap, verified[2] <= verified[0] + verified[0] / 2,
			"%s: a hundred times the bindings take a level of tables more at the most",
			families[i]);
	}
	sentinels_close(&sentinels);
	return tap_end(&tap);
}
