/* Dumps the policies of random rules files and reads the dumps as rules, which must give the same
 * dump and the same diagram. golden.py does the same with the golden inputs. The same rules in other
 * words must give them, too. Prints TAP. Arguments:
 * how many rules files, and the number of the first. */
#include "tests/differential/lib/bundle.h"
#include "tests/differential/lib/generate.h"
#include "tests/differential/lib/respell.h"
#include "tests/differential/lib/tap.h"
#include "tests/differential/lib/variants.h"

#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/pipeline.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_FILES = 1000, LARGE = 10000 };

/* A dump as text, which the caller frees. */
static char *dump_of(const struct policy *policy)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	policy_dump(policy, out);
	fclose(out);
	return text;
}

static bool same_forms(const struct compilation *a, const struct compilation *b)
{
	char *first = dump_of(a->policy), *second = dump_of(b->policy);
	bool same_text = !strcmp(first, second);
	bool same_decision = decision_equal(a->decision, b->decision);

	if (!same_text)
		printf("# the policy:\n%s\n# read again:\n%s\n", first, second);
	if (!same_decision)
		printf("# the diagram changes when this policy is read again:\n%s\n", first);
	free(first);
	free(second);
	return same_text && same_decision;
}

static bool compiles(struct compilation *c, const char *text)
{
	const struct compile_options options = {.tables = TABLES_AUTO};

	if (compile_text(c, text, strlen(text), &options))
		return true;
	diag_print(c->diag, stdout, DIAG_COLOR_NEVER);
	printf("# of the rules:\n%s\n", text);
	return false;
}

static bool comes_back(const char *text)
{
	struct compilation first, second;
	bool good = compiles(&first, text);
	char *dump;

	if (good) {
		dump = dump_of(first.policy);
		good = compiles(&second, dump) && same_forms(&first, &second);
		compilation_free(&second);
		free(dump);
	}
	compilation_free(&first);
	return good;
}

static bool is_decided(struct compilation *c, const char *bundle)
{
	compilation_start(c);
	if (bundle_compile(c, bundle, variant_options(0), STAGE_DECISION))
		return true;
	diag_print(c->diag, stdout, DIAG_COLOR_NEVER);
	return false;
}

/* Whether a text means the same in other words. */
static bool is_respelled(const char *plain, const char *bundle)
{
	struct compilation first, second;
	bool has_first = is_decided(&first, plain), has_second = is_decided(&second, bundle);
	bool good = has_first && has_second && same_forms(&first, &second);

	compilation_free(&first);
	compilation_free(&second);
	return good;
}

static void check_other_words(struct tap *tap, uint64_t first, uint64_t count)
{
	bool good = true;
	uint64_t seed;

	for (seed = first; good && seed < first + count; seed++) {
		const struct kind_of_file *kind = kind_of_seed(seed);
		struct random random = {seed}, words = {seed};
		char *plain = kind->generate(&random);
		char *bundle = respell(strdup(plain), &words);

		good = is_respelled(plain, bundle);
		if (!good)
			printf("# rules file %lu, in other words:\n%s\n", (unsigned long)seed,
			       bundle);
		free(plain);
		free(bundle);
	}
	tap_result(tap, good, "%lu rules files mean the same in other words, and in several files",
		   (unsigned long)count);
}

static void check_random_files(struct tap *tap, uint64_t first, uint64_t count)
{
	bool good = true;
	uint64_t seed;

	for (seed = first; good && seed < first + count; seed++) {
		struct random random = {seed};
		char *text = generate_rules(&random);

		good = comes_back(text);
		if (!good)
			printf("# rules file %lu:\n%s\n", (unsigned long)seed, text);
		free(text);
	}
	tap_result(tap, good, "%lu random rules files: the policy reads back as itself",
		   (unsigned long)count);
}

static void check_large_files(struct tap *tap)
{
	static const char *const families[] = {"ip", "ip6"};
	struct random random = {LARGE};
	size_t i;

	for (i = 0; i < 2; i++) {
		char *text = generate_large(&random, families[i], LARGE);

		tap_result(tap, comes_back(text), "a map of %u %s prefixes reads back as itself",
			   LARGE, families[i]);
		free(text);
	}
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : DEFAULT_FILES;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct tap tap = {0};

	check_random_files(&tap, first, count);
	check_other_words(&tap, first, count);
	check_large_files(&tap);
	return tap_end(&tap);
}
