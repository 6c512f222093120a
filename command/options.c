/* Reads the command line by one table of options. Options may stand before and after the operands. Each error
 * names the wrong word and the nearest one that exists. */
#include "options.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/base/nearest.h"
#include "compiler/llvm/llvm.h"

#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_LONG = 256, /* getopt's value of a long option is this plus its index */
	LISTED_MAX = 12,  /* the longest list of words in a message */
};

static const struct {
	char letter;
	const char *word, *argument, *meaning;
} table[] = {
#define OPTION_ROW(constant, letter, word, argument, meaning) {letter, word, argument, meaning},
	OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};

static const char *const words[] = {
#define OPTION_NAME(constant, letter, word, argument, meaning) "--" word,
	OPTIONS(OPTION_NAME)
#undef OPTION_NAME
};

static const char *const stages[] = {
#define STAGE_WORD(constant, word) word,
	STAGES(STAGE_WORD)
#undef STAGE_WORD
};

static const char *const table_kinds[] = {
#define TABLE_KIND_WORD(constant, word) word,
	TABLE_KINDS(TABLE_KIND_WORD)
#undef TABLE_KIND_WORD
};

static const char *const parts_words[] = {
#define PARTS_WORD(constant, word) word,
	PARTS(PARTS_WORD)
#undef PARTS_WORD
};

static const char *const backends[] = {
#define BACKEND_WORD(constant, word) word,
	BACKENDS(BACKEND_WORD)
#undef BACKEND_WORD
};

static const char *const warnings[] = {
#define WARNING_NAME(constant, name, meaning) name,
	WARNINGS(WARNING_NAME)
#undef WARNING_NAME
};

static const char *const colors[] = {"auto", "always", "never"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void usage_error(struct diag *diag, const char *format, ...)
{
	char *message = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&message, format, args);
	va_end(args);
	if (length >= 0)
		diag_error(diag, (struct span){0, 0}, "%s", message);
	free(message);
}

/* "'a', 'b' or 'c'" */
static const char *words_text(struct arena *arena, const char *const *known, size_t count)
{
	const char *text = "";
	size_t i;

	for (i = 0; i < count; i++)
		text = arena_printf(arena, "%s%s'%s'", text,
				    !i              ? ""
				    : i + 1 < count ? ", "
						    : " or ",
				    known[i]);
	return text;
}

/* "unknown verb 'lsit'; did you mean 'list'?" */
static void unknown_word(struct diag *diag, const char *kind, const char *word,
			 const char *const *known, size_t count)
{
	const char *nearest = nearest_word(word, strlen(word), known, count);
	struct arena *arena = arena_new();

	if (nearest)
		usage_error(diag, "unknown %s '%s'; did you mean '%s'?", kind, word, nearest);
	else if (count <= LISTED_MAX)
		usage_error(diag, "unknown %s '%s'; expected %s", kind, word,
			    words_text(arena, known, count));
	else
		usage_error(diag, "unknown %s '%s'", kind, word);
	arena_free(arena);
}

int find_word(struct diag *diag, const char *kind, const char *word, const char *const *known,
	      size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(word, known[i]))
			return (int)i;
	unknown_word(diag, kind, word, known, count);
	return -1;
}

const char *option_word(enum option_id option)
{
	return words[option];
}

char option_letter(enum option_id option)
{
	return table[option].letter;
}

const char *option_argument(enum option_id option)
{
	return table[option].argument;
}

const char *option_meaning(enum option_id option)
{
	return table[option].meaning;
}

bool read_number(struct diag *diag, const char *taker, const char *text, int *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > INT_MAX) {
		usage_error(diag, "%s takes a number, not '%s'", taker, text);
		return false;
	}
	*number = (int)value;
	return true;
}

/* Reads the number of a generation, and perhaps the first digits of its hash: N[:HASH]. */
static void read_generation(struct diag *diag, const char *taker, const char *text,
			    struct options *options)
{
	enum { DIGITS_MIN = 8, DIGITS_MAX = 64 };
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	const char *digits = *end == ':' ? end + 1 : NULL;
	size_t length = digits ? strlen(digits) : 0;

	if (*text < '0' || *text > '9' || (*end && !digits) || value > INT_MAX)
		usage_error(diag, "%s takes a number, or N:HASH, not '%s'", taker, text);
	else if (digits && !value)
		usage_error(diag, "%s: generation 0 stands for no rules, which have no hash",
			    taker);
	else if (digits && (length < DIGITS_MIN || length > DIGITS_MAX ||
			    digits[strspn(digits, "0123456789abcdefABCDEF")]))
		usage_error(diag, "%s takes %d to %d hexadecimal digits of a hash, not '%s'", taker,
			    DIGITS_MIN, DIGITS_MAX, digits);
	options->if_generation = (int)value;
	options->if_hash = digits;
}

/* Reads a number of at least 1. */
static void read_count(struct diag *diag, enum option_id option, const char *text, const char *unit,
		       int *count)
{
	*count = 1;
	read_number(diag, words[option], text, count);
	if (!*count)
		usage_error(diag, "%s takes at least one %s", words[option], unit);
}

/* A number of bytes: decimal digits, then nothing, K, M or G. */
static void read_bytes(struct diag *diag, enum option_id option, const char *text, size_t *bytes)
{
	static const char units[] = "KMG";
	char *end;
	unsigned long long value = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

	if (*text < '0' || *text > '9' || (*end && (!unit || end[1])) || !value ||
	    value > SIZE_MAX >> shift) {
		usage_error(diag, "%s takes a number of bytes, not '%s'", words[option], text);
		return;
	}
	*bytes = (size_t)value << shift;
}

/* NAME, no-NAME, error or error=NAME. */
static void take_warning(struct diag *diag, const char *argument)
{
	const char *name = argument;

	if (diag_option(diag, argument))
		return;
	if (!strncmp(argument, "no-", 3))
		name = argument + 3;
	else if (!strncmp(argument, "error=", 6))
		name = argument + 6;
	unknown_word(diag, "warning", name, warnings, COUNT(warnings));
}

/* Adds to a list that has room for every word of the command line. */
static void add(const char *const **list, size_t *count, const char *word)
{
	((const char **)(uintptr_t)*list)[(*count)++] = word;
}

static void take_definition(struct diag *diag, struct compile_options *compile,
			    const char *argument)
{
	if (strchr(argument, '=') && *argument != '=')
		add(&compile->definitions, &compile->definition_count, argument);
	else
		usage_error(diag, "-D takes NAME=VALUE, not '%s'", argument);
}

/* The index of the word in optarg, or 0 where it is none of them. */
static int choose(struct diag *diag, const char *kind, const char *const *known, size_t count)
{
	int choice = find_word(diag, kind, optarg, known, count);

	return choice < 0 ? 0 : choice;
}

/* Takes an option of the compiler's, its argument in optarg. */
static void take_compiling(struct compile_options *compile, struct diag *diag,
			   enum option_id option)
{
	switch (option) {
	case OPTION_DEFINE:
		take_definition(diag, compile, optarg);
		return;
	case OPTION_INCLUDE:
		add(&compile->include_folders, &compile->include_folder_count, optarg);
		return;
	case OPTION_FILE_PREFIX_MAP:
		if (strchr(optarg, '=') && *optarg != '=')
			add(&compile->prefix_maps, &compile->prefix_map_count, optarg);
		else
			usage_error(diag, "--file-prefix-map takes OLD=NEW, not '%s'", optarg);
		return;
	case OPTION_WARNING:
		take_warning(diag, optarg);
		return;
	case OPTION_TABLES:
		compile->tables = (enum table_kind)choose(diag, "kind of table", table_kinds,
							  COUNT(table_kinds));
		return;
	case OPTION_PARTS:
		compile->parts = (enum parts)choose(diag, "word for --parts", parts_words,
						    COUNT(parts_words));
		return;
	case OPTION_BACKEND:
		compile->backend = (enum backend)choose(diag, "back end", backends,
							COUNT(backends));
		return;
	case OPTION_FREEZE_TABLES:
		compile->freeze_tables = true;
		return;
	case OPTION_TABLES_MAX:
		read_bytes(diag, option, optarg, &compile->table_bytes_max);
		return;
	case OPTION_INSTRUCTIONS_MAX:
		read_count(diag, option, optarg, "instruction", &compile->instructions_max);
		return;
	default:
		return;
	}
}

/* Takes one option, its argument in optarg. */
static void take(struct options *options, enum option_id option)
{
	struct diag *diag = options->diag;

	options->given |= UINT64_C(1) << option;
	switch (option) {
	case OPTION_OUTPUT:
		options->output = optarg;
		return;
	case OPTION_DUMP:
		read_stage(diag, optarg, &options->dump);
		return;
	case OPTION_NETNS:
		options->netns = optarg;
		return;
	case OPTION_BPFFS:
		options->bpffs = optarg;
		return;
	case OPTION_PID:
		if (read_number(diag, words[option], optarg, &options->pid) && !options->pid)
			usage_error(diag, "%s takes the number of a process, not '0'",
				    words[option]);
		return;
	case OPTION_FD:
		read_number(diag, words[option], optarg, &options->fd);
		return;
	case OPTION_CONFIRM:
		read_count(diag, option, optarg, "second", &options->confirm_seconds);
		return;
	case OPTION_IF_GENERATION:
		read_generation(diag, words[option], optarg, options);
		return;
	case OPTION_COLOR:
		options->color = (enum color)choose(diag, "choice of --color", colors,
						    COUNT(colors));
		return;
	default:
		take_compiling(&options->compile, diag, option);
	}
}

/* Reports what getopt refused: a missing argument, or an unknown option. */
static void refuse(struct diag *diag, int result, char **argv, const char *given)
{
	char letter[] = {'-', (char)optopt, 0};

	if (optopt >= FIRST_LONG && result == ':')
		usage_error(diag, "%s takes an argument: %s", words[optopt - FIRST_LONG],
			    table[optopt - FIRST_LONG].argument);
	else if (optopt >= FIRST_LONG)
		usage_error(diag, "%s takes no argument: '%s'", words[optopt - FIRST_LONG], given);
	else if (result == ':')
		usage_error(diag, "%s takes an argument", letter);
	else if (optopt)
		usage_error(diag, "unknown option '%s'", letter);
	else
		unknown_word(diag, "option", argv[optind - 1], words, COUNT(words));
}

static enum option_id option_of(int result)
{
	unsigned i;

	if (result >= FIRST_LONG)
		return (enum option_id)(result - FIRST_LONG);
	for (i = 0; i < OPTION_COUNT && table[i].letter != result; i++)
		;
	return (enum option_id)i;
}

bool read_stage(struct diag *diag, const char *word, enum stage *stage)
{
	int found = find_word(diag, "stage", word, stages, COUNT(stages));

	if (found >= 0)
		*stage = (enum stage)found;
	return found >= 0;
}

/* Printing LLVM's form needs its back end, which may not be installed. */
bool options_choose_backend(struct options *options)
{
	if (options->dump == STAGE_LLVM)
		options->compile.backend = BACKEND_LLVM;
	if (options->compile.backend != BACKEND_LLVM)
		return true;
	if (llvm_backend()) {
		options->compile.backend_version = llvm_backend()->llvm_version;
		return true;
	}
	usage_error(options->diag, "this sklc was built without LLVM: '%s' cannot be opened",
		    LLVM_BACKEND_FILE);
	return false;
}

/* Converts the table of options for getopt_long. */
static void for_getopt(struct option *longs, char *letters)
{
	size_t i;

	*letters++ = ':';
	for (i = 0; i < OPTION_COUNT; i++) {
		longs[i].name = table[i].word;
		longs[i].has_arg = table[i].argument ? required_argument : no_argument;
		longs[i].val = FIRST_LONG + (int)i;
		if (!table[i].letter)
			continue;
		*letters++ = table[i].letter;
		if (table[i].argument)
			*letters++ = ':';
	}
}

bool options_read(struct arena *arena, struct diag *diag, int argc, char **argv,
		  struct options *options)
{
	struct option longs[OPTION_COUNT + 1] = {{0}};
	char letters[2 * OPTION_COUNT + 2] = "";
	const size_t room = (size_t)argc + 1;
	int result;

	*options = (struct options){
		.diag = diag, .pid = -1, .fd = -1, .confirm_seconds = -1, .if_generation = -1};
	options->compile.definitions = arena_alloc(arena, room, sizeof(char *));
	options->compile.include_folders = arena_alloc(arena, room, sizeof(char *));
	options->compile.prefix_maps = arena_alloc(arena, room, sizeof(char *));
	for_getopt(longs, letters);
	opterr = 0;
	while ((result = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (result == '?' || result == ':')
			refuse(diag, result, argv, argv[optind - 1]);
		else
			take(options, option_of(result));
	}
	if (option_given(options, OPTION_QUIET))
		diag_be_quiet(diag);
	options->words = argv + optind;
	options->word_count = (size_t)(argc - optind);
	return !diag_error_count(diag);
}
