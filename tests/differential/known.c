/* Rules that some program once decided wrongly, as the soak has made them small; each for every variant. Prints TAP. */
#include "tests/differential/lib/child.h"
#include "tests/differential/lib/specimen.h"
#include "tests/differential/lib/tap.h"
#include "tests/differential/lib/variants.h"

enum { PACKETS = 4096 };

static const struct {
	const char *words, *rules;
	bool fits_code;
} KNOWN[] = {
	/* The number was in the upper half of the class, of which LLVM takes all. */
	{"an interface's number is no part of its class",
	 "daddr != 0:0:8000:1:8000:1:0:3-fd00:0:4000:0:0:0:0:1 iifname \"eth2\" reject\n"
	 "daddr ffff:ffff:0:0:0:0:0:0/32 redirect to l1\n",
	 true},
	/* So few rules made the stride table so narrow that the start of a range ran into the bit of references. */
	{"a range starts within its part of an entry",
	 "daddr 0:0:4000:1:8000:0:ffff:ffff-ffff:ffff:8000:1:8000:0:0:0 drop\n"
	 "daddr 0:0:4000:1:0:0:0:0/65 drop\n",
	 true},
};

static void check_known(struct tap *tap, struct lab *lab, struct specimen *specimen, size_t i)
{
	const struct kind_of_file kind = {.fits_code = KNOWN[i].fits_code};
	struct hunt hunt = {.lab = lab,
			    .seed = 1,
			    .packets = PACKETS,
			    .kind = &kind,
			    .text = KNOWN[i].rules,
			    .specimen = specimen};
	const struct failure *failure = &specimen->failure;

	hunt_run(&hunt);
	tap_result(tap, failure->kind == FAILURE_NONE && hunt.programs, "%s", KNOWN[i].words);
	if (failure->kind != FAILURE_NONE)
		printf("# tables %s, back end %s: %s: %s\n", variant_at(failure->variant)->word,
		       variant_backend_word(failure->variant), failure_words(failure->kind),
		       failure->text);
}

int main(void)
{
	struct specimen *specimen = shared_memory(sizeof(*specimen));
	struct lab lab = {.fault = NULL};
	struct tap tap = {0};
	size_t i;

	if (!lab_open(&lab)) {
		tap_skip(&tap, "programs are run in the kernel, which needs root");
		return tap_end(&tap);
	}
	for (i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
		check_known(&tap, &lab, specimen, i);
	lab_close(&lab);
	return tap_end(&tap);
}
