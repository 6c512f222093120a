/* The kernel's verifier takes every program without CAP_PERFMON, too, where it guards against speculative
 * execution: random rules files, by each kind of tables and each back end. Only where LLVM has both nodes in code and
 * tables may it refuse some: LLVM loads an operand once for both, and a step then has a number that the verifier knows
 * from a comparison. Prints TAP. Arguments: how many rules files, and the number of the first. */
#include "tests/differential/lib/bundle.h"
#include "tests/differential/lib/generate.h"
#include "tests/differential/lib/kernel.h"
#include "tests/differential/lib/tap.h"
#include "tests/differential/lib/variants.h"

#include "compiler/base/diag.h"
#include "compiler/layout/layout.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DEFAULT_FILES = 40 };

static const char ONE_RULE[] = "tcp dport 80 redirect to web\n";

/* How much the verifier walked of the programs of one variant. */
struct walked {
	uint64_t programs, instructions, refused;
	uint32_t most;
};

/* Gives up CAP_PERFMON, and CAP_SYS_ADMIN, which the kernel takes for it. */
static bool give_up_tracing(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[CAP_SYS_ADMIN / 32].effective &= ~(UINT32_C(1) << CAP_SYS_ADMIN % 32);
	data[CAP_PERFMON / 32].effective &= ~(UINT32_C(1) << CAP_PERFMON % 32);
	return !syscall(SYS_capset, &header, data);
}

static bool load(struct walked *walked, const struct compilation *c)
{
	struct program program;

	if (!program_load(&program, c->object, c))
		return false;
	walked->programs++;
	walked->instructions += program.verified_instructions;
	if (program.verified_instructions > walked->most)
		walked->most = program.verified_instructions;
	program_close(&program);
	return true;
}

static bool may_be_refused(const struct compilation *c, size_t variant)
{
	return variant_backend(variant) == BACKEND_LLVM && c->layout->code_intervals &&
	       c->layout->search_count;
}

/* Whether a text is loaded, or is refused by a variant that may refuse it. */
static bool check_text(struct walked *walked, const char *text, size_t variant)
{
	struct compilation c;
	bool good;

	compilation_start(&c);
	if (bundle_compile(&c, text, variant_options(variant), STAGE_OBJECT)) {
		good = load(walked, &c);
		if (!good && may_be_refused(&c, variant)) {
			walked->refused++;
			good = true;
		}
	} else {
		good = variant_at(variant)->may_refuse && c.decision && !c.layout;
		if (!good)
			diag_print(c.diag, stdout, DIAG_COLOR_NEVER);
	}
	compilation_free(&c);
	return good;
}

static void check_files(struct tap *tap, const struct kind_of_file *kind, size_t variant,
			uint64_t first, uint64_t count)
{
	struct walked walked = {0};
	bool good = true;
	uint64_t seed;

	for (seed = first; good && seed < first + count; seed++) {
		struct random random = {seed};
		char *text = kind->generate(&random);

		good = check_text(&walked, text, variant);
		if (!good)
			printf("# rules file %lu:\n%s\n", (unsigned long)seed, text);
		free(text);
	}
	tap_result(tap, good && (walked.programs || variant_at(variant)->may_refuse),
		   "%lu %s rules files are loaded without CAP_PERFMON, tables %s, back end %s",
		   (unsigned long)count, kind->word, variant_at(variant)->word,
		   variant_backend_word(variant));
	printf("# %lu programs, %lu instructions walked, at most %u in one; %lu refused\n",
	       (unsigned long)walked.programs, (unsigned long)walked.instructions, walked.most,
	       (unsigned long)walked.refused);
}

/* Some verifiers, as that of Linux 6.1, take no program that redirects. */
static bool kernel_may_take_it(void)
{
	const struct compile_options options = {.tables = TABLES_CODE};
	struct walked walked = {0};
	struct compilation c;
	bool good = compile_text(&c, ONE_RULE, strlen(ONE_RULE), &options) && load(&walked, &c);

	compilation_free(&c);
	return good;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : DEFAULT_FILES;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct sentinels sentinels;
	struct tap tap = {0};
	size_t i, variant;

	if (!kernel_sentinels_open(&sentinels, 1) || !give_up_tracing()) {
		tap_skip(&tap, "loading programs needs root");
		return tap_end(&tap);
	}
	if (!kernel_may_take_it()) {
		tap_skip(&tap, "this kernel loads no rules that redirect without CAP_PERFMON");
		return tap_end(&tap);
	}
	for (i = 0; i < kind_count(); i++)
		for (variant = 0; variant < variant_count(); variant++)
			if (kind_at(i)->part && variant_suits(variant, kind_at(i)))
				check_files(&tap, kind_at(i), variant, first,
					    (count + kind_at(i)->part - 1) / kind_at(i)->part);
	kernel_sentinels_close(&sentinels);
	return tap_end(&tap);
}
