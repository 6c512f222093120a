/* The table of verbs, and how the words of the command line are read by it. */
#include "verbs.h"

#include "actions.h"
#include "help.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "runtime/runtime.h"

#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#define FOR_ALL                                                                                    \
	(OPTION_BIT(JSON) | OPTION_BIT(COLOR) | OPTION_BIT(QUIET) | OPTION_BIT(VERBOSE) |          \
	 OPTION_BIT(HELP))
#define FOR_COMPILING                                                                              \
	(FOR_ALL | OPTION_BIT(DEFINE) | OPTION_BIT(INCLUDE) | OPTION_BIT(WARNING) |                \
	 OPTION_BIT(TABLES) | OPTION_BIT(PARTS) | OPTION_BIT(BACKEND) | OPTION_BIT(TABLES_MAX) |   \
	 OPTION_BIT(FREEZE_TABLES) | OPTION_BIT(FILE_PREFIX_MAP) | OPTION_BIT(INSTRUCTIONS_MAX))
#define FOR_APPLYING (OPTION_BIT(REQUIRE_SOCKETS) | OPTION_BIT(CONFIRM) | OPTION_BIT(IF_GENERATION))
#define FOR_RUNNING  (FOR_ALL | OPTION_BIT(NETNS) | OPTION_BIT(BPFFS))

/* Capabilities: sklc(1) says what each verb does with them. */
#define MAY(capability) RUNTIME_CAPABILITY(CAP_##capability)
#define MAY_BPF         (MAY(BPF) | MAY(NET_ADMIN) | MAY(PERFMON))
#define MAY_READ_STATE  (MAY(BPF) | MAY(NET_ADMIN) | MAY(SYS_PTRACE))
#define MAY_SETTLE      (MAY_BPF | MAY(SYS_PTRACE))
#define MAY_NAME        (MAY_SETTLE | MAY(DAC_READ_SEARCH))
#define MAY_OPEN        (MAY_NAME | MAY(SYS_ADMIN))

#define RULES                                                                                      \
	{                                                                                          \
		OPERAND_FILES, false, "RULES..."                                                   \
	}
#define RULES_OR_OBJECT                                                                            \
	{                                                                                          \
		OPERAND_FILES, false, "RULES...|PROG.o"                                            \
	}
#define LABEL                                                                                      \
	{                                                                                          \
		OPERAND_LABEL, false, "LABEL"                                                      \
	}
#define PROTOCOL                                                                                   \
	{                                                                                          \
		OPERAND_WORD, true, "tcp|udp"                                                      \
	}
#define GENERATION                                                                                 \
	{                                                                                          \
		OPERAND_NUMBER, true, "N"                                                          \
	}

/* clang-format off */
static const struct verb verbs[] = {
	{.word = "compile", .operands = {RULES}, .needs = OPTION_BIT(OUTPUT),
	 .meaning = "compile to a BPF object",
	 .keeps = MAY(DAC_READ_SEARCH) | MAY(DAC_OVERRIDE) | MAY(SYS_PTRACE),
	 .takes = FOR_COMPILING, .action = OPTION_BIT(OUTPUT), .run = write_object},
	{.word = "check", .operands = {RULES_OR_OBJECT},
	 .meaning = "dry run through this kernel's verifier, attaching nothing",
	 .keeps = MAY_OPEN,
	 .takes = FOR_COMPILING | FOR_RUNNING | OPTION_BIT(VERIFY),
	 .action = OPTION_BIT(CHECK), .run = check},
	{.word = "apply", .operands = {RULES_OR_OBJECT},
	 .meaning = "attach to a network namespace, replacing what was applied before",
	 .keeps = MAY_OPEN,
	 .takes = FOR_COMPILING | FOR_RUNNING | FOR_APPLYING | OPTION_BIT(VERIFY),
	 .action = OPTION_BIT(APPLY), .run = apply},
	{.word = "dump", .operands = {{OPERAND_STAGE, false, "STAGE"}, RULES},
	 .meaning = "print a form of the rules: " STAGE_WORDS,
	 .keeps = MAY(DAC_READ_SEARCH) | MAY(SYS_PTRACE),
	 .takes = FOR_COMPILING, .action = OPTION_BIT(DUMP), .run = dump},
	{.word = "list", .operands = {GENERATION},
	 .meaning = "print the rules that are applied, or were before, as written",
	 .keeps = MAY_READ_STATE,
	 .takes = FOR_RUNNING | OPTION_BIT(VERIFY), .run = list},
	{.word = "history",
	 .meaning = "list the generations of rules that are kept",
	 .keeps = MAY_READ_STATE,
	 .takes = FOR_RUNNING, .runtime = runtime_history},
	{.word = "status",
	 .meaning = "show labels and their sockets, rules and their counters",
	 .keeps = MAY_OPEN,
	 .takes = FOR_RUNNING | OPTION_BIT(ALL), .runtime = runtime_status},
	{.word = "register", .operands = {LABEL}, .needs = OPTION_BIT(PID) | OPTION_BIT(FD),
	 .meaning = "put a socket behind a label",
	 .keeps = MAY_NAME,
	 .takes = FOR_RUNNING | OPTION_BIT(OVERRIDE),
	 .run = register_socket},
	{.word = "unregister",
	 .operands = {LABEL, PROTOCOL, {OPERAND_WORD, true, "ipv4|ipv6"}},
	 .meaning = "take a label's sockets away again; the words in any order",
	 .keeps = MAY_SETTLE,
	 .takes = FOR_RUNNING, .run = unregister},
	{.word = "drain", .operands = {LABEL, {OPERAND_LABEL, true, "SOCKET"}, PROTOCOL},
	 .meaning = "give no new connections to a label's sockets, until they die",
	 .keeps = MAY_NAME,
	 .takes = FOR_RUNNING, .run = drain},
	{.word = "undrain", .operands = {LABEL, {OPERAND_LABEL, true, "SOCKET"}, PROTOCOL},
	 .meaning = "give connections again to sockets that were drained",
	 .keeps = MAY_NAME,
	 .takes = FOR_RUNNING, .run = undrain},
	{.word = "sync",
	 .meaning = "look for the declared sockets again",
	 .keeps = MAY_OPEN,
	 .takes = FOR_RUNNING, .runtime = runtime_sync},
	{.word = "confirm",
	 .meaning = "keep rules that are on trial",
	 .keeps = MAY_SETTLE,
	 .takes = FOR_RUNNING, .runtime = runtime_confirm},
	{.word = "rollback", .operands = {GENERATION},
	 .meaning = "go back to the rules applied before, or to a generation",
	 .keeps = MAY_NAME,
	 .takes = FOR_RUNNING | OPTION_BIT(IF_GENERATION), .run = rollback},
	{.word = "reset",
	 .meaning = "set the counters to zero",
	 .keeps = MAY_SETTLE,
	 .takes = FOR_RUNNING, .runtime = runtime_reset},
	{.word = "detach",
	 .meaning = "take the rules off the namespace",
	 .keeps = MAY_SETTLE,
	 .takes = FOR_RUNNING, .runtime = runtime_detach},
	{.word = "help", .operands = {{OPERAND_VERB, true, "VERB"}},
	 .meaning = "what all verbs, or one, do and take",
	 .takes = FOR_ALL & ~OPTION_BIT(JSON), .run = help},
};
/* clang-format on */

enum { VERB_COUNT = sizeof(verbs) / sizeof(verbs[0]) };

const struct verb *verb_at(size_t index)
{
	return index < VERB_COUNT ? &verbs[index] : NULL;
}

const struct verb *verb_named(const char *word)
{
	size_t i;

	for (i = 0; i < VERB_COUNT; i++)
		if (!strcmp(verbs[i].word, word))
			return &verbs[i];
	return NULL;
}

/* The verb of that name; NULL after reporting that there is none, and which is nearest. */
static const struct verb *verb_find(struct diag *diag, const char *word)
{
	const char *words[VERB_COUNT];
	size_t i;
	int found;

	for (i = 0; i < VERB_COUNT; i++)
		words[i] = verbs[i].word;
	found = find_word(diag, "verb", word, words, VERB_COUNT);
	return found < 0 ? NULL : &verbs[found];
}

static const char *with_options(struct arena *arena, const char *text, uint64_t options)
{
	enum option_id i;

	for (i = 0; i < OPTION_COUNT; i++) {
		if (!(options >> i & 1))
			continue;
		text = option_letter(i) ? arena_printf(arena, "%s -%c", text, option_letter(i))
					: arena_printf(arena, "%s %s", text, option_word(i));
		if (option_argument(i))
			text = arena_printf(arena, "%s %s", text, option_argument(i));
	}
	return text;
}

const char *verb_synopsis(struct arena *arena, const struct verb *verb, bool by_option)
{
	const char *text = by_option ? "sklc" : arena_printf(arena, "sklc %s", verb->word);
	const struct operand *operand;
	size_t i;

	if (by_option)
		text = with_options(arena, text, verb->action & ~verb->needs);
	for (i = 0; i < OPERANDS_MAX && verb->operands[i].kind; i++) {
		operand = &verb->operands[i];
		if (by_option && operand->kind == OPERAND_STAGE)
			continue;
		text = arena_printf(arena, operand->is_optional ? "%s [%s]" : "%s %s", text,
				    operand->name);
	}
	return with_options(arena, text, verb->needs);
}

/* A word as it is written in a shell, where it is no option. */
static const char *shell_word(struct arena *arena, const char *word)
{
	const char *text = *word == '-' && word[1] ? "./" : "";
	size_t part;

	if (!word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "0123456789-_./:@%+,=")])
		return arena_printf(arena, "%s%s", text, word);
	for (text = arena_printf(arena, "'%s", text);; word += part + 1) {
		part = strcspn(word, "'");
		text = arena_printf(arena, "%s%.*s", text, (int)part, word);
		if (!word[part])
			return arena_printf(arena, "%s'", text);
		text = arena_printf(arena, "%s'\\''", text);
	}
}

/* No verb has a slash or a full stop: a file whose name is misspelt gets the hint too. */
static bool is_file_name(const char *word)
{
	return !strcmp(word, "-") || strpbrk(word, "/.") || !access(word, F_OK);
}

/* Reports that a file stands where a verb does, and the lines to write instead. */
static void say_what_to_do(struct session *s, const char *file)
{
	const char *word = shell_word(s->c.arena, file);

	if (is_object(file))
		usage_error(s->c.diag,
			    "say what to do with '%s': `sklc check %s` or `sklc apply %s`", file,
			    word, word);
	else
		usage_error(s->c.diag,
			    "say what to do with '%s': `sklc check %s`, `sklc apply %s`, "
			    "`sklc compile %s -o FILE` or `sklc dump STAGE %s`",
			    file, word, word, word, word);
}

/* The verb that an option among ACTIONS names; NULL after reporting two. */
static const struct verb *verb_of_option(struct session *s, uint64_t actions)
{
	const enum option_id first = (enum option_id)__builtin_ctzll(actions);
	const uint64_t others = actions & (actions - 1);
	size_t i;

	if (others) {
		usage_error(s->c.diag, "%s and %s do not go together", option_word(first),
			    option_word((enum option_id)__builtin_ctzll(others)));
		return NULL;
	}
	for (i = 0; !(verbs[i].action & actions); i++)
		;
	return &verbs[i];
}

/* Whether the first word is the verb, where it is the name of one: with an option that is a verb, it may be a file. */
static bool is_verb_first(const struct verb *named, uint64_t actions)
{
	return named && (!(actions & ~named->needs) || access(named->word, F_OK));
}

const struct verb *verb_of_session(struct session *s)
{
	const char *word = s->options.word_count ? s->options.words[0] : NULL;
	const struct verb *named = word ? verb_named(word) : NULL;
	uint64_t actions = 0;
	size_t i;

	for (i = 0; i < VERB_COUNT; i++)
		actions |= verbs[i].action & s->options.given;
	if (is_verb_first(named, actions)) {
		s->options.words++;
		s->options.word_count--;
		s->options.is_by_word = true;
		return named;
	}
	if (actions)
		return verb_of_option(s, actions);
	if (!word || diag_error_count(s->c.diag)) /* it may be the argument of an unknown option */
		return NULL;
	if (is_file_name(word))
		say_what_to_do(s, word);
	else
		verb_find(s->c.diag, word);
	return NULL;
}

/* The index of WORD among those that NAME has between '|'; -1 if it is none of them. */
static int index_of_word(const char *name, const char *word)
{
	const size_t length = strlen(word);
	size_t part;
	int i;

	for (i = 0;; i++, name += part + 1) {
		part = strcspn(name, "|");
		if (part == length && !memcmp(name, word, length))
			return i;
		if (!name[part])
			return -1;
	}
}

/* Reports an unknown word: none of the words of the operands from FIRST on that have no value yet. */
static void refuse_word(struct session *s, const struct verb *verb, size_t first, const char *word)
{
	enum { WORDS_MAX = 16 };
	const char *known[WORDS_MAX];
	size_t count = 0, i;
	char *part, *rest;

	for (i = first; i < OPERANDS_MAX && verb->operands[i].kind == OPERAND_WORD; i++) {
		if (s->operands[i].text)
			continue;
		rest = arena_printf(s->c.arena, "%s", verb->operands[i].name);
		while ((part = strsep(&rest, "|")) && count < WORDS_MAX)
			known[count++] = part;
	}
	find_word(s->c.diag, "word", word, known, count);
}

/* Gives a word to the first operand from PLACE on that has it. Optional words may come in any order. */
static bool take_word(struct session *s, const struct verb *verb, size_t place, const char *word)
{
	size_t i;
	int index;

	for (i = place; i < OPERANDS_MAX && verb->operands[i].kind == OPERAND_WORD; i++) {
		if (s->operands[i].text)
			continue;
		index = index_of_word(verb->operands[i].name, word);
		if (index >= 0) {
			s->operands[i] = (struct operand_value){word, index};
			return true;
		}
		if (!verb->operands[i].is_optional)
			break;
	}
	refuse_word(s, verb, place, word);
	return false;
}

/* The operand from PLACE on that has the word; OPERANDS_MAX: none has. */
static size_t place_of_word(const struct verb *verb, size_t place, const char *word)
{
	for (; place < OPERANDS_MAX; place++)
		if (verb->operands[place].kind == OPERAND_WORD &&
		    index_of_word(verb->operands[place].name, word) >= 0)
			break;
	return place;
}

/* Puts a word at a place, or, where that may stay empty, at one behind it that has this word. */
static bool take_operand(struct session *s, const struct verb *verb, size_t place, const char *word)
{
	const size_t own = verb->operands[place].is_optional ? place_of_word(verb, place, word)
							     : OPERANDS_MAX;
	struct operand_value *value;

	if (own < OPERANDS_MAX && verb->operands[place].kind != OPERAND_WORD) {
		if (s->operands[own].text) {
			usage_error(s->c.diag, "too many words: '%s'", word);
			return false;
		}
		place = own;
	}
	value = &s->operands[place];
	if (verb->operands[place].kind == OPERAND_WORD)
		return take_word(s, verb, place, word);
	value->text = word;
	switch (verb->operands[place].kind) {
	case OPERAND_STAGE:
		return read_stage(s->c.diag, word, &s->options.dump);
	case OPERAND_NUMBER:
		return read_number(s->c.diag, verb->word, word, &value->number);
	case OPERAND_VERB:
		return verb_find(s->c.diag, word);
	default:
		return true;
	}
}

static bool is_open(const struct session *s, const struct verb *verb, size_t place)
{
	const enum operand_kind kind = verb->operands[place].kind;

	return !s->operands[place].text && (s->options.is_by_word || kind != OPERAND_STAGE);
}

/* The first place that is not filled yet; OPERANDS_MAX if there is none. */
static size_t next_place(const struct session *s, const struct verb *verb)
{
	size_t place;

	for (place = 0; place < OPERANDS_MAX; place++)
		if (verb->operands[place].kind && is_open(s, verb, place))
			return place;
	return OPERANDS_MAX;
}

static bool read_operands(struct session *s, const struct verb *verb)
{
	const struct options *options = &s->options;
	size_t place = next_place(s, verb), i;

	for (i = 0; i < options->word_count && place < OPERANDS_MAX; i++) {
		if (!take_operand(s, verb, place, options->words[i]))
			return false;
		if (verb->operands[place].kind == OPERAND_FILES) {
			s->options.compile.files = (const char *const *)(options->words + i);
			s->options.compile.file_count = options->word_count - i;
			i = options->word_count - 1;
		}
		place = next_place(s, verb);
	}
	if (i < options->word_count)
		usage_error(s->c.diag, "too many words: '%s'", options->words[i]);
	else if (place < OPERANDS_MAX && !verb->operands[place].is_optional)
		usage_error(s->c.diag, "too few words: %s is missing", verb->operands[place].name);
	else
		return true;
	return false;
}

bool verb_read(struct session *s, const struct verb *verb)
{
	const uint64_t by_option = s->options.is_by_word ? 0 : verb->action;
	const uint64_t given = s->options.given;
	const uint64_t others = given & ~(verb->takes | verb->needs | by_option);
	const uint64_t missing = verb->needs & ~given;
	const bool done = read_operands(s, verb);
	enum option_id i;

	for (i = 0; i < OPTION_COUNT; i++)
		if (others >> i & 1)
			usage_error(s->c.diag, "%s does not go with '%s'", option_word(i),
				    verb->word);
	if (done && missing)
		usage_error(s->c.diag, "'%s' needs%s", verb->word,
			    with_options(s->c.arena, "", missing));
	else if (!others)
		return done && options_choose_backend(&s->options);
	return false;
}
