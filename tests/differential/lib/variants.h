/* The variants of a program: each kind of tables, by each back end. All must decide alike. */
#ifndef SKLC_VARIANTS_H
#define SKLC_VARIANTS_H

#include "tests/lib/random.h"

#include "compiler/pipeline.h"

struct variant {
	const char *word;
	enum table_kind tables;
	enum parts parts;
	int instructions_max; /* a small limit has the layout chosen anew, by what takes fewer */
	bool may_refuse;      /* where rules fit into no program that keeps the limit */
};

/* How many variants there are in this build. Those of one back end come before those of the next. */
size_t variant_count(void);
const struct variant *variant_at(size_t number);
enum backend variant_backend(size_t number);
const char *variant_backend_word(size_t number);
struct compile_options variant_options(size_t number);

/* A generator of rules files. */
struct kind_of_file {
	char *(*generate)(struct random *random);
	const char *word;
	bool fits_code; /* every file fits into a program without tables */
	unsigned
		part; /* one such file is tested for so many of those that take the least time; 0: none */
	unsigned share; /* a soak has so many of this kind, of all that the table has together */
};

size_t kind_count(void);
const struct kind_of_file *kind_at(size_t number);

/* Whether a variant can be asked for such a file. */
bool variant_suits(size_t number, const struct kind_of_file *kind);

/* The kind of file that a soak has for a seed. */
const struct kind_of_file *kind_of_seed(uint64_t seed);

#endif
