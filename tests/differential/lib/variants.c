/* A new kind of tables, and another option that changes programs, is a line here. */
#include "variants.h"

#include "generate.h"
#include "trial.h"

#include "compiler/llvm/llvm.h"

/* With a kind of tables that does not suit the rules, programs are longer than the default
 * limit. */
enum { INSTRUCTIONS_MAX = 10000, INSTRUCTIONS_FEW = 700 };

static const struct variant VARIANTS[] = {
	{"auto", TABLES_AUTO, PARTS_AUTO, INSTRUCTIONS_MAX, false},
	{"code", TABLES_CODE, PARTS_AUTO, INSTRUCTIONS_MAX, false},
	{"splus", TABLES_SPLUS, PARTS_AUTO, INSTRUCTIONS_MAX, false},
	{"trie", TABLES_TRIE, PARTS_AUTO, INSTRUCTIONS_MAX, false},
	{"ranges", TABLES_RANGES, PARTS_AUTO, INSTRUCTIONS_MAX, false},
	{"lpm", TABLES_LPM, PARTS_AUTO, INSTRUCTIONS_MAX, false},
	/* in parts wherever the rules can be cut */
	{"auto in parts", TABLES_AUTO, PARTS_ALWAYS, INSTRUCTIONS_MAX, false},
	{"code in parts", TABLES_CODE, PARTS_ALWAYS, INSTRUCTIONS_MAX, false},
	{"splus in parts", TABLES_SPLUS, PARTS_ALWAYS, INSTRUCTIONS_MAX, false},
	{"trie in parts", TABLES_TRIE, PARTS_ALWAYS, INSTRUCTIONS_MAX, false},
	{"ranges in parts", TABLES_RANGES, PARTS_ALWAYS, INSTRUCTIONS_MAX, false},
	{"lpm in parts", TABLES_LPM, PARTS_ALWAYS, INSTRUCTIONS_MAX, false},
	{"auto with few instructions", TABLES_AUTO, PARTS_AUTO, INSTRUCTIONS_FEW, true},
	{"auto with few instructions, in parts", TABLES_AUTO, PARTS_ALWAYS, INSTRUCTIONS_FEW, true},
};
enum { VARIANT_COUNT = sizeof(VARIANTS) / sizeof(VARIANTS[0]) };
_Static_assert(2 * VARIANT_COUNT <= VARIANTS_MAX, "a trial has a place for each variant's program");

/* Names, by enum backend; a build without LLVM has only the first. */
static const char *const BACKENDS[] = {"direct", "LLVM"};

size_t variant_count(void)
{
	return VARIANT_COUNT * (llvm_backend() ? 2 : 1);
}

const struct variant *variant_at(size_t number)
{
	return &VARIANTS[number % VARIANT_COUNT];
}

enum backend variant_backend(size_t number)
{
	return (enum backend)(number / VARIANT_COUNT);
}

const char *variant_backend_word(size_t number)
{
	return BACKENDS[variant_backend(number)];
}

struct compile_options variant_options(size_t number)
{
	const struct variant *variant = variant_at(number);

	return (struct compile_options){.tables = variant->tables,
					.parts = variant->parts,
					.backend = variant_backend(number),
					.instructions_max = variant->instructions_max};
}

static char *large(struct random *random, uint32_t count)
{
	return generate_large(random, random_percent(random, 50) ? "ip" : "ip6", count);
}

static char *generate_1000(struct random *random)
{
	return large(random, 1000);
}

static char *generate_10000(struct random *random)
{
	return large(random, 10000);
}

static char *generate_100000(struct random *random)
{
	return large(random, 100000);
}

static const struct kind_of_file KINDS[] = {
	{generate_rules, "random", true, 1, 550},
	{generate_clusters, "clustered", false, 10, 120},
	{generate_interfaces, "interface", false, 10, 100},
	{generate_filters, "filter", false, 10, 120},
	{generate_keys, "keyed", false, 10, 80},
	{generate_1000, "large", false, 0, 20},
	{generate_10000, "larger", false, 0, 8},
	{generate_100000, "largest", false, 0, 2},
};

size_t kind_count(void)
{
	return sizeof(KINDS) / sizeof(KINDS[0]);
}

const struct kind_of_file *kind_at(size_t number)
{
	return &KINDS[number];
}

bool variant_suits(size_t number, const struct kind_of_file *kind)
{
	return variant_at(number)->tables != TABLES_CODE || kind->fits_code;
}

const struct kind_of_file *kind_of_seed(uint64_t seed)
{
	struct random random = {seed ^ UINT64_C(0x736f616b)};
	uint32_t shares = 0, at;
	size_t i;

	for (i = 0; i < kind_count(); i++)
		shares += KINDS[i].share;
	at = random_below(&random, shares);
	for (i = 0; at >= KINDS[i].share; i++)
		at -= KINDS[i].share;
	return &KINDS[i];
}
