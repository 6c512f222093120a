/* What stands before the rules of a specimen, as comments. */
#include "bundle.h"
#include "specimen.h"
#include "variants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put_choice(FILE *out, int choice)
{
	if (choice >= 0)
		fprintf(out, "redirect to l%d", choice);
	else
		fputs(choice == CHOSE_PASS   ? "pass"
		      : choice == CHOSE_DROP ? "drop"
					     : "another list of attempts and counters",
		      out);
}

static void put_filling(FILE *out, uint32_t filling)
{
	static const char *const classes[] = {"IPv4 TCP", "IPv4 UDP", "IPv6 TCP", "IPv6 UDP"};
	const char *between = "sockets: ";
	uint32_t i;

	if (filling == 0 || filling == FILLING_ALL) {
		fprintf(out, "%s label has sockets", filling ? "each" : "no");
		return;
	}
	for (i = 0; i < SLOTS; i++)
		if (filling & 1u << i) {
			fprintf(out, "%sl%u %s", between, i / ABI_FLOW_CLASSES,
				classes[i % ABI_FLOW_CLASSES]);
			between = ", ";
		}
}

static void put_packets(FILE *out, const struct specimen *specimen, const char *text)
{
	const struct failure *failure = &specimen->failure;
	const char *interface = specimen->interfaces[failure->sample];

	if (failure->kind == FAILURE_COUNTER) {
		fprintf(out, "# after %u packets: %s\n", specimen->count, failure->text);
		return;
	}
	if (failure->kind != FAILURE_CHOICE && failure->kind != FAILURE_DIAGRAM) {
		fprintf(out, "# %s\n", failure->text);
		return;
	}
	fprintf(out, "# packet: %s; ", failure->text);
	if (strstr(text, "iif") || strstr(text, "ifname"))
		fprintf(out, "it came in by %s; ",
			*interface ? interface : "an interface that is not known");
	put_filling(out, specimen->samples[failure->sample].filling);
	fputs("\n# expected: ", out);
	put_choice(out, failure->expected);
	fputs("; came: ", out);
	put_choice(out, failure->chose);
	if (failure->kind == FAILURE_CHOICE)
		fprintf(out, "; BPF_PROG_TEST_RUN of this packet alone gives %s",
			failure->seen_alone ? "the same" : "something else");
	if (specimen->count > 1)
		fprintf(out, "; %u packets came before", specimen->count - 1);
	fputc('\n', out);
}

static void put_variant(FILE *out, size_t variant)
{
	fprintf(out, "tables %s, back end %s", variant_at(variant)->word,
		variant_backend_word(variant));
}

/* Lists the other variants that fail with the same rules. */
static void put_other_variants(FILE *out, struct specimen *specimen, struct lab *lab,
			       const char *text)
{
	const struct failure failure = specimen->failure;
	size_t variant, count = 0;

	for (variant = 0; variant < variant_count(); variant++) {
		specimen->failure.variant = variant;
		if (variant == failure.variant || !specimen_fails(specimen, lab, text))
			continue;
		fputs(count++ ? "; " : "# also with ", out);
		put_variant(out, variant);
	}
	specimen->failure = failure;
	fputs(count ? "\n" : "# in no other variant\n", out);
}

static char *comment_of(struct specimen *specimen, struct lab *lab, const char *text, uint64_t seed)
{
	char *comment = NULL;
	size_t size;
	FILE *out = open_memstream(&comment, &size);

	if (!out)
		abort();
	fprintf(out, "# seed %lu (make soak SEED=%lu FILES=1), ", (unsigned long)seed,
		(unsigned long)seed);
	put_variant(out, specimen->failure.variant);
	fprintf(out, ": %s\n", failure_words(specimen->failure.kind));
	put_packets(out, specimen, text);
	put_other_variants(out, specimen, lab, text);
	fclose(out);
	return comment;
}

/* Makes a folder and those above it. */
static bool make_folders(const char *path)
{
	char *part = strdup(path), *slash = part;
	bool good = part;

	while (good && slash) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		good = !mkdir(part, 0777) || errno == EEXIST;
		if (slash)
			*slash = '/';
	}
	free(part);
	return good;
}

/* At once, since others write, too. */
static void print_all(const char *text)
{
	size_t left = strlen(text);
	ssize_t written;

	fflush(stdout);
	for (; left; left -= (size_t)written, text += written) {
		written = write(STDOUT_FILENO, text, left);
		if (written <= 0)
			return;
	}
}

bool specimen_report(struct specimen *specimen, struct lab *lab, const char *text, uint64_t seed,
		     const char *folder)
{
	char *comment = comment_of(specimen, lab, text, seed), *all = NULL;
	bool good = make_folders(folder) && bundle_write(text, folder, comment);
	int error = errno;

	if (asprintf(&all, "%s# rules, in %s/rules.conf:\n%s", comment, folder, text) < 0)
		abort();
	print_all(all);
	free(all);
	free(comment);
	errno = error;
	return good;
}
